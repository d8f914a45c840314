// SPDX-License-Identifier: Apache-2.0
/** Reads a text as numbers of known words, in one pass and without a string for each word. */

export interface Words {
  readonly count: number;
  /** Number of the word, -1 for one that no phrase knows. */
  readonly ids: Int32Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1 where a sentence ends before the word. */
  readonly stops: Uint8Array;
}

/** A power of two. */
const SLOTS = 1 << 14;

export class Lexicon {
  readonly #words: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  /** Open addressing over the hash of a word: number + 1, 0 for a free slot. */
  readonly #slots = new Int32Array(SLOTS);

  constructor(words: readonly string[]) {
    this.#words = [...new Set(words)];
    this.#ids = new Map(this.#words.map((word, id) => [word, id]));
    for (const [id, word] of this.#words.entries()) {
      let slot = [...word].reduce((hash, c) => step(hash, c.charCodeAt(0)), BASIS) & (SLOTS - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
      this.#slots[slot] = id + 1;
    }
  }

  get size(): number {
    return this.#words.length;
  }

  idOf(word: string): number {
    return this.#ids.get(word) ?? -1;
  }

  /** Membership by number. */
  table(words: readonly string[]): Uint8Array {
    const table = new Uint8Array(this.size);
    for (const word of words) table[this.idOf(word)] = 1;
    return table;
  }

  #find(hash: number, text: string, start: number, end: number): number {
    for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const id = (this.#slots[slot] ?? 0) - 1;
      if (id < 0) return -1;
      if (same(this.#words[id] ?? '', text, start, end)) return id;
    }
  }

  /** All words of `text`, until the next text is read: the room for them is used again. */
  read(text: string): Words {
    const { ids, starts, ends, stops } = roomFor((text.length >> 1) + 1);
    let count = 0;
    let stop = 0;
    for (let i = 0; i < text.length; ) {
      const unit = text.charCodeAt(i);
      const first = FOLDED[unit] ?? 0;
      if (first === 0 && !(unit === 46 && isWord(text, i + 1) && !isWord(text, i - 1))) {
        if (unit === 46 || unit === 33 || unit === 63 || (unit === 10 && text.charCodeAt(i + 1) === 10))
          stop = 1;
        i++;
        continue;
      }
      let hash = step(BASIS, first || unit);
      let end = i + 1;
      for (; end < text.length; end++) {
        const next = text.charCodeAt(end);
        const low = FOLDED[next] ?? 0;
        if (low === 0 && !(joins(next) && isWord(text, end + 1))) break;
        hash = step(hash, low || next);
      }
      ids[count] = this.#find(hash, text, i, end);
      starts[count] = i;
      ends[count] = end;
      stops[count] = stop;
      count++;
      stop = 0;
      i = end;
    }
    return { count, ids, starts, ends, stops };
  }
}

type Room = Omit<Words, 'count'>;

const makeRoom = (words: number): Room => ({
  ids: new Int32Array(words),
  starts: new Uint32Array(words),
  ends: new Uint32Array(words),
  stops: new Uint8Array(words),
});

/** Kept between texts; more is made for one text and given back. */
const MAX_KEPT = 1 << 19;
let room = makeRoom(4096);

function roomFor(words: number): Room {
  if (words > MAX_KEPT) return makeRoom(words);
  if (room.ids.length < words) room = makeRoom(Math.max(words, 2 * room.ids.length));
  return room;
}

/** A character in lower case where it is part of a word, else 0. */
const FOLDED = Uint16Array.from({ length: 0x10000 }, (_, u) => {
  if (u >= 65 && u <= 90) return u + 32;
  return (u >= 97 && u <= 122) || (u >= 48 && u <= 57) || u > 127 ? u : 0;
});
const isWord = (text: string, at: number): boolean =>
  at >= 0 && at < text.length && FOLDED[text.charCodeAt(at)] !== 0;

/** Words hold letters and digits, and between two of them `'`, `.` and `-`: `don't`, `mcp.json`, `role-play`. */
const joins = (u: number): boolean => u === 39 || u === 46 || u === 45;

/** FNV-1a. */
const BASIS = 0x811c9dc5;
const step = (hash: number, low: number): number => Math.imul(hash ^ low, 0x01000193);

function same(word: string, text: string, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    if (word.charCodeAt(i - start) !== (FOLDED[unit] || unit)) return false;
  }
  return true;
}
