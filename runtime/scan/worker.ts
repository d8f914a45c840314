// SPDX-License-Identifier: Apache-2.0
/** The scanner in a thread of its own, for what would hold up other calls (service.ts). */
import { parentPort } from 'node:worker_threads';
import { type Scannable, scanFact } from './facts.js';

export interface ScanTask {
  readonly id: number;
  readonly path: readonly string[];
  readonly of: Scannable;
}
export interface ScanAnswer {
  readonly id: number;
  readonly value: number | boolean | undefined;
}

parentPort?.on('message', ({ id, path, of }: ScanTask) => {
  parentPort?.postMessage({ id, value: scanFact(path, of) } satisfies ScanAnswer);
});
