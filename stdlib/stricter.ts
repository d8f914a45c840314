// SPDX-License-Identifier: Apache-2.0
/** `delegation strict`: of two decisions about one call the stricter stands; two reviews need the approvals of both. */
import type { ApprovalNeed, Decision, DecisionEffect, Explanation, Match, NearMiss, Unknown } from './abi.js';

const RANK: { readonly [effect in DecisionEffect]: number } = { allow: 0, review: 1, deny: 2 };
const strictest = (a: DecisionEffect, b: DecisionEffect): DecisionEffect => (RANK[a] < RANK[b] ? b : a);

export function stricter(a: Decision, b: Decision): Decision {
  const shadow = unique([...a.shadow, ...b.shadow]);
  if (a.effect === 'review' && b.effect === 'review') return { ...bothReviews(a, b), shadow };
  const stands = RANK[b.effect] > RANK[a.effect] ? b : a;
  return { ...stands, shadow, unknowns: unknownsOf(a, b, stands) };
}

function bothReviews(a: Decision, b: Decision): Decision {
  const approvals = unique([...a.approvals, ...b.approvals]).toSorted(byRule);
  const rules = [...new Set([...a.rules, ...b.rules])].sort();
  // The first rule that has a reason: each decision's reason is that of its own first one.
  const first = a.reason === null || (b.reason !== null && (b.rules[0] ?? '') < (a.rules[0] ?? '')) ? b : a;
  const timeout = Math.min(...approvals.map((need) => need.timeout));
  return { ...a, rules, approvals, reason: first.reason, timeout, unknowns: unknownsOf(a, b, null) };
}

const byRule = (a: ApprovalNeed, b: ApprovalNeed): number => (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0);

/** Those of the decision that stands (null: of both), with what both together would have come to. */
function unknownsOf(a: Decision, b: Decision, stands: Decision | null): readonly Unknown[] {
  const tied = stands === null || a.effect === b.effect;
  const all = tied ? [...a.unknowns, ...b.unknowns] : stands.unknowns;
  const byName = new Map(all.map((unknown) => [unknown.name, unknown]));
  const without = (decision: Decision, name: string): DecisionEffect =>
    decision.unknowns.find((unknown) => unknown.name === name)?.otherwise ?? decision.effect;
  return [...byName.values()]
    .map((unknown) => ({
      ...unknown,
      otherwise: strictest(without(a, unknown.name), without(b, unknown.name)),
    }))
    .toSorted((x, y) => (x.name < y.name ? -1 : 1));
}

/** What matched in either of several decisions; what was near in one and matched in none. */
export function together(all: readonly Explanation[]): {
  readonly matched: readonly Match[];
  readonly near: readonly NearMiss[];
} {
  const matched = unique(all.flatMap((one) => one.matched)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const names = new Set(matched.map(({ name }) => name));
  return { matched, near: unique(all.flatMap((one) => one.near)).filter(({ name }) => !names.has(name)) };
}

function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
