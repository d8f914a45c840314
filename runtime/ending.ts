// SPDX-License-Identifier: Apache-2.0
/**
 * What ends once: a request that its client cancels, a connection that closes, a call that is answered. An AbortSignal would say it too, but
 * each request needs several and hardly one of them ever fires; they take their time to make, and Node 20 keeps each until the next full
 * collection.
 */

/** As those see it who only wait for it. */
export interface Ended {
  readonly over: boolean;
  /** Calls `listener` once, at the end, or at once where that is over. Gives the way to leave before. */
  onEnd(listener: () => void): () => void;
}

type Listener = () => void;

const NOTHING = (): void => undefined;

export class Ending implements Ended {
  over = false;
  private listeners: Set<Listener> | null = null;

  end(): void {
    if (this.over) return;
    this.over = true;
    for (const listener of this.listeners ?? []) listener();
    this.listeners = null;
  }

  onEnd(listener: Listener): () => void {
    if (this.over) {
      listener();
      return NOTHING;
    }
    const own: Listener = () => listener();
    (this.listeners ??= new Set()).add(own);
    return () => void this.listeners?.delete(own);
  }
}

export const isAnyOver = (endings: readonly Ended[]): boolean => endings.some(({ over }) => over);

/** Calls `listener` once, at the first of the ends, or at once where that is over. Gives the way to leave before. */
export function onFirst(endings: readonly Ended[], listener: Listener): () => void {
  let left = false;
  const leaves: (() => void)[] = [];
  const leave = (): void => {
    left = true;
    for (const one of leaves) one();
  };
  const first = (): void => {
    if (left) return;
    leave();
    listener();
  };
  for (const ending of endings) {
    if (left) break;
    leaves.push(ending.onEnd(first));
  }
  return leave;
}

/** Resolves at the first of the ends, or after so many milliseconds; no process lives on for it. */
export function firstOf(endings: readonly Ended[], ms: number): Promise<void> {
  return new Promise((resolve) => {
    let leave = NOTHING;
    const done = (): void => {
      clearTimeout(timer);
      leave();
      resolve();
    };
    const timer = setTimeout(() => done(), ms);
    timer.unref();
    leave = onFirst(endings, done);
  });
}
