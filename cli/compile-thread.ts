// SPDX-License-Identifier: Apache-2.0
/** Compiles a policy in a thread of its own, for a gateway that answers calls meanwhile (recompiled.ts). */
import { parentPort, workerData } from 'node:worker_threads';
import { compile } from '../compiler/compile.js';
import { renderHuman } from '../compiler/diagnostics/render.js';
import { stepBack } from '../runtime/threads.js';
import { withCompiler } from './compiler-host.js';
import { compilerId } from './compiler-id.js';
import { why } from './failure.js';
import { openPolicy } from './sources.js';

export interface CompileTask {
  readonly path: string;
  readonly cwd: string;
}

export type CompileAnswer =
  | {
      readonly kind: 'compiled';
      readonly js: string;
      /** JSON text. */
      readonly manifest: string;
      readonly lock: string | null;
      readonly files: readonly string[];
    }
  /** Its diagnostics, as people read them. */
  | { readonly kind: 'errors'; readonly text: string; readonly count: number }
  | { readonly kind: 'failed'; readonly message: string; readonly help: string | null };

async function answer({ path, cwd }: CompileTask): Promise<CompileAnswer> {
  try {
    const nowhere = (): void => undefined;
    const io = { out: nowhere, err: nowhere, env: {}, cwd, colour: false, now: Date.now };
    const opened = openPolicy(path, io);
    const { output, diagnostics } = await withCompiler((host) => compile(opened.input, host, compilerId()));
    if (output === null) {
      const count = diagnostics.filter((one) => one.severity === 'error').length;
      return { kind: 'errors', text: renderHuman(diagnostics, opened.sources, false), count };
    }
    const { js, manifest } = output;
    const [lock, files] = [opened.lock(), opened.files()];
    return { kind: 'compiled', js, manifest: JSON.stringify(manifest), lock, files };
  } catch (error) {
    const { help = null } = error as { readonly help?: string | null };
    return { kind: 'failed', message: why(error), help };
  }
}

stepBack();
parentPort?.postMessage(await answer(workerData as CompileTask));
