// SPDX-License-Identifier: Apache-2.0
/** `NAME.manifest.json`: what a bundle is made of, by hash. */
import { ABI_VERSION } from '../stdlib/abi.js';
import type { Emitted } from './emit.js';
import type { PolicyIr } from './ir.js';

export interface Manifest {
  readonly version: 1;
  readonly abi: number;
  readonly policy: { readonly name: string; readonly version: string };
  /** `sha256:…` of the policy's bytes, of the module's bytes, and of the compiler. */
  readonly source: string;
  readonly module: string;
  readonly compiler: { readonly version: string; readonly hash: string };
  readonly steps: number;
  /** Hashes of the pinned definitions that the policy was checked against. */
  readonly tools: { readonly [tool: string]: string };
  /** Facts that a host must know how to fetch. */
  readonly facts: readonly {
    readonly name: string;
    readonly type: unknown;
    readonly source: string;
    readonly path: readonly string[];
  }[];
}

export function manifestOf(input: {
  readonly ir: PolicyIr;
  readonly emitted: Emitted;
  readonly source: string;
  readonly compiler: { readonly version: string; readonly hash: string };
  readonly hash: (text: string) => string;
}): Manifest {
  const { ir, emitted, source, compiler, hash } = input;
  return {
    version: 1,
    abi: ABI_VERSION,
    policy: { name: ir.name, version: ir.version },
    source: hash(source),
    module: hash(emitted.js),
    compiler,
    steps: emitted.steps,
    tools: Object.fromEntries(ir.tools.map((tool) => [`${tool.server}/${tool.name}`, tool.hash])),
    facts: ir.facts.map(({ name, type, source: from, path }) => ({ name, type, source: from, path })),
  };
}
