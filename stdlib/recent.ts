// SPDX-License-Identifier: Apache-2.0
/** What was asked for lately, bounded: callers choose the names, so whatever they choose, memory stays what it is. */

/** Longer names are not kept. */
const MAX_NAME = 512;

/**
 * Each name has one place, which the last to come keeps: nothing grows and nothing is moved. A name that is put out by another costs
 * the next who asks for it what a name costs that was never asked for.
 */
export class Recent<V> {
  readonly #names: (string | undefined)[] = [];
  readonly #values: (V | undefined)[] = [];
  readonly #mask: number;

  /** `room`: how many, a power of two. */
  constructor(room: number) {
    this.#names.length = room;
    this.#values.length = room;
    this.#mask = room - 1;
  }
  /** Where the name is, if it is anywhere: for the other two. */
  place(name: string): number {
    return hashOf(name) & this.#mask;
  }
  at(place: number, name: string): V | undefined {
    return this.#names[place] === name ? this.#values[place] : undefined;
  }
  put(place: number, name: string, value: V): void {
    if (name.length > MAX_NAME) return;
    this.#names[place] = name;
    this.#values[place] = value;
  }
  clear(): void {
    this.#names.fill(undefined);
    this.#values.fill(undefined);
  }
}

/** Of the length, the last letters and three between: names tell themselves apart there, mostly, and each letter costs. */
function hashOf(name: string): number {
  const { length } = name;
  let hash = length;
  for (let i = Math.max(0, length - 4); i < length; i++)
    hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  const quarter = length >> 2;
  for (let i = quarter; i > 0 && i < length - 4; i += quarter)
    hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return hash ^ (hash >>> 15);
}
