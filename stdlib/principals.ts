// SPDX-License-Identifier: Apache-2.0
/**
 * The sets that a principal is in. Names are found by name, patterns that begin with literal text in a tree of such beginnings,
 * roles by role; only the rest are asked one by one. So a stranger costs little more than a caller who is known, and of callers
 * only the last few thousand are kept: what is kept of all others, the policy bounds.
 */
import type { Glob } from './glob.js';
import { Recent } from './recent.js';
import { matchesWho, rolesOf, type Who, type WhoTerm } from './sets.js';

/** All principals that are in the same sets: they share their scopes. */
export interface Group {
  readonly id: number;
  readonly whos: ReadonlySet<Who>;
  /** The group with one set more. */
  readonly and: Map<Who, Group>;
}
export interface Principals {
  readonly find: (id: string, roles: readonly string[]) => Group;
  readonly forget: () => void;
}

/** Sets that begin to matter at one place of an index. */
interface Own {
  /** Everybody found there is in these. */
  readonly sure: Who[];
  /** These have more to say than what the place tells. */
  readonly open: Who[];
}
/** All sets that matter to whoever is found there. */
interface Place {
  readonly sure: readonly Who[];
  /** Those that look at the name only, and those that look at roles too. */
  readonly byName: readonly Who[];
  readonly byRole: readonly Who[];
  group: Group | null;
}
/** A node of the tree of beginnings: its part of the text, and what follows by its first letter. */
interface Node extends Own {
  label: string;
  parent: Node | null;
  readonly edges: Map<number, Node>;
  place: Place | null;
}

/** How many of the names that came last are remembered: as many as teams have callers. */
const ROOM = 4096;

export function principals(whos: Iterable<Who>, hold: (size: number) => void): Principals {
  const root = node('', null);
  const named = new Map<string, Own & { place: Place | null }>();
  const byRole = new Map<string, Own>();
  const places: Place[] = [];
  const ownOf = (index: Map<string, Own & { place: Place | null }>, key: string): Own => {
    const own = index.get(key) ?? { sure: [], open: [], place: null };
    index.set(key, own);
    return own;
  };
  const enter = (who: Who, set: Who, whole: boolean): void => {
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
    if (term.kind === 'any') return [root, true];
    if (term.kind === 'role') return [ownOf(byRole as typeof named, term.value), true];
    const [start = '', rest] = term.glob.parts;
    if (term.glob.gaps === '') return [ownOf(named, start), true];
    return [insert(root, start), isBeginning(term.glob, rest)];
  };
  for (const who of whos) enter(who, who, who.except.length === 0);

  let count = 0;
  let none = group(count++, new Set());
  const joined = (to: Group, who: Who): Group => {
    const known = to.and.get(who);
    if (known !== undefined) return known;
    const made = to.whos.has(who) ? to : group(count++, new Set([...to.whos, who]));
    to.and.set(who, made);
    hold(made === to ? 1 : made.whos.size);
    return made;
  };
  const placeOf = (own: Own, below: Place | null): Place => {
    const made = place(own, below);
    places.push(made);
    return made;
  };
  const placeOfNode = (at: Node): Place => {
    at.place ??= placeOf(at, at.parent === null ? null : placeOfNode(at.parent));
    return at.place;
  };
  const lookup = (id: string): Place => {
    const own = named.get(id);
    if (own === undefined) return placeOfNode(walk(root, id));
    own.place ??= settled(placeOf(own, placeOfNode(walk(root, id))), id);
    return own.place;
  };
  /** What looks at the name only is known where the name is. */
  const settled = (at: Place, id: string): Place => {
    const sure = [...at.sure, ...at.byName.filter((who) => matchesWho(who, id, NO_ROLES))];
    const made: Place = { sure, byName: [], byRole: at.byRole, group: null };
    places.push(made);
    return made;
  };
  const recent = new Recent<{ readonly at: Place; readonly group: Group }>(ROOM);
  const asked = (to: Group, open: readonly Who[], id: string, roles: readonly string[]): Group => {
    let found = to;
    for (let i = 0; i < open.length; i++) {
      const who = open[i] as Who;
      if (matchesWho(who, id, roles)) found = joined(found, who);
    }
    return found;
  };
  const withRoles = (to: Group, id: string, roles: readonly string[]): Group => {
    let found = to;
    for (let i = 0; i < roles.length; i++) {
      const own = byRole.get(roles[i] as string);
      if (own === undefined) continue;
      for (const who of own.sure) found = joined(found, who);
      found = asked(found, own.open, id, roles);
    }
    return found;
  };
  const ofPlace = (at: Place): Group => {
    at.group ??= at.sure.reduce(joined, none);
    return at.group;
  };
  const find = (id: string, roles: readonly string[]): Group => {
    let known = recent.get(id);
    if (known === undefined) {
      const at = lookup(id);
      known = { at, group: asked(ofPlace(at), at.byName, id, NO_ROLES) };
      recent.set(id, known);
    }
    const { at, group: found } = known;
    const own = at.byRole.length > 0 ? asked(found, at.byRole, id, roles) : found;
    return roles.length > 0 && byRole.size > 0 ? withRoles(own, id, roles) : own;
  };
  const forget = (): void => {
    none = group(count++, new Set());
    recent.clear();
    for (const at of places) at.group = null;
  };
  return { find, forget };
}

const NO_ROLES: readonly string[] = [];
const group = (id: number, whos: ReadonlySet<Who>): Group => ({ id, whos, and: new Map() });
const node = (label: string, parent: Node | null): Node => ({
  label,
  parent,
  edges: new Map(),
  sure: [],
  open: [],
  place: null,
});

/** Everything that begins with the first part matches. */
const isBeginning = (glob: Glob, rest: string | undefined): boolean => glob.gaps === 'a' && rest === '';

function place(own: Own, below: Place | null): Place {
  const sure = [...new Set([...(below?.sure ?? []), ...own.sure])];
  const open = [...(below?.byName ?? []), ...(below?.byRole ?? []), ...own.open];
  const asks = [...new Set(open)].filter((who) => !sure.includes(who));
  const roles = (who: Who): boolean => rolesOf(who).length > 0;
  return { sure, byName: asks.filter((who) => !roles(who)), byRole: asks.filter(roles), group: null };
}

/** The deepest node whose text the name begins with. */
function walk(root: Node, id: string): Node {
  let at = root;
  for (let done = 0; done < id.length; ) {
    const next = at.edges.get(id.charCodeAt(done));
    if (next === undefined || !id.startsWith(next.label, done)) break;
    done += next.label.length;
    at = next;
  }
  return at;
}

function insert(root: Node, text: string): Node {
  let at = root;
  for (let rest = text; rest !== ''; ) {
    const next = at.edges.get(rest.charCodeAt(0));
    if (next === undefined) {
      const made = node(rest, at);
      at.edges.set(rest.charCodeAt(0), made);
      return made;
    }
    const length = common(next.label, rest);
    at = length === next.label.length ? next : split(at, next, length);
    rest = rest.slice(length);
  }
  return at;
}

/** A node between the two, with the first letters of the lower one. */
function split(above: Node, below: Node, length: number): Node {
  const middle = node(below.label.slice(0, length), above);
  above.edges.set(below.label.charCodeAt(0), middle);
  below.label = below.label.slice(length);
  below.parent = middle;
  middle.edges.set(below.label.charCodeAt(0), below);
  return middle;
}

function common(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
