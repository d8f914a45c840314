// SPDX-License-Identifier: Apache-2.0
/** What was asked for lately, bounded: callers choose the names, so whatever they choose, memory stays what it is. */

/** Longer names are not kept. */
const MAX_NAME = 512;
/** A name tells itself apart by its end, mostly. */
const LOOKED_AT = 16;

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
  get(name: string): V | undefined {
    const at = placeOf(name) & this.#mask;
    return this.#names[at] === name ? this.#values[at] : undefined;
  }
  set(name: string, value: V): void {
    if (name.length > MAX_NAME) return;
    const at = placeOf(name) & this.#mask;
    this.#names[at] = name;
    this.#values[at] = value;
  }
  clear(): void {
    this.#names.fill(undefined);
    this.#values.fill(undefined);
  }
}

function placeOf(name: string): number {
  let hash = name.length;
  for (let i = Math.max(0, name.length - LOOKED_AT); i < name.length; i++)
    hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return hash ^ (hash >>> 15);
}
