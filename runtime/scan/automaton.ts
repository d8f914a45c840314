// SPDX-License-Identifier: Apache-2.0
/**
 * One pass over a text for all the words that rules start from (Aho and Corasick, 1975), without regard to ASCII case. Rules look
 * at the few places that it names, so that text without any of them costs one table look-up a character.
 */

const CLASSES = 128;

export class Automaton {
  /** `next[state * CLASSES + unit]`: a complete table, no failure links at run time. */
  readonly #next: Int32Array;
  /** Numbers of the words that end in a state. */
  readonly #ends: readonly (readonly number[] | null)[];
  readonly #lengths: readonly number[];

  /** `words` are ASCII. */
  constructor(words: readonly string[]) {
    const children: Map<number, number>[] = [new Map()];
    const ends: number[][] = [[]];
    for (const [number, word] of words.entries()) {
      let state = 0;
      for (const c of word.toLowerCase()) {
        const unit = c.charCodeAt(0);
        let child = children[state]?.get(unit);
        if (child === undefined) {
          child = children.length;
          children.push(new Map());
          ends.push([]);
          children[state]?.set(unit, child);
        }
        state = child;
      }
      ends[state]?.push(number);
    }
    this.#lengths = words.map((word) => word.length);
    this.#next = complete(children, ends);
    this.#ends = ends.map((list) => (list.length === 0 ? null : list));
  }

  /** Calls `found(word, start)` for each occurrence, in order of its end. */
  search(text: string, found: (word: number, start: number) => void): void {
    const next = this.#next;
    const ends = this.#ends;
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      let unit = text.charCodeAt(i);
      if (unit >= CLASSES) {
        state = 0;
        continue;
      }
      if (unit >= 65 && unit <= 90) unit += 32;
      state = next[state * CLASSES + unit] ?? 0;
      const here = ends[state];
      if (here === null || here === undefined) continue;
      for (const word of here) found(word, i + 1 - (this.#lengths[word] ?? 0));
    }
  }
}

/** Breadth first: a missing child is the child of the longest proper suffix. */
function complete(children: readonly Map<number, number>[], ends: number[][]): Int32Array {
  const next = new Int32Array(children.length * CLASSES);
  const suffix = new Int32Array(children.length);
  const queue: number[] = [0];
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0;
    const back = suffix[state] ?? 0;
    if (state !== 0) ends[state]?.push(...(ends[back] ?? []));
    for (let unit = 0; unit < CLASSES; unit++) {
      const child = children[state]?.get(unit);
      const fallback = state === 0 ? 0 : (next[back * CLASSES + unit] ?? 0);
      next[state * CLASSES + unit] = child ?? fallback;
      if (child === undefined) continue;
      suffix[child] = fallback;
      queue.push(child);
    }
  }
  return next;
}
