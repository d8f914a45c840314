// SPDX-License-Identifier: Apache-2.0
/**
 * Which units speak of an action and of a principal: found once for each pair of sets of actions and sets of principals, and kept
 * while there is room, with the plan of a call (plans.ts). Nothing is kept by the name of a caller.
 */
import type { ActionKind, Phase } from './abi.js';
import { type ActionClass, type Actions, actions, type Reach } from './actions.js';
import type { Ask } from './ask.js';
import { type Asked, asked } from './explain.js';
import { Plans } from './plans.js';
import { type Caller, type Group, principals } from './principals.js';
import { type Entry, entryOf, type Ground, planOf } from './quick.js';
import { belowOf, type Tables } from './tables.js';

/** The units of one action and one principal. */
export interface Scope {
  /** By name. */
  readonly entries: readonly Entry[];
  /** There is a block among them. */
  readonly mixed: boolean;
  /** Some rule among them says `tell`. */
  readonly tells: boolean;
  /** What conditions may read, once somebody has asked. */
  readonly known: { facts?: readonly string[]; reads?: readonly string[]; asked?: Asked };
}

/** Its units, once somebody has asked for all of them. */
export const askedOf = (scope: Scope): Asked =>
  (scope.known.asked ??= asked(scope.entries.map((entry) => entry.unit)));

/** Names of the facts, or pointers of the arguments, that conditions of the scope may read; sorted. */
export function namesOf(scope: Scope, of: 'facts' | 'reads'): readonly string[] {
  const known = scope.known[of];
  if (known !== undefined) return known;
  const below = scope.entries.flatMap((entry) => belowOf(entry.unit));
  const names = [...new Set(below.flatMap((one) => one[of]))].sort();
  scope.known[of] = names;
  return names;
}

export interface Scopes {
  readonly classify: (phase: Phase, kind: ActionKind, server: string, name: string) => ActionClass;
  readonly callerOf: (id: string, roles: readonly string[]) => Caller;
  readonly scopeOf: (phase: Phase, action: ActionClass, caller: Caller) => Scope;
  /** Where the plan of a call begins; below zero where there is none, since a block may yield anything. */
  readonly planOf: (action: ActionClass, caller: Caller) => number;
  readonly ground: Omit<Ground, 'nothing' | 'told'>;
}

/** What may be kept, in units; past it, everything starts afresh. */
const MAX_HELD = 1 << 20;

export function scopes({ units, tools }: Tables): Scopes {
  // Made when first asked for: most policies are far larger than what one principal meets of them.
  const entries: (Entry | undefined)[] = [];
  const asks: (Ask | undefined)[] = [];
  entries.length = units.size;
  asks.length = units.size;
  const entryAt = (order: number): Entry => {
    const made = entries[order] ?? entryOf(units.at(order), order);
    entries[order] = made;
    asks[order] = made.asks[0];
    return made;
  };
  let held = 0;
  const hold = (size: number): void => {
    held += size + 1;
  };
  const plans = new Plans();
  const callers = principals(units, hold);
  const phases: { [phase in Phase]: Actions | null } = { call: null, list: null, result: null };
  const actionsOf = (phase: Phase): Actions => {
    const made = phases[phase] ?? actions(units, phase, tools, hold);
    phases[phase] = made;
    return made;
  };
  const forget = (): void => {
    held = 0;
    plans.clear();
    callers.forget();
    for (const one of Object.values(phases)) one?.forget();
  };

  const classify: Scopes['classify'] = (phase, kind, server, name) => {
    if (held > MAX_HELD) forget();
    return (phases[phase] ?? actionsOf(phase)).classify(kind, server, name);
  };
  const scopeOf: Scopes['scopeOf'] = (phase, { reach }, { group }) => {
    const known = reach.scopes.get(group.id);
    if (known !== undefined) return known;
    const scope = narrow(actionsOf(phase).byWho(reach), group, entryAt);
    reach.scopes.set(group.id, scope);
    hold(scope.entries.length * 3 + 4);
    return scope;
  };
  return {
    classify,
    callerOf: callers.find,
    scopeOf,
    ground: { plans, entries, asks },
    planOf: (action, caller) => {
      const known = plans.find(action.id, caller.id);
      if (known !== undefined) return known;
      const { entries: found, mixed, tells } = scopeOf('call', action, caller);
      const begin = mixed ? -1 : found.length === 0 ? 0 : plans.add(planOf(found, tells));
      plans.put(action.id, caller.id, begin);
      return begin;
    },
  };
}

function narrow(
  byWho: NonNullable<Reach['byWho']>,
  { whos }: Group,
  entryAt: (order: number) => Entry,
): Scope {
  const orders: number[] = [];
  const take = (who: number): void => {
    for (const order of byWho.get(who) ?? []) orders.push(order);
  };
  // Of the two, the fewer are gone through.
  if (whos.size <= byWho.size) for (const who of whos) take(who);
  else for (const who of byWho.keys()) if (whos.has(who)) take(who);
  const entries = orders.sort((a, b) => a - b).map(entryAt);
  return {
    entries,
    mixed: entries.some(({ yields }) => yields === null),
    tells: entries.some(({ unit }) => unit.kind === 'rule' && unit.outcome.tell === true),
    known: {},
  };
}
