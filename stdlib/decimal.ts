// SPDX-License-Identifier: Apache-2.0
/** Exact decimals. A JSON number stands for the decimal of its canonical text, so comparing doubles compares those decimals. */

/** coefficient × 10^-scale */
export interface Decimal {
  readonly c: bigint;
  readonly scale: number;
}
export type Num = number | Decimal;

/** No JSON value has a bigint in it. */
export const isDecimal = (value: unknown): value is Decimal =>
  typeof value === 'object' && value !== null && 'c' in value && typeof value.c === 'bigint';

const MAX_DIGITS = 400;

/** A decimal from canonical text such as `-1.5`; for constants that no double writes exactly. */
export function decimal(text: string): Decimal {
  const [mantissa = '0', power = '0'] = text.toLowerCase().split('e');
  const point = mantissa.indexOf('.');
  const digits = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  const scale = (point < 0 ? 0 : mantissa.length - point - 1) - Number(power);
  return scale >= 0 ? { c: BigInt(digits), scale } : { c: BigInt(digits) * 10n ** BigInt(-scale), scale: 0 };
}

const exact = (x: Num): Decimal => (typeof x === 'number' ? decimal(String(x)) : x);

/** Canonical: no exponent, no zeros that say nothing. */
export function decimalText(x: Num): string {
  if (typeof x === 'number' && Number.isSafeInteger(x)) return String(x === 0 ? 0 : x);
  const { c, scale } = exact(x);
  const digits = (c < 0n ? -c : c).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  let end = scale;
  while (end > 0 && digits[whole.length + end - 1] === '0') end--;
  const text = end === 0 ? whole : `${whole}.${digits.slice(whole.length, whole.length + end)}`;
  return c < 0n ? `-${text}` : text;
}

/** -1, 0 or 1. */
export function compareNumbers(a: Num, b: Num): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  const [x, y] = align(exact(a), exact(b));
  return x < y ? -1 : x > y ? 1 : 0;
}

function align(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [a.c * 10n ** BigInt(scale - a.scale), b.c * 10n ** BigInt(scale - b.scale), scale];
}

/** Exact; undefined (unknown) past 400 digits. */
export function arith(fn: '+' | '-' | '*', a: Num | undefined, b: Num | undefined): Num | undefined {
  if (a === undefined || b === undefined) return undefined;
  const [x, y] = [exact(a), exact(b)];
  const result = fn === '*' ? { c: x.c * y.c, scale: x.scale + y.scale } : sum(x, y, fn);
  const digits = result.c.toString().length;
  return digits > MAX_DIGITS || result.scale > MAX_DIGITS ? undefined : result;
}

function sum(a: Decimal, b: Decimal, fn: '+' | '-'): Decimal {
  const [x, y, scale] = align(a, b);
  return { c: fn === '+' ? x + y : x - y, scale };
}

export function negate(a: Num | undefined): Num | undefined {
  if (a === undefined) return undefined;
  return typeof a === 'number' ? -a : { c: -a.c, scale: a.scale };
}
