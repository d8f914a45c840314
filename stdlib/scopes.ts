// SPDX-License-Identifier: Apache-2.0
/**
 * Which units speak of an action and of a principal: found once for each pair of sets of actions and sets of principals, and kept
 * while there is room. Nothing is kept by the name of a caller.
 */
import type { ActionKind, Phase } from './abi.js';
import { type ActionClass, type Actions, actions, type Reach } from './actions.js';
import { type Asked, asked } from './explain.js';
import { type Group, principals } from './principals.js';
import { type Entry, entryOf, type Lists, type Step, stepOf } from './quick.js';
import { belowOf, type Tables } from './tables.js';

/** The units of one action and one principal. */
export interface Scope extends Lists {
  /** By name. */
  readonly entries: readonly Entry[];
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
  readonly scopeOf: (phase: Phase, action: ActionClass, id: string, roles: readonly string[]) => Scope;
}

/** What may be kept, in units; past it, everything starts afresh. */
const MAX_HELD = 1 << 20;

export function scopes({ units, tools }: Tables): Scopes {
  // Made when first asked for: most policies are far larger than what one principal meets of them.
  const entries: (Entry | undefined)[] = [];
  entries.length = units.size;
  const entryAt = (order: number): Entry => {
    const made = entries[order] ?? entryOf(units.at(order), order);
    entries[order] = made;
    return made;
  };
  let held = 0;
  const hold = (size: number): void => {
    held += size + 1;
  };
  const callers = principals(units, hold);
  const phases: { [phase in Phase]: Actions | null } = { call: null, list: null, result: null };
  const actionsOf = (phase: Phase): Actions => {
    const made = phases[phase] ?? actions(units, phase, tools, hold);
    phases[phase] = made;
    return made;
  };
  const forget = (): void => {
    held = 0;
    callers.forget();
    for (const one of Object.values(phases)) one?.forget();
  };

  const classify: Scopes['classify'] = (phase, kind, server, name) => {
    if (held > MAX_HELD) forget();
    return (phases[phase] ?? actionsOf(phase)).classify(kind, server, name);
  };
  const scopeOf: Scopes['scopeOf'] = (phase, { reach }, id, roles) => {
    const group = callers.find(id, roles);
    const known = reach.scopes.get(group.id);
    if (known !== undefined) return known;
    const scope = narrow(actionsOf(phase).byWho(reach), group, entryAt);
    reach.scopes.set(group.id, scope);
    hold(scope.entries.length * 2);
    return scope;
  };
  return { classify, scopeOf };
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
  return scopeFrom(orders.sort((a, b) => a - b).map(entryAt));
}

function scopeFrom(entries: readonly Entry[]): Scope {
  const denies: Step[] = [];
  const asks: Step[] = [];
  const allows: Step[] = [];
  let blocks = false;
  for (const { tests, yields } of entries) {
    if (yields === null) blocks = true;
    else if (yields.outcome.effect === 'deny') denies.push(stepOf('deny', tests, yields));
    else if (yields.outcome.effect === 'allow') allows.push(stepOf('allow', tests, yields));
    else asks.push(stepOf('ask', tests, yields));
  }
  const denied = untilSure(denies);
  const settled = denied.at(-1)?.test === null;
  return {
    steps: settled ? denied : [...denied, ...asks, ...untilSure(allows)],
    mixed: blocks ? entries : [],
    tells: entries.some(({ unit }) => unit.kind === 'rule' && unit.outcome.tell === true),
    entries,
    known: {},
  };
}

/** Nothing after a rule without a condition can be the first that holds. */
function untilSure(rules: readonly Step[]): readonly Step[] {
  const sure = rules.findIndex((rule) => rule.test === null);
  return sure < 0 ? rules : rules.slice(0, sure + 1);
}
