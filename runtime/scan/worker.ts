// SPDX-License-Identifier: Apache-2.0
/** The scanner in a thread of its own, for what would hold up other calls (service.ts). */
import { parentPort } from 'node:worker_threads';
import { scanValue, type ValueScan } from './walk.js';

export interface ScanTask {
  readonly id: number;
  /** Plain data. */
  readonly value: unknown;
}
export interface ScanAnswer {
  readonly id: number;
  /** Null when it failed. */
  readonly scan: ValueScan | null;
}

function answer({ value }: ScanTask): ValueScan | null {
  try {
    return scanValue(value);
  } catch {
    return null;
  }
}

parentPort?.on('message', (task: ScanTask) => {
  parentPort?.postMessage({ id: task.id, scan: answer(task) } satisfies ScanAnswer);
});
