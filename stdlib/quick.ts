// SPDX-License-Identifier: Apache-2.0
/**
 * The common path of a decision: conditions in order, nothing allocated but a review that several asked for. Where an unknown may
 * have a say the answer is null, and explain.ts weighs everything.
 */
import type { Decision, Facts, Request } from './abi.js';
import { leastOf, type Pin, type Predicate } from './ask.js';
import { type Asker, DEFAULT_DENY, reviewOf } from './explain.js';
import type { Outcome, Unit } from './tables.js';
import type { Args } from './values.js';

/** A unit with its place in the order of names. */
export interface Entry {
  readonly order: number;
  readonly unit: Unit;
  /** Of a rule; empty where it always holds, and of blocks. */
  readonly tests: readonly Predicate[];
  /** Of a rule. */
  readonly yields: Yield | null;
  /** Of a block: its cases with what each yields, and what it yields otherwise. */
  readonly cases: readonly { readonly run: Predicate; readonly yields: Yield }[];
  readonly otherwise: Yield | null;
}
/** An outcome with what is decided when it decides, or (where something grants) asks, alone. */
export interface Yield {
  readonly outcome: Outcome;
  /** A review: it grants what it asks for. */
  readonly grants: boolean;
  readonly asker: Asker;
  /** Once it was asked for: most never are. */
  alone: Decision | null;
}
/** A rule where it matters no more which: its first condition, what else it asks, and what it yields where all of it holds. */
export interface Step {
  readonly kind: 'deny' | 'ask' | 'allow';
  /** Null where it always holds. */
  readonly test: Predicate | null;
  readonly more: readonly Predicate[] | null;
  readonly yields: Yield;
}
/** The entries of a scope. */
export interface Lists {
  /** Without blocks: what denies, then what asks, then what allows, each by name, and no further than the first without a condition. */
  readonly steps: readonly Step[];
  /** All by name where there is a block among them, else none. */
  readonly mixed: readonly Entry[];
  /** Some rule among them says `tell`. */
  readonly tells: boolean;
}

export const stepOf = (kind: Step['kind'], tests: readonly Predicate[], yields: Yield): Step => ({
  kind,
  test: tests[0] ?? null,
  more: tests.length > 1 ? tests.slice(1) : null,
  yields,
});

export function entryOf(unit: Unit, order: number): Entry {
  const of = (outcome: Outcome): Yield => yieldOf(unit.name, outcome);
  return unit.kind === 'rule'
    ? {
        order,
        unit,
        tests: unit.tests.map((test) => test.run),
        yields: of(unit.outcome),
        cases: [],
        otherwise: null,
      }
    : {
        order,
        unit,
        tests: [],
        yields: null,
        cases: unit.cases.map(({ test, outcome }) => ({ run: test.run, yields: of(outcome) })),
        otherwise: unit.otherwise === null ? null : of(unit.otherwise),
      };
}

const yieldOf = (name: string, outcome: Outcome): Yield => ({
  outcome,
  grants: outcome.effect === 'review',
  asker: { name, approval: outcome.approval, because: outcome.because },
  alone: null,
});

function alone(yields: Yield, { steps }: Decision): Decision {
  yields.alone ??= frozen(decisionOf(yields, steps));
  return yields.alone;
}

function decisionOf({ outcome, asker }: Yield, steps: number): Decision {
  const { effect, because, tell } = outcome;
  if (effect === 'review' || effect === 'escalate') return reviewOf([asker], steps, []);
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

/** The answer where no unknown has a say, or null. `nothing` is what is decided where nothing grants. */
export function quick(
  lists: Lists,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
  nothing: Decision,
): Decision | null {
  const { steps, mixed } = lists;
  if (mixed.length > 0) return inOrder(mixed, args, request, facts, pin, nothing);
  let granted = false;
  let possible = false;
  let first: Yield | null = null;
  let askers: Yield[] | null = null;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as Step;
    const { kind, test, more } = step;
    if (kind === 'allow' && granted) break;
    let value = test === null ? 2 : test(args, request, facts, pin);
    if (value !== 0 && more !== null) {
      const rest = leastOf(more, args, request, facts, pin);
      if (rest < value) value = rest;
    }
    if (value === 0) continue;
    const { yields } = step;
    if (kind === 'allow') {
      if (value === 2) return askedBy(first ?? yields, askers, nothing);
      possible = true;
      continue;
    }
    if (value === 1) return null;
    if (kind === 'deny') return alone(yields, nothing);
    if (yields.grants) granted = true;
    if (first === null) first = yields;
    else if (askers === null) askers = [first, yields];
    else askers.push(yields);
  }
  if (granted && first !== null) return askedBy(first, askers, nothing);
  return possible ? null : nothing;
}

/** What one decides alone, or several ask together. */
const askedBy = (first: Yield, askers: readonly Yield[] | null, nothing: Decision): Decision =>
  askers === null ? alone(first, nothing) : reviewBy(askers, nothing);

const reviewBy = (askers: readonly Yield[], { steps }: Decision): Decision =>
  reviewOf(
    askers.map(({ asker }) => asker),
    steps,
    [],
  );

/** With blocks: every unit by name, since a block may yield anything. */
function inOrder(
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
  { tests, yields, cases, otherwise }: Entry,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
): Yield | null | undefined {
  if (yields !== null) {
    const value = leastOf(tests, args, request, facts, pin);
    return value === 1 ? undefined : value === 2 ? yields : null;
  }
  for (let i = 0; i < cases.length; i++) {
    const one = cases[i] as Entry['cases'][number];
    const value = one.run(args, request, facts, pin);
    if (value === 1) return undefined;
    if (value === 2) return one.yields;
  }
  return otherwise;
}
