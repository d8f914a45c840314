// SPDX-License-Identifier: Apache-2.0
/**
 * What a call goes through, by the number of its actions and the number of its callers: numbers that lie together. A policy of
 * thousands of rules has thousands of such pairs, and a decision that meets a few objects of each pair waits for the memory of
 * each of them; what objects it needs beside, pairs share.
 */

/** Numbers of one place of the table: the actions' number and one, so that a free place is 0; the callers'; where the plan begins. */
const WIDTH = 4;
const LEAST = 64;

export class Plans {
  /** The plan of one word, 0, and all others after it; what words mean is not known here. */
  words: Int32Array = new Int32Array(LEAST);
  #used = 1;
  #table: Int32Array = new Int32Array(WIDTH * LEAST);
  #count = 0;

  /** Where the plan of the pair begins, or undefined. */
  find(actions: number, callers: number): number | undefined {
    const table = this.#table;
    const last = table.length - 1;
    for (let at = placeOf(actions, callers) & last; ; at = (at + WIDTH) & last) {
      const found = table[at];
      if (found === 0) return undefined;
      if (found === actions + 1 && table[at + 1] === callers) return table[at + 2];
    }
  }

  /** A new plan: where it begins. */
  add(plan: readonly number[]): number {
    const begin = this.#used;
    const end = begin + plan.length;
    if (end > this.words.length) this.words = longer(this.words, end);
    this.words.set(plan, begin);
    this.#used = end;
    return begin;
  }

  /** Of a pair that has none. */
  put(actions: number, callers: number, begin: number): void {
    this.#count++;
    if (this.#count * 2 * WIDTH > this.#table.length) this.#table = wider(this.#table);
    enter(this.#table, actions + 1, callers, begin);
  }

  clear(): void {
    this.words = new Int32Array(LEAST);
    this.#used = 1;
    this.#table = new Int32Array(WIDTH * LEAST);
    this.#count = 0;
  }
}

function enter(table: Int32Array, actions: number, callers: number, begin: number): void {
  const last = table.length - 1;
  let at = placeOf(actions - 1, callers) & last;
  while (table[at] !== 0) at = (at + WIDTH) & last;
  table[at] = actions;
  table[at + 1] = callers;
  table[at + 2] = begin;
}

/** Neighbours lie apart: both numbers count from 0 up. A multiple of the width. */
function placeOf(actions: number, callers: number): number {
  const mixed = Math.imul(actions, 0x9e3779b1) ^ Math.imul(callers, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) << 2;
}

function wider(table: Int32Array): Int32Array {
  const made = new Int32Array(table.length * 2);
  for (let at = 0; at < table.length; at += WIDTH) {
    const actions = table[at] as number;
    if (actions !== 0) enter(made, actions, table[at + 1] as number, table[at + 2] as number);
  }
  return made;
}

function longer(words: Int32Array, least: number): Int32Array {
  const made = new Int32Array(Math.max(least, words.length * 2));
  made.set(words);
  return made;
}
