// SPDX-License-Identifier: Apache-2.0
/** Threads for what takes longer than an answer may. At most one of each kind: a new one ends the one before. */
import { Worker } from 'node:worker_threads';
import type { Answer, Job } from './background-job.js';

/** In dist/ this file is a part of a chunk, and the thread an entry of its own (scripts/build.mjs). */
const THREAD = new URL('../editor/lsp/worker.js', import.meta.url);
const MAX_MS = 120_000;
const MEMORY = { maxOldGenerationSizeMb: 1_024 };

export class Background {
  private readonly running = new Map<Job['kind'], Worker>();

  /** The answer; null where it was ended by another one or took too long, and an error where it failed. */
  run(job: Job): Promise<Answer | null> {
    this.end(job.kind);
    const worker = new Worker(THREAD, { workerData: job, resourceLimits: MEMORY });
    this.running.set(job.kind, worker);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => void worker.terminate(), MAX_MS);
      worker.once('message', (answer: Answer) => resolve(answer));
      worker.once('error', reject);
      worker.once('exit', () => {
        clearTimeout(late);
        if (this.running.get(job.kind) === worker) this.running.delete(job.kind);
        resolve(null);
      });
    });
  }

  end(kind: Job['kind']): void {
    void this.running.get(kind)?.terminate();
    this.running.delete(kind);
  }
}
