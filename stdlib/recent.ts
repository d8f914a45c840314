// SPDX-License-Identifier: Apache-2.0
/** What was asked for lately, bounded: callers choose the names, so whatever they choose, memory stays what it is. */

/** Longer names are not kept. */
const MAX_NAME = 512;

/**
 * Each name has one place, which the last to come keeps: nothing grows and nothing is moved. A name that is put out by another costs
 * the next who asks for it what a name costs that was never asked for.
 */
export class Recent<V> {
  /** By place, so that a name that is not there is mostly told without looking at the one that is. */
  readonly #hashes: Int32Array;
  readonly #names: (string | undefined)[] = [];
  readonly #values: (V | undefined)[] = [];
  readonly #mask: number;

  /** `room`: how many, a power of two. */
  constructor(room: number) {
    this.#hashes = new Int32Array(room);
    this.#names.length = room;
    this.#values.length = room;
    this.#mask = room - 1;
  }
  /** `hash` of the name (`hashOf`). */
  at(hash: number, name: string): V | undefined {
    const place = hash & this.#mask;
    return this.#hashes[place] === hash && this.#names[place] === name ? this.#values[place] : undefined;
  }
  put(hash: number, name: string, value: V): void {
    if (name.length > MAX_NAME) return;
    const place = hash & this.#mask;
    this.#hashes[place] = hash;
    this.#names[place] = name;
    this.#values[place] = value;
  }
  clear(): void {
    this.#names.fill(undefined);
    this.#values.fill(undefined);
  }
}

/** Of the length, the last letters and three between: names tell themselves apart there, mostly, and each letter costs. */
export function hashOf(name: string): number {
  const { length } = name;
  let hash = length;
  for (let i = Math.max(0, length - 4); i < length; i++)
    hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  const quarter = length >> 2;
  for (let i = quarter; i > 0 && i < length - 4; i += quarter)
    hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return hash ^ (hash >>> 15);
}
