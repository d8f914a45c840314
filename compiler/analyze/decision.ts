// SPDX-License-Identifier: Apache-2.0
/** How rules combine (language, section 2 and 3), as diagrams: what each unit may yield, and the decision of all. */
import type { EffectIr, PolicyIr, UnitIr } from '../ir.js';
import { conditionsOf } from './actions.js';
import { type Node, type Op, opOf } from './diagram.js';
import { scopeOf } from './conditions.js';
import type { Condition, Space } from './space.js';

/** Answers of a decision diagram. */
export const ALLOW = 0;
export const REVIEW = 1;
export const DENY = 2;
export const EFFECTS = ['allow', 'review', 'deny'] as const;

/** What a unit may yield, as bits. */
export const MAY = { nothing: 1, allow: 2, review: 4, deny: 8, escalate: 16, redact: 1 } as const;

/** What has a say in the decision: some unit may deny; some surely grants; some may ask. */
const DENIES = 4;
const ASKS = 2;
const GRANTS = 1;

/** Every condition that the units ask, scopes included. */
export function conditionsIn(units: readonly UnitIr[], policy: PolicyIr): readonly Condition[] {
  return units.flatMap((unit) => [
    { expr: scopeOf(unit.who), policy },
    ...conditionsOf(unit).map((expr) => ({ expr, policy })),
  ]);
}

export interface Ops {
  readonly say: Op;
  /** A condition, and what is yielded where it does not hold: answers are bits of MAY. */
  readonly scoped: Op;
  readonly caseOf: (effect: EffectIr) => Op;
}

export function decisionOps(): Ops {
  const cases = new Map<EffectIr, Op>();
  return {
    say: opOf(
      (a, b) => (((a | b) & DENIES) === 0 ? a | b : DENIES),
      (a, b) => (a === DENIES || b === DENIES ? DENIES : a === 0 ? b : b === 0 || a === b ? a : null),
    ),
    scoped: opOf(
      (scope, may) => (scope === 2 ? may : MAY.nothing),
      (scope) => (scope === 0 ? MAY.nothing : null),
    ),
    caseOf: (effect) => {
      const known = cases.get(effect);
      if (known !== undefined) return known;
      const mask = MAY[effect];
      const made = opOf(
        (when, rest) => (when === 2 ? mask : when === 1 ? mask | rest : rest),
        (when, rest) => (when === 2 ? mask : when === 0 ? rest : null),
      );
      cases.set(effect, made);
      return made;
    },
  };
}

/** Everything that a unit could yield, over all ways in which unknown conditions turn out. */
export function yields(space: Space, ops: Ops, unit: UnitIr, policy: PolicyIr): Node {
  const { diagrams } = space;
  const scope = space.who(unit.who, policy);
  let may: Node;
  if (unit.kind === 'rule') {
    const when = unit.when === null ? 2 : space.condition({ expr: unit.when, policy });
    may = diagrams.apply(ops.caseOf(unit.effect), when, MAY.nothing);
  } else {
    may = unit.otherwise === null ? MAY.nothing : MAY[unit.otherwise.effect];
    for (const { when, outcome } of unit.cases.toReversed()) {
      may = diagrams.apply(ops.caseOf(outcome.effect), space.condition({ expr: when, policy }), may);
    }
  }
  return diagrams.apply(ops.scoped, scope, may);
}

const GRANTING = MAY.allow | MAY.review;

/** What the yields of one unit have to say. */
function sayOf(may: number): number {
  if ((may & MAY.deny) !== 0) return DENIES;
  const grants = (may & ~GRANTING) === 0 ? GRANTS : 0;
  return grants | ((may & (MAY.review | MAY.escalate)) === 0 ? 0 : ASKS);
}

/** The decision: 0 allow, 1 review, 2 deny. */
export function decisionOf(space: Space, ops: Ops, all: readonly Node[]): Node {
  const { diagrams } = space;
  const memo = new Map<Node, Node>();
  const says = all.map((may) => diagrams.map(may, sayOf, memo));
  const joined = diagrams.join(ops.say, says, 0);
  return diagrams.map(joined, (say) =>
    (say & DENIES) !== 0 || (say & GRANTS) === 0 ? DENY : (say & ASKS) === 0 ? ALLOW : REVIEW,
  );
}
