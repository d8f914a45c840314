// SPDX-License-Identifier: Apache-2.0
/**
 * The sets that an action is in, for one phase. Sets of literal names are found by name, those of literal servers by server, and
 * the rest are asked one by one. What is found for a name of the policy is kept; of other names only the last few thousand.
 */
import type { ActionKind, Phase } from './abi.js';
import type { Pin } from './ask.js';
import type { Group } from './principals.js';
import { hashOf, Recent } from './recent.js';
import type { Scope } from './scopes.js';
import { matchesWhat } from './sets.js';
import type { ActionPlace, PinTable, UnitTable } from './tables.js';

/** All actions that are in the same sets: they share their scopes. Sets are numbers of tables. */
export interface Reach {
  readonly id: number;
  readonly whats: readonly number[];
  /** Units by their place in the order of names, once somebody has asked. */
  byWho: ByWho | null;
  /** By number of the group of the caller. */
  readonly scopes: Map<Group['id'], Scope>;
  /** The same with one set more. */
  readonly and: Map<number, Reach>;
}
type ByWho = ReadonlyMap<number, readonly number[]>;
/** Everything about one action that does not depend on who calls. */
export interface ActionClass {
  readonly kind: ActionKind;
  readonly server: string;
  /** The number of its reach. */
  readonly id: number;
  readonly reach: Reach;
  readonly pin: Pin | undefined;
  /** Another of the same name, and how many there are from here on. */
  readonly next: ActionClass | null;
  readonly alike: number;
}
export interface Actions {
  readonly classify: (kind: ActionKind, server: string, name: string) => ActionClass;
  readonly byWho: (reach: Reach) => ByWho;
  readonly forget: () => void;
}

const ROOM = 2048;

/** The actions that units of the phase speak of. */
export function actions(
  units: UnitTable,
  phase: Phase,
  pins: PinTable,
  hold: (size: number) => void,
): Actions {
  const { whats } = units;
  const byWhat = ordersByWhat(units, phase);
  const named = new Map<string, { readonly server: string; readonly what: number }[]>();
  const onServer = new Map<string, number[]>();
  const open: number[] = [];
  for (let what = 0; what < byWhat.length; what++) {
    if (byWhat[what] === undefined) continue;
    const places = whats.places(what);
    if (places === null) open.push(what);
    else for (let i = 0; i < places.length; i++) enter(places[i] as ActionPlace, what);
  }
  function enter({ server, name }: ActionPlace, what: number): void {
    if (name !== null) push(named, name, { server, what });
    else push(onServer, server, what);
  }
  const covers = (what: number, kind: ActionKind, server: string, name: string): boolean =>
    matchesWhat(whats.at(what), kind, server, name);

  let count = 0;
  let none = reachOf(count++, []);
  const joined = (to: Reach, what: number): Reach => {
    const known = to.and.get(what);
    if (known !== undefined) return known;
    const made = to.whats.includes(what) ? to : reachOf(count++, [...to.whats, what]);
    to.and.set(what, made);
    hold(made.whats.length);
    return made;
  };
  const find = (kind: ActionKind, server: string, name: string, next: ActionClass | null): ActionClass => {
    let reach = none;
    for (const { server: of, what } of named.get(name) ?? [])
      if (of === server && covers(what, kind, server, name)) reach = joined(reach, what);
    for (const what of onServer.get(server) ?? [])
      if (covers(what, kind, server, name)) reach = joined(reach, what);
    for (const what of open) if (covers(what, kind, server, name)) reach = joined(reach, what);
    const pin = kind === 'tool' ? pins.at(server, name) : undefined;
    return { kind, server, id: reach.id, reach, pin, next, alike: 1 + (next?.alike ?? 0) };
  };

  const kept = new Map<string, ActionClass>();
  const recent = new Recent<ActionClass>(ROOM);
  const classify = (kind: ActionKind, server: string, name: string): ActionClass => {
    const first = kept.get(name) ?? recent.at(hashOf(name), name);
    for (let one = first ?? null; one !== null; one = one.next)
      if (one.server === server && one.kind === kind) return one;
    const next = first === undefined || first.alike >= MAX_ALIKE ? null : first;
    const made = find(kind, server, name, next);
    if (named.has(name) || pins.named(name)) kept.set(name, made);
    else recent.put(hashOf(name), name, made);
    return made;
  };
  return {
    classify,
    byWho: (reach) => {
      reach.byWho ??= byWhoOf(reach, byWhat, units.who);
      return reach.byWho;
    },
    forget: () => {
      count = 0;
      none = reachOf(count++, []);
      kept.clear();
      recent.clear();
    },
  };
}

/** Actions of one name, on different servers or of different kinds; with more, only the last few are remembered. */
const MAX_ALIKE = 256;

const reachOf = (id: number, whats: readonly number[]): Reach => ({
  id,
  whats,
  byWho: null,
  scopes: new Map(),
  and: new Map(),
});

/** By number of the set: the units that speak of it in the phase. */
function ordersByWhat(
  { size, phase: phases, what: whats }: UnitTable,
  phase: Phase,
): readonly (number[] | undefined)[] {
  const byWhat: (number[] | undefined)[] = [];
  for (let order = 0; order < size; order++) {
    if (phases[order] !== phase) continue;
    const what = whats[order] as number;
    while (byWhat.length <= what) byWhat.push(undefined);
    const orders = byWhat[what];
    if (orders === undefined) byWhat[what] = [order];
    else orders.push(order);
  }
  return byWhat;
}

function byWhoOf(
  { whats }: Reach,
  byWhat: readonly (readonly number[] | undefined)[],
  who: readonly number[],
): ByWho {
  const byWho = new Map<number, number[]>();
  for (const what of whats) for (const order of byWhat[what] ?? []) push(byWho, who[order] as number, order);
  return byWho;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
