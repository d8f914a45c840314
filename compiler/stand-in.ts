// SPDX-License-Identifier: Apache-2.0
/**
 * `on unknown review`: for each fact that is marked so, values that together meet every combination of answers to what conditions
 * ask of it. With them a decision finds out whether the fact could have led to anything but a deny (language, 3).
 */
import { moment, span } from '../stdlib/moment.js';
import { ABSENT, cover, newPlace, note } from './analyze/place.js';
import { factShape } from './analyze/shape.js';
import { children } from './emit-expr.js';
import type { ExprIr, FactIr, PolicyIr, TypeIr, UnitIr } from './ir.js';
import type { JsonValue } from './lock.js';
import { evaluate, leavesOf, type World } from './reference-eval.js';

/** Longer lists are unknown to quantifiers, and too long to write down. */
const MAX_ITEMS = 1000;

/** As many ways of all marked facts together are tried at most. */
const MAX_WAYS = 256;

export interface Marked {
  readonly facts: readonly FactIr[];
  /** What cannot be done, and about which fact. */
  readonly faults: readonly { readonly fact: string; readonly what: string }[];
}

/** The facts of the policy, those that are marked with their values. */
export function withValues(policy: PolicyIr): Marked {
  const faults: { fact: string; what: string }[] = [];
  let ways = 1;
  const leaves = policy.units.flatMap(conditionsOf).flatMap(leavesOf);
  const facts = policy.facts.map((fact): FactIr => {
    if (fact.review === undefined) return fact;
    const asked = unique(leaves.filter((leaf) => factsIn(leaf).has(fact.name)));
    const values = valuesOf(policy, fact, asked);
    if (typeof values === 'string') {
      faults.push({ fact: fact.name, what: values });
      return fact;
    }
    ways *= Math.max(1, values.length);
    if (ways > MAX_WAYS) {
      const what = `with it the facts can turn out in ${ways} ways, and ${MAX_WAYS} are tried at most`;
      faults.push({ fact: fact.name, what });
    }
    return { ...fact, values };
  });
  return { facts, faults };
}

function conditionsOf(unit: UnitIr): readonly ExprIr[] {
  if (unit.kind === 'block') return unit.cases.map(({ when }) => when);
  return unit.when === null || unit.shadow !== undefined ? [] : [unit.when];
}

function factsIn(e: ExprIr): ReadonlySet<string> {
  if (e.op === 'fact') return new Set([e.name]);
  return new Set(children(e).flatMap((child) => [...factsIn(child)]));
}

const unique = (leaves: readonly ExprIr[]): readonly ExprIr[] => [
  ...new Map(leaves.map((leaf) => [JSON.stringify(leaf), leaf])).values(),
];

/** One value for each combination of answers, or why there is no such list. */
function valuesOf(policy: PolicyIr, fact: FactIr, leaves: readonly ExprIr[]): readonly JsonValue[] | string {
  const place = newPlace();
  const known = leaves.every(
    (leaf) => !readsElse(leaf) && note(leaf, (read) => (read.op === 'fact' ? place : null)),
  );
  if (!known)
    return 'a condition asks something of it that has no list of answers, as a comparison with an argument';
  const answers = (value: JsonValue, of: readonly ExprIr[]): string =>
    of.map((leaf) => String(evaluate(leaf, worldOf(policy, fact.name, value)))).join();
  const fold = (folds: readonly ExprIr[], value: JsonValue): string => answers(value, folds);
  const found = cover(place, factShape(fact.type), null, fold);
  if (found.open !== null) return found.open;
  const listed = fact.type.kind === 'enum' ? [...fact.type.members] : [];
  const byAnswers = new Map<string, JsonValue>();
  for (const value of [...listed, ...found.values]) {
    if (value === ABSENT || !fits(fact.type, value)) continue;
    const key = answers(value, leaves);
    if (!byAnswers.has(key)) byAnswers.set(key, value);
  }
  return [...byAnswers.values()];
}

/** Does a leaf ask anything but this one fact? */
const readsElse = (leaf: ExprIr): boolean =>
  factsIn(leaf).size > 1 ||
  ['arg', 'has', 'subject', 'hint', 'hasRole', 'inWho'].includes(leaf.op) ||
  children(leaf).some(readsElse);

const worldOf = (policy: PolicyIr, name: string, value: JsonValue): World => ({
  policy,
  facts: { [name]: value },
  request: {
    principal: 'agent:x',
    roles: [],
    user: null,
    userRoles: [],
    session: '',
    intent: { kind: 'tool', server: '', name: '', args: {} },
  },
});

/** Is it a value of the type that the policy declares? */
export function fits(type: TypeIr, value: JsonValue): boolean {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return Number.isInteger(value);
    case 'decimal':
      return typeof value === 'number';
    case 'enum':
      return typeof value === 'string' && type.members.includes(value);
    case 'list':
      return (
        Array.isArray(value) &&
        value.length <= MAX_ITEMS &&
        value.every((item: JsonValue) => fits(type.element, item))
      );
    case 'union':
      return type.members.some((member) => fits(member, value));
    case 'null':
      return value === null;
    case 'json':
    case 'object':
      return true;
    case 'string':
    case 'path':
    case 'url':
      return typeof value === 'string';
    case 'instant':
      return typeof value === 'string' && moment(value) !== undefined;
    case 'duration':
      return typeof value === 'string' && span(value) !== undefined;
  }
}
