// SPDX-License-Identifier: Apache-2.0
/** Instants and durations as texts, around the numbers of milliseconds at which comparisons turn. */
import type { Fraction } from './number-cover.js';

const FIRST = Date.UTC(0, 0, 1) - 1900 * 365.25 * 86_400_000;
const NOT_ONE = ['', 'x'];

/** Instants before, at, between and after the turns; and texts that are none. */
export function coverMoments(turns: readonly Fraction[]): readonly string[] {
  const nanos = near(turns, 1_000_000n);
  const found = [...nanos, 0n].flatMap((n) => instantText(n) ?? []);
  return [...found, '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', ...NOT_ONE];
}

/** Durations are whole milliseconds, and at least none. */
export function coverSpans(turns: readonly Fraction[]): readonly string[] {
  const found = [...near(turns, 1n), 0n].filter((n) => n >= 0n).map(spanText);
  return [...found, '999999999999999d', ...NOT_ONE];
}

/** In units of a millisecond each: at each turn or next to it, and between neighbours. */
function near(turns: readonly Fraction[], unit: bigint): readonly bigint[] {
  const at = turns.map(({ num, den }) => floor(num * unit, den)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const between = at.flatMap((n, i) => {
    const next = at[i + 1];
    return next === undefined ? [] : [(n + next) / 2n];
  });
  return [...new Set([...at.flatMap((n) => [n - unit, n - 1n, n, n + 1n, n + unit]), ...between])];
}

function floor(num: bigint, den: bigint): bigint {
  const rest = num / den;
  return num < 0n && rest * den !== num ? rest - 1n : rest;
}

function instantText(nanos: bigint): string | null {
  const ms = Number(floor(nanos, 1_000_000n));
  if (!(ms >= FIRST && ms <= Date.UTC(9999, 11, 31))) return null;
  const text = new Date(ms).toISOString();
  if (text.length !== 24) return null;
  const rest = nanos - floor(nanos, 1_000_000n) * 1_000_000n;
  return rest === 0n ? text : `${text.slice(0, -1)}${String(rest).padStart(6, '0')}Z`;
}

function spanText(ms: bigint): string {
  const text = `${ms}ms`;
  return text.length <= 17 ? text : `${ms / 86_400_000n}d`;
}
