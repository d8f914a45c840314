// SPDX-License-Identifier: Apache-2.0
/**
 * Which units speak of an action, and of those which of a principal. Sets of literal names are found by name, the rest are
 * asked one by one; what was found is kept while there is room. A miss costs a walk over the sets that hold, not over all units.
 */
import type { ActionKind, Phase } from './abi.js';
import type { Glob } from './glob.js';
import { type Entry, entryOf, type Lists } from './quick.js';
import { matchesWhat, matchesWho, rolesOf, type What, type Who } from './sets.js';
import type { Pin, Tables, Unit } from './tables.js';

/** The units of one action and one principal. */
export interface Scope extends Lists {
  /** By name. */
  readonly entries: readonly Entry[];
  /** What conditions may read, once somebody has asked. */
  readonly known: { facts?: readonly string[]; reads?: readonly string[] };
}

export const unitsOf = (scope: Scope): readonly Unit[] => scope.entries.map((entry) => entry.unit);

/** Names of the facts, or pointers of the arguments, that conditions of the scope may read; sorted. */
export function namesOf(scope: Scope, of: 'facts' | 'reads'): readonly string[] {
  const known = scope.known[of];
  if (known !== undefined) return known;
  const names = [...new Set(scope.entries.flatMap((entry) => entry.unit[of]))].sort();
  scope.known[of] = names;
  return names;
}

/** Everything about one action that does not depend on who calls. */
export interface ActionClass {
  readonly kind: ActionKind;
  readonly server: string;
  /** Units by their place in the order of names. */
  readonly byWho: ReadonlyMap<Who, readonly number[]>;
  readonly pin: Pin | undefined;
  readonly byGroup: Map<Group, Scope>;
  /** By the roles that heads ask for, then by principal; `plain` is for those without any such role. */
  readonly plain: Map<string, Scope>;
  readonly keyed: Map<string, Map<string, Scope>>;
}

export interface Scopes {
  readonly classify: (phase: Phase, kind: ActionKind, server: string, name: string) => ActionClass;
  readonly scopeOf: (action: ActionClass, id: string, roles: readonly string[]) => Scope;
}

/** What the memo may hold, in units; past it, it starts afresh. */
const MAX_HELD = 1 << 20;

export function scopes({ units, tools: pinned, steps }: Tables): Scopes {
  // Made when first asked for: most policies are far larger than what one principal meets of them.
  const entries: (Entry | undefined)[] = [];
  const entryAt = (order: number): Entry => {
    const made = entries[order] ?? entryOf(units[order] as Unit, order, steps);
    entries[order] = made;
    return made;
  };
  const roleKey = roleKeys(units);
  const pins = new Map<string, Map<string, Pin>>();
  for (const tool of pinned) within(pins, tool.server).set(tool.name, tool);
  const phases = {
    call: actionIndex(units, 'call'),
    list: actionIndex(units, 'list'),
    result: actionIndex(units, 'result'),
  };
  let held = 0;
  const whos = whoIndex(units, (size) => hold(size));
  const hold = (size: number): void => {
    held += size + 1;
    if (held <= MAX_HELD) return;
    held = size + 1;
    whos.forget();
    for (const { tools, others } of Object.values(phases)) {
      tools.clear();
      others.clear();
    }
  };

  const classify = (phase: Phase, kind: ActionKind, server: string, name: string): ActionClass => {
    const index = phases[phase];
    const classes = kind === 'tool' ? index.tools : index.others;
    const known = classes.get(name);
    if (known !== undefined) {
      for (let i = 0; i < known.length; i++) {
        const found = known[i] as ActionClass;
        if (found.server === server && found.kind === kind) return found;
      }
    }
    const byWho = index.find(kind, server, name);
    const pin = kind === 'tool' ? pins.get(server)?.get(name) : undefined;
    const made: ActionClass = {
      kind,
      server,
      byWho,
      pin,
      byGroup: new Map(),
      plain: new Map(),
      keyed: new Map(),
    };
    hold(byWho.size);
    push(classes, name, made);
    return made;
  };

  const scopeOf = (action: ActionClass, id: string, roles: readonly string[]): Scope => {
    const key = roles.length === 0 ? '' : roleKey(roles);
    const memo = key === '' ? action.plain : within(action.keyed, key);
    const known = memo.get(id);
    if (known !== undefined) return known;
    const { group, seen } = whos.find(id, roles, key);
    let scope = action.byGroup.get(group);
    if (scope === undefined) {
      scope = narrow(action, group.whos, entryAt);
      action.byGroup.set(group, scope);
      hold(scope.entries.length * 2);
    }
    // Who calls once only is not kept here: strangers would push out those who come back.
    if (seen) memo.set(id, scope);
    hold(1);
    return scope;
  };
  return { classify, scopeOf };
}

interface ActionIndex {
  /** By name, which costs one hash; few servers have a tool of the same name. */
  readonly tools: Map<string, ActionClass[]>;
  readonly others: Map<string, ActionClass[]>;
  readonly find: (kind: ActionKind, server: string, name: string) => ReadonlyMap<Who, readonly number[]>;
}

/** The units of a phase by their set of actions, those sets by literal name where they have only such. */
function actionIndex(units: readonly Unit[], phase: Phase): ActionIndex {
  const byWhat = new Map<What, number[]>();
  for (const [order, unit] of units.entries()) if (unit.phase === phase) push(byWhat, unit.what, order);
  const literal = new Map<string, Map<string, What[]>>();
  const open: What[] = [];
  for (const what of byWhat.keys()) {
    const tools = literalActions(what);
    if (tools === null) open.push(what);
    else for (const [server, name] of tools) push(within(literal, server), name, what);
  }
  const find = (kind: ActionKind, server: string, name: string): ReadonlyMap<Who, readonly number[]> => {
    const named = literal.get(server)?.get(name) ?? [];
    const byWho = new Map<Who, number[]>();
    for (const what of new Set([...named, ...open])) {
      if (!matchesWhat(what, kind, server, name)) continue;
      for (const order of byWhat.get(what) ?? []) push(byWho, (units[order] as Unit).who, order);
    }
    return byWho;
  };
  return { tools: new Map(), others: new Map(), find };
}

/** All principals that are in the same sets: they share their scopes. */
interface Group {
  readonly whos: readonly Who[];
  /** The group with one set more. */
  readonly and: Map<Who, Group>;
}
interface WhoIndex {
  /** `seen`: this principal has been asked for before. */
  readonly find: (
    id: string,
    roles: readonly string[],
    roleKey: string,
  ) => { readonly group: Group; readonly seen: boolean };
  readonly forget: () => void;
}

/**
 * The sets that a principal is in. Sets of literal names are found by name, those whose patterns all begin with literal text by
 * that text, one look a length; only the rest are asked one by one, so that a stranger costs little.
 */
function whoIndex(units: readonly Unit[], hold: (size: number) => void): WhoIndex {
  const literal = new Map<string, Who[]>();
  const byStart = new Map<number, Map<string, Who[]>>();
  const open: Who[] = [];
  for (const who of new Set(units.map((unit) => unit.who))) {
    const ids = literalPrincipals(who);
    const starts = ids === null ? startsOf(who) : [];
    if (ids !== null) for (const id of new Set(ids)) push(literal, id, who);
    else if (starts === null) open.push(who);
    else for (const start of new Set(starts)) push(within(byStart, start.length), start, who);
  }
  const known = new Map<string, Map<string, Group>>();
  let none: Group = { whos: [], and: new Map() };
  const groupOf = (id: string, roles: readonly string[]): Group => {
    let group = none;
    for (const who of literal.get(id) ?? []) group = joined(group, who, hold);
    for (const who of open) if (matchesWho(who, id, roles)) group = joined(group, who, hold);
    for (const [length, whos] of byStart) {
      const found = whos.get(id.slice(0, length));
      if (found === undefined) continue;
      for (const who of found) if (matchesWho(who, id, roles)) group = joined(group, who, hold);
    }
    return group;
  };
  const find: WhoIndex['find'] = (id, roles, roleKey) => {
    const memo = within(known, roleKey);
    const found = memo.get(id);
    if (found !== undefined) return { group: found, seen: true };
    const group = groupOf(id, roles);
    memo.set(id, group);
    return { group, seen: false };
  };
  const forget = (): void => {
    known.clear();
    none = { whos: [], and: new Map() };
  };
  return { find, forget };
}

function joined(group: Group, who: Who, hold: (size: number) => void): Group {
  if (group.whos.includes(who)) return group;
  const known = group.and.get(who);
  if (known !== undefined) return known;
  const made: Group = { whos: [...group.whos, who], and: new Map() };
  group.and.set(who, made);
  hold(made.whos.length);
  return made;
}

/** Literal texts, not empty, with one of which each principal of the set begins; null where there are none. */
function startsOf(set: Who): readonly string[] | null {
  const found: string[] = [];
  for (const term of set.include) {
    const starts =
      term.kind === 'set'
        ? startsOf(term.who)
        : term.kind === 'principal'
          ? [term.glob.parts[0] ?? '']
          : null;
    if (starts === null || starts.includes('')) return null;
    found.push(...starts);
  }
  return found;
}

/** Names the roles that heads ask for, among those given; other roles cannot change a scope. */
function roleKeys(units: readonly Unit[]): (roles: readonly string[]) => string {
  const asked = [...new Set([...new Set(units.map((unit) => unit.who))].flatMap(rolesOf))];
  const index = new Map(asked.map((role, i) => [role, i]));
  if (asked.length === 0) return () => '';
  return (roles) => {
    const found = new Set(roles.flatMap((role) => index.get(role) ?? []));
    return found.size < 2 ? String([...found][0] ?? '') : [...found].sort((a, b) => a - b).join();
  };
}

function narrow(action: ActionClass, whos: readonly Who[], entryAt: (order: number) => Entry): Scope {
  const orders: number[] = [];
  // Of the two, the fewer are gone through.
  if (whos.length <= action.byWho.size) {
    for (const who of whos) orders.push(...(action.byWho.get(who) ?? []));
  } else {
    const among = new Set(whos);
    for (const [who, found] of action.byWho) if (among.has(who)) orders.push(...found);
  }
  const entries = orders.sort((a, b) => a - b).map(entryAt);
  const denies: Entry[] = [];
  const asks: Entry[] = [];
  const allows: Entry[] = [];
  let blocks = false;
  for (const entry of entries) {
    if (entry.unit.kind === 'block') blocks = true;
    else if (entry.unit.effect === 'deny') denies.push(entry);
    else if (entry.unit.effect === 'allow') allows.push(entry);
    else asks.push(entry);
  }
  const [denied, allowed] = [untilSure(denies), untilSure(allows)];
  return {
    inTurn: denied.at(-1)?.tests.length === 0 ? denied : [...denied, ...asks, ...allowed],
    mixed: blocks ? entries : [],
    tells: entries.some(({ unit }) => unit.kind === 'rule' && unit.tell === true),
    entries,
    known: {},
  };
}

/** Nothing after a rule without a condition can be the first that holds. */
function untilSure(rules: readonly Entry[]): readonly Entry[] {
  const sure = rules.findIndex((rule) => rule.tests.length === 0);
  return sure < 0 ? rules : rules.slice(0, sure + 1);
}

function within<K, V>(map: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, V>();
  map.set(key, made);
  return made;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

const textOf = (glob: Glob | null): string | null =>
  glob !== null && glob.gaps === '' ? (glob.parts[0] ?? '') : null;

/** The (server, name) of the actions in the set if it names each, else null. */
function literalActions(set: What): readonly (readonly [string, string])[] | null {
  const found: (readonly [string, string])[] = [];
  for (const term of set.include) {
    if (term.kind === 'every') return null;
    if (term.kind === 'set') {
      const inner = literalActions(term.what);
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

/** The principals in the set if it names each, else null. */
function literalPrincipals(set: Who): readonly string[] | null {
  const found: string[] = [];
  for (const term of set.include) {
    const ids =
      term.kind === 'set' ? literalPrincipals(term.who) : term.kind === 'principal' ? idOf(term.glob) : null;
    if (ids === null) return null;
    found.push(...ids);
  }
  return set.except.length === 0 ? found : null;
}
function idOf(glob: Glob): readonly string[] | null {
  const id = textOf(glob);
  return id === null ? null : [id];
}
