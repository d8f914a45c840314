// SPDX-License-Identifier: Apache-2.0
/** The order of the phases: text → tree → checked IR (check.ts) → module → manifest. None calls another. */
import { type Checked, check, type Input, type Result } from './check.js';
import { type Emitted, emit } from './emit.js';
import type { Host } from './lock.js';
import { type CompilerId, type Manifest, manifestOf } from './manifest.js';

export type { CompilerId } from './manifest.js';
export { type Checked, check, type Input, type Result, type SourceFile } from './check.js';

export interface Compiled extends Checked, Emitted {
  readonly manifest: Manifest;
}
/** Text to module and manifest. */
export function compile(input: Input, host: Host, compiler: CompilerId): Result<Compiled> {
  const { output, diagnostics } = check(input, host);
  if (output === null) return { output: null, diagnostics };
  const emitted = emit(output.ir);
  const manifest = manifestOf({
    ir: output.ir,
    emitted,
    source: input.source.text,
    modules: output.modules,
    today: output.today,
    compiler,
    hash: host.hash,
  });
  return { output: { ...output, ...emitted, manifest }, diagnostics };
}
