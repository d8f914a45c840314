// SPDX-License-Identifier: Apache-2.0
/**
 * Scans for the gateway: small values at once, large ones in a thread, so that other calls keep their latency. A scan that takes too
 * long, a thread that dies, or too many waiting make the result unknown, which every policy takes for the strict side.
 */
import { Worker } from 'node:worker_threads';
import { scanValue, type ValueScan } from './walk.js';
import type { ScanAnswer, ScanTask } from './worker.js';

/** Null when it cannot be had. */
type Result = ValueScan | null;

/** Characters that are scanned on the event loop: about a millisecond. */
const INLINE = 16 * 1024;
const TIMEOUT_MS = 5000;
const MAX_WAITING = 64;

/** From the bundles in `dist/*` to the thread's own. */
const THREAD = new URL('../runtime/scan/worker.js', import.meta.url);

export interface ScanService {
  scan(value: unknown): Promise<Result>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: Result) => void;
  readonly timer: NodeJS.Timeout;
}

export function scanService(thread: URL = THREAD): ScanService {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let next = 0;

  const settle = (id: number, value: Result): void => {
    const task = waiting.get(id);
    if (task === undefined) return;
    waiting.delete(id);
    clearTimeout(task.timer);
    task.resolve(value);
  };
  /** Ends the thread; everything that waits for it is unknown. */
  const drop = async (): Promise<void> => {
    const ended = worker;
    worker = null;
    for (const id of waiting.keys()) settle(id, null);
    await ended?.terminate();
  };
  const start = (): Worker => {
    const started = new Worker(thread, {
      env: {},
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    const lost = (): void => void (worker === started ? drop() : undefined);
    started.on('message', ({ id, scan }: ScanAnswer) => settle(id, scan));
    started.on('error', lost);
    started.on('exit', lost);
    started.unref();
    return started;
  };
  const inThread = (value: unknown): Promise<Result> =>
    new Promise((resolve) => {
      if (waiting.size >= MAX_WAITING) {
        resolve(null);
        return;
      }
      const id = next++;
      waiting.set(id, { resolve, timer: setTimeout(() => void drop(), TIMEOUT_MS) });
      worker ??= start();
      worker.postMessage({ id, value } satisfies ScanTask);
    });

  return {
    scan: async (value) => {
      try {
        return sizeOf(value, INLINE) > INLINE ? await inThread(value) : scanValue(value);
      } catch {
        return null;
      }
    },
    close: drop,
  };
}

/** Characters in a value, counted up to a little over `most`. */
function sizeOf(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 0;
  for (const [key, child] of Object.entries(value)) {
    size += key.length + sizeOf(child, most - size);
    if (size > most) break;
  }
  return size;
}
