// SPDX-License-Identifier: Apache-2.0
/**
 * The sets that a principal is in. Names are found by name, patterns that begin with literal text in a tree of such beginnings,
 * roles by role; only the rest are asked one by one. So a stranger costs little more than a caller who is known, and of callers
 * only the last few thousand are kept: what is kept of all others, the policy bounds.
 */
import type { Glob } from './glob.js';
import { type Middle, type Middles, middleOf, middlesIn, middlesOf, NONE } from './middles.js';
import { hashOf, Recent } from './recent.js';
import { matchesWho, rolesOf, type Who, type WhoTerm } from './sets.js';
import type { UnitTable, WhoTable } from './tables.js';

/** All principals that are in the same sets: they share their scopes. Sets are numbers of a table. */
export interface Group {
  readonly id: number;
  /** Whoever is in it, once somebody was. */
  caller: Caller | null;
  readonly whos: ReadonlySet<number>;
  /** The group with one set more. */
  readonly and: Map<number, Group>;
}
/** A caller: a group, and its number. */
export interface Caller {
  readonly id: number;
  readonly group: Group;
  /** Of who was found by name alone: sets that look at roles too. */
  readonly open: readonly number[] | null;
}
export interface Principals {
  readonly find: (id: string, roles: readonly string[]) => Caller;
  readonly forget: () => void;
}

/** Sets that begin to matter at one place of an index. */
interface Own {
  /** Everybody found there is in these. */
  readonly sure: number[];
  /** These have more to say than what the place tells. */
  readonly open: number[];
}
/** All sets that matter to whoever is found there. */
interface Place {
  readonly sure: readonly number[];
  /** Those that look at the name only, and those that look at roles too. */
  readonly byName: Open;
  readonly byRole: readonly number[];
  known: Caller | null;
}
/** Sets that are asked about a name. */
interface Open {
  readonly all: readonly number[];
  /** How often they were asked one by one. */
  asks: number;
  pass: Pass | null;
}
/** The same: those that are found in one pass, and the others. */
interface Pass {
  readonly middles: Middles | null;
  readonly rest: readonly number[];
}
interface Named extends Own {
  place: Place | null;
}
/** A node of the tree of beginnings; what follows it, by its first letter, once somebody has come this far. */
interface Node {
  readonly parent: Node | null;
  /** Its part of the text, and where that ends. */
  readonly label: string;
  readonly end: number;
  readonly own: Own;
  readonly longer: readonly string[];
  edges: ReadonlyMap<number, Node> | null;
  place: Place | null;
}
interface Index {
  readonly named: ReadonlyMap<string, Named>;
  readonly byRole: ReadonlyMap<string, Own>;
  readonly begins: ReadonlyMap<string, Own>;
  readonly root: Node;
}

/** How many of the names that came last are remembered: as many as teams have callers. */
const ROOM = 4096;
/** So many callers are worth finding them quicker: the first few come while a policy is loaded. */
const MANY_NAMES = 1024;
const MANY_ASKS = 32;

export function principals(units: UnitTable, hold: (size: number) => void): Principals {
  const { whos } = units;
  const places: Place[] = [];
  let made: Index | null = null;
  const index = (): Index => (made ??= indexOf(units));

  let count = 0;
  let none = group(count++, new Set());
  const joined = (to: Group, who: number): Group => {
    const known = to.and.get(who);
    if (known !== undefined) return known;
    const more = to.whos.has(who) ? to : group(count++, new Set([...to.whos, who]));
    to.and.set(who, more);
    hold(more === to ? 1 : more.whos.size);
    return more;
  };
  const placeOf = (own: Own, below: Place | null): Place => {
    const found = place(own, below, whos);
    places.push(found);
    return found;
  };
  const placeOfNode = (at: Node): Place => {
    at.place ??= placeOf(at.own, at.parent === null ? null : placeOfNode(at.parent));
    return at.place;
  };
  const lookup = (id: string, hash: number): Place => {
    const { named, root, begins } = index();
    const own = isNamed(named, hash) ? named.get(id) : undefined;
    if (own === undefined) return placeOfNode(walk(root, id, begins));
    own.place ??= settled(placeOf(own, placeOfNode(walk(root, id, begins))), id);
    return own.place;
  };
  let asking = 0;
  let marks: Int32Array | null = null;
  /** May it be one of the names? */
  const isNamed = (named: Index['named'], hash: number): boolean => {
    if (marks === null) {
      if (++asking < MANY_NAMES) return true;
      marks = marksOf(named);
    }
    return isMarked(marks, hash);
  };
  /** What looks at the name only is known where the name is. */
  const settled = (at: Place, id: string): Place => {
    const sure = [...at.sure, ...at.byName.all.filter((who) => matchesWho(whos.at(who), id, NO_ROLES))];
    const found: Place = { sure, byName: NO_OPEN, byRole: at.byRole, known: null };
    places.push(found);
    return found;
  };
  const recent = new Recent<Caller>(ROOM);
  const asked = (to: Group, open: readonly number[], id: string, roles: readonly string[]): Group => {
    let found = to;
    for (let i = 0; i < open.length; i++) {
      const who = open[i] as number;
      if (matchesWho(whos.at(who), id, roles)) found = joined(found, who);
    }
    return found;
  };
  const withRoles = (to: Group, id: string, roles: readonly string[]): Group => {
    const { byRole } = index();
    if (byRole.size === 0) return to;
    let found = to;
    for (let i = 0; i < roles.length; i++) {
      const own = byRole.get(roles[i] as string);
      if (own === undefined) continue;
      for (const who of own.sure) found = joined(found, who);
      found = asked(found, own.open, id, roles);
    }
    return found;
  };
  const ofPlace = (at: Place): Caller => {
    at.known ??= callerOf(at.sure.reduce(joined, none), at.byRole);
    return at.known;
  };
  const askedByName = (to: Group, open: Open, id: string): Group => {
    if (open.pass === null) {
      if (++open.asks < MANY_ASKS) return asked(to, open.all, id, NO_ROLES);
      open.pass = passOf(open.all, whos);
    }
    const { middles, rest } = open.pass;
    const some = middles === null ? NONE : middlesIn(middles, id);
    let found = to;
    for (let i = 0; i < some.length; i++) {
      const { sure, who } = some[i] as Middle;
      if (sure || matchesWho(whos.at(who), id, NO_ROLES)) found = joined(found, who);
    }
    return asked(found, rest, id, NO_ROLES);
  };
  const found = (id: string, hash: number): Caller => {
    const at = lookup(id, hash);
    const shared = ofPlace(at);
    return at.byName === NO_OPEN ? shared : callerOf(askedByName(shared.group, at.byName, id), at.byRole);
  };
  const find = (id: string, roles: readonly string[]): Caller => {
    const hash = hashOf(id);
    let known = recent.at(hash, id);
    if (known === undefined) {
      known = found(id, hash);
      recent.put(hash, id, known);
    }
    const { open } = known;
    if (open === null && roles.length === 0) return known;
    const own = open === null ? known.group : asked(known.group, open, id, roles);
    return callerOf(roles.length > 0 ? withRoles(own, id, roles) : own, NO_SETS);
  };
  const forget = (): void => {
    count = 0;
    none = group(count++, new Set());
    recent.clear();
    for (const at of places) at.known = null;
  };
  return { find, forget };
}

const NO_ROLES: readonly string[] = [];
const NO_SETS: readonly number[] = [];
const NO_OPEN: Open = { all: NO_SETS, asks: 0, pass: null };
const group = (id: number, whos: ReadonlySet<number>): Group => ({ id, whos, and: new Map(), caller: null });

/** Who is found by name, and then perhaps asked about roles. */
function callerOf(of: Group, open: readonly number[]): Caller {
  if (open.length > 0) return { id: of.id, open, group: of };
  of.caller ??= { id: of.id, open: null, group: of };
  return of.caller;
}

function indexOf({ who: used, whos }: UnitTable): Index {
  const named = new Map<string, Named>();
  const byRole = new Map<string, Own>();
  const begins = new Map<string, Own>([['', { sure: [], open: [] }]]);
  const enter = (who: number, set: Who, whole: boolean): void => {
    for (const term of set.include) {
      if (term.kind === 'set') {
        enter(who, term.who, whole && term.who.except.length === 0);
        continue;
      }
      const [own, sure] = placeFor(term);
      const list = whole && sure ? own.sure : own.open;
      if (!list.includes(who)) list.push(who);
    }
  };
  const placeFor = (term: Exclude<WhoTerm, { readonly kind: 'set' }>): readonly [Own, boolean] => {
    if (term.kind === 'any') return [ownOf(begins, ''), true];
    if (term.kind === 'role') return [ownOf(byRole, term.value), true];
    const [start = '', rest] = term.glob.parts;
    if (term.glob.gaps === '') return [namedOf(named, start), true];
    return [ownOf(begins, start), isBeginning(term.glob, rest)];
  };
  const seen = new Uint8Array(whos.size);
  for (let order = 0; order < used.length; order++) {
    const who = used[order] as number;
    if (seen[who] === 1) continue;
    seen[who] = 1;
    const name = whos.name(who);
    if (name !== null) {
      namedOf(named, name).sure.push(who);
      continue;
    }
    const begin = whos.begin(who);
    if (begin !== null) {
      ownOf(begins, begin).sure.push(who);
      continue;
    }
    const set = whos.at(who);
    enter(who, set, set.except.length === 0);
  }
  return { named, byRole, begins, root: nodeOf([...begins.keys()], null, begins) };
}

function ownOf(index: Map<string, Own>, key: string): Own {
  const known = index.get(key);
  if (known !== undefined) return known;
  const made: Own = { sure: [], open: [] };
  index.set(key, made);
  return made;
}
function namedOf(index: Map<string, Named>, key: string): Named {
  const known = index.get(key);
  if (known !== undefined) return known;
  const made: Named = { sure: [], open: [], place: null };
  index.set(key, made);
  return made;
}

/** Everything that begins with the first part matches. */
const isBeginning = (glob: Glob, rest: string | undefined): boolean => glob.gaps === 'a' && rest === '';

function place(own: Own, below: Place | null, whos: WhoTable): Place {
  const sure = [...new Set([...(below?.sure ?? []), ...own.sure])];
  const under = below?.byName ?? NO_OPEN;
  const open = [...under.all, ...(below?.byRole ?? []), ...own.open];
  const asks = [...new Set(open)].filter((who) => !sure.includes(who));
  const roles = (who: number): boolean => rolesOf(whos.at(who)).length > 0;
  const byName = asks.filter((who) => !roles(who));
  const same = byName.length === under.all.length && byName.every((who, i) => who === under.all[i]);
  return {
    sure,
    byName: same ? under : { all: byName, asks: 0, pass: null },
    byRole: asks.filter(roles),
    known: null,
  };
}

/** Of sets that are asked about whoever begins as their patterns do: the tree had not led there else. */
function passOf(all: readonly number[], whos: WhoTable): Pass {
  const found = all.flatMap((who) => middleIn(who, whos.at(who)) ?? []);
  const middles = middlesOf(found);
  const inPass = new Set(middles === null ? [] : found.map((one) => one.who));
  return { middles, rest: all.filter((who) => !inPass.has(who)) };
}

function middleIn(who: number, { include, except }: Who): Middle | null {
  const [term] = include;
  const only = include.length === 1 && except.length === 0 && term?.kind === 'principal';
  return only ? middleOf(who, term.glob) : null;
}

/** Some thirty bits for each name, so that few others meet one: strangers are asked about too, and looking a name up hashes all of it. */
function marksOf(named: Index['named']): Int32Array {
  const marks = new Int32Array(2 ** Math.ceil(Math.log2(named.size + 1)));
  for (const name of named.keys()) {
    const hash = hashOf(name);
    const at = (hash >>> 5) & (marks.length - 1);
    marks[at] = (marks[at] as number) | (1 << (hash & 31));
  }
  return marks;
}
const isMarked = (marks: Int32Array, hash: number): boolean =>
  ((marks[(hash >>> 5) & (marks.length - 1)] as number) & (1 << (hash & 31))) !== 0;

/** The node of texts that all begin alike, some of which may end there. */
function nodeOf(texts: readonly string[], parent: Node | null, begins: Index['begins']): Node {
  const [first = ''] = texts;
  let end = parent === null ? 0 : first.length;
  for (let i = 0; end > 0 && i < texts.length; i++) end = Math.min(end, common(first, texts[i] as string));
  return {
    parent,
    label: first.slice(parent?.end ?? 0, end),
    end,
    own: begins.get(first.slice(0, end)) ?? { sure: [], open: [] },
    longer: texts.filter((text) => text.length > end),
    edges: null,
    place: null,
  };
}

function edgesOf(at: Node, begins: Index['begins']): ReadonlyMap<number, Node> {
  const byLetter = new Map<number, string[]>();
  for (const text of at.longer) {
    const letter = text.charCodeAt(at.end);
    const list = byLetter.get(letter);
    if (list === undefined) byLetter.set(letter, [text]);
    else list.push(text);
  }
  const edges = new Map<number, Node>();
  for (const [letter, texts] of byLetter) edges.set(letter, nodeOf(texts, at, begins));
  return edges;
}

/** The deepest node whose text the name begins with. */
function walk(root: Node, id: string, begins: Index['begins']): Node {
  let at = root;
  while (at.end < id.length) {
    at.edges ??= edgesOf(at, begins);
    const next = at.edges.get(id.charCodeAt(at.end));
    if (next === undefined || !id.startsWith(next.label, at.end)) break;
    at = next;
  }
  return at;
}

function common(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
