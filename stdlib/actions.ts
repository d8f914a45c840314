// SPDX-License-Identifier: Apache-2.0
/**
 * The sets that an action is in, for one phase. Sets of literal names are found by name, the rest are asked one by one. What is
 * found for a name of the policy is kept; of other names only the last few thousand.
 */
import type { ActionKind, Phase } from './abi.js';
import type { Pin } from './ask.js';
import type { Glob } from './glob.js';
import type { Group } from './principals.js';
import { Recent } from './recent.js';
import type { Scope } from './scopes.js';
import { matchesWhat, type What, type Who } from './sets.js';
import type { Unit } from './tables.js';

/** All actions that are in the same sets: they share their scopes. */
export interface Reach {
  readonly whats: readonly What[];
  /** Units by their place in the order of names, once somebody has asked. */
  byWho: ReadonlyMap<Who, readonly number[]> | null;
  /** By number of the group of the caller. */
  readonly scopes: Map<Group['id'], Scope>;
  /** The same with one set more. */
  readonly and: Map<What, Reach>;
}
/** Everything about one action that does not depend on who calls. */
export interface ActionClass {
  readonly kind: ActionKind;
  readonly server: string;
  readonly reach: Reach;
  readonly pin: Pin | undefined;
}
export interface Actions {
  readonly classify: (kind: ActionKind, server: string, name: string) => ActionClass;
  readonly byWho: (reach: Reach) => ReadonlyMap<Who, readonly number[]>;
  readonly forget: () => void;
}

const ROOM = 2048;

/** The actions that units of the phase speak of. */
export function actions(
  units: readonly Unit[],
  phase: Phase,
  pins: ReadonlyMap<string, readonly Pin[]>,
  hold: (size: number) => void,
): Actions {
  const byWhat = new Map<What, number[]>();
  for (let order = 0; order < units.length; order++) {
    const unit = units[order] as Unit;
    if (unit.phase === phase) push(byWhat, unit.what, order);
  }
  const named = new Map<string, { readonly server: string; readonly what: What }[]>();
  const open: What[] = [];
  for (const what of byWhat.keys()) {
    const names = literalNames(what);
    if (names === null) open.push(what);
    else for (const [server, name] of names) push(named, name, { server, what });
  }

  let none = reachOf([]);
  const joined = (to: Reach, what: What): Reach => {
    const known = to.and.get(what);
    if (known !== undefined) return known;
    const made = to.whats.includes(what) ? to : reachOf([...to.whats, what]);
    to.and.set(what, made);
    hold(made.whats.length);
    return made;
  };
  const find = (kind: ActionKind, server: string, name: string): ActionClass => {
    let reach = none;
    for (const { server: of, what } of named.get(name) ?? [])
      if (of === server && matchesWhat(what, kind, server, name)) reach = joined(reach, what);
    for (const what of open) if (matchesWhat(what, kind, server, name)) reach = joined(reach, what);
    const pin = kind === 'tool' ? pins.get(name)?.find((one) => one.server === server) : undefined;
    return { kind, server, reach, pin };
  };

  const kept = new Map<string, ActionClass[]>();
  const recent = new Recent<ActionClass[]>(ROOM);
  const classify = (kind: ActionKind, server: string, name: string): ActionClass => {
    const classes = kept.get(name) ?? recent.get(name);
    if (classes !== undefined) {
      for (let i = 0; i < classes.length; i++) {
        const one = classes[i] as ActionClass;
        if (one.server === server && one.kind === kind) return one;
      }
    }
    const made = find(kind, server, name);
    if (classes !== undefined && classes.length < MAX_ALIKE) classes.push(made);
    else if (named.has(name) || pins.has(name)) kept.set(name, [made]);
    else recent.set(name, [made]);
    return made;
  };
  return {
    classify,
    byWho: (reach) => {
      reach.byWho ??= byWhoOf(reach, byWhat, units);
      return reach.byWho;
    },
    forget: () => {
      none = reachOf([]);
      kept.clear();
      recent.clear();
    },
  };
}

/** Actions of one name, on different servers or of different kinds; with more, only the last few are remembered. */
const MAX_ALIKE = 256;

const reachOf = (whats: readonly What[]): Reach => ({
  whats,
  byWho: null,
  scopes: new Map(),
  and: new Map(),
});

function byWhoOf(
  { whats }: Reach,
  byWhat: ReadonlyMap<What, readonly number[]>,
  units: readonly Unit[],
): ReadonlyMap<Who, readonly number[]> {
  const byWho = new Map<Who, number[]>();
  for (const what of whats)
    for (const order of byWhat.get(what) ?? []) push(byWho, (units[order] as Unit).who, order);
  return byWho;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

const textOf = (glob: Glob | null): string | null =>
  glob !== null && glob.gaps === '' ? (glob.parts[0] ?? '') : null;

/** The (server, name) of the actions in the set if it names each, else null. */
function literalNames(set: What): readonly (readonly [string, string])[] | null {
  const found: (readonly [string, string])[] = [];
  for (const term of set.include) {
    if (term.kind === 'every') return null;
    if (term.kind === 'set') {
      const inner = literalNames(term.what);
      if (inner === null) return null;
      found.push(...inner);
      continue;
    }
    const [server, name] = [textOf(term.server), textOf(term.name)];
    if (server === null || name === null) return null;
    found.push([server, name]);
  }
  return found;
}
