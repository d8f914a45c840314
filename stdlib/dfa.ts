// SPDX-License-Identifier: Apache-2.0
/** Patterns as tables, made by the compiler: one step a character, and no other work whatever the text. */
import type { Kleene } from './values.js';

export interface Dfa {
  readonly matches: (text: string) => boolean;
}

/** The class of each of the first code points, which most texts are made of. */
const NEAR = 256;

/**
 * `starts` are the first code points of runs of one class each; `next` has `width` entries a state; state 0 has no way out.
 * All of them are numbers that the compiler has worked out.
 */
export function dfa(
  starts: readonly number[],
  classes: readonly number[],
  width: number,
  first: number,
  next: readonly number[],
  accepts: readonly number[],
): Dfa {
  const table = Uint16Array.from(next);
  const accepting = new Set(accepts);
  const far = (point: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= point) low = middle;
      else high = middle - 1;
    }
    return classes[low] as number;
  };
  const near = Uint16Array.from({ length: NEAR }, (_, point) => far(point));
  const matches = (text: string): boolean => {
    let state = first;
    for (let i = 0; i < text.length && state !== 0; i++) {
      const point = text.codePointAt(i) as number;
      if (point > 0xffff) i++;
      state = table[state * width + (point < NEAR ? (near[point] as number) : far(point))] as number;
    }
    return accepting.has(state);
  };
  return { matches };
}

export const matches = (text: string | undefined, pattern: Dfa): Kleene =>
  text === undefined ? 1 : pattern.matches(text) ? 2 : 0;
