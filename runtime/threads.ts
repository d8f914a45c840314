// SPDX-License-Identifier: Apache-2.0
/**
 * Threads for what would hold up other calls. They work behind the gateway's own: where processors are few, calls go first. So they may be
 * slow by the clock on a machine that is busy with other things, and their time is counted as the system counts it.
 */
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { isMainThread, Worker, type WorkerOptions, workerData } from 'node:worker_threads';

/** On Linux each thread has its own. Not the lowest: beside other programs that never rest that one hardly gets a turn. */
const NICE = 10;
const LEAST = 19;

/** In such a thread, first of all. Elsewhere than on Linux, or where it may not be done, the thread works as all others. */
export function stepBack(): void {
  if (isMainThread || process.platform !== 'linux') return;
  try {
    if (workerData instanceof Int32Array) workerData[0] = ownId();
    // For Linux "this process" is the thread that says so: setpriority(2).
    setPriority(Math.min(LEAST, getPriority() + NICE));
  } catch {
    // It works as all others.
  }
}

/** As the system knows this thread; 0 where it cannot be known. */
function ownId(): number {
  const [pid, , id] = readlinkSync('/proc/thread-self').split('/');
  return pid === String(process.pid) ? Number(id) : 0;
}

export interface Behind {
  readonly worker: Worker;
  /** Milliseconds on a processor so far; null where the system does not tell. */
  readonly spent: () => number | null;
}

/** Starts one. */
export function openBehind(file: URL, options: WorkerOptions): Behind {
  const id = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(file, { ...options, workerData: id });
  const read = timeOf(() => id[0] ?? 0);
  worker.once('exit', read.close);
  return { worker, spent: read.spent };
}

const TIME_LENGTH = 64;

/** The processor time of a thread, once it has said its id; the file stays open, since it is read for each task. */
function timeOf(id: () => number): { readonly spent: () => number | null; readonly close: () => void } {
  const bytes = Buffer.alloc(TIME_LENGTH);
  let file: number | null = null;
  let over = false;
  return {
    spent: () => {
      if (over || id() === 0) return null;
      try {
        file ??= openSync(`/proc/self/task/${id()}/schedstat`, 'r');
        const length = readSync(file, bytes, 0, TIME_LENGTH, 0);
        return Number.parseInt(bytes.toString('latin1', 0, length), 10) / 1e6;
      } catch {
        return null;
      }
    },
    close: () => {
      over = true;
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

export interface Bound {
  /** Milliseconds on a processor; by the clock where the system does not tell. */
  readonly ms: number;
  /** Milliseconds by the clock, whatever the thread could do meanwhile. */
  readonly atMost: number;
}

/** Calls `late` once the thread has had its time; gives the way to end the watch. */
export function watch({ spent }: Pick<Behind, 'spent'>, { ms, atMost }: Bound, late: () => void): () => void {
  const [began, from] = [spent() ?? 0, performance.now()];
  let timer: NodeJS.Timeout;
  const look = (wait: number): void => {
    timer = setTimeout(() => {
      const used = spent();
      const left = Math.min(used === null ? 0 : ms - (used - began), atMost - (performance.now() - from));
      if (left <= 0) late();
      else look(Math.max(left, 10));
    }, wait);
  };
  look(Math.min(ms, atMost));
  return () => clearTimeout(timer);
}
