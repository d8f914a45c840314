// SPDX-License-Identifier: Apache-2.0
/** A text made from another one, with the way back for each of its characters. */

/** Grows by doubling; characters are UTF-16 units. */
export class Rewritten {
  #units: Uint16Array;
  #origin: Uint32Array;
  #length = 0;

  constructor(expected: number) {
    this.#units = new Uint16Array(expected + 16);
    this.#origin = new Uint32Array(expected + 17);
  }

  get length(): number {
    return this.#length;
  }

  /** One unit that came from `at`. */
  unit(unit: number, at: number): void {
    if (this.#length === this.#units.length) this.#grow(1);
    this.#units[this.#length] = unit;
    this.#origin[this.#length++] = at;
  }

  /** All of `text` came from `at`. */
  put(text: string, at: number): void {
    for (let i = 0; i < text.length; i++) this.unit(text.charCodeAt(i), at);
  }

  /** `text` from `from` to `to`, as it is. */
  keep(text: string, from: number, to: number): void {
    if (this.#length + to - from > this.#units.length) this.#grow(to - from);
    const units = this.#units;
    const origin = this.#origin;
    let at = this.#length;
    for (let i = from; i < to; i++) {
      units[at] = text.charCodeAt(i);
      origin[at++] = i;
    }
    this.#length = at;
  }

  /** The text, and where each character came from; `end` is where the one after the last would have. */
  finish(end: number): { readonly text: string; readonly origin: Uint32Array } {
    const { buffer } = this.#units;
    const text = Buffer.from(buffer, 0, this.#length * 2).toString('utf16le');
    this.#origin[this.#length] = end;
    return { text, origin: this.#origin.subarray(0, this.#length + 1) };
  }

  #grow(least: number): void {
    const size = Math.max(this.#units.length * 2, this.#length + least);
    const units = new Uint16Array(size);
    units.set(this.#units);
    const origin = new Uint32Array(size + 1);
    origin.set(this.#origin);
    this.#units = units;
    this.#origin = origin;
  }
}
