// SPDX-License-Identifier: Apache-2.0
/**
 * Where large responses stand until they have gone out. In memory that is handed over they would count as the heap of the gateway's own thread,
 * and V8 collects all of it for each one or two of them; shared memory it does not count, so that the same is used again and again.
 */

/** Of those that are free. */
const MAX_FREE = 2;
const STEP = 1024 * 1024;

export interface ReplyMemory {
  /** The UTF-8 bytes of a text. */
  write(text: string): Uint8Array;
  giveBack(memory: SharedArrayBuffer): void;
}

export function replyMemory(): ReplyMemory {
  const free: SharedArrayBuffer[] = [];
  /** One that is long enough; a shorter one makes room. */
  const take = (length: number): SharedArrayBuffer => {
    const at = free.findIndex(({ byteLength }) => byteLength >= length);
    const [found] = at < 0 ? [] : free.splice(at, 1);
    if (found !== undefined) return found;
    free.pop();
    return new SharedArrayBuffer(Math.ceil(length / STEP) * STEP);
  };
  return {
    write: (text) => {
      const length = Buffer.byteLength(text);
      const bytes = Buffer.from(take(length), 0, length);
      bytes.write(text);
      return bytes;
    },
    giveBack: (memory) => {
      if (free.length < MAX_FREE) free.push(memory);
    },
  };
}
