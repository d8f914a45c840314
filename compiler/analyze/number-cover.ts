// SPDX-License-Identifier: Apache-2.0
/** Numbers that conditions tell apart: each place where a comparison turns, and something in each gap. Exact, in doubles. */

/** A fraction; `den` is positive. */
export interface Fraction {
  readonly num: bigint;
  readonly den: bigint;
}

export const fraction = (num: bigint, den = 1n): Fraction =>
  den < 0n ? { num: -num, den: -den } : { num, den };

/** The exact decimal of a canonical text; null past what a double can be near to. */
export function decimalFraction(text: string): Fraction | null {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e');
  const [whole = '', digits = ''] = mantissa.split('.');
  const places = digits.length - Number(power);
  if (!Number.isSafeInteger(places) || Math.abs(places) > 500 || mantissa.length > 500) return null;
  const num = BigInt(whole + digits);
  return places >= 0 ? fraction(num, 10n ** BigInt(places)) : fraction(num * 10n ** BigInt(-places));
}

export const plus = (a: Fraction, b: Fraction): Fraction =>
  fraction(a.num * b.den + b.num * a.den, a.den * b.den);
export const times = (a: Fraction, b: Fraction): Fraction => fraction(a.num * b.num, a.den * b.den);
export const minus = (a: Fraction): Fraction => fraction(-a.num, a.den);
/** `b` is not zero. */
export const over = (a: Fraction, b: Fraction): Fraction => fraction(a.num * b.den, a.den * b.num);

export function order(a: Fraction, b: Fraction): number {
  const [x, y] = [a.num * b.den, b.num * a.den];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** What a double stands for: the decimal of its canonical text. */
const ofDouble = (x: number): Fraction | null => (Number.isFinite(x) ? decimalFraction(String(x)) : null);

/** The double next to it, or one beside that. */
function nearest({ num, den }: Fraction): number {
  const size = num < 0n ? -num : num;
  const places = Math.max(0, 25 + den.toString().length - size.toString().length);
  const value = Number(`${(size * 10n ** BigInt(places)) / den}e-${places}`);
  return num < 0n ? -value : value;
}

const VIEW = new DataView(new ArrayBuffer(8));

/** The next double up. */
function up(x: number): number {
  if (x === 0) return Number.MIN_VALUE;
  VIEW.setFloat64(0, x);
  const bits = VIEW.getBigInt64(0);
  VIEW.setBigInt64(0, x > 0 ? bits + 1n : bits - 1n);
  return VIEW.getFloat64(0);
}
const down = (x: number): number => -up(-x);

export interface Range {
  readonly low: Fraction | null;
  readonly high: Fraction | null;
}

/** Doubles that together meet every case that comparisons at `points` tell apart; integers only where asked. */
export function coverNumbers(
  points: readonly Fraction[],
  range: Range,
  whole: boolean,
  more: readonly number[] = [],
): readonly number[] {
  const sorted = [...points].sort(order).filter((p, i, all) => i === 0 || order(p, all[i - 1] ?? p) !== 0);
  const found: number[] = [];
  const inside = (x: number): boolean => {
    const f = ofDouble(x);
    if (f === null || (whole && !Number.isInteger(x))) return false;
    return (
      (range.low === null || order(f, range.low) >= 0) && (range.high === null || order(f, range.high) <= 0)
    );
  };
  const add = (x: number | null): void => {
    if (x !== null && inside(x) && !found.includes(x)) found.push(Object.is(x, -0) ? 0 : x);
  };
  const bounds: readonly (Fraction | null)[] = [null, ...sorted, null];
  for (const [i, low] of bounds.slice(0, -1).entries()) {
    if (low !== null) add(exactly(low));
    const high = bounds[i + 1] ?? null;
    add(between(low, high, true, inside));
    if (!whole) add(between(low, high, false, inside));
  }
  for (const x of more) add(x);
  for (const edge of [range.low, range.high]) if (edge !== null) add(exactly(edge));
  return found;
}

/** The double that stands for this very number, if one does. */
export function exactly(f: Fraction): number | null {
  const start = nearest(f);
  for (const x of [start, up(start), down(start)]) {
    const g = ofDouble(x);
    if (g !== null && order(f, g) === 0) return x;
  }
  return null;
}

/** A double strictly between; a whole one or one that is not. */
function between(
  low: Fraction | null,
  high: Fraction | null,
  whole: boolean,
  inside: (x: number) => boolean,
): number | null {
  const fits = (x: number): boolean => {
    const f = ofDouble(x);
    if (f === null || Number.isInteger(x) !== whole || !inside(x)) return false;
    return (low === null || order(f, low) > 0) && (high === null || order(f, high) < 0);
  };
  return tries(low, high, whole).find(fits) ?? null;
}

function tries(low: Fraction | null, high: Fraction | null, whole: boolean): readonly number[] {
  const simple = whole ? [0, 1, 10, -1, 2, 5, 100, 1000] : [0.5, 1.5, -0.5, 0.25];
  const near: number[] = [];
  for (const [edge, sign] of [
    [low, 1],
    [high, -1],
  ] as const) {
    if (edge === null) continue;
    const x = nearest(edge);
    const floor = Math.floor(x);
    near.push(x);
    if (whole) near.push(floor + sign, floor, floor + 2 * sign, Math.ceil(x), x + sign, x * 2, x / 2);
    else
      near.push(
        x + sign * 0.5,
        floor + 0.5,
        x + sign * 0.25,
        x + sign * 1e-3,
        up(x),
        down(x),
        up(up(x)),
        down(down(x)),
      );
    near.push(
      ...(sign > 0 ? [up(x), up(up(x)), Number.MAX_VALUE] : [down(x), down(down(x)), -Number.MAX_VALUE]),
    );
  }
  if (low !== null && high !== null) {
    const middle = nearest(over(plus(low, high), fraction(2n)));
    near.unshift(whole ? Math.round(middle) : middle, Math.floor(middle), up(middle), down(middle));
  }
  return low === null || high === null ? [...near, ...simple] : [...simple, ...near];
}
