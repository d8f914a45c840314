// SPDX-License-Identifier: Apache-2.0
/** Who is being called just now: where nobody else is, one that says much holds up nobody. */

/** So long after a call its server counts as being called. */
const RECENT_MS = 2_000;

export interface Company {
  called(who: object): void;
  /** Has somebody else been called a moment ago? */
  others(who: object): boolean;
}

/** The last two that differ are enough to tell. */
export function company(now: () => number = () => performance.now()): Company {
  let last: { readonly who: object | null; at: number } = { who: null, at: Number.NEGATIVE_INFINITY };
  let before = last;
  return {
    called: (who) => {
      if (last.who === who) {
        last.at = now();
        return;
      }
      before = last;
      last = { who, at: now() };
    },
    others: (who) => now() - (last.who === who ? before : last).at < RECENT_MS,
  };
}
