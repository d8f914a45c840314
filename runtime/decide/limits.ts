// SPDX-License-Identifier: Apache-2.0
/**
 * Limits behind an asynchronous reserve, commit and release, so that several gateways can share them in one round trip. Reserved at the
 * decision, committed when the call is forwarded, released on a denial, an expiry or a failure to send: calls at the same time can never
 * exceed a limit together, and a call never sees its own reservation.
 */

/** One count that a decision makes; the same members stand in its receipt (`counts`). */
export interface Count {
  readonly name: string;
  readonly key: readonly string[];
  /** An integer, or a canonical decimal as text. */
  readonly add: number | string;
}

/** What a call holds of its limits. One of `commit` and `release` ends it; whatever is asked after that does nothing. */
export interface Reservation {
  readonly counts: readonly Count[];
  commit(): Promise<void>;
  release(): Promise<void>;
}

export interface Limits {
  /** Holds all of `counts`, or rejects and holds nothing: a store that cannot be reached denies what needs it. */
  reserve(counts: readonly Count[]): Promise<Reservation>;
}

/** Holds nothing: for what is denied before any limit is asked. */
export const NO_RESERVATION: Reservation = {
  counts: [],
  commit: () => Promise.resolve(),
  release: () => Promise.resolve(),
};

/** For policies without limits, which are all that this release compiles: anything to count is refused, never ignored. */
export const noLimits: Limits = {
  reserve: (counts) =>
    counts.length === 0
      ? Promise.resolve(NO_RESERVATION)
      : Promise.reject(new Error('this release keeps no limits')),
};
