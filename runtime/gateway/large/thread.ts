// SPDX-License-Identifier: Apache-2.0
/**
 * Asks the thread that works on large messages. It is started with the first of them and ended when it takes too long; what it held is
 * then lost, every question about it fails, and the calls that it was about are not made.
 */
import { type Behind, type Bound, openBehind, watch } from '../../threads.js';
import type { Desk } from './desk.js';
import type { Task, TaskAnswer, TaskName } from './worker.js';

/** The thread cannot be asked: nothing is known of the message, and nothing is done with it. */
export class LargeFailure extends Error {}

export interface Thread {
  ask<Name extends TaskName>(
    name: Name,
    given: Parameters<Desk[Name]>,
    handedOver?: readonly ArrayBuffer[],
  ): Promise<Awaited<ReturnType<Desk[Name]>>>;
  /** Grows with each thread that ended: numbers of one mean nothing to the next. */
  readonly era: () => number;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly unwatch: () => void;
}

/** From the bundles in `dist/*` to the thread's own. */
const FILE = new URL('../runtime/gateway/large/worker.js', import.meta.url);
/** Of processor time; where the machine is busy with other things, more by the clock. */
const BOUND = { ms: 30_000, atMost: 60_000 };
const MAX_HEAP_MB = 1024;

export function openThread(file: () => URL = () => FILE, bound: Bound = BOUND): Thread {
  const waiting = new Map<number, Waiting>();
  let thread: Behind | null = null;
  let era = 0;
  let next = 0;

  const take = (id: number): Waiting | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    found?.unwatch();
    return found;
  };
  const drop = async (why: string): Promise<void> => {
    const ended = thread;
    thread = null;
    era++;
    for (const id of waiting.keys()) take(id)?.reject(new LargeFailure(why));
    await ended?.worker.terminate();
  };
  const start = (): Behind => {
    const started = openBehind(file(), {
      env: {},
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    const lost = (): void => {
      if (thread === started) void drop('the thread that reads large messages has ended');
    };
    started.worker.on('message', ({ id, value, failed }: TaskAnswer) => {
      const task = take(id);
      if (failed === undefined) task?.resolve(value);
      else task?.reject(new LargeFailure(failed));
    });
    started.worker.on('error', lost);
    started.worker.on('exit', lost);
    started.worker.unref();
    return started;
  };

  return {
    ask: <Name extends TaskName>(
      name: Name,
      given: Parameters<Desk[Name]>,
      handedOver: readonly ArrayBuffer[] = [],
    ) =>
      new Promise<Awaited<ReturnType<Desk[Name]>>>((resolve, reject) => {
        const id = next++;
        const late = (): void => void drop('the thread that reads large messages took too long');
        thread ??= start();
        const unwatch = watch(thread, bound, late);
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, unwatch });
        thread.worker.postMessage({ id, name, given } satisfies Task, [...handedOver]);
      }),
    era: () => era,
    close: () => drop('the gateway is stopping'),
  };
}
