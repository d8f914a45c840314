// SPDX-License-Identifier: Apache-2.0
/** Policies to replay with, compiled from their sources here. */
import { compilePolicy, policyOrFail } from '../compiled.js';
import { compilerId } from '../compiler-id.js';
import { ANY_DAY, policyPath } from '../sources.js';
import type { PolicyModule } from '../../stdlib/abi.js';
import type { Io } from '../terminal.js';
import type { KnownPolicy } from './decide-again.js';

export async function knownPolicy(
  file: string,
  io: Io,
): Promise<KnownPolicy & { readonly module: PolicyModule }> {
  const { compiled, module, manifest } = policyOrFail(
    await compilePolicy(await policyPath(file, io), io, ANY_DAY),
    io,
  );
  return {
    source: manifest.source,
    moduleHash: manifest.module,
    compiler: compilerId().hash,
    module,
    ir: compiled.ir,
  };
}
