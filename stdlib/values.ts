// SPDX-License-Identifier: Apache-2.0
/**
 * Reading and comparing values. `undefined` is unknown; conditions are numbers: 0 false, 1 unknown, 2 true, so that `and` is the
 * smaller and `or` the larger.
 */
import { compareNumbers, isDecimal, type Num } from './decimal.js';

export type Kleene = 0 | 1 | 2;
export type Args = { readonly [key: string]: unknown };

/** Stands for arguments that nobody knows yet (discovery): everything read from it is unknown. */
export const UNKNOWN_ARGS: Args = Object.freeze(Object.create(null));

/** An own member, or undefined. */
export function get(object: unknown, key: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, key)
    ? (object as Args)[key]
    : undefined;
}

/** Is the member present, even if null? */
export function has(args: Args, ...path: readonly string[]): Kleene {
  if (args === UNKNOWN_ARGS) return 1;
  let at: unknown = args;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return 0;
    at = (at as Args)[key];
  }
  return 2;
}

/** `has` below an element of a list. What is unknown there stays unknown to whoever reads it. */
export function hasIn(object: unknown, ...path: readonly string[]): Kleene {
  return object === undefined ? 1 : has(object as Args, ...path);
}

/** What `has(path) and …` is where the value is undefined: false where it is absent, else unknown. */
export const absent = (args: Args, ...path: readonly string[]): Kleene => (has(args, ...path) === 0 ? 0 : 1);

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const bool = (value: unknown): Kleene => (value === true ? 2 : value === false ? 0 : 1);
export const list = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) ? value : undefined;
export const json = (value: unknown): unknown => (value === null ? undefined : value);
/** Any number that JSON can write: it stands for the decimal of its canonical text. */
export const num = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
export const int = (value: unknown): number | undefined =>
  Number.isInteger(value) ? (value as number) : undefined;

/** Undefined for unknown: what a read of a three-valued input looks like. */
export const known = (value: Kleene): Kleene | undefined => (value === 1 ? undefined : value);

/** A truth as a JSON value. */
export const truth = (value: Kleene): boolean | undefined => (value === 1 ? undefined : value === 2);

export const not = (x: Kleene): Kleene => (2 - x) as Kleene;
export function and(...values: readonly Kleene[]): Kleene {
  let least: Kleene = 2;
  for (const value of values) if (value < least) least = value;
  return least;
}
export function or(...values: readonly Kleene[]): Kleene {
  let most: Kleene = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export function compareNum(op: Comparison, a: Num | undefined, b: Num | undefined): Kleene {
  return a === undefined || b === undefined ? 1 : ordered(op, compareNumbers(a, b));
}
export function compareText(op: Comparison, a: string | undefined, b: string | undefined): Kleene {
  if (a === undefined || b === undefined) return 1;
  return ordered(op, a === b ? 0 : codePointOrder(a, b));
}
export function equalText(a: string | undefined, b: string | undefined): Kleene {
  return a === undefined || b === undefined ? 1 : a === b ? 2 : 0;
}
export function equalBool(a: Kleene, b: Kleene): Kleene {
  return a === 1 || b === 1 ? 1 : a === b ? 2 : 0;
}
export function equalJson(a: unknown, b: unknown): Kleene {
  return a === undefined || b === undefined ? 1 : same(a, b) ? 2 : 0;
}

function ordered(op: Comparison, order: number): Kleene {
  switch (op) {
    case '==':
      return order === 0 ? 2 : 0;
    case '!=':
      return order === 0 ? 0 : 2;
    case '<':
      return order < 0 ? 2 : 0;
    case '<=':
      return order <= 0 ? 2 : 0;
    case '>':
      return order > 0 ? 2 : 0;
    case '>=':
      return order >= 0 ? 2 : 0;
  }
}

/** UTF-16 puts surrogates (U+10000 and up) before U+E000; code points do not. */
function codePointOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    const at = i > 0 && (inPair(a, i) || inPair(b, i)) ? i - 1 : i;
    return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0);
  }
  return a.length - b.length;
}

/** Does a pair of surrogates end at `i`? */
function inPair(text: string, i: number): boolean {
  return isHigh(text.charCodeAt(i - 1)) && isLow(text.charCodeAt(i));
}
const isHigh = (c: number): boolean => c >= 0xd800 && c <= 0xdbff;
const isLow = (c: number): boolean => c >= 0xdc00 && c <= 0xdfff;

/** Deep equality of JSON values by own members; without recursion, so that no depth overflows. */
function same(a: unknown, b: unknown): boolean {
  const open: unknown[] = [a, b];
  while (open.length > 0) {
    const [y, x] = [open.pop(), open.pop()];
    if (x === y) continue;
    if (isDecimal(x) || isDecimal(y)) {
      if (!isNumber(x) || !isNumber(y) || compareNumbers(x, y) !== 0) return false;
      continue;
    }
    if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return false;
    const keys = Object.keys(x);
    if (Array.isArray(x) !== Array.isArray(y) || keys.length !== Object.keys(y).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(y, key)) return false;
      open.push((x as Args)[key], (y as Args)[key]);
    }
  }
  return true;
}

const isNumber = (value: unknown): value is Num => typeof value === 'number' || isDecimal(value);

export const startsWith = (a: string | undefined, b: string | undefined): Kleene =>
  a === undefined || b === undefined ? 1 : a.startsWith(b) ? 2 : 0;
export const endsWith = (a: string | undefined, b: string | undefined): Kleene =>
  a === undefined || b === undefined ? 1 : a.endsWith(b) ? 2 : 0;
export const contains = (a: string | undefined, b: string | undefined): Kleene =>
  a === undefined || b === undefined ? 1 : includes(a, b) ? 2 : 0;

/** Both texts may be foreign: `String.includes` takes minutes on a megabyte of the wrong letters, this stays linear. */
function includes(text: string, part: string): boolean {
  if (part.length <= SHORT || part.length > text.length) return text.includes(part);
  const borders = new Int32Array(part.length);
  for (let i = 1, k = 0; i < part.length; i++) {
    k = advance(part, borders, k, part.charCodeAt(i));
    borders[i] = k;
  }
  for (let i = 0, k = 0; i < text.length; i++) {
    k = advance(part, borders, k, text.charCodeAt(i));
    if (k === part.length) return true;
  }
  return false;
}
const SHORT = 64;

/** Knuth, Morris, Pratt: how much of `part` ends at this letter, when `k` of it ended at the letter before. */
function advance(part: string, borders: Int32Array, matched: number, letter: number): number {
  let k = matched;
  while (k > 0 && part.charCodeAt(k) !== letter) k = borders[k - 1] ?? 0;
  return part.charCodeAt(k) === letter ? k + 1 : k;
}

export const lower = (a: string | undefined): string | undefined => a?.toLowerCase();

const SURROGATE = /[\ud800-\udfff]/;
/** Code points of a string, items of a list. */
export function size(value: string | readonly unknown[] | undefined): number | undefined {
  if (typeof value !== 'string') return value?.length;
  // Most texts have none, and the search for one is native.
  if (!SURROGATE.test(value)) return value.length;
  let count = value.length;
  for (let i = 0; i + 1 < value.length; i++) {
    const [c, next] = [value.charCodeAt(i), value.charCodeAt(i + 1)];
    if (c >= 0xd800 && c <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) count--;
  }
  return count;
}

/** Longer lists are unknown to `all` and `any`, so that the bound on steps holds. */
const MAX_ITEMS = 1000;

export function all(values: readonly unknown[] | undefined, body: (value: unknown) => Kleene): Kleene {
  if (values === undefined || values.length > MAX_ITEMS) return 1;
  let least: Kleene = 2;
  for (const value of values) least = Math.min(least, body(value)) as Kleene;
  return least;
}
export function any(values: readonly unknown[] | undefined, body: (value: unknown) => Kleene): Kleene {
  return values === undefined || values.length > MAX_ITEMS ? 1 : among(values, body);
}
/** Membership: does any item equal? Linear in the list, whatever its length. */
export function among(values: readonly unknown[] | undefined, equals: (value: unknown) => Kleene): Kleene {
  if (values === undefined) return 1;
  let most: Kleene = 0;
  for (const value of values) most = Math.max(most, equals(value)) as Kleene;
  return most;
}

/** Membership among constants that are strings. */
export function inTexts(value: string | undefined, set: ReadonlySet<string>): Kleene {
  return value === undefined ? 1 : set.has(value) ? 2 : 0;
}
export const texts = (values: readonly string[]): ReadonlySet<string> => new Set(values);
