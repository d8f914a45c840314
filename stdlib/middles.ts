// SPDX-License-Identifier: Apache-2.0
/**
 * Patterns that a tree of beginnings cannot tell apart, `agent:*-reader-*`: found by the text between their gaps, all in one pass
 * over a name, where asking each of them would search the name as often.
 */
import type { Glob } from './glob.js';

/** A pattern whose first part is known to match. */
export interface Middle {
  readonly text: string;
  /** Where it may begin. */
  readonly from: number;
  /** Where it stands the pattern matches, else it may. */
  readonly sure: boolean;
  readonly who: number;
}
export interface Middles {
  /** Where the first may begin. */
  readonly from: number;
  /** A bit for each letter that one of them begins with, by its last five bits. */
  readonly letters: number;
  /** By the first two letters. */
  readonly byPair: ReadonlyMap<number, readonly Middle[]>;
}

/** Fewer are sooner asked one by one. */
const LEAST = 3;

/** Null where there is too little text to find it by. */
export function middleOf(who: number, { parts, gaps }: Glob): Middle | null {
  const [first = '', text = '', last = ''] = parts;
  if (parts.length < 3 || text.length < 2) return null;
  return { text, from: first.length, sure: gaps === 'aa' && last === '', who };
}

/** Null where there are too few. */
export function middlesOf(all: readonly Middle[]): Middles | null {
  if (all.length < LEAST) return null;
  let letters = 0;
  const byPair = new Map<number, Middle[]>();
  for (const one of all) {
    letters |= bitOf(one.text.charCodeAt(0));
    const pair = pairOf(one.text.charCodeAt(0), one.text.charCodeAt(1));
    const known = byPair.get(pair);
    if (known === undefined) byPair.set(pair, [one]);
    else known.push(one);
  }
  return { from: Math.min(...all.map((one) => one.from)), letters, byPair };
}

const bitOf = (letter: number): number => 1 << (letter & 31);
const pairOf = (first: number, second: number): number => (first << 16) | second;

/** Those whose text stands in the name, each once, in the order of their sets. */
export function middlesIn({ from, letters, byPair }: Middles, name: string): readonly Middle[] {
  let found: Middle[] | null = null;
  const last = name.length - 1;
  for (let i = from; i < last; i++) {
    const letter = name.charCodeAt(i);
    if ((letters & bitOf(letter)) === 0) continue;
    const some = byPair.get(pairOf(letter, name.charCodeAt(i + 1)));
    if (some === undefined) continue;
    for (let k = 0; k < some.length; k++) {
      const one = some[k] as Middle;
      if (i < one.from || !name.startsWith(one.text, i)) continue;
      if (found === null) found = [one];
      else if (!found.includes(one)) found.push(one);
    }
  }
  if (found === null) return NONE;
  return found.length === 1 ? found : found.sort((a, b) => a.who - b.who);
}
export const NONE: readonly Middle[] = [];
