// SPDX-License-Identifier: Apache-2.0
/**
 * Pessimistic evaluation in full (language.md 3): every unit's possible outcomes, the strictest decision among them, the unknowns
 * that had a say, and what would have been decided without each.
 */
import type {
  ApprovalNeed,
  Decision,
  Explanation,
  Facts,
  Json,
  Match,
  NearMiss,
  Phase,
  Request,
  RuleEffect,
  Unknown,
} from './abi.js';
import type { Leaf, Pin, Test } from './ask.js';
import type { Approval, Outcome, StandIn, Unit } from './tables.js';
import type { Args, Kleene } from './values.js';

/** All that conditions may read. */
export interface World {
  readonly args: Args;
  readonly request: Request;
  readonly facts: Facts;
  readonly pin: Pin | undefined;
}

export interface Asker {
  readonly name: string;
  readonly approval: Approval | null;
  readonly because: string | null;
}

/** What a unit may yield; null is nothing. More than one: an unknown leaves it open. */
interface Possible {
  readonly unit: Unit;
  readonly outcomes: readonly (Outcome | null)[];
}
/** The value of a conjunction. */
type Values = (tests: readonly Test[]) => Kleene;

export const valuesIn =
  ({ args, request, facts, pin }: World): Values =>
  (tests) =>
    tests.reduce<Kleene>((least, test) => {
      const value = least === 0 ? 0 : test.run(args, request, facts, pin);
      return value < least ? value : least;
    }, 2);

export const DEFAULT_DENY = (steps: number): Decision => deny([], null, [], steps);

/** What is the same for all decisions of a policy. */
export interface Options {
  readonly steps: number;
  readonly standIns: readonly StandIn[];
}

export function weigh(units: readonly Unit[], world: World, phase: Phase, options: Options): Decision {
  const plain = valuesIn(world);
  const possible = units.map((unit) => ({ unit, outcomes: outcomesOf(unit, plain) }));
  return weighed(possible, units, world, phase, options, plain);
}

/** `possible` of all `units`. */
function weighed(
  possible: readonly Possible[],
  units: readonly Unit[],
  world: World,
  phase: Phase,
  options: Options,
  plain: Values,
): Decision {
  const { steps } = options;
  const base = combine(possible, phase, steps, []);
  if (!hinges(possible, base, phase)) return base;
  const labels = unknownLabels(units, world, plain);
  const unknowns = [...labels.keys()].sort().map((name): Unknown => {
    const without: Values = (tests) => {
      const value = plain(tests);
      return value === 1 && openLabels(tests, world).has(name) ? 0 : value;
    };
    const otherwise = combine(
      units.map((unit) => ({ unit, outcomes: outcomesOf(unit, without) })),
      phase,
      steps,
      [],
    );
    return { name, why: labels.get(name) as string, otherwise: otherwise.effect };
  });
  const asked =
    phase === 'call' && base.effect === 'deny' ? asksPeople(possible, labels, world, options) : null;
  return { ...(asked ?? base), unknowns };
}

/**
 * Where nothing is unknown but facts marked `on unknown review`, and some values of theirs lead to another decision than deny:
 * their people are asked, and those of every rule that asks or may ask. Null where it is not so.
 */
function asksPeople(
  possible: readonly Possible[],
  labels: ReadonlyMap<string, string>,
  world: World,
  { steps, standIns }: Options,
): Decision | null {
  const open = standIns.filter(({ fact }) => labels.get(fact) === MISSING);
  if (open.length === 0 || open.length < labels.size) return null;
  const facts: { [name: string]: Json | undefined } = { ...world.facts };
  const some = (i: number): boolean => {
    const { fact, values } = open[i] ?? {};
    if (fact === undefined || values === undefined) {
      const known = valuesIn({ ...world, facts });
      const afresh = possible.map(({ unit }) => ({ unit, outcomes: outcomesOf(unit, known) }));
      return combine(afresh, 'call', steps, []).effect !== 'deny';
    }
    return values.some((value) => {
      facts[fact] = value;
      return some(i + 1);
    });
  };
  if (!some(0)) return null;
  const askers = [
    ...open.map(({ fact, approval }) => ({ name: fact, approval, because: null })),
    ...askersOf(possible),
  ];
  return reviewOf(askers.toSorted(byName), steps, []);
}

const askersOf = (possible: readonly Possible[]): readonly Asker[] =>
  possible.flatMap((p) =>
    p.outcomes.filter(asks).map((o) => ({ name: p.unit.name, approval: o.approval, because: o.because })),
  );

const MISSING = 'it is missing, null or of another type';

const NOTHING: readonly null[] = [null];

function outcomesOf(unit: Unit, values: Values): readonly (Outcome | null)[] {
  if (unit.kind === 'rule') {
    const value = values(unit.tests);
    return value === 0 ? NOTHING : value === 2 ? [unit.outcome] : [unit.outcome, null];
  }
  const outcomes: (Outcome | null)[] = [];
  for (const { test, outcome } of unit.cases) {
    const value = values([test]);
    if (value > 0) outcomes.push(outcome);
    if (value === 2) return outcomes;
  }
  return [...outcomes, unit.otherwise];
}

const isGrant = (o: Outcome | null): boolean => o !== null && (o.effect === 'allow' || o.effect === 'review');
const asks = (o: Outcome | null): o is Outcome =>
  o !== null && (o.effect === 'review' || o.effect === 'escalate');
const redacts = (o: Outcome | null): o is Outcome => o !== null && o.effect === 'redact';
const denies = (o: Outcome | null): o is Outcome => o !== null && o.effect === 'deny';

/** Deny if any may deny or possibly none grants; else review if any may ask; else allow. */
function combine(
  possible: readonly Possible[],
  phase: Phase,
  steps: number,
  unknowns: readonly Unknown[],
): Decision {
  const denier = possible.find((p) => p.outcomes.some(denies));
  if (denier !== undefined) {
    const reasons = denier.outcomes.filter(denies).map((outcome) => outcome.because);
    const denied = deny(
      [denier.unit.name],
      reasons.find((reason) => reason !== null) ?? null,
      unknowns,
      steps,
    );
    return denier.outcomes.some((o) => denies(o) && o.tell === true) ? { tell: true, ...denied } : denied;
  }
  const granted = phase !== 'call' || possible.some((p) => p.outcomes.every(isGrant));
  if (!granted) {
    const told = possible.some(({ unit }) => unit.kind === 'rule' && unit.outcome.tell === true);
    return told ? { tell: true, ...deny([], null, unknowns, steps) } : deny([], null, unknowns, steps);
  }
  const askers = askersOf(possible);
  const maskers = possible.flatMap((p) =>
    p.outcomes.filter(redacts).map((o) => ({ ...o, name: p.unit.name })),
  );
  const masks = [...new Set(maskers.flatMap((masker) => masker.masks ?? []))].sort();
  const masked = masks.length === 0 ? {} : { masks };
  if (askers.length > 0) return { ...reviewOf(askers, steps, unknowns), ...masked };
  const grant = possible.find((p) => p.outcomes.every(isGrant));
  return {
    effect: 'allow',
    rules: grant === undefined ? maskers.map((masker) => masker.name) : [grant.unit.name],
    default: false,
    reason:
      grant === undefined
        ? (maskers.find((masker) => masker.because !== null)?.because ?? null)
        : (grant.outcomes[0]?.because ?? null),
    unknowns,
    approvals: [],
    timeout: null,
    shadow: [],
    ...masked,
    steps,
  };
}

function deny(
  rules: readonly string[],
  reason: string | null,
  unknowns: readonly Unknown[],
  steps: number,
): Decision {
  const isDefault = rules.length === 0;
  return {
    effect: 'deny',
    rules,
    default: isDefault,
    reason,
    unknowns,
    approvals: [],
    timeout: null,
    shadow: [],
    steps,
  };
}

export function reviewOf(askers: readonly Asker[], steps: number, unknowns: readonly Unknown[]): Decision {
  const approvals = askers.flatMap(({ name, approval }): ApprovalNeed[] =>
    approval === null ? [] : [{ rule: name, ...approval }],
  );
  return {
    effect: 'review',
    rules: [...new Set(askers.map((asker) => asker.name))],
    default: false,
    reason: askers.find((asker) => asker.because !== null)?.because ?? null,
    unknowns,
    approvals,
    timeout: Math.min(...approvals.map((need) => need.timeout)),
    shadow: [],
    steps,
  };
}

/** Did an unknown have a say: a possible deny, a grant that is only possible, an asker that is only possible? */
function hinges(possible: readonly Possible[], decision: Decision, phase: Phase): boolean {
  const open = possible.filter((p) => p.outcomes.length > 1);
  if (open.length === 0 || possible.some((p) => p.outcomes.every(denies))) return false;
  if (open.some((p) => p.outcomes.some((o) => denies(o) || asks(o) || redacts(o)))) return true;
  return decision.effect === 'deny' && phase === 'call' && open.some((p) => p.outcomes.some(isGrant));
}

/** The reads that left conditions open, with why. */
function unknownLabels(units: readonly Unit[], world: World, values: Values): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const add = (tests: readonly Test[]): Kleene => {
    const value = values(tests);
    if (value === 1) for (const [label, why] of openLabels(tests, world)) labels.set(label, why);
    return value;
  };
  for (const unit of units) {
    if (unit.kind === 'rule') add(unit.tests);
    else unit.cases.some(({ test }) => add([test]) === 2);
  }
  return labels;
}

function openLabels(
  tests: readonly Test[],
  { args, request, facts, pin }: World,
): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const leaves: readonly Leaf[] = tests.flatMap((test) => test.below().leaves);
  for (const leaf of leaves) {
    if (leaf.test.run(args, request, facts, pin) !== 1) continue;
    const missing = leaf.reads.filter((r) => r.value(args, request, facts, pin) === undefined);
    const [first] = leaf.reads;
    if (missing.length === 0 && first !== undefined)
      labels.set(first.label, 'its value is refused by the operator');
    for (const r of missing) labels.set(r.label, MISSING);
  }
  return labels;
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

export function explainUnits(
  units: readonly Unit[],
  world: World,
  phase: Phase,
  options: Options,
): Explanation {
  const plain = valuesIn(world);
  const matched: Match[] = [];
  const missed: Unit[] = [];
  const possible: Possible[] = [];
  for (const unit of units) {
    const outcomes = outcomesOf(unit, plain);
    possible.push({ unit, outcomes });
    const effects = outcomes === NOTHING ? NONE : effectsOf(outcomes);
    for (const effect of effects) {
      matched.push(
        outcomes.length > 1 ? { name: unit.name, effect, unknown: true } : { name: unit.name, effect },
      );
    }
    if (effects.length === 0) missed.push(unit);
  }
  const decision = weighed(possible, units, world, phase, options, plain);
  // Facts that people stand in for are among the deciding rules.
  for (const { fact } of options.standIns)
    if (decision.rules.includes(fact)) matched.push({ name: fact, effect: 'review' });
  return {
    decision,
    matched: options.standIns.length === 0 ? matched : matched.toSorted(byName),
    // Made when somebody reads it: a policy has many rules that say nothing of a question, and their words are long.
    get near() {
      return missed.map(nearMiss);
    },
  };
}

const NONE: readonly RuleEffect[] = [];
const effectsOf = (outcomes: readonly (Outcome | null)[]): readonly RuleEffect[] => [
  ...new Set(outcomes.flatMap((o) => (o === null ? [] : [o.effect]))),
];

const nearMiss = (unit: Unit): NearMiss => ({
  name: unit.name,
  effect: firstEffect(unit),
  condition: words(unit),
});

const firstEffect = (unit: Unit): RuleEffect =>
  unit.kind === 'rule' ? unit.outcome.effect : (unit.cases[0]?.outcome.effect ?? 'deny');
const words = (unit: Unit): string =>
  unit.kind === 'rule' ? unit.words : unit.cases.map((c) => c.words).join('; ');
