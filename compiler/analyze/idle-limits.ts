// SPDX-License-Identifier: Apache-2.0
/** Limits that can never bind: another one, of the same calls and keys, is always used up first. */
import type { MeasureIr, PolicyIr, RuleIr } from '../ir.js';
import type { Dead } from './dead.js';

interface Limit {
  readonly unit: RuleIr;
  readonly measure: MeasureIr;
  readonly most: number;
  /** What it counts, and by whom: limits with equal text count the same. */
  readonly counts: string;
}

export function idleLimits(ir: PolicyIr): readonly Dead[] {
  const limits = (ir.measures ?? []).flatMap((measure) => limitOf(measure, ir));
  return limits.flatMap((limit, i): readonly Dead[] => {
    const by = limits.filter(
      (other, j) => i !== j && isFirst(other, limit) && !(isFirst(limit, other) && i < j),
    );
    return by.length === 0
      ? []
      : [
          {
            unit: limit.unit,
            part: null,
            span: limit.unit.span,
            why: 'covered',
            by: by.map(({ unit }) => unit),
          },
        ];
  });
}

function limitOf(measure: MeasureIr, { units }: PolicyIr): readonly Limit[] {
  const unit = units.find(({ name }) => name === measure.name);
  if (measure.kind !== 'limit' || unit?.kind !== 'rule' || unit.when?.op !== 'compare') return [];
  const { right } = unit.when;
  if (right.op !== 'const' || right.value.kind !== 'number') return [];
  const counts = JSON.stringify([measure.keys, measure.additions]);
  return [{ unit, measure, most: Number(right.value.text), counts }];
}

/**
 * Is `a` used up whenever `b` is? Only where it denies (so that what is counted stops), and denied calls do not count. A window of `b`
 * is so many windows of `a`, each with at most what `a` admits.
 */
function isFirst(a: Limit, b: Limit): boolean {
  const [x, y] = [a.measure, b.measure];
  if (a.unit.effect !== 'deny' || a.counts !== b.counts || x.attempts || y.attempts) return false;
  if (x.window === null || y.window === null) return x.window === y.window && a.most <= b.most;
  // Aligned windows let in twice as many around their edge.
  if (x.fixed || y.fixed) return x.fixed && y.fixed && x.window === y.window && a.most <= b.most;
  return Math.ceil(y.window / x.window) * a.most <= b.most;
}
