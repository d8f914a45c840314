// SPDX-License-Identifier: Apache-2.0
/**
 * Scans for the gateway: small values at once, large ones in a thread, so that other calls keep their latency. A scan that takes too
 * long, a thread that dies, or too many waiting make the result unknown, which every policy takes for the strict side.
 */
import { type Behind, type Bound, openBehind, watch } from '../threads.js';
import { scanValue, type ValueScan } from './walk.js';
import type { ScanAnswer, ScanTask } from './worker.js';

/** Null when it cannot be had. */
type Result = ValueScan | null;

/** Characters that are scanned on the event loop: about a millisecond. */
const INLINE = 16 * 1024;
/** Of processor time; where the machine is busy with other things, more by the clock. */
const BOUND = { ms: 5000, atMost: 30_000 };
const MAX_WAITING = 64;

/** From the bundles in `dist/*` to the thread's own. */
const THREAD = new URL('../runtime/scan/worker.js', import.meta.url);

export type Packed = () => Promise<Uint8Array> | null;

export interface ScanService {
  /** `packed` gives a large value as the bytes that `v8.serialize` makes of it, where it need not be made here; null for none. */
  scan(value: unknown, packed?: Packed): Promise<Result>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: Result) => void;
  readonly unwatch: () => void;
}

export function scanService(file: URL = THREAD, bound: Bound = BOUND): ScanService {
  const waiting = new Map<number, Waiting>();
  let thread: Behind | null = null;
  let next = 0;

  const settle = (id: number, value: Result): void => {
    const task = waiting.get(id);
    if (task === undefined) return;
    waiting.delete(id);
    task.unwatch();
    task.resolve(value);
  };
  /** Ends the thread; everything that waits for it is unknown. */
  const drop = async (): Promise<void> => {
    const ended = thread;
    thread = null;
    for (const id of waiting.keys()) settle(id, null);
    await ended?.worker.terminate();
  };
  const start = (): Behind => {
    const started = openBehind(file, {
      env: {},
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    const lost = (): void => void (thread === started ? drop() : undefined);
    started.worker.on('message', ({ id, scan }: ScanAnswer) => settle(id, scan));
    started.worker.on('error', lost);
    started.worker.on('exit', lost);
    started.worker.unref();
    return started;
  };
  const inThread = (value: unknown, packed: Packed): Promise<Result> =>
    new Promise((resolve) => {
      if (waiting.size >= MAX_WAITING) {
        resolve(null);
        return;
      }
      const id = next++;
      thread ??= start();
      waiting.set(id, { resolve, unwatch: watch(thread, bound, () => void drop()) });
      const [begun, bytes] = [thread, packed()];
      const post = (task: ScanTask, handedOver: readonly ArrayBuffer[] = []): void => {
        // What does not wait any more is known to be unknown.
        if (waiting.has(id)) begun.worker.postMessage(task, handedOver);
      };
      if (bytes === null) post({ id, value });
      else
        bytes.then(
          (own) => post({ id, value: own, packed: true }, [own.buffer as ArrayBuffer]),
          () => settle(id, null),
        );
    });

  return {
    scan: async (value, packed = () => null) => {
      try {
        return sizeOf(value, INLINE) > INLINE ? await inThread(value, packed) : scanValue(value);
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
