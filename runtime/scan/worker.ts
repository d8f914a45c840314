// SPDX-License-Identifier: Apache-2.0
/** The scanner in a thread of its own, for what would hold up other calls (service.ts). */
import { deserialize } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { stepBack } from '../threads.js';
import { scanValue, type ValueScan } from './walk.js';

export interface ScanTask {
  readonly id: number;
  /** Plain data, or (`packed`) the bytes that `v8.serialize` made of it. */
  readonly value: unknown;
  readonly packed?: boolean;
}
export interface ScanAnswer {
  readonly id: number;
  /** Null when it failed. */
  readonly scan: ValueScan | null;
}

function answer({ value, packed }: ScanTask): ValueScan | null {
  try {
    return scanValue(packed === true ? deserialize(value as Uint8Array) : value);
  } catch {
    return null;
  }
}

stepBack();
parentPort?.on('message', (task: ScanTask) => {
  parentPort?.postMessage({ id: task.id, scan: answer(task) } satisfies ScanAnswer);
});
