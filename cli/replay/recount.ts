// SPDX-License-Identifier: Apache-2.0
/**
 * What limits, counters and scores stood at, counted again from the receipts before a decision. The gateway counts a call when it decides
 * and when it sends it, a little before the log says so, and calls at the same time see each other in the order in which they came;
 * so what was counted in the last moments may or may not have been seen, and the value recorded has to lie between.
 */
import { localLimits, type LocalLimits } from '../../runtime/decide/limits.js';
import type { Body } from '../../runtime/verify/format/body.js';
import type { Facts, Json, MeasureRead, MeasureSpec } from '../../stdlib/abi.js';
import { arith, compareNumbers, decimal, decimalText, isDecimal, type Num } from '../../stdlib/decimal.js';

/** So long a decision may take from its reading of the limits to its receipt. */
const MOMENTS_MS = 5_000;

interface Stored {
  readonly body: Body;
  readonly leaf: string;
}

export class Recount {
  /** Over all receipts so far, and over those that are older than the last moments. */
  private readonly all: LocalLimits;
  private readonly settled: LocalLimits;
  private recent: Stored[] = [];
  private full = false;

  constructor(measures: readonly MeasureSpec[]) {
    this.all = localLimits(measures);
    this.settled = localLimits(measures);
  }

  observe(entry: Stored): void {
    if (this.full) return;
    try {
      this.all.observe(entry);
      this.recent.push(entry);
    } catch {
      // More than the memory for limits holds: nothing is said from here on.
      this.full = true;
      this.recent = [];
    }
  }

  /** What is wrong with the recorded values; `body` is the decision that used them, not yet observed. */
  fault(body: Body, reads: readonly MeasureRead[], facts: Facts): string | null {
    if (this.full) return null;
    const now = Date.parse(body.time);
    this.settle(now - MOMENTS_MS);
    const own = body.refs?.decide === undefined ? null : (body.call ?? null);
    const latest = valuesOf(this.all, reads, now, own);
    const earlier = valuesOf(this.settled, reads, now - MOMENTS_MS, own);
    for (const read of reads) {
      const told = numberOf(facts[read.fact]);
      const bounds = [numberOf(latest[read.fact]), numberOf(earlier[read.fact])].filter(
        (n): n is Num => n !== null,
      );
      // A value that is unknown makes no decision milder.
      if (told === null || bounds.length < 2) continue;
      const slack = this.slack(read);
      const low = bounds.reduce((a, b) => (compareNumbers(a, b) < 0 ? a : b));
      const high = bounds.reduce((a, b) => (compareNumbers(a, b) > 0 ? a : b));
      const least = arith('-', low, slack) ?? low;
      const most = arith('+', high, slack) ?? high;
      if (compareNumbers(told, least) < 0 || compareNumbers(told, most) > 0)
        return `the receipt says that ${read.name} stood at ${decimalText(told)}, the receipts before it come to ${decimalText(high)}`;
    }
    return null;
  }

  /** Everything older than the last moments is settled. */
  private settle(until: number): void {
    let count = 0;
    while (count < this.recent.length && Date.parse(this.recent[count]?.body.time ?? '') < until) {
      const entry = this.recent[count++];
      if (entry !== undefined) this.settled.observe(entry);
    }
    this.recent.splice(0, count);
  }

  /** What was counted in the last moments under the key of this read. */
  private slack({ name, key }: MeasureRead): Num {
    let sum: Num = 0;
    for (const { body } of this.recent) {
      for (const count of body.counts ?? []) {
        if (count.name !== name || JSON.stringify(count.key) !== JSON.stringify(key)) continue;
        const add = typeof count.add === 'number' ? count.add : decimal(count.add);
        const amount = compareNumbers(add, 0) < 0 ? arith('-', 0, add) : add;
        sum = arith('+', sum, amount) ?? sum;
      }
    }
    return sum;
  }
}

/** What the limits say for these reads; nothing is held. */
function valuesOf(
  limits: LocalLimits,
  reads: readonly MeasureRead[],
  now: number,
  own: string | null,
): Facts {
  let found: Facts = {};
  // It answers before it returns; what it resolves to holds nothing.
  void limits.reserve({ reads, own, now }, (values) => {
    found = values;
    return { adds: [], value: null };
  });
  return found;
}

function numberOf(value: Json | undefined): Num | null {
  if (typeof value === 'number') return value;
  if (isDecimal(value)) return value;
  return typeof value === 'string' && /^-?[0-9]/.test(value) ? decimal(value) : null;
}
