// SPDX-License-Identifier: Apache-2.0
/** `NAME.manifest.json`: what a bundle is made of, by hash. */
import { ABI_VERSION } from '../stdlib/abi.js';
import { type Narrowing, narrowingOf } from './analyze/narrowing.js';
import { type Nearest, nearestOf } from './analyze/nearest.js';
import type { Emitted } from './emit.js';
import type { PolicyIr } from './ir.js';

export interface Manifest {
  readonly version: 1;
  readonly abi: number;
  readonly policy: { readonly name: string; readonly version: string };
  /** `sha256:…` of the policy's bytes, of the module's bytes, and of the compiler. */
  readonly source: string;
  /** Hashes of the texts of the imported modules, by policy name; absent without imports. */
  readonly modules?: { readonly [name: string]: string };
  readonly module: string;
  /** Of NAME.rules.json, where it was built with one. */
  readonly rules?: string;
  readonly compiler: { readonly version: string; readonly hash: string };
  /** Versions of the time zone and Unicode data at hand when it was compiled. */
  readonly tz: string;
  readonly unicode: string;
  /** The day with which `shadow until` was compared; absent without such rules. */
  readonly today?: string;
  /** Static bound on the steps of one decision. */
  readonly steps: number;
  /** Hashes of the pinned definitions that the policy was checked against. */
  readonly tools: { readonly [tool: string]: string };
  /** What grants imply about arguments (docs/gateway.md, "Discovery"); absent where they imply nothing. */
  readonly narrowing?: Narrowing;
  /** By pinned tool, the arguments that receipts must not hold in clear (`redact … on call`); absent where there are none. */
  readonly masked?: { readonly [tool: string]: readonly string[] };
  /** What to try for callers whom a rule says to `tell`; absent without such rules. */
  readonly nearest?: Nearest;
  /** Facts that a host must know how to fetch. */
  readonly facts: readonly {
    readonly name: string;
    readonly type: unknown;
    readonly source: string;
    readonly path: readonly string[];
    readonly fresh?: number;
  }[];
  /** The compiler signs nothing: `sepal build --sign` puts the publisher's signature here. */
  readonly signature: null;
}

/** Which compiler this is, and the data that it compiles with: explicit inputs, so that equal inputs give equal bytes. */
export interface CompilerId {
  readonly version: string;
  readonly hash: string;
  readonly tz: string;
  readonly unicode: string;
}

export function manifestOf(input: {
  readonly ir: PolicyIr;
  readonly emitted: Emitted;
  readonly source: string;
  readonly modules: ReadonlyMap<string, string>;
  readonly today: string;
  readonly compiler: CompilerId;
  readonly hash: (text: string) => string;
}): Manifest {
  const { ir, emitted, source, modules, today, compiler, hash } = input;
  const [narrowing, nearest] = [narrowingOf(ir), nearestOf(ir)];
  return {
    version: 1,
    abi: ABI_VERSION,
    policy: { name: ir.name, version: ir.version },
    source: hash(source),
    ...(modules.size === 0 ? {} : { modules: Object.fromEntries(modules) }),
    module: hash(emitted.js),
    compiler: { version: compiler.version, hash: compiler.hash },
    tz: compiler.tz,
    unicode: compiler.unicode,
    ...(ir.units.some((unit) => unit.kind === 'rule' && unit.shadow !== undefined) ? { today } : {}),
    steps: emitted.steps,
    tools: Object.fromEntries(ir.tools.map((tool) => [`${tool.server}/${tool.name}`, tool.hash])),
    ...(narrowing === null ? {} : { narrowing }),
    ...(ir.masked === undefined ? {} : { masked: ir.masked }),
    ...(nearest === null ? {} : { nearest }),
    facts: ir.facts.map(({ name, type, source: from, path, fresh }) => ({
      name,
      type,
      source: from,
      path,
      ...(fresh === undefined ? {} : { fresh }),
    })),
    signature: null,
  };
}
