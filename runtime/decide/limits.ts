// SPDX-License-Identifier: Apache-2.0
/**
 * Limits, counters and scores behind an asynchronous reserve, commit and release, so that several gateways can share them in one round trip.
 * Reserved at the decision, counted when the call is forwarded, let go of on a denial, an expiry or a failure to send: calls at the same
 * time can never exceed a limit together, and a call never sees its own reservation.
 *
 * The receipt log is the store: what stands here is a fold over the `counts` of its decide entries, rebuilt at start.
 */
import type { Facts, MeasureAdd, MeasureRead, MeasureSpec } from '../../stdlib/abi.js';
import { type Hold, Ledger, type LedgerOptions, type LedgerState } from '../../stdlib/ledger.js';
import type { Body } from '../verify/format/body.js';
import { canonical, type JsonValue } from '../verify/format/canonical.js';
import { digest } from '../verify/format/hash.js';

/** One count that a decision makes; the same members stand in its receipt (`counts`). */
export interface Count {
  readonly name: string;
  readonly key: readonly string[];
  /** An integer, or a canonical decimal as text; -1 for an amount that is unknown. */
  readonly add: number | string;
}

/** What a call holds of its limits. The first of the four that is asked decides; whatever is asked after that does nothing. */
export interface Reservation {
  /** What the receipt of the decision says; of a denial only the attempts. */
  readonly counts: readonly Count[];
  readonly attempts: readonly Count[];
  /** The call was sent: all counts, as of `at` (ms), and what its review held is let go of. */
  commit(at: number): Promise<void>;
  /** Denied, or surely not sent: only attempts count; what its review held is let go of. */
  release(at: number): Promise<void>;
  /** Waits for people, as call `call`: attempts count, the rest stays reserved. */
  park(call: string, at: number): Promise<void>;
  /** Nothing was written down, so nothing counts; what its review holds stays. */
  drop(): Promise<void>;
}

export interface Question {
  readonly reads: readonly MeasureRead[];
  /** The call whose review this may redeem: what it holds is not seen. */
  readonly own: string | null;
  readonly now: number;
}

export interface Limits {
  /**
   * Reads, decides and holds as one step; no other call comes between. Rejects where the store cannot be asked or is full, and then
   * holds nothing: what needs it is denied.
   */
  reserve<T>(
    question: Question,
    decide: (values: Facts) => { readonly adds: readonly MeasureAdd[]; readonly value: T },
  ): Promise<{ readonly value: T; readonly reservation: Reservation }>;
  /** The review of this call has ended without it. */
  end(call: string, at: number): void;
  /** Later moments at which these measures change if nothing is added, and what they are then; nearest first. Holds nothing. */
  later?(
    reads: readonly MeasureRead[],
    now: number,
  ): readonly { readonly at: number; readonly values: Facts }[];
}

/** Holds nothing: for what is denied before any limit is asked. */
export const NO_RESERVATION: Reservation = {
  counts: [],
  attempts: [],
  commit: () => Promise.resolve(),
  release: () => Promise.resolve(),
  park: () => Promise.resolve(),
  drop: () => Promise.resolve(),
};

/** There is no room for what a call would count. */
export class LimitsFull extends Error {
  override readonly name = 'LimitsFull';
}

export interface LocalLimits extends Limits {
  /** What its state means: other measures, another state. */
  readonly kind: string;
  /** The state as plain data, and the same state again in limits that have observed nothing. */
  save(): JsonValue;
  load(state: JsonValue): void;
  /** Feed every entry of the log, in order, before the first `reserve`. */
  observe(entry: { readonly body: Body; readonly leaf: string }): void;
  /** Additions and keys that are kept. */
  size(): number;
}

/** The limits of one process over one log. */
export function localLimits(measures: readonly MeasureSpec[], options: LedgerOptions = {}): LocalLimits {
  return new LogLimits(measures, options);
}

const UNKNOWN_AMOUNT = -1;
const countOf = ({ name, key, add }: MeasureAdd): Count => ({ name, key, add: add ?? UNKNOWN_AMOUNT });

class LogLimits implements LocalLimits {
  readonly kind: string;
  private readonly attempts: ReadonlySet<string>;
  private readonly ledger: Ledger;
  /** By call: what reviews hold. */
  private readonly parked = new Map<string, Hold>();
  /** By leaf of the decide entry, while the log is read: what calls without an outcome yet count. */
  private readonly sent = new Map<string, Hold>();
  private reading = true;

  constructor(measures: readonly MeasureSpec[], options: LedgerOptions) {
    this.kind = `sepal.dev/limits/v1 ${digest(canonical(JSON.parse(JSON.stringify(measures))))}`;
    this.attempts = new Set(measures.filter((spec) => spec.attempts).map(({ name }) => name));
    // While the log is read nobody knows yet which sessions are over.
    const live = (): ReadonlySet<string> | null => (this.reading ? null : (options.live?.() ?? null));
    this.ledger = new Ledger(measures, { ...options, live });
  }

  async reserve<T>(
    { reads, own, now }: Question,
    decide: (values: Facts) => { readonly adds: readonly MeasureAdd[]; readonly value: T },
  ): Promise<{ readonly value: T; readonly reservation: Reservation }> {
    this.reading = false;
    // Nothing is awaited in here: that is what makes it one step.
    const review = own === null ? undefined : this.parked.get(own);
    const { adds, value } = decide(this.ledger.read(reads, now, review ?? null));
    // The attempt of a call that was parked is counted already.
    const hold = this.ledger.hold(review === undefined ? adds : adds.filter((add) => !add.attempt), now);
    if (hold === null) throw new LimitsFull('the memory for limits, counters and scores is full');
    return { value, reservation: this.reservation(adds, hold, own) };
  }

  private reservation(adds: readonly MeasureAdd[], hold: Hold, own: string | null): Reservation {
    let open = true;
    const once = (does: () => void): Promise<void> => {
      if (open) does();
      open = false;
      return Promise.resolve();
    };
    return {
      counts: adds.map(countOf),
      attempts: adds.filter((add) => add.attempt).map(countOf),
      commit: (at) =>
        once(() => {
          this.ledger.commit(hold, at);
          if (own !== null) this.end(own, at);
        }),
      release: (at) =>
        once(() => {
          this.ledger.release(hold, at);
          if (own !== null) this.end(own, at);
        }),
      park: (call, at) =>
        once(() => {
          this.ledger.park(hold, at);
          this.parked.set(call, hold);
        }),
      drop: () => once(() => this.ledger.drop(hold)),
    };
  }

  end(call: string, at: number): void {
    const hold = this.parked.get(call);
    if (hold === undefined) return;
    this.parked.delete(call);
    this.ledger.release(hold, at);
  }

  later(reads: readonly MeasureRead[], now: number): ReturnType<Ledger['later']> {
    return this.ledger.later(reads, now);
  }

  observe({ body, leaf }: { readonly body: Body; readonly leaf: string }): void {
    const { type, call, decision, counts = [], refs, outcome } = body;
    if (type === 'outcome' && refs?.decide !== undefined) {
      const hold = this.sent.get(refs.decide);
      this.sent.delete(refs.decide);
      if (hold !== undefined && outcome?.status === 'not_sent') this.ledger.undo(hold);
    }
    if (type !== 'decide' || body.phase !== 'call' || call === undefined || decision === undefined) return;
    const time = Date.parse(body.time);
    const second = refs?.decide !== undefined;
    if (second) this.end(call, time);
    const adds = counts
      .map((count) => ({ ...count, add: count.add === UNKNOWN_AMOUNT ? null : count.add }))
      .map((count) => ({ ...count, attempt: this.attempts.has(count.name) }))
      .filter(({ attempt }) => (decision.effect === 'deny' ? attempt && !second : !(attempt && second)));
    if (adds.length === 0) return;
    const hold = this.ledger.recall(adds, time);
    if (decision.effect === 'review') {
      this.ledger.park(hold, time);
      this.parked.set(call, hold);
    } else {
      this.ledger.commit(hold, time);
      if (decision.effect === 'allow') this.sent.set(leaf, hold);
    }
  }

  save(): JsonValue {
    const { parked, sent } = this;
    const ledger = this.ledger.save([...parked.values(), ...sent.values()]);
    return { ledger: ledger as unknown as JsonValue, parked: [...parked.keys()], sent: [...sent.keys()] };
  }

  load(state: JsonValue): void {
    const { ledger, parked, sent } = state as unknown as {
      readonly ledger: LedgerState;
      readonly parked: readonly string[];
      readonly sent: readonly string[];
    };
    const holds = this.ledger.load(ledger);
    for (const [i, call] of parked.entries()) this.parked.set(call, holds[i] ?? { items: [] });
    for (const [i, leaf] of sent.entries()) this.sent.set(leaf, holds[parked.length + i] ?? { items: [] });
  }

  size(): number {
    return this.ledger.size();
  }
}
