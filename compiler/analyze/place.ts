// SPDX-License-Identifier: Apache-2.0
/**
 * What conditions ask of one place that holds a value (an argument, a fact, an id, an element of a list), collected from all of them,
 * and values that together meet every combination of answers.
 */
import { assertNever } from '../assert.js';
import { literalGlob } from '../glob.js';
import type { ConstIr, ExprIr, GlobIr, ScheduleIr } from '../ir.js';
import type { JsonValue } from '../lock.js';
import { coverHosts, coverUrls, type HostTests, newHosts, newUrl, type UrlTests } from './host-cover.js';
import { linear } from './linear.js';
import { coverMoments, coverSpans } from './moment-cover.js';
import { coverNumbers, type Fraction, minus, over, plus } from './number-cover.js';
import { ANY, either, type Shape } from './shape.js';
import { edges } from './schedule-cover.js';
import { type Bounds, coverTexts, type TextTest } from './text-cover.js';

/** Stands for a member that is not there, and for a fact that is not known. */
export const ABSENT: unique symbol = Symbol('absent');
export type Found = JsonValue | typeof ABSENT;

export interface Place {
  readonly texts: TextTest[];
  readonly numbers: Fraction[];
  /** Whole values that are compared with. */
  readonly values: JsonValue[];
  /** Schedules that a moment is compared with. */
  readonly schedules: ScheduleIr[];
  /** Where comparisons of an instant, of a duration turn, in milliseconds. */
  readonly moments: Fraction[];
  readonly spans: Fraction[];
  /** What is asked of it as a URL, and as a host or an address. */
  url: UrlTests | null;
  hosts: HostTests | null;
  /** Lengths of the list that are told apart. */
  readonly sizes: number[];
  /** Conditions over the list as a whole that are folds over its elements. */
  readonly folds: ExprIr[];
  element: Place | null;
  readonly members: Map<string, Place>;
}

export const newPlace = (): Place => ({
  texts: [],
  numbers: [],
  values: [],
  schedules: [],
  moments: [],
  spans: [],
  url: null,
  hosts: null,
  sizes: [],
  folds: [],
  element: null,
  members: new Map(),
});

/** The place of a member. */
export function memberPlace(place: Place, name: string): Place {
  const member = place.members.get(name) ?? newPlace();
  place.members.set(name, member);
  return member;
}

/** Where a read stands; null when it is not one of these places. */
export type Resolve = (read: ExprIr) => Place | null;

/** Notes what a condition asks. False when it asks what this module cannot tell apart exactly. */
export function note(e: ExprIr, resolve: Resolve): boolean {
  switch (e.op) {
    case 'const':
      return true;
    case 'has':
      return resolve({ op: 'arg', path: e.path, type: { kind: 'json' }, nullable: true }) !== null;
    case 'arg':
    case 'fact':
    case 'param':
    case 'member':
      return resolve(e) !== null;
    case 'hasMember':
      return resolve({ ...e, op: 'member', type: { kind: 'json' }, nullable: true }) !== null;
    case 'inDomain':
      return noteHost(e.left, resolve, ({ domains }) => domains.push(e.domain));
    case 'inCidr':
      return noteHost(e.left, resolve, ({ ranges }) => ranges.push(e.range));
    case 'not':
      return note(e.operand, resolve);
    case 'and':
    case 'or':
      return e.operands.every((operand) => note(operand, resolve));
    case 'compare':
      return noteCompare(e.on, e.cmp, e.left, e.right, resolve);
    case 'inList':
      return e.items.every((item) => noteCompare(e.on, '==', e.left, item, resolve));
    case 'inValue':
      return noteInValue(e, resolve);
    case 'startsWith':
      return noteText(e.left, e.right, resolve, (text) => [glob([text, ''])]);
    case 'endsWith':
      return noteText(e.left, e.right, resolve, (text) => [glob(['', text])]);
    case 'contains':
      return noteText(e.left, e.right, resolve, (text) => [glob(['', text, ''])]);
    case 'under':
      return noteUnder(e.left, e.right, resolve);
    case 'like':
      return noteGlob(e.left, e.glob, resolve);
    case 'matches': {
      const place = resolve(e.left);
      place?.texts.push({ kind: 'dfa', dfa: e.dfa });
      return place !== null;
    }
    case 'within': {
      const place = resolve(e.instant);
      place?.schedules.push(e.schedule);
      return place !== null;
    }
    case 'quantifier':
      return noteQuantifier(e, resolve);
    default:
      return false;
  }
}

const glob = (parts: readonly string[]): GlobIr => ({
  text: parts.join('*'),
  parts,
  gaps: parts.slice(1).map(() => 'any'),
});

type Compare = Extract<ExprIr, { op: 'compare' }>;

function noteCompare(
  on: Compare['on'],
  cmp: Compare['cmp'],
  left: ExprIr,
  right: ExprIr,
  resolve: Resolve,
): boolean {
  const [a, b] = left.op === 'const' ? [right, left] : [left, right];
  switch (on) {
    case 'number':
      return noteLinear(left, right, resolve);
    case 'string': {
      if (b.op !== 'const' || b.value.kind !== 'string') return false;
      const { value } = b.value;
      if (a.op === 'url' || a.op === 'ip') return notePart(a, cmp, value, resolve);
      const ordered = cmp !== '==' && cmp !== '!=';
      if (ordered && a.op === 'lower') return false;
      const place = noteGlob(a, literalGlob(value), resolve);
      if (place && ordered) resolve(a)?.texts.push({ kind: 'order', text: value });
      return place;
    }
    case 'bool':
      return (
        [a, b].every((side) => side.op === 'const' || resolve(side) !== null) &&
        (a.op === 'const' || b.op === 'const')
      );
    case 'json': {
      const place = resolve(a);
      if (place === null || b.op !== 'const') return false;
      place.values.push(constJson(b.value));
      return true;
    }
    default:
      return assertNever(on);
  }
}

function noteInValue(e: Extract<ExprIr, { op: 'inValue' }>, resolve: Resolve): boolean {
  if (e.list.op === 'const' && e.list.value.kind === 'list') {
    return e.list.value.items.every((value) =>
      noteCompare(e.on, '==', e.left, { op: 'const', type: { kind: 'json' }, value }, resolve),
    );
  }
  const place = resolve(e.list);
  if (place === null || e.left.op !== 'const') return false;
  const element = (place.element ??= newPlace());
  place.folds.push(e);
  const read: ExprIr = { op: 'param', param: -1, type: { kind: 'json' } };
  return noteCompare(e.on, '==', read, e.left, (asked) => (asked === read ? element : null));
}

function noteQuantifier(e: Extract<ExprIr, { op: 'quantifier' }>, resolve: Resolve): boolean {
  const place = resolve(e.list);
  if (place === null) return false;
  const element = (place.element ??= newPlace());
  place.folds.push(e);
  const inside = (asked: ExprIr): Place | null => {
    if (asked.op === 'member') {
      const object = inside(asked.object);
      return object && asked.path.reduce(memberPlace, object);
    }
    return asked.op === 'param' && asked.param === e.param ? element : null;
  };
  return note(e.body, inside);
}

function noteText(
  left: ExprIr,
  right: ExprIr,
  resolve: Resolve,
  tests: (text: string) => readonly GlobIr[],
): boolean {
  if (right.op === 'const' && right.value.kind === 'string') {
    return tests(right.value.value).every((g) => noteGlob(left, g, resolve));
  }
  return false;
}

function noteUnder(left: ExprIr, right: ExprIr, resolve: Resolve): boolean {
  const place = resolve(left);
  if (place === null || right.op !== 'const' || right.value.kind !== 'string') return false;
  place.texts.push({ kind: 'under', root: right.value.value });
  return true;
}

function noteGlob(text: ExprIr, pattern: GlobIr, resolve: Resolve): boolean {
  const lower = text.op === 'lower';
  const place = resolve(lower ? text.operand : text);
  // What a sigma becomes depends on what follows it.
  if (place === null || (lower && /[σς]/.test(pattern.text))) return false;
  place.texts.push({ kind: 'glob', glob: pattern, lower });
  return true;
}

function noteLinear(left: ExprIr, right: ExprIr, resolve: Resolve): boolean {
  const [a, b] = [linear(left), linear(right)];
  if (a === null || b === null || a.length + b.length > 60) return false;
  const read = a.read ?? b.read;
  if (
    read === null ||
    (a.read !== null && b.read !== null && JSON.stringify(a.read) !== JSON.stringify(b.read))
  )
    return false;
  const factor = plus(a.factor, minus(b.factor));
  const rest = plus(b.rest, minus(a.rest));
  const turn = factor.num === 0n ? null : over(rest, factor);
  return noteTurn(read, turn, resolve);
}

function noteTurn(read: ExprIr, turn: Fraction | null, resolve: Resolve): boolean {
  if (read.op === 'moment' || read.op === 'span' || read.op === 'url') {
    const place = resolve(read.operand);
    if (place !== null && turn !== null) turnsOf(place, read.op).push(turn);
    return place !== null;
  }
  if (read.op !== 'size') {
    const place = resolve(read);
    if (place !== null && turn !== null) place.numbers.push(turn);
    return place !== null;
  }
  const place = resolve(read.operand);
  if (place === null) return false;
  const most = turn === null || turn.num < 0n ? 0 : Number(turn.num / turn.den) + 1;
  if (most > 2_000) return false;
  place.sizes.push(most);
  place.texts.push({ kind: 'size', most });
  return true;
}

function turnsOf(place: Place, op: 'moment' | 'span' | 'url'): Fraction[] {
  if (op === 'url') return (place.url ??= newUrl()).ports;
  return op === 'span' ? place.spans : place.moments;
}

/** What is asked of a host: of a text itself, of a URL's, of an address in its one spelling. */
function hostsAt(e: ExprIr, resolve: Resolve): HostTests | null {
  if (e.op === 'ip') return hostsAt(e.operand, resolve);
  if (e.op === 'url') {
    const place = e.part === 'host' ? resolve(e.operand) : null;
    return place && (place.url ??= newUrl()).hosts;
  }
  const place = resolve(e);
  return place && (place.hosts ??= newHosts());
}

function noteHost(e: ExprIr, resolve: Resolve, put: (hosts: HostTests) => void): boolean {
  const hosts = hostsAt(e, resolve);
  if (hosts !== null) put(hosts);
  return hosts !== null;
}

/** A part of a URL or an address in its one spelling, compared with a text. */
function notePart(
  e: Extract<ExprIr, { op: 'url' | 'ip' }>,
  cmp: Compare['cmp'],
  text: string,
  resolve: Resolve,
): boolean {
  if (cmp !== '==' && cmp !== '!=') return false;
  if (e.op === 'url' && e.part === 'scheme') {
    const place = resolve(e.operand);
    if (place !== null) (place.url ??= newUrl()).schemes.push(text);
    return place !== null;
  }
  if (e.op === 'url' && e.part !== 'host') return false;
  return noteHost(e, resolve, (hosts) => hosts.texts.push(text));
}

export function constJson(value: ConstIr): JsonValue {
  switch (value.kind) {
    case 'null':
      return null;
    case 'bool':
    case 'string':
      return value.value;
    case 'number':
      return Number(value.text);
    case 'list':
      return value.items.map(constJson);
    default:
      return assertNever(value);
  }
}

/** How these folds answer where the whole field has this value, as one text. */
export type Fold = (folds: readonly ExprIr[], value: JsonValue) => string;

export interface Cover {
  readonly values: readonly Found[];
  /** Why some combinations may be missed; null when none are. */
  readonly open: string | null;
}

const NO_VALUES: Cover = { values: [], open: null };
const MOST_VALUES = 4_000;
const MOST_LISTS = 600;

/** Values of the shape that meet every combination of answers to what was noted. */
export function cover(
  place: Place,
  shape: Shape,
  starts: readonly string[] | null,
  fold: Fold | null,
  bounds?: Bounds,
): Cover {
  const values: Found[] = [];
  const members = shape.object === null ? NO_VALUES : objectsOf(place, shape.object, fold);
  const objects = members.values;
  let { open } = members;
  if (place.members.size > 0) values.push(...objects);
  const mixed = readInSeveralWays(place);
  if (mixed) open = 'it is read in several ways';
  if (place.schedules.length > 0 && !mixed) {
    const moments = edges(place.schedules).map((ms) => new Date(ms).toISOString());
    return { values: [...moments, ABSENT], open: null };
  }
  if (shape.text !== null) {
    const texts = mixed ? null : textsOf(place, shape.text, starts, bounds);
    if (texts === null)
      open ??= 'too many patterns that are not anchored: they can go together in too many ways';
    values.push(...(texts ?? shape.text.members ?? ['x', '']));
  }
  if (shape.number !== null) {
    const { whole, values: listed } = shape.number;
    const all = listed ?? coverNumbers(place.numbers, shape.number, whole);
    values.push(...(all.length > 0 ? all : []));
  }
  if (shape.bool) values.push(true, false);
  if (shape.nothing) values.push(null);
  if (shape.list !== null) {
    const lists = listsOf(place, shape.list, fold);
    if (lists.open !== null) open = lists.open;
    values.push(...lists.values);
  }
  if (place.members.size === 0) values.push(...objects);
  values.push(...place.values.filter((value) => admits(shape, value)));
  if (shape.absent) values.push(ABSENT);
  if (values.length > MOST_VALUES) open = 'too many combinations of its members';
  return { values: values.slice(0, MOST_VALUES), open };
}

/** As an instant, a URL, a host, a text: how these go together is not known. */
function readInSeveralWays(place: Place): boolean {
  const lists = [place.schedules, place.moments, place.spans].filter((list) => list.length > 0).length;
  const ways = lists + Number(place.url !== null) + Number(place.hosts !== null);
  const texts = place.texts.filter((test) => place.hosts === null || !isEquality(test));
  return ways > 1 || (ways > 0 && texts.length > 0);
}

/** Equality with a text. */
const isEquality = (test: TextTest): boolean =>
  test.kind === 'glob' && test.glob.gaps.length === 0 && !test.lower;

function textsOf(
  place: Place,
  shape: NonNullable<Shape['text']>,
  starts: readonly string[] | null,
  bounds?: Bounds,
): readonly string[] | null {
  if (shape.members !== null) return shape.members;
  // Shorter ones than the schema admits do no harm: there are only more texts.
  const { url, hosts, moments, spans } = place;
  if (url !== null) return coverUrls(url);
  if (moments.length > 0) return coverMoments(moments);
  if (spans.length > 0) return coverSpans(spans);
  if (hosts !== null) {
    const equal = place.texts.flatMap((test) => (test.kind === 'glob' ? test.glob.parts : []));
    return [...equal, ...coverHosts({ ...hosts, texts: [...hosts.texts, ...equal] })];
  }
  // Longer ones would cost more than they are worth: without the bound there are only more texts.
  const least = shape.least <= 64 ? shape.least : 0;
  const longEnough: readonly TextTest[] = least > 0 ? [{ kind: 'size', most: least }] : [];
  const texts = coverTexts(
    [...place.texts, ...longEnough],
    starts ?? [''],
    starts === null ? '' : '*',
    bounds,
  );
  return texts === null ? null : texts.filter((text) => [...text].length >= least);
}

function objectsOf(place: Place, shape: NonNullable<Shape['object']>, fold: Fold | null): Cover {
  let open: string | null = null;
  let objects: { readonly [key: string]: JsonValue }[] = [{}];
  for (const [name, member] of place.members) {
    const inside = fold && ((folds: readonly ExprIr[], value: JsonValue) => fold(folds, { [name]: value }));
    const found = cover(member, shape.member(name), null, inside);
    open ??= found.open;
    objects = objects
      .flatMap((object) =>
        found.values.map((value) => (value === ABSENT ? object : { ...object, [name]: value })),
      )
      .slice(0, MOST_VALUES + 1);
  }
  const filler = shape.required.filter((name) => !place.members.has(name));
  const values = objects.map((object) => ({
    ...Object.fromEntries(filler.map((name) => [name, sample(shape.member(name))])),
    ...object,
  }));
  return { values, open };
}

/** May this value stand there? Looks only at what kind of value it is, and at the edges. */
export function admits(shape: Shape, value: JsonValue): boolean {
  if (value === null) return shape.nothing;
  if (typeof value === 'boolean') return shape.bool;
  if (typeof value === 'string') {
    return (
      shape.text !== null && (shape.text.members?.includes(value) ?? [...value].length >= shape.text.least)
    );
  }
  if (typeof value === 'number') {
    if (shape.number === null) return false;
    const { values, whole } = shape.number;
    return values?.includes(value) ?? coverNumbers([], shape.number, whole, [value]).includes(value);
  }
  if (!Array.isArray(value)) return shape.object !== null;
  const { list } = shape;
  return (
    list !== null &&
    fits(list)(value as readonly JsonValue[]) &&
    (value as readonly JsonValue[]).every((item) => admits(list.element, item))
  );
}

/** Some value of the shape, as plain as can be. */
export function sample(shape: Shape, depth = 0): JsonValue {
  if (shape.text !== null)
    return shape.text.members?.[0] ?? 'x'.repeat(Math.min(Math.max(shape.text.least, 1), 1_000));
  if (shape.number !== null)
    return shape.number.values?.[0] ?? coverNumbers([], shape.number, shape.number.whole)[0] ?? 0;
  if (shape.bool) return false;
  if (shape.list !== null) {
    const { element, least } = shape.list;
    return depth > 8 ? [] : Array.from({ length: Math.min(least, 100) }, () => sample(element, depth + 1));
  }
  if (shape.object !== null && depth < 8) {
    const { object } = shape;
    return Object.fromEntries(object.required.map((name) => [name, sample(object.member(name), depth + 1)]));
  }
  return shape.nothing ? null : {};
}

function listsOf(
  place: Place,
  shape: NonNullable<Shape['list']>,
  fold: Fold | null,
): { readonly values: readonly JsonValue[]; readonly open: string | null } {
  if (place.element === null && place.sizes.length === 0) {
    const one = Array.from({ length: Math.max(1, Math.min(shape.least, 100)) }, () => sample(shape.element));
    return { values: [...(shape.least === 0 ? [[]] : []), ...(shape.most > 0 ? [one] : [])], open: null };
  }
  if (fold === null && place.folds.length > 0) {
    return { values: [[]], open: 'conditions on lists in lists' };
  }
  const folds = (list: readonly JsonValue[]): string => fold?.(place.folds, list) ?? '';
  const deep = place.element !== null && place.element.members.size > 0 && shape.element.object === null;
  const of = deep ? either(shape.element, { ...shape.element, object: ANY.object }) : shape.element;
  const elements = cover(place.element ?? newPlace(), of, null, null);
  const items = elements.values.filter((item) => item !== ABSENT);
  const most = Math.max(0, ...place.sizes);
  const lengths = (n: number): number => Math.min(n, most + 1);
  const found: JsonValue[][] = [];
  const seen = new Set<string>();
  let open: readonly JsonValue[][] = [[]];
  const visit = (list: JsonValue[]): boolean => {
    const key = `${lengths(list.length)} ${folds(list)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    found.push(list);
    return true;
  };
  visit([]);
  while (open.length > 0 && found.length < MOST_LISTS) {
    open = open.flatMap((list) => items.map((item) => [...list, item]).filter(visit));
  }
  const full = found.length >= MOST_LISTS ? 'too many combinations of the elements of a list' : elements.open;
  return {
    values: found.flatMap((list) => variants(list, place, shape.least)).filter(fits(shape)),
    open: full,
  };
}

const fits =
  (shape: NonNullable<Shape['list']>) =>
  (list: readonly JsonValue[]): boolean =>
    list.length >= shape.least && list.length <= shape.most;

/** The list, turned round, with its last element twice; and so long that quantifiers refuse it. */
function variants(list: readonly JsonValue[], place: Place, least: number): readonly JsonValue[][] {
  const last = list.at(-1);
  if (last === undefined) return [[]];
  const long = place.folds.length > 0 ? [[...list, ...Array.from({ length: 1001 }, () => last)]] : [];
  const padded = [2, 3, 5, Math.min(least, 1_000)].map((n) => [
    ...list,
    ...Array.from({ length: Math.max(0, n - list.length) }, () => last),
  ]);
  return [
    [...list],
    [...list].reverse(),
    [...list, last],
    ...(list.length < Math.max(5, least) ? padded : []),
    ...long,
  ];
}

/** What opaque conditions are tried with: their own constants, and some values of every kind. */
export function trials(e: ExprIr): readonly JsonValue[] {
  const found: JsonValue[] = [];
  JSON.stringify(e, (_, value: unknown) => {
    const node = value as { readonly op?: string; readonly value?: ConstIr } | null;
    if (typeof node === 'object' && node?.op === 'const' && node.value !== undefined)
      found.push(constJson(node.value));
    return value;
  });
  const numbers = found.filter((v) => typeof v === 'number');
  return [
    ...found,
    ...numbers.flatMap((n) => [n + 1, n - 1, n * 2, -n]),
    0,
    1,
    -1,
    2,
    3,
    10,
    100,
    1000,
    0.5,
    'a',
    'b',
    'x',
    'ab',
    '/',
    '/a',
    '/a/b',
    '/b',
    'agent:x',
    [],
    ['a'],
    ['a', 'b'],
    [1],
    [1, 2],
    true,
    false,
  ];
}
