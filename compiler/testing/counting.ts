// SPDX-License-Identifier: Apache-2.0
/** Limits, counters and scores of tests and batches, as a gateway would keep them: each question is a new call. */
import type { Decision, Facts, PolicyModule, Request } from '../../stdlib/abi.js';
import { type Hold, Ledger } from '../../stdlib/ledger.js';

/** A review that holds its reservation until it is redeemed or expires. */
export interface Waiting {
  readonly hold: Hold;
  readonly expires: number;
}

export class Counting {
  private readonly module: PolicyModule;
  private readonly ledger: Ledger;
  private readonly waiting = new Set<Waiting>();
  private clock = Number.NEGATIVE_INFINITY;

  constructor(module: PolicyModule) {
    this.module = module;
    this.ledger = new Ledger(module.measures ?? []);
  }

  /** The values of the measures that a decision of this request may read; without what `own` holds. */
  facts(request: Request, at: string, own: Waiting | null = null): Facts {
    const now = this.tick(at);
    return this.ledger.read(this.module.usage?.(request) ?? [], now, own?.hold ?? null);
  }

  /** Later moments at which measures of this request change if nothing is added, and what they are then. */
  later(request: Request, at: string): ReturnType<Ledger['later']> {
    return this.ledger.later(this.module.usage?.(request) ?? [], this.tick(at));
  }

  /** Counts a decision; a review is given back, so that it can be redeemed. */
  count(request: Request, facts: Facts, decision: Decision, at: string): Waiting | null {
    const now = this.tick(at);
    const adds = this.module.counts?.(request, facts) ?? [];
    const wanted = decision.effect === 'deny' ? adds.filter((add) => add.attempt) : adds;
    const hold = this.ledger.hold(wanted, now);
    if (hold === null) throw new Error('the questions count more than memory can hold');
    if (decision.effect !== 'review') {
      this.ledger.commit(hold, now);
      return null;
    }
    this.ledger.park(hold, now);
    const waiting = { hold, expires: now + (decision.timeout ?? 0) };
    this.waiting.add(waiting);
    return waiting;
  }

  /** The second decision of a review: what was reserved is let go of, and counts at its redemption. */
  end(own: Waiting, request: Request, facts: Facts, decision: Decision, at: string): void {
    if (decision.effect === 'review') return;
    const now = this.tick(at);
    this.waiting.delete(own);
    this.ledger.release(own.hold, now);
    if (decision.effect === 'deny') return;
    const adds = (this.module.counts?.(request, facts) ?? []).filter((add) => !add.attempt);
    const hold = this.ledger.hold(adds, now);
    if (hold !== null) this.ledger.commit(hold, now);
  }

  /** The clock never goes back; reviews that have expired by now hold nothing any more. */
  private tick(at: string): number {
    this.clock = Math.max(this.clock, Date.parse(at));
    for (const one of this.waiting) {
      if (one.expires > this.clock) continue;
      this.ledger.release(one.hold, one.expires);
      this.waiting.delete(one);
    }
    return this.clock;
  }
}
