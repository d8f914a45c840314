// SPDX-License-Identifier: Apache-2.0
/**
 * The common path of a decision: conditions in order, nothing allocated but a review that several asked for. Where an unknown may
 * have a say the answer is null, and explain.ts weighs everything.
 */
import type { Decision, Facts, Request } from './abi.js';
import { type Ask, holds, leastOf, type Pin } from './ask.js';
import { type Asker, DEFAULT_DENY, reviewOf } from './explain.js';
import type { Plans } from './plans.js';
import type { Outcome, Unit } from './tables.js';
import type { Args, Kleene } from './values.js';

/** A unit with its place in the order of names; made once, whatever scopes it is in. */
export interface Entry {
  readonly order: number;
  readonly unit: Unit;
  /** Of a rule: what it asks, empty where it always holds, and what it yields where all of it holds. */
  readonly asks: readonly Ask[];
  readonly yields: Yield | null;
  /** Of a block: its cases with what each yields, and what it yields otherwise. */
  readonly cases: readonly { readonly ask: Ask; readonly yields: Yield }[];
  readonly otherwise: Yield | null;
}
/** An outcome with what is decided when it decides, or (where something grants) asks, alone. */
export interface Yield {
  /** Once it was asked for: most never are. */
  alone: Decision | null;
  /** In words of plans. */
  readonly does: number;
  /** A review: it grants what it asks for. */
  readonly grants: boolean;
  readonly asker: Asker;
  readonly outcome: Outcome;
}

export function entryOf(unit: Unit, order: number): Entry {
  const of = (outcome: Outcome): Yield => yieldOf(unit.name, outcome);
  return unit.kind === 'rule'
    ? {
        order,
        unit,
        asks: unit.tests.map((test) => test.ask),
        yields: of(unit.outcome),
        cases: [],
        otherwise: null,
      }
    : {
        order,
        unit,
        asks: [],
        yields: null,
        cases: unit.cases.map(({ test, outcome }) => ({ ask: test.ask, yields: of(outcome) })),
        otherwise: unit.otherwise === null ? null : of(unit.otherwise),
      };
}

function yieldOf(name: string, outcome: Outcome): Yield {
  const { effect, approval, because } = outcome;
  return {
    alone: null,
    does: effect === 'deny' ? DENY : effect === 'allow' ? ALLOW : ASK,
    grants: effect === 'review',
    asker: { name, approval, because },
    outcome,
  };
}

/** What a word of a plan says of a rule: what it does in two bits, in two how many conditions it has (none, one, more), its order. */
const END = 0;
const DENY = 1;
const ASK = 2;
const ALLOW = 3;
const DOES = 3;
const ONE = 4;
const MORE = 8;
const ORDER = 4;

/** What a decision goes through: plans, and what they lead to, by the order of rules. */
export interface Ground {
  readonly plans: Plans;
  readonly entries: readonly (Entry | undefined)[];
  /** The first condition of each: what most decisions look at and leave again. */
  readonly asks: readonly (Ask | undefined)[];
  /** What is decided where nothing grants, and where a rule tells what would. */
  readonly nothing: Decision;
  readonly told: Decision;
}

/** The plan of a scope without blocks: what denies, then what asks, then what allows, each by name, and no further than the first without a condition. */
export function planOf(entries: readonly Entry[], tells: boolean): readonly number[] {
  const plan: number[] = [];
  for (let does = DENY; does <= ALLOW; does++) {
    for (let i = 0; i < entries.length; i++) {
      const { order, asks, yields } = entries[i] as Entry;
      if (yields?.does !== does) continue;
      const { length } = asks;
      plan.push((order << ORDER) | (length === 0 ? 0 : length === 1 ? ONE : MORE) | does);
      if (length > 0 || does === ASK) continue;
      // Nothing after a rule without a condition can be the first that holds.
      if (does === DENY) return plan;
      break;
    }
  }
  plan.push(tells ? END | ONE : END);
  return plan;
}

function alone(yields: Yield, { steps }: Decision): Decision {
  yields.alone ??= frozen(decisionOf(yields, steps));
  return yields.alone;
}

function decisionOf({ outcome, asker }: Yield, steps: number): Decision {
  const { effect, because, tell } = outcome;
  if (effect === 'review' || effect === 'escalate') return reviewOf([asker], steps);
  return {
    ...DEFAULT_DENY(steps),
    effect: effect === 'allow' ? 'allow' : 'deny',
    rules: [asker.name],
    default: false,
    reason: because,
    ...(effect === 'deny' && tell === true ? { tell } : {}),
  };
}

/** Shared between calls, so nobody may change it. */
export function frozen(decision: Decision): Decision {
  for (const need of decision.approvals) Object.freeze(need);
  for (const list of [decision.rules, decision.unknowns, decision.approvals, decision.shadow])
    Object.freeze(list);
  return Object.freeze(decision);
}

/** The answer where no unknown has a say, or null; `begin` of the plan. */
export function quick(
  { plans, entries, asks, nothing, told }: Ground,
  begin: number,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Decision | null {
  const { words } = plans;
  let granted = false;
  let possible = false;
  let first: Yield | null = null;
  let askers: Yield[] | null = null;
  let i = begin;
  for (; ; i++) {
    const word = words[i] as number;
    const does = word & DOES;
    if (does === END || (does === ALLOW && granted)) break;
    const order = word >> ORDER;
    let value: Kleene = 2;
    if ((word & (ONE | MORE)) !== 0) {
      value = holds(asks[order] as Ask, args, request, facts, pin);
      if (value !== 0 && (word & MORE) !== 0) {
        const rest = leastOf((entries[order] as Entry).asks, 1, args, request, facts, pin);
        if (rest < value) value = rest;
      }
      if (value === 0) continue;
    }
    const yields = (entries[order] as Entry).yields as Yield;
    if (does === ALLOW) {
      if (value === 2) return askedBy(first ?? yields, askers, nothing);
      possible = true;
      continue;
    }
    if (value === 1) return null;
    if (does === DENY) return alone(yields, nothing);
    if (yields.grants) granted = true;
    if (first === null) first = yields;
    else if (askers === null) askers = [first, yields];
    else askers.push(yields);
  }
  if (granted && first !== null) return askedBy(first, askers, nothing);
  if (possible) return null;
  return words[i] === END ? nothing : told;
}

/** What one decides alone, or several ask together. */
const askedBy = (first: Yield, askers: readonly Yield[] | null, nothing: Decision): Decision =>
  askers === null ? alone(first, nothing) : reviewBy(askers, nothing);

const reviewBy = (askers: readonly Yield[], { steps }: Decision): Decision =>
  reviewOf(
    askers.map(({ asker }) => asker),
    steps,
  );

/** With blocks: every unit by name, since a block may yield anything. */
export function inOrder(
  entries: readonly Entry[],
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
  nothing: Decision,
): Decision | null {
  let grant: Yield | null = null;
  let first: Yield | null = null;
  let askers: Yield[] | null = null;
  for (let i = 0; i < entries.length; i++) {
    const yields = yieldIn(entries[i] as Entry, args, request, facts, pin);
    if (yields === undefined) return null;
    if (yields === null) continue;
    const { effect } = yields.outcome;
    if (effect === 'deny') return alone(yields, nothing);
    if (effect !== 'escalate') grant ??= yields;
    if (effect === 'allow') continue;
    if (first === null) first = yields;
    else if (askers === null) askers = [first, yields];
    else askers.push(yields);
  }
  if (grant === null) return nothing;
  return askedBy(first ?? grant, askers, nothing);
}

/** Undefined where an unknown leaves it open. */
function yieldIn(
  { asks, yields, cases, otherwise }: Entry,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Yield | null | undefined {
  if (yields !== null) {
    const value = leastOf(asks, 0, args, request, facts, pin);
    return value === 1 ? undefined : value === 2 ? yields : null;
  }
  for (let i = 0; i < cases.length; i++) {
    const one = cases[i] as Entry['cases'][number];
    const value = holds(one.ask, args, request, facts, pin);
    if (value === 1) return undefined;
    if (value === 2) return one.yields;
  }
  return otherwise;
}
