// SPDX-License-Identifier: Apache-2.0
/**
 * One pass over a text for all the words that rules start from (Aho and Corasick, 1975), without regard to ASCII case. Rules look
 * at the few places that it names, so that text without any of them costs one table look-up a character.
 */

/** All UTF-16 units. */
const UNITS = 0x10000;

export class Automaton {
  /** The letter of the words that a unit is, or 0: one table for all cases keeps the other small. */
  readonly #letters = new Uint8Array(UNITS);
  readonly #width: number;
  /** `next[state * width + letter]`: a complete table, no failure links at run time. */
  readonly #next: Uint16Array;
  /** Numbers of the words that end in a state. */
  readonly #ends: readonly (readonly number[] | null)[];
  readonly #lengths: readonly number[];

  /** `words` are ASCII. */
  constructor(words: readonly string[]) {
    const children: Map<number, number>[] = [new Map()];
    const ends: number[][] = [[]];
    let letters = 0;
    for (const [number, word] of words.entries()) {
      let state = 0;
      for (const c of word.toLowerCase()) {
        const unit = c.charCodeAt(0);
        const letter = this.#letters[unit] || ++letters;
        for (const same of [unit, c.toUpperCase().charCodeAt(0)]) this.#letters[same] = letter;
        let child = children[state]?.get(letter);
        if (child === undefined) {
          child = children.length;
          children.push(new Map());
          ends.push([]);
          children[state]?.set(letter, child);
        }
        state = child;
      }
      ends[state]?.push(number);
    }
    if (children.length > UNITS) throw new RangeError('these are too many words');
    this.#width = letters + 1;
    this.#lengths = words.map((word) => word.length);
    this.#next = complete(children, ends, this.#width);
    this.#ends = ends.map((list) => (list.length === 0 ? null : list));
  }

  /** Calls `found(word, start)` for each occurrence, in order of its end. */
  search(text: string, found: (word: number, start: number) => void): void {
    const next = this.#next;
    const letters = this.#letters;
    const width = this.#width;
    const ends = this.#ends;
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      state = next[state * width + (letters[text.charCodeAt(i)] ?? 0)] ?? 0;
      const here = ends[state];
      if (here === null || here === undefined) continue;
      for (const word of here) found(word, i + 1 - (this.#lengths[word] ?? 0));
    }
  }
}

/** Breadth first: a missing child is the child of the longest proper suffix. */
function complete(children: readonly Map<number, number>[], ends: number[][], width: number): Uint16Array {
  const next = new Uint16Array(children.length * width);
  const suffix = new Int32Array(children.length);
  const queue: number[] = [0];
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0;
    const back = suffix[state] ?? 0;
    if (state !== 0) ends[state]?.push(...(ends[back] ?? []));
    // Letter 0 is none of the words': it leads back to the start.
    for (let letter = 1; letter < width; letter++) {
      const child = children[state]?.get(letter);
      const fallback = state === 0 ? 0 : (next[back * width + letter] ?? 0);
      next[state * width + letter] = child ?? fallback;
      if (child === undefined) continue;
      suffix[child] = fallback;
      queue.push(child);
    }
  }
  return next;
}
