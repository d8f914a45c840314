// SPDX-License-Identifier: Apache-2.0
/**
 * Reading and comparing values. `undefined` is unknown; conditions are numbers: 0 false, 1 unknown, 2 true, so that `and` is the
 * smaller and `or` the larger.
 */
import { compareNumbers, type Num } from './decimal.js';

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

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const bool = (value: unknown): Kleene => (value === true ? 2 : value === false ? 0 : 1);
export const list = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) ? value : undefined;
export const json = (value: unknown): unknown => (value === null ? undefined : value);
/** A finite number; whole ones must be safe. */
export function num(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : value;
}
export function int(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

/** Undefined for unknown: what a read of a three-valued input looks like. */
export const known = (value: Kleene): Kleene | undefined => (value === 1 ? undefined : value);

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
  return a === undefined || b === undefined ? 1 : same(a, b, 0) ? 2 : 0;
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
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const high = x >= 0xd800 && x <= 0xdfff;
    return high === (y >= 0xd800 && y <= 0xdfff)
      ? x - y
      : high
        ? y >= 0xe000
          ? 1
          : x - y
        : x >= 0xe000
          ? -1
          : x - y;
  }
  return a.length - b.length;
}

const MAX_DEPTH = 100;

/** Deep equality of JSON values by own members. */
function same(a: unknown, b: unknown, depth: number): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || depth > MAX_DEPTH)
    return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same((a as Args)[key], (b as Args)[key], depth + 1))
  );
}

export const startsWith = (a: string | undefined, b: string | undefined): Kleene =>
  a === undefined || b === undefined ? 1 : a.startsWith(b) ? 2 : 0;
export const endsWith = (a: string | undefined, b: string | undefined): Kleene =>
  a === undefined || b === undefined ? 1 : a.endsWith(b) ? 2 : 0;
export const contains = (a: string | undefined, b: string | undefined): Kleene =>
  a === undefined || b === undefined ? 1 : a.includes(b) ? 2 : 0;
export const lower = (a: string | undefined): string | undefined => a?.toLowerCase();

/** Code points of a string, items of a list. */
export function size(value: string | readonly unknown[] | undefined): number | undefined {
  if (typeof value !== 'string') return value?.length;
  let count = value.length;
  for (let i = 0; i + 1 < value.length; i++) {
    const [c, next] = [value.charCodeAt(i), value.charCodeAt(i + 1)];
    if (c >= 0xd800 && c <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) count--;
  }
  return count;
}

export function all(values: readonly unknown[] | undefined, body: (value: unknown) => Kleene): Kleene {
  if (values === undefined) return 1;
  let least: Kleene = 2;
  for (const value of values) least = Math.min(least, body(value)) as Kleene;
  return least;
}
export function any(values: readonly unknown[] | undefined, body: (value: unknown) => Kleene): Kleene {
  if (values === undefined) return 1;
  let most: Kleene = 0;
  for (const value of values) most = Math.max(most, body(value)) as Kleene;
  return most;
}

/** Membership among constants that are strings. */
export function inTexts(value: string | undefined, set: ReadonlySet<string>): Kleene {
  return value === undefined ? 1 : set.has(value) ? 2 : 0;
}
export const texts = (values: readonly string[]): ReadonlySet<string> => new Set(values);
