// SPDX-License-Identifier: Apache-2.0
/** A changed policy for a running gateway: compiled in a thread that ends with it, so that calls go on; what comes of it is loaded here. */
import { Worker } from 'node:worker_threads';
import { loadPolicy } from '../runtime/decide/load.js';
import type { CompileAnswer, CompileTask } from './compile-thread.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import type { ReadyPolicy } from './serve.js';
import type { Io } from './terminal.js';

/** From the bundles in `dist/*` to the thread's own. */
export const COMPILE_THREAD = new URL('../cli/compile-thread.js', import.meta.url);
const MINUTES = 5;

/** The policy at `path`; fails as compiling it here would. */
export async function recompiled(path: string, io: Io, thread: URL = COMPILE_THREAD): Promise<ReadyPolicy> {
  const answer = await inThread({ path, cwd: io.cwd }, thread);
  switch (answer.kind) {
    case 'compiled': {
      const loaded = await loadPolicy(answer.js, JSON.parse(answer.manifest));
      return { loaded, lock: answer.lock, files: answer.files };
    }
    case 'errors': {
      io.err(`${answer.text}\n`);
      const errors = answer.count === 1 ? 'error' : 'errors';
      throw new Failure(`the policy has ${answer.count} ${errors}`, null, EXIT.policy);
    }
    case 'failed':
      throw new Failure(answer.message, answer.help);
  }
}

function inThread(task: CompileTask, thread: URL): Promise<CompileAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(thread, { workerData: task, env: {}, stdin: false });
    const fail = (why: string): void => reject(new Failure(`the policy could not be compiled: ${why}`));
    const late = setTimeout(() => {
      fail(`it took more than ${MINUTES} minutes`);
      void worker.terminate();
    }, MINUTES * 60_000);
    worker.once('message', resolve);
    worker.once('error', (error) => fail(error.message));
    worker.once('exit', (code) => {
      clearTimeout(late);
      fail(`its thread ended with ${code}`);
    });
    worker.unref();
  });
}
