// SPDX-License-Identifier: Apache-2.0
/**
 * The space of questions about one action: its dimensions (who asks, with which roles, for whom, arguments, facts), each cut into
 * atoms that no condition tells apart any further, with values that stand for them; and conditions as diagrams over it.
 */
import type { Facts, JsonRecord, Request } from '../../stdlib/abi.js';
import type { ExprIr, PolicyIr, TypeIr, WhoIr } from '../ir.js';
import type { JsonValue } from '../lock.js';
import { evaluate } from '../reference-eval.js';
import { words } from '../words.js';
import type { Action } from './actions.js';
import { betweenReads, isRole, keyOf, primitives, roleKey, scopeOf, whoCondition } from './conditions.js';
import { Diagrams, type Kleene, kleene, type Node } from './diagram.js';
import {
  ABSENT,
  type Cover,
  cover,
  type Found,
  memberPlace,
  newPlace,
  note,
  type Place,
  trials,
} from './place.js';
import type { Bounds } from './text-cover.js';
import { either, factShape, memberShape, type Shape, TEXT } from './shape.js';

export interface Atom {
  /** Values that no condition tells apart; the plainest first. */
  readonly values: readonly Found[];
}
export interface Dimension {
  /** `principal`, `role:x`, `user`, `user-role:x`, `session`, `arg:x`, `fact:x`, `open:…`. */
  readonly key: string;
  readonly atoms: readonly Atom[];
  /** Conditions on it alone, with their answer for each atom. */
  readonly leaves: ReadonlyMap<string, readonly number[]>;
  /** Why its conditions are taken as free; null where they are exact. */
  readonly open: string | null;
}

export const STARTS = ['agent:', 'user:', 'service:'];
const PER_ATOM = 10;
const KINDS = ['principal', 'role', 'user', 'user-role', 'session', 'arg', 'fact', 'open'];

/** What is shared between the spaces of the same policies. */
export interface Shared {
  /** Every condition that some space asks: dimensions are cut by all of them at once, and the cuts shared. Null: they are not known. */
  readonly all: readonly Condition[] | null;
  readonly cuts: Map<string, Dimension>;
  byDimension: ReadonlyMap<string, ReadonlyMap<string, ExprIr>> | null;
}
export const sharedBy = (all: readonly Condition[] | null): Shared => ({
  all,
  cuts: new Map(),
  byDimension: null,
});

/** The conditions that read one dimension only, by dimension. */
function byDimension(shared: Shared): ReadonlyMap<string, ReadonlyMap<string, ExprIr>> {
  if (shared.byDimension !== null) return shared.byDimension;
  const found = new Map<string, Map<string, ExprIr>>();
  for (const { expr } of shared.all ?? []) {
    for (const { leaf, key, reads } of primitives(expr)) {
      if (leaf.op === 'hasRole' || leaf.op === 'subject') continue;
      const [only, second] = reads;
      if (only === undefined || second !== undefined) continue;
      const leaves = found.get(only) ?? new Map<string, ExprIr>();
      found.set(only, leaves.set(key, leaf));
    }
  }
  shared.byDimension = found;
  return found;
}

export interface Asked {
  readonly request: Request;
  readonly facts: Facts;
}

export class Space {
  readonly action: Action;
  readonly diagrams: Diagrams;
  readonly kleene: Kleene;
  readonly dimensions: readonly Dimension[];
  /** Conditions that are taken as free: neither their truth nor how they hang together is known. */
  readonly free: ReadonlyMap<string, ExprIr>;
  readonly #levels = new Map<string, number>();
  readonly #leaves = new Map<string, Node>();
  /** By policy; those that read the same hints and facts share theirs. */
  readonly #conditions = new Map<PolicyIr, Map<string, Node>>();

  constructor(
    action: Action,
    policies: readonly PolicyIr[],
    conditions: readonly Condition[],
    shared: Shared,
  ) {
    this.action = action;
    this.diagrams = new Diagrams();
    this.kleene = kleene();
    const cut = cutSpace(action, policies, conditions, shared);
    this.dimensions = cut.dimensions;
    this.free = cut.free;
    for (const policy of policies) {
      const alike = policies.find((other) => readAlike(other, policy)) ?? policy;
      this.#conditions.set(policy, this.#conditions.get(alike) ?? new Map());
    }
    for (const [level, { key, leaves }] of this.dimensions.entries()) {
      this.#levels.set(key, level);
      for (const [leaf, answers] of leaves) this.#leaves.set(leaf, this.diagrams.make(level, answers));
    }
  }

  level(key: string): number {
    return this.#levels.get(key) ?? -1;
  }

  /** A condition with three values, as a diagram. */
  condition({ expr, policy }: Condition): Node {
    const built = this.#conditions.get(policy) ?? new Map<string, Node>();
    this.#conditions.set(policy, built);
    const key = keyOf(expr);
    const known = built.get(key);
    if (known !== undefined) return known;
    const node = this.#build(expr, policy);
    built.set(key, node);
    return node;
  }

  who(who: WhoIr, policy: PolicyIr): Node {
    return this.condition({ expr: scopeOf(who), policy });
  }

  #build(e: ExprIr, policy: PolicyIr): Node {
    const { diagrams } = this;
    switch (e.op) {
      case 'not':
        return diagrams.map(this.#build(e.operand, policy), (v) => 2 - v);
      case 'and':
      case 'or': {
        const parts = e.operands.map((operand) => this.#build(operand, policy));
        return diagrams.join(this.kleene[e.op], parts, e.op === 'and' ? 2 : 0);
      }
      case 'const':
        return e.value.kind === 'bool' ? (e.value.value ? 2 : 0) : 1;
      case 'inWho':
        return this.#guarded(e.subject, this.#build(whoCondition(e.who, e.subject), policy));
      case 'hasRole': {
        const dimension = roleKey(e.subject, e.value);
        return this.#guarded(e.subject, diagrams.make(this.level(dimension), [0, 2]));
      }
      default: {
        const plain = betweenReads(e);
        if (plain !== e) return this.#build(plain, policy);
        const leaf = this.#leaves.get(keyOf(e));
        return leaf ?? answerOf(e, worldOf(this.action, new Map()), policy);
      }
    }
  }

  /** What is asked of the user is unknown where there is none. */
  #guarded(subject: 'principal' | 'user', node: Node): Node {
    if (subject === 'principal') return node;
    const level = this.level('user');
    const atoms = this.dimensions[level]?.atoms ?? [];
    const nobody = this.diagrams.make(
      level,
      atoms.map(({ values }) => (values.includes(ABSENT) ? 1 : 2)),
    );
    return this.diagrams.apply(this.kleene.guard, nobody, node);
  }
}

/** A condition and the policy whose hints and facts it reads. */
export interface Condition {
  readonly expr: ExprIr;
  readonly policy: PolicyIr;
}

/** Do conditions mean the same in both? */
export const readAlike = (a: PolicyIr, b: PolicyIr): boolean => a === b || worldText(a) === worldText(b);

function worldText(policy: PolicyIr): string {
  const known = worlds.get(policy);
  if (known !== undefined) return known;
  const { tools, facts } = policy;
  const text = JSON.stringify([tools, facts.map(({ name, type }) => [name, type])]);
  worlds.set(policy, text);
  return text;
}
const worlds = new WeakMap<PolicyIr, string>();

interface Cut {
  readonly dimensions: readonly Dimension[];
  readonly free: ReadonlyMap<string, ExprIr>;
}

function cutSpace(
  action: Action,
  policies: readonly PolicyIr[],
  conditions: readonly Condition[],
  shared: Shared,
): Cut {
  const places = new Map<string, Place>();
  const exact = new Map<string, Map<string, ExprIr>>();
  const free = new Map<string, ExprIr>();
  const plain = new Set<string>();
  const noted = new Set<string>();
  for (const { expr } of conditions) {
    for (const { leaf, key, reads } of primitives(expr)) {
      if (noted.has(key)) continue;
      noted.add(key);
      if (leaf.op === 'hasRole') plain.add(roleKey(leaf.subject, leaf.value));
      for (const read of reads) if (!isRole(read)) placeOf(places, read);
      if (leaf.op === 'hasRole' || leaf.op === 'subject' || reads.length === 0) continue;
      const [only = ''] = reads;
      const known = reads.length === 1 && note(leaf, resolver(places));
      if (known) {
        const leaves = exact.get(only) ?? new Map<string, ExprIr>();
        exact.set(only, leaves.set(key, leaf));
      } else {
        free.set(key, leaf);
        tryOut(leaf, places);
      }
    }
  }
  const dimensions: Dimension[] = [...plain].map((key) => ({
    key,
    atoms: [{ values: [false] }, { values: [true] }],
    leaves: new Map(),
    open: null,
  }));
  for (const [key, place] of places) {
    const leaves = exact.get(key) ?? new Map<string, ExprIr>();
    const found = dimension(key, place, leaves, action, policies, shared);
    dimensions.push(found);
    // What could not be cut is free.
    for (const [name, leaf] of leaves) if (!found.leaves.has(name)) free.set(name, leaf);
  }
  for (const key of free.keys()) {
    const atoms = [0, 1, 2].map((value): Atom => ({ values: [value] }));
    dimensions.push({ key: `open:${key}`, atoms, leaves: new Map([[key, [0, 1, 2]]]), open: 'free' });
  }
  const rank = (key: string): number =>
    KINDS.indexOf(key.slice(0, (key.indexOf(':') + 1 || key.length + 1) - 1));
  dimensions.sort((a, b) => rank(a.key) - rank(b.key) || (a.key < b.key ? -1 : 1));
  return { dimensions, free };
}

function placeOf(places: Map<string, Place>, key: string): Place {
  const known = places.get(key);
  if (known !== undefined) return known;
  const place = newPlace();
  places.set(key, place);
  return place;
}

const resolver =
  (places: Map<string, Place>) =>
  (read: ExprIr): Place | null => {
    switch (read.op) {
      case 'fact':
        return placeOf(places, `fact:${read.name}`);
      case 'arg':
        return read.path.slice(1).reduce(memberPlace, placeOf(places, `arg:${read.path[0] ?? ''}`));
      case 'subject':
        if (read.field === 'principal.id') return placeOf(places, 'principal');
        if (read.field === 'user.id') return placeOf(places, 'user');
        return read.field === 'session.id' ? placeOf(places, 'session') : null;
      default:
        return null;
    }
  };

/** Values to try a free condition with, at every place that it reads. */
function tryOut(leaf: ExprIr, places: Map<string, Place>): void {
  const values = trials(leaf);
  const visit = (x: unknown): void => {
    if (typeof x !== 'object' || x === null) return;
    if ('op' in x) {
      const read = x as ExprIr;
      if (read.op === 'arg' || read.op === 'fact' || read.op === 'subject')
        resolver(places)(read)?.values.push(...values);
    }
    for (const value of Object.values(x) as unknown[]) visit(value);
  };
  visit(leaf);
}

export function shapeAt(key: string, action: Action, policies: readonly PolicyIr[]): Shape {
  if (key.startsWith('arg:')) {
    const name = key.slice(4);
    const shapes = action.schemas.map((schema) => memberShape(schema, name));
    return shapes.length === 0 ? { ...memberShape(true, name), absent: true } : shapes.reduce(either);
  }
  if (key.startsWith('fact:')) {
    const types = factTypes(key, policies);
    const shape = types.length === 0 ? factShape({ kind: 'json' }) : types.map(factShape).reduce(either);
    return { ...shape, absent: true };
  }
  return key === 'user' ? { ...TEXT, absent: true } : TEXT;
}

function dimension(
  key: string,
  place: Place,
  leaves: ReadonlyMap<string, ExprIr>,
  action: Action,
  policies: readonly PolicyIr[],
  shared: Shared,
): Dimension {
  const [policy] = policies;
  if (policy === undefined) throw new Error('a space without a policy');
  if (place.values.length === 0) {
    const wide = wideCut(key, action, policies, shared);
    if (wide !== null) return project(wide, leaves);
    return cutOnce(key, place, leaves, action, policies, policy);
  }
  return cutAlone(key, place, leaves, action, policies, policy);
}

/** Arguments of equal names may have other schemas. */
const placeName = (key: string, { schemas }: Action): string =>
  key.startsWith('arg:') ? `${key} ${schemas.map(schemaText).join()}` : key;

function schemaText(schema: JsonValue): string {
  if (typeof schema !== 'object' || schema === null) return JSON.stringify(schema);
  const known = schemaTexts.get(schema);
  if (known !== undefined) return known;
  const text = JSON.stringify(schema);
  schemaTexts.set(schema, text);
  return text;
}
const schemaTexts = new WeakMap<object, string>();

/** Cuts that were made last, also of other policies: a proof and a comparison, or two edits of a policy, ask the same of most fields. */
const lastCuts = new Map<string, Dimension>();
const MOST_CUTS = 500;

/** What cuts a field apart is named in full: its conditions, and the schema or the type of what it holds. */
function cutOnce(
  key: string,
  place: Place,
  leaves: ReadonlyMap<string, ExprIr>,
  action: Action,
  policies: readonly PolicyIr[],
  policy: PolicyIr,
  bounds?: Bounds,
): Dimension {
  const types = key.startsWith('fact:') ? JSON.stringify(factTypes(key, policies)) : '';
  const name = [placeName(key, action), types, bounds?.states ?? '', ...[...leaves.keys()].sort()].join('\n');
  let cut = lastCuts.get(name);
  if (cut === undefined) cut = cutAlone(key, place, leaves, action, policies, policy, bounds);
  else lastCuts.delete(name);
  lastCuts.set(name, cut);
  if (lastCuts.size > MOST_CUTS)
    for (const oldest of lastCuts.keys()) {
      lastCuts.delete(oldest);
      break;
    }
  return cut;
}

const factTypes = (key: string, policies: readonly PolicyIr[]): readonly TypeIr[] =>
  policies.flatMap((p) =>
    p.facts.filter((f) => f.name === key.slice('fact:'.length)).map(({ type }) => type),
  );

/** Past this the cut by all conditions costs more than those by the few that one action asks. */
const WIDE: Bounds = { states: 2_000, answers: 1_000 };

/** The dimension cut by every condition of the policies; null where that is too much at once. */
function wideCut(
  key: string,
  action: Action,
  policies: readonly PolicyIr[],
  shared: Shared,
): Dimension | null {
  if (shared.all === null) return null;
  const [policy] = policies;
  const name = placeName(key, action);
  let cut = shared.cuts.get(name);
  if (cut === undefined && policy !== undefined) {
    const place = newPlace();
    const places = new Map([[key, place]]);
    const leaves = [...(byDimension(shared).get(key) ?? [])].filter(([, leaf]) =>
      note(leaf, resolver(places)),
    );
    cut = cutOnce(key, place, new Map(leaves), action, policies, policy, WIDE);
    shared.cuts.set(name, cut);
  }
  return cut === undefined || cut.open !== null ? null : cut;
}

/** The cut by fewer conditions: atoms that they do not tell apart are one. */
function project({ key, atoms, leaves }: Dimension, wanted: ReadonlyMap<string, ExprIr>): Dimension {
  const rows = [...wanted.keys()].flatMap((name) => {
    const row = leaves.get(name);
    return row === undefined ? [] : [{ name, row }];
  });
  const classes = new Map<number, { readonly first: number; readonly values: Found[] }>();
  const groups = groupsOf(
    rows.map(({ row }) => row),
    atoms,
    key === 'user',
  );
  for (const [i, { values }] of atoms.entries()) {
    const group = groups[i] ?? 0;
    const known = classes.get(group);
    if (known === undefined) classes.set(group, { first: i, values: [...values] });
    else if (known.values.length < PER_ATOM)
      known.values.push(...values.slice(0, PER_ATOM - known.values.length));
  }
  const kept = [...classes.values()];
  const table = rows.map(({ name, row }) => [name, kept.map(({ first }) => row[first] ?? 1)] as const);
  return { key, atoms: kept.map(({ values }) => ({ values })), leaves: new Map(table), open: null };
}

/** Atoms that no row tells apart have one number; that there is nobody is kept apart. */
function groupsOf(
  rows: readonly (readonly number[])[],
  atoms: readonly Atom[],
  nobodyApart: boolean,
): readonly number[] {
  let groups: readonly number[] = atoms.map(({ values }) => (nobodyApart && values.includes(ABSENT) ? 1 : 0));
  for (const row of rows) {
    const numbers = new Map<number, number>();
    groups = groups.map((group, i) => {
      const pair = group * 3 + (row[i] ?? 1);
      const known = numbers.get(pair) ?? numbers.size;
      if (known === numbers.size) numbers.set(pair, known);
      return known;
    });
  }
  return groups;
}

function cutAlone(
  key: string,
  place: Place,
  leaves: ReadonlyMap<string, ExprIr>,
  action: Action,
  policies: readonly PolicyIr[],
  policy: PolicyIr,
  bounds?: Bounds,
): Dimension {
  const shape = shapeAt(key, action, policies);
  const asking = (value: Found): Asked => worldOf(action, new Map([[key, value]]));
  const all = [...leaves];
  const starts = key === 'principal' || key === 'user' ? STARTS : null;
  const fold = (folds: readonly ExprIr[], value: JsonValue): string => {
    const asked = asking(value);
    return folds.map((one) => answerOf(one, asked, policy)).join();
  };
  const covered = cover(place, shape, starts, fold, bounds);
  const found: Cover =
    covered.values.length > 0 ? covered : { values: [ABSENT], open: 'no value was found for it' };
  const kept = found.open === null ? all : all.filter(([, leaf]) => leaf.op === 'has');
  const atoms = new Map<string, { readonly values: Found[]; readonly answers: readonly number[] }>();
  for (const value of ordered(key, found.values)) {
    const asked = asking(value);
    const row = kept.map(([, leaf]) => answerOf(leaf, asked, policy));
    // Whether a member is there at all is kept apart: witnesses need to know.
    const signature = row.join('');
    const atom = atoms.get(signature);
    if (atom === undefined) atoms.set(signature, { values: [value], answers: row });
    else if (atom.values.length < (place.values.length > 0 ? 60 : PER_ATOM)) atom.values.push(value);
  }
  const rows = [...atoms.values()];
  const table = new Map(kept.map(([name], i) => [name, rows.map((row) => row.answers[i] ?? 1)]));
  const split = key === 'user' ? nobodyApart(rows, table) : { atoms: rows, leaves: table };
  return { key, atoms: split.atoms, leaves: split.leaves, open: found.open };
}

/** That there is no user is an atom of its own. */
function nobodyApart(
  rows: readonly Atom[],
  table: ReadonlyMap<string, readonly number[]>,
): { readonly atoms: readonly Atom[]; readonly leaves: ReadonlyMap<string, readonly number[]> } {
  const at = rows.findIndex(({ values }) => values.includes(ABSENT) && values.length > 1);
  if (at < 0) return { atoms: rows, leaves: table };
  const atoms = rows.map((row, i) => (i === at ? { values: row.values.filter((v) => v !== ABSENT) } : row));
  const leaves = [...table].map(([name, row]) => [name, [...row, row[at] ?? 1]] as const);
  return { atoms: [...atoms, { values: [ABSENT] }], leaves: new Map(leaves) };
}

/** Nobody comes first where there may be no user: the plainest witness has none. */
function ordered(key: string, values: readonly Found[]): readonly Found[] {
  if (key !== 'user') return values;
  return [...values.filter((v) => v === ABSENT), ...values.filter((v) => v !== ABSENT)];
}

/** The question in which these dimensions have these values and nothing else is said. */
export function worldOf(action: Action, values: ReadonlyMap<string, Found>): Asked {
  const args: { [name: string]: JsonValue } = Object.create(null);
  const facts: { [name: string]: JsonValue | undefined } = Object.create(null);
  const roles: string[] = [];
  const userRoles: string[] = [];
  for (const [key, value] of values) {
    const name = key.slice(key.indexOf(':') + 1);
    if (key.startsWith('arg:') && value !== ABSENT) args[name] = value;
    else if (key.startsWith('fact:')) facts[name] = value === ABSENT ? undefined : value;
    else if (key.startsWith('role:') && value === true) roles.push(name);
    else if (key.startsWith('user-role:') && value === true) userRoles.push(name);
  }
  const text = (key: string): string | null => {
    const value = values.get(key);
    return typeof value === 'string' ? value : null;
  };
  const { kind, server, name } = action;
  const request: Request = {
    principal: text('principal') ?? 'agent:x',
    roles,
    user: text('user'),
    userRoles: text('user') === null ? [] : userRoles,
    session: text('session') ?? 's1',
    intent: { kind, server, name, args: args as JsonRecord },
  };
  return { request, facts: facts as Facts };
}

const ANSWERS = new Map<boolean | 'unknown', number>([
  [false, 0],
  ['unknown', 1],
  [true, 2],
]);

export function answerOf(e: ExprIr, { request, facts }: Asked, policy: PolicyIr): number {
  return ANSWERS.get(evaluate(e, { policy, request, facts })) ?? 1;
}

/** A free condition in words, for the answer. */
export const freeWords = (space: Space): readonly string[] => [...space.free.values()].map(words);
