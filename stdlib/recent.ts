// SPDX-License-Identifier: Apache-2.0
/** What was asked for lately, bounded: callers choose the names, so whatever they choose, memory stays what it is. */

/** Longer names are not kept. */
const MAX_NAME = 512;

/**
 * Two generations: what is asked for again moves to the younger, and when that is full, the older is let go of. Those who come
 * back stay, whoever else passes by.
 */
export class Recent<V> {
  readonly #room: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(room: number) {
    this.#room = room;
  }
  get(name: string): V | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }
  set(name: string, value: V): void {
    if (name.length > MAX_NAME) return;
    if (this.#young.size >= this.#room) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, value);
  }
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
