// SPDX-License-Identifier: Apache-2.0
/** The scanner in a thread of its own, for what would hold up other calls (service.ts). */
import { parentPort } from 'node:worker_threads';
import { scanValue, type ValueScan } from './walk.js';

/** `json` is the value: text crosses to a thread faster than a tree. */
export interface ScanTask {
  readonly id: number;
  readonly json: string;
}
export interface ScanAnswer {
  readonly id: number;
  /** Null when it failed. */
  readonly scan: ValueScan | null;
}

function answer({ json }: ScanTask): ValueScan | null {
  try {
    return scanValue(JSON.parse(json));
  } catch {
    return null;
  }
}

parentPort?.on('message', (task: ScanTask) => {
  parentPort?.postMessage({ id: task.id, scan: answer(task) } satisfies ScanAnswer);
});
