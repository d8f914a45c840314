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
import { type Ask, holds, type Leaf, leastOf, type Pin, type Test } from './ask.js';
import type { Approval, Outcome, Rule, StandIn, Unit } from './tables.js';
import type { Args, Kleene } from './values.js';

/** Units by name, with what is soon asked of each. */
export interface Asked {
  readonly units: readonly Unit[];
  /** Of each rule its first condition, null where it has none: most do not hold of a question. */
  readonly firsts: readonly (Ask | null)[];
  /** Of each rule its other conditions; null of blocks. */
  readonly others: readonly (readonly Ask[] | null)[];
  /** Of each rule what it is where it surely holds, once it did. */
  readonly sure: (Possible | undefined)[];
  /** Some rule among them says `tell`. */
  readonly tells: boolean;
}

export const asked = (units: readonly Unit[]): Asked => ({
  units,
  firsts: units.map((unit) => (unit.kind === 'rule' ? (unit.tests[0]?.ask ?? null) : null)),
  others: units.map((unit) => (unit.kind === 'rule' ? othersOf(unit) : null)),
  sure: units.map(() => undefined),
  tells: units.some((unit) => unit.kind === 'rule' && unit.outcome.tell === true),
});

/** Once for a rule, whatever the scopes that it is in: these may be many times as many as the rules. */
function keeping<V>(make: (rule: Rule) => V): (rule: Rule) => V {
  const kept = new WeakMap<Rule, V>();
  return (rule) => {
    const known = kept.get(rule);
    if (known !== undefined) return known;
    const made = make(rule);
    kept.set(rule, made);
    return made;
  };
}
const othersOf = keeping(({ tests }): readonly Ask[] =>
  tests.length < 2 ? NO_TESTS : tests.slice(1).map((test) => test.ask),
);
const NO_TESTS: readonly Ask[] = [];
const surely = keeping((rule): Possible => possibly(rule, [rule.outcome]));

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

/** What a unit may yield that yields something or may; null is nothing. More than one: an unknown leaves it open. */
interface Possible {
  readonly unit: Unit;
  readonly outcomes: readonly (Outcome | null)[];
  /** Of each effect among them; nobody may change it, since it is kept. */
  readonly matches: readonly Match[];
}
/** The value of a conjunction. */
type Values = (tests: readonly Test[]) => Kleene;

export const valuesIn =
  ({ args, request, facts, pin }: World): Values =>
  (tests) => {
    let least: Kleene = 2;
    for (let i = 0; i < tests.length; i++) {
      const value = (tests[i] as Test).run(args, request, facts, pin);
      if (value === 0) return 0;
      if (value < least) least = value;
    }
    return least;
  };

export const DEFAULT_DENY = (steps: number): Decision => deny([], null, steps);

/** What is the same for all decisions of a policy. */
export interface Options {
  readonly steps: number;
  readonly standIns: readonly StandIn[];
}

export function weigh(of: Asked, world: World, phase: Phase, options: Options): Decision {
  const plain = valuesIn(world);
  return weighed(possibleIn(of, world, plain), of, world, phase, options, plain);
}

/** As `possibleOf`, but nothing of a rule is looked at before its conditions are known to hold. */
function possibleIn(of: Asked, world: World, plain: Values): readonly Possible[] {
  const { units, firsts, others, sure } = of;
  const { args, request, facts, pin } = world;
  const possible: Possible[] = [];
  for (let i = 0; i < firsts.length; i++) {
    const first = firsts[i] as Ask | null;
    let value: Kleene = first === null ? 2 : holds(first, args, request, facts, pin);
    if (value === 0) continue;
    const rest = others[i] as readonly Ask[] | null;
    const least = rest === null || rest.length === 0 ? 2 : leastOf(rest, 0, args, request, facts, pin);
    if (least < value) value = least;
    if (value === 0) continue;
    const known = sure[i];
    if (known !== undefined && value === 2) {
      possible.push(known);
      continue;
    }
    const unit = units[i] as Unit;
    if (unit.kind === 'rule' && value === 2) {
      const made = surely(unit);
      sure[i] = made;
      possible.push(made);
      continue;
    }
    const outcomes = outcomesOf(unit, plain);
    if (outcomes !== NOTHING) possible.push(possibly(unit, outcomes));
  }
  return possible;
}

/** Most units of a scope yield nothing, and nothing is made for those. */
function possibleOf(units: readonly Unit[], values: Values): readonly Possible[] {
  const possible: Possible[] = [];
  for (let i = 0; i < units.length; i++) {
    const unit = units[i] as Unit;
    const outcomes = outcomesOf(unit, values);
    if (outcomes !== NOTHING) possible.push(possibly(unit, outcomes));
  }
  return possible;
}

function possibly(unit: Unit, outcomes: readonly (Outcome | null)[]): Possible {
  const effects = [...new Set(outcomes.filter(yields).map((o) => o.effect))];
  const open = outcomes.length > 1 ? ({ unknown: true } as const) : {};
  return {
    unit,
    outcomes,
    matches: effects.map((effect) => Object.freeze({ name: unit.name, effect, ...open })),
  };
}
const yields = (o: Outcome | null): o is Outcome => o !== null;

/** `possible` of all of them. */
function weighed(
  possible: readonly Possible[],
  of: Asked,
  world: World,
  phase: Phase,
  options: Options,
  plain: Values,
): Decision {
  const { steps } = options;
  const base = combine(possible, of, phase, steps);
  if (!hinges(possible, base, phase)) return base;
  const labels = unknownLabels(of.units, world, plain);
  const unknowns = [...labels.keys()].sort().map((name): Unknown => {
    const without: Values = (tests) => {
      const value = plain(tests);
      return value === 1 && openLabels(tests, world).has(name) ? 0 : value;
    };
    const otherwise = combine(possibleOf(of.units, without), of, phase, steps);
    return { name, why: labels.get(name) as string, otherwise: otherwise.effect };
  });
  const asked =
    phase === 'call' && base.effect === 'deny' ? asksPeople(possible, of, labels, world, options) : null;
  return { ...(asked ?? base), unknowns };
}

/**
 * Where nothing is unknown but facts marked `on unknown review`, and some values of theirs lead to another decision than deny:
 * their people are asked, and those of every rule that asks or may ask. Null where it is not so.
 */
function asksPeople(
  possible: readonly Possible[],
  of: Asked,
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
      return combine(possibleOf(of.units, known), of, 'call', steps).effect !== 'deny';
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
  return reviewOf(askers.toSorted(byName), steps);
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
function combine(possible: readonly Possible[], { tells }: Asked, phase: Phase, steps: number): Decision {
  const denier = possible.find((p) => p.outcomes.some(denies));
  if (denier !== undefined) {
    const reasons = denier.outcomes.filter(denies).map((outcome) => outcome.because);
    const denied = deny([denier.unit.name], reasons.find((reason) => reason !== null) ?? null, steps);
    return denier.outcomes.some((o) => denies(o) && o.tell === true) ? { tell: true, ...denied } : denied;
  }
  const granted = phase !== 'call' || possible.some((p) => p.outcomes.every(isGrant));
  if (!granted) {
    return tells ? { tell: true, ...DEFAULT_DENY(steps) } : DEFAULT_DENY(steps);
  }
  const askers = askersOf(possible);
  const maskers = possible.flatMap((p) =>
    p.outcomes.filter(redacts).map((o) => ({ ...o, name: p.unit.name })),
  );
  const masks = [...new Set(maskers.flatMap((masker) => masker.masks ?? []))].sort();
  const masked = masks.length === 0 ? {} : { masks };
  if (askers.length > 0) return { ...reviewOf(askers, steps), ...masked };
  const grant = possible.find((p) => p.outcomes.every(isGrant));
  return {
    effect: 'allow',
    rules: grant === undefined ? maskers.map((masker) => masker.name) : [grant.unit.name],
    default: false,
    reason:
      grant === undefined
        ? (maskers.find((masker) => masker.because !== null)?.because ?? null)
        : (grant.outcomes[0]?.because ?? null),
    unknowns: [],
    approvals: [],
    timeout: null,
    shadow: [],
    ...masked,
    steps,
  };
}

function deny(rules: readonly string[], reason: string | null, steps: number): Decision {
  const isDefault = rules.length === 0;
  return {
    effect: 'deny',
    rules,
    default: isDefault,
    reason,
    unknowns: [],
    approvals: [],
    timeout: null,
    shadow: [],
    steps,
  };
}

export function reviewOf(askers: readonly Asker[], steps: number): Decision {
  const approvals = askers.flatMap(({ name, approval }): ApprovalNeed[] =>
    approval === null ? [] : [{ rule: name, ...approval }],
  );
  return {
    effect: 'review',
    rules: [...new Set(askers.map((asker) => asker.name))],
    default: false,
    reason: askers.find((asker) => asker.because !== null)?.because ?? null,
    unknowns: [],
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

export function explainUnits(of: Asked, world: World, phase: Phase, options: Options): Explanation {
  const plain = valuesIn(world);
  const possible = possibleIn(of, world, plain);
  const matched: Match[] = [];
  for (const { matches } of possible) for (const match of matches) matched.push(match);
  const decision = weighed(possible, of, world, phase, options, plain);
  // Facts that people stand in for are among the deciding rules.
  for (const { fact } of options.standIns)
    if (decision.rules.includes(fact)) matched.push({ name: fact, effect: 'review' });
  const sorted = options.standIns.length === 0 ? matched : matched.toSorted(byName);
  return new Explained(decision, sorted, of.units, possible);
}

/** Near misses are made when somebody reads them: a policy has many rules that say nothing of a question, and their words are long. */
class Explained implements Explanation {
  readonly decision: Decision;
  readonly matched: readonly Match[];
  readonly #units: readonly Unit[];
  readonly #possible: readonly Possible[];

  constructor(
    decision: Decision,
    matched: readonly Match[],
    units: readonly Unit[],
    possible: readonly Possible[],
  ) {
    this.decision = decision;
    this.matched = matched;
    this.#units = units;
    this.#possible = possible;
  }
  get near(): readonly NearMiss[] {
    const said = new Set(this.#possible.flatMap(({ unit, matches }) => (matches.length > 0 ? [unit] : [])));
    return this.#units.filter((unit) => !said.has(unit)).map(nearMiss);
  }
  toJSON(): Explanation {
    const { decision, matched, near } = this;
    return { decision, matched, near };
  }
}

const nearMiss = (unit: Unit): NearMiss => ({
  name: unit.name,
  effect: firstEffect(unit),
  condition: words(unit),
});

const firstEffect = (unit: Unit): RuleEffect =>
  unit.kind === 'rule' ? unit.outcome.effect : (unit.cases[0]?.outcome.effect ?? 'deny');
const words = (unit: Unit): string =>
  unit.kind === 'rule' ? unit.words : unit.cases.map((c) => c.words).join('; ');
