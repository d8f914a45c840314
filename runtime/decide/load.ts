// SPDX-License-Identifier: Apache-2.0
/**
 * Loads a compiled policy. The bytes that are hashed are the bytes that are evaluated: the module is imported from a `data:` URL
 * of exactly them, which needs no code generation from strings and no file that could change in between.
 */
import { ABI_VERSION, type CompiledModule, type PolicyModule } from '../../stdlib/abi.js';
import { std } from '../../stdlib/std.js';
import { digest } from '../verify/format/hash.js';

/** The part of `NAME.manifest.json` that the loader relies on; the compiler writes more. */
export interface BundleManifest {
  readonly version: 1;
  readonly abi: number;
  readonly policy: { readonly name: string; readonly version: string };
  readonly source: string;
  readonly module: string;
  readonly compiler: { readonly version: string; readonly hash: string };
  readonly steps: number;
  readonly tools: { readonly [tool: string]: string };
  readonly facts: readonly FactSource[];
}
export interface FactSource {
  readonly name: string;
  readonly type: unknown;
  readonly source: string;
  readonly path: readonly string[];
}
export interface LoadedPolicy {
  readonly module: PolicyModule;
  readonly manifest: BundleManifest;
}

/** The bundle cannot be used; the message says why. */
export class LoadFailure extends Error {
  override readonly name = 'LoadFailure';
}

export async function loadPolicy(js: string | Uint8Array, manifest: BundleManifest): Promise<LoadedPolicy> {
  const bytes = Buffer.from(js);
  const hash = digest(bytes);
  if (manifest.version !== 1)
    throw new LoadFailure(`the manifest has version ${String(manifest.version)}, not 1`);
  if (manifest.abi !== ABI_VERSION) {
    throw new LoadFailure(
      `the policy was compiled for ABI ${manifest.abi}, this is ABI ${ABI_VERSION}; build it again`,
    );
  }
  if (hash !== manifest.module) {
    throw new LoadFailure(
      `the module's hash is ${hash}, but its manifest says ${manifest.module}; build it again`,
    );
  }
  const compiled = (await import(
    `data:text/javascript;base64,${bytes.toString('base64')}`
  )) as CompiledModule;
  if (compiled.abi !== ABI_VERSION)
    throw new LoadFailure(`the module itself says ABI ${String(compiled.abi)}`);
  const module = compiled.link(std);
  if (module.name !== manifest.policy.name || module.version !== manifest.policy.version) {
    throw new LoadFailure('the module and its manifest name different policies');
  }
  return { module, manifest };
}
