// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes that come piece by piece, in few parts: what is long is not joined here, since that holds up others, but handed to a thread part by
 * part, and somebody may send it byte by byte.
 */

/** Pieces that are shorter are copied together: of two parts that stand side by side one is no shorter, but for the first and the last. */
const SHORT = 16 * 1024;

export interface Parts {
  readonly size: number;
  add(piece: Buffer): void;
  /** All of it; then it begins anew. */
  take(): readonly Buffer[];
}

export function collected(): Parts {
  let parts: Buffer[] = [];
  let size = 0;
  /** Where short pieces go, and how much of it is used; it is the last part. */
  let block: Buffer | null = null;
  let used = 0;
  const copy = (piece: Buffer): void => {
    for (let at = 0; at < piece.length; ) {
      if (block === null || used === SHORT) {
        block = Buffer.allocUnsafeSlow(SHORT);
        used = 0;
        parts.push(block);
      }
      const length = piece.copy(block, used, at);
      used += length;
      at += length;
      parts[parts.length - 1] = block.subarray(0, used);
    }
  };
  return {
    get size() {
      return size;
    },
    add(piece) {
      size += piece.length;
      const last = parts.at(-1);
      // What was cut only to let others go first is one part again.
      if (
        last?.buffer === piece.buffer &&
        last.byteOffset + last.length === piece.byteOffset &&
        block === null
      )
        parts[parts.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
      else if (piece.length < SHORT && parts.length > 0) copy(piece);
      else {
        block = null;
        parts.push(piece);
      }
    },
    take() {
      const own = parts;
      parts = [];
      size = 0;
      block = null;
      return own;
    },
  };
}
