// SPDX-License-Identifier: Apache-2.0
/**
 * The common path of a decision: conditions in order, nothing allocated but a review that several asked for. Where an unknown may
 * have a say the answer is null, and explain.ts weighs everything.
 */
import type { Decision } from './abi.js';
import { type Asker, DEFAULT_DENY, reviewOf, type World } from './explain.js';
import { type Block, leastOf, type Outcome, type Predicate, type Unit } from './tables.js';

/** A unit with its place in the order of names. */
export interface Entry {
  readonly order: number;
  readonly unit: Unit;
  /** Of a rule; empty where it always holds. */
  readonly tests: readonly Predicate[];
  readonly yields: Yield | null;
  /** Of a block: what each case yields, then `otherwise`. */
  readonly cases: readonly (Yield | null)[];
}
/** An outcome with what is decided when it decides, or (where something grants) asks, alone. */
interface Yield {
  readonly outcome: Outcome;
  readonly asker: Asker;
  readonly alone: Decision;
}
/** The entries of a scope. */
export interface Lists {
  /** Without blocks: denies, then what asks, then allows, each by name and no further than the first without a condition. */
  readonly inTurn: readonly Entry[];
  /** All by name where there is a block among them, else none. */
  readonly mixed: readonly Entry[];
  /** Some rule among them says `tell`. */
  readonly tells: boolean;
}

export function entryOf(unit: Unit, order: number, steps: number): Entry {
  const of = (outcome: Outcome | null): Yield | null =>
    outcome === null ? null : yieldOf(unit.name, outcome, steps);
  return unit.kind === 'rule'
    ? { order, unit, tests: unit.tests, yields: of(unit), cases: [] }
    : {
        order,
        unit,
        tests: [],
        yields: null,
        cases: [...unit.cases.map((c) => of(c.outcome)), of(unit.otherwise)],
      };
}

function yieldOf(name: string, outcome: Outcome, steps: number): Yield {
  const asker = { name, approval: outcome.approval, because: outcome.because };
  const asks = outcome.effect === 'review' || outcome.effect === 'escalate';
  const alone = asks
    ? reviewOf([asker], steps, [])
    : {
        ...DEFAULT_DENY(steps),
        effect: outcome.effect,
        rules: [name],
        default: false,
        reason: outcome.because,
        ...(outcome.effect === 'deny' && outcome.tell === true ? { tell: true as const } : {}),
      };
  return { outcome, asker, alone: frozen(alone as Decision) };
}

/** Shared between calls, so nobody may change it. */
export function frozen(decision: Decision): Decision {
  for (const need of decision.approvals) Object.freeze(need);
  for (const list of [decision.rules, decision.unknowns, decision.approvals, decision.shadow])
    Object.freeze(list);
  return Object.freeze(decision);
}

/** The answer where no unknown has a say, or null. `nothing` is what is decided where nothing grants. */
export function quick(lists: Lists, world: World, nothing: Decision): Decision | null {
  if (lists.mixed.length > 0) return inOrder(lists.mixed, world, nothing);
  const { args, request, facts, pin } = world;
  const { inTurn } = lists;
  let granted = false;
  let possible = false;
  let askers: Yield[] | null = null;
  for (let i = 0; i < inTurn.length; i++) {
    const entry = inTurn[i] as Entry;
    const yields = entry.yields as Yield;
    const { effect } = yields.outcome;
    if (effect === 'allow' && granted) break;
    const value = leastOf(entry.tests, args, request, facts, pin);
    if (value === 0) continue;
    if (effect === 'allow') {
      if (value === 2) return askers === null ? yields.alone : review(askers, nothing);
      possible = true;
      continue;
    }
    if (value === 1) return null;
    if (effect === 'deny') return yields.alone;
    if (effect === 'review') granted = true;
    if (askers === null) askers = [yields];
    else askers.push(yields);
  }
  if (granted && askers !== null) return review(askers, nothing);
  return possible ? null : nothing;
}

function review(askers: readonly Yield[], { steps }: Decision): Decision {
  const [first] = askers;
  return first !== undefined && askers.length === 1
    ? first.alone
    : reviewOf(
        askers.map(({ asker }) => asker),
        steps,
        [],
      );
}

/** With blocks: every unit by name, since a block may yield anything. */
function inOrder(entries: readonly Entry[], world: World, nothing: Decision): Decision | null {
  let grant: Yield | null = null;
  const askers: Yield[] = [];
  for (const entry of entries) {
    const yields = yieldIn(entry, world);
    if (yields === undefined) return null;
    if (yields === null) continue;
    const { effect } = yields.outcome;
    if (effect === 'deny') return yields.alone;
    if (effect !== 'escalate') grant ??= yields;
    if (effect !== 'allow') askers.push(yields);
  }
  if (grant === null) return nothing;
  return askers.length === 0 ? grant.alone : review(askers, nothing);
}

/** Undefined where an unknown leaves it open. */
function yieldIn({ unit, tests, yields, cases }: Entry, world: World): Yield | null | undefined {
  const { args, request, facts, pin } = world;
  if (unit.kind === 'rule') {
    const value = leastOf(tests, args, request, facts, pin);
    return value === 1 ? undefined : value === 2 ? yields : null;
  }
  for (let i = 0; i < unit.cases.length; i++) {
    const value = (unit.cases[i] as Block['cases'][number]).when(args, request, facts, pin);
    if (value === 1) return undefined;
    if (value === 2) return cases[i] ?? null;
  }
  return cases.at(-1) ?? null;
}
