// SPDX-License-Identifier: Apache-2.0
/** Work that nobody waits for: done while the gateway waits for the disk, or soon in any case. */

const LATEST_MS = 3;

export interface Idle {
  /** Resolves when there is time for it. */
  turn(): Promise<void>;
  /** There is time now. */
  now(): void;
}

export function idle(): Idle {
  let waiting: (() => void)[] = [];
  let latest: NodeJS.Timeout | null = null;
  const now = (): void => {
    if (latest === null) return;
    clearTimeout(latest);
    latest = null;
    const ready = waiting;
    waiting = [];
    for (const begin of ready) begin();
  };
  return {
    turn: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        latest ??= setTimeout(now, LATEST_MS);
      }),
    now,
  };
}
