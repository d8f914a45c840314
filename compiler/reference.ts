// SPDX-License-Identifier: Apache-2.0
/**
 * The second engine: a slow, literal transcription of docs/language.md ("How rules combine", "Unknowns") over the IR. It shares no
 * code with emitted policies or their library, so that the two can be compared.
 */
import type { Decision, DecisionEffect, Facts, Phase, Request, Unknown } from '../stdlib/abi.js';

import type { EffectIr, OutcomeIr, PolicyIr, UnitIr } from './ir.js';
import { evaluate, type Truth, unknownReads, type World } from './reference-eval.js';
import { whole } from './reference-whole.js';
import { inWhat, inWho } from './reference-sets.js';

/** What a unit may yield; `null` is nothing. */
type Yield = OutcomeIr | null;

export function decide(policy: PolicyIr, request: Request, facts: Facts, phase: Phase): Decision {
  return whole(policy, request, facts, phase, (rules, as, known) => decideOne(rules, as, known, phase));
}

function decideOne(policy: PolicyIr, request: Request, facts: Facts, phase: Phase): Decision {
  const world: World = { policy, request, facts };
  const units = policy.units
    .filter((unit) => inScope(unit, request, phase))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const yields = units.map((unit) => yieldsOf(unit, world, new Set()));
  const base = combine(units, yields, phase);
  const names = unknownsWithASay(units, yields, base, phase)
    ? unknownsOf(units, world)
    : new Map<string, string>();
  const unknowns = [...names.keys()].sort().map((name): Unknown => {
    const without = units.map((unit) => yieldsOf(unit, world, new Set([name])));
    return { name, why: names.get(name) ?? '', otherwise: combine(units, without, phase).effect };
  });
  const asked =
    phase === 'call' && base.effect === 'deny' && names.size > 0
      ? asksPeople(units, yields, names, world)
      : null;
  return { ...(asked ?? base), unknowns, shadow: [], steps: 0 };
}

/**
 * The sole exception (language, 3): every unknown is a fact marked `on unknown review` that could not be had, and some values of
 * these facts, decided afresh, allow or ask.
 */
function asksPeople(
  units: readonly UnitIr[],
  yields: readonly (readonly Yield[])[],
  unknowns: ReadonlyMap<string, string>,
  { policy, request, facts }: World,
): Plain | null {
  const marked = policy.facts.filter((fact) => fact.review !== undefined && unknowns.has(fact.name));
  const missing = [...unknowns.values()].every((why) => why.startsWith('it is missing'));
  if (marked.length !== unknowns.size || !missing) return null;
  const ways = marked.reduce<readonly Facts[]>(
    (all, { name, values = [] }) =>
      all.flatMap((known) => values.map((value) => ({ ...known, [name]: value }))),
    [facts],
  );
  const lifted = ways.some((known) => {
    const world: World = { policy, request, facts: known };
    return (
      combine(
        units,
        units.map((unit) => yieldsOf(unit, world, new Set())),
        'call',
      ).effect !== 'deny'
    );
  });
  if (!lifted) return null;
  const byRules = units.flatMap((unit, i) =>
    (yields[i] ?? []).flatMap((y) =>
      y !== null && (y.effect === 'review' || y.effect === 'escalate') ? [{ name: unit.name, ...y }] : [],
    ),
  );
  const byFacts = marked.map(({ name, review }) => ({ name, approval: review ?? null, because: null }));
  const all = [...byFacts, ...byRules].toSorted((a, b) => (a.name < b.name ? -1 : a.name === b.name ? 0 : 1));
  const approvals = all.flatMap(({ name, approval }) =>
    approval === null ? [] : [{ rule: name, ...approval }],
  );
  return {
    effect: 'review',
    rules: [...new Set(all.map(({ name }) => name))],
    default: false,
    reason: all.find(({ because }) => because !== null)?.because ?? null,
    approvals,
    timeout: Math.min(...approvals.map((need) => need.timeout)),
  };
}

function inScope(unit: UnitIr, request: Request, phase: Phase): boolean {
  const unitPhase = unit.kind === 'rule' ? unit.phase : 'call';
  return (
    unitPhase === phase &&
    inWho(unit.who, request.principal, request.roles) &&
    inWhat(unit.what, request.intent.kind, request.intent.server, request.intent.name)
  );
}

/**
 * Everything that a unit could yield, over all ways in which its unknown conditions turn out. A condition that one of `settled`
 * left open counts as false.
 */
function yieldsOf(unit: UnitIr, world: World, settled: ReadonlySet<string>): readonly Yield[] {
  const truth = (when: Parameters<typeof evaluate>[0]): Truth => {
    const value = evaluate(when, world);
    const open =
      value === 'unknown' && [...unknownReads(when, world).keys()].some((name) => settled.has(name));
    return open ? false : value;
  };
  if (unit.kind === 'rule') {
    const value = unit.when === null ? true : truth(unit.when);
    if (value === 'unknown') return [unit, null];
    return value ? [unit] : [null];
  }
  const found: Yield[] = [];
  for (const { when, outcome } of unit.cases) {
    const value = truth(when);
    if (value === true) return [...found, outcome];
    if (value === 'unknown') found.push(outcome);
  }
  return [...found, unit.otherwise];
}

const has = (yields: readonly Yield[], ...effects: readonly EffectIr[]): boolean =>
  yields.some((y) => y !== null && effects.includes(y.effect));
const surely = (yields: readonly Yield[], ...effects: readonly EffectIr[]): boolean =>
  yields.every((y) => y !== null && effects.includes(y.effect));

type Plain = Omit<Decision, 'unknowns' | 'shadow' | 'steps'>;

/** Deny if any rule may deny or possibly none grants; else review if any may review or escalate; else allow. */
function combine(units: readonly UnitIr[], yields: readonly (readonly Yield[])[], phase: Phase): Plain {
  const denying = units.findIndex((_, i) => has(yields[i] ?? [], 'deny'));
  if (denying >= 0) {
    const outcome = yields[denying]?.find((y) => y?.effect === 'deny' && y.because !== null);
    const told = tells(units[denying]);
    return { ...plain('deny', [units[denying]?.name ?? ''], outcome?.because ?? null), ...told };
  }
  const granting = units.findIndex((_, i) => surely(yields[i] ?? [], 'allow', 'review'));
  if (granting < 0 && phase === 'call')
    return { ...plain('deny', [], null), ...tells(units.find((unit) => unit.kind === 'rule' && unit.tell)) };
  const asking = units.flatMap((unit, i) =>
    (yields[i] ?? []).flatMap((y) =>
      y !== null && (y.effect === 'review' || y.effect === 'escalate') ? [{ unit, y }] : [],
    ),
  );
  const redacting = units.flatMap((unit, i) =>
    unit.kind === 'rule' && has(yields[i] ?? [], 'redact') ? [unit] : [],
  );
  const masks = [...new Set(redacting.flatMap((unit) => unit.masks ?? []))].sort();
  const masked = masks.length > 0 ? { masks } : {};
  if (asking.length === 0) {
    const grant = units[granting];
    const because =
      grant === undefined
        ? redacting.map((unit) => unit.because).find((text) => text !== null)
        : yields[granting]?.[0]?.because;
    const rules = grant === undefined ? redacting.map((unit) => unit.name) : [grant.name];
    return { ...plain('allow', rules, because ?? null), ...masked };
  }
  const approvals = asking.flatMap(({ unit, y }) =>
    y.approval === null ? [] : [{ rule: unit.name, ...y.approval }],
  );
  const rules = [...new Set(asking.map(({ unit }) => unit.name))];
  const reason = asking.map(({ y }) => y.because).find((because) => because !== null) ?? null;
  const timeout = Math.min(...approvals.map((need) => need.timeout));
  return { effect: 'review', rules, default: false, reason, approvals, timeout, ...masked };
}

const tells = (unit: UnitIr | undefined): { readonly tell?: true } =>
  unit?.kind === 'rule' && unit.tell ? { tell: true } : {};

function plain(effect: DecisionEffect, rules: readonly string[], reason: string | null): Plain {
  return {
    effect,
    rules,
    default: effect === 'deny' && rules.length === 0,
    reason,
    approvals: [],
    timeout: null,
  };
}

/** Unknowns are named where they decided: a possible deny, a grant that is only possible, an asker that is only possible. */
function unknownsWithASay(
  units: readonly UnitIr[],
  yields: readonly (readonly Yield[])[],
  decision: Plain,
  phase: Phase,
): boolean {
  if (units.some((_, i) => surely(yields[i] ?? [], 'deny'))) return false;
  const open = yields.filter((y) => y.length > 1);
  if (open.some((y) => has(y, 'deny', 'review', 'escalate', 'redact'))) return true;
  return decision.effect === 'deny' && phase === 'call' && open.some((y) => has(y, 'allow', 'review'));
}

function unknownsOf(units: readonly UnitIr[], world: World): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const unit of units) {
    if (unit.kind === 'rule') {
      if (unit.when !== null) note(unit.when);
      continue;
    }
    for (const { when } of unit.cases) {
      note(when);
      if (evaluate(when, world) === true) break;
    }
  }
  return names;
  function note(when: Parameters<typeof evaluate>[0]): void {
    if (evaluate(when, world) !== 'unknown') return;
    for (const [name, why] of unknownReads(when, world)) names.set(name, why);
  }
}
