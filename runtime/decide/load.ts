// SPDX-License-Identifier: Apache-2.0
/**
 * Loads a compiled policy. The bytes that are hashed are the bytes that are evaluated: the module is imported from a `data:` URL
 * of exactly them, which needs no code generation from strings and no file that could change in between.
 */
import { ABI_VERSION, type CompiledModule, type PolicyModule } from '../../stdlib/abi.js';
import { std } from '../../stdlib/std.js';
import { digest } from '../verify/format/hash.js';
import { type BundleManifest, readManifest } from './manifest.js';
import { moduleFault } from './module-text.js';
import { signatureFault, type Trust } from './signature.js';

export { type BundleManifest, type FactSource } from './manifest.js';
export type { Trust } from './signature.js';

export interface LoadedPolicy {
  readonly module: PolicyModule;
  readonly manifest: BundleManifest;
}

/** The bundle cannot be used; the message says why. */
export class LoadFailure extends Error {
  override readonly name = 'LoadFailure';
}

/** Whoever calls without saying whom to trust gets a bundle that is whole, of anyone. */
const ANYONE: Trust = { publishers: [], now: 0 };

/**
 * The policy of a module and its manifest (the parsed JSON); a `LoadFailure` when either is not what a compiler wrote, when a
 * signature does not fit, and with publishers in `trust` when it is not signed by one of them, or was signed too long ago.
 */
export async function loadPolicy(
  js: string | Uint8Array,
  manifest: unknown,
  trust: Trust = ANYONE,
): Promise<LoadedPolicy> {
  const bytes = Buffer.from(js);
  const read = readManifest(manifest);
  if (typeof read === 'string') throw new LoadFailure(`the manifest ${read}; build the policy again`);
  if (read.abi !== ABI_VERSION) {
    throw new LoadFailure(
      `the policy was compiled for ABI ${read.abi}, this is ABI ${ABI_VERSION}; build it again`,
    );
  }
  const hash = digest(bytes);
  if (hash !== read.module) {
    throw new LoadFailure(
      `the module's hash is ${hash}, but its manifest says ${read.module}; build the policy again`,
    );
  }
  const unsigned = signatureFault(read, trust);
  if (unsigned !== null) throw new LoadFailure(unsigned);
  const fault = moduleFault(bytes.toString('latin1'));
  if (fault !== null) throw new LoadFailure(`the module has ${fault}`);
  const module = await evaluate(bytes);
  if (module.name !== read.policy.name || module.version !== read.policy.version) {
    throw new LoadFailure('the module and its manifest name different policies');
  }
  return { module, manifest: read };
}

async function evaluate(bytes: Buffer): Promise<PolicyModule> {
  const url = `data:text/javascript;base64,${bytes.toString('base64')}`;
  let compiled: Partial<CompiledModule>;
  try {
    compiled = (await import(url)) as Partial<CompiledModule>;
  } catch {
    throw new LoadFailure('the module is not whole: it cannot be read as a program; build the policy again');
  }
  if (compiled.abi !== ABI_VERSION) {
    throw new LoadFailure(`the module itself says ABI ${String(compiled.abi)}, this is ABI ${ABI_VERSION}`);
  }
  if (typeof compiled.link !== 'function') throw new LoadFailure('the module exports no `link`');
  try {
    return compiled.link(std);
  } catch {
    throw new LoadFailure('the module does not fit the library of this release; build the policy again');
  }
}
