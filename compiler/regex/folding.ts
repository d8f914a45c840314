// SPDX-License-Identifier: Apache-2.0
/** Simple case folding, from the tables of the runtime: letters that differ in case only. */
import { ranges, type Ranges } from './ranges.js';

/** Letters with case end here. */
const LAST_CASED = 0x1e943;
/** Its capital is that of `i`, and yet it is another letter. */
const DOTLESS_I = 0x131;

/** Every code point of `set`, and those that differ from one of them in case only. */
export function folded(set: Ranges): Ranges {
  const { keyOf, alike } = tables();
  const added: (readonly [number, number])[] = [];
  const seen = new Set<string>();
  for (const [low, high] of set) {
    for (let point = low; point <= Math.min(high, LAST_CASED); point++) {
      const key = keyOf.get(point);
      if (key === undefined || seen.has(key)) continue;
      seen.add(key);
      for (const other of alike.get(key) ?? []) added.push([other, other]);
    }
  }
  return ranges(...set, ...added);
}

interface Tables {
  readonly keyOf: ReadonlyMap<number, string>;
  readonly alike: ReadonlyMap<string, readonly number[]>;
}
let made: Tables | undefined;

/** Made on first use: only patterns with `(?i)` need it. */
function tables(): Tables {
  if (made !== undefined) return made;
  const keyOf = new Map<number, string>();
  const alike = new Map<string, number[]>();
  for (let point = 0; point <= LAST_CASED; point++) {
    const letter = String.fromCodePoint(point);
    const key = fold(letter);
    if (point === DOTLESS_I || (key === letter && letter.toUpperCase() === letter)) continue;
    keyOf.set(point, key);
    alike.set(key, [...(alike.get(key) ?? []), point]);
  }
  made = { keyOf, alike };
  return made;
}

function fold(letter: string): string {
  const upper = letter.toUpperCase();
  const lower = (Array.from(upper).length === 1 ? upper : letter).toLowerCase();
  return Array.from(lower).length === 1 ? lower : letter;
}
