// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes that come piece by piece, in few parts: what is long is not joined here, since that holds up others, but handed to a thread part by
 * part, and somebody may send it byte by byte.
 */
import { isLarge } from '../large/bound.js';
import { takeBlock } from './blocks.js';

/** Pieces that are shorter are copied together: of two parts that stand side by side one is no shorter, but for the first and the last. */
const SHORT = 16 * 1024;
const shortBlock = (): Buffer => Buffer.allocUnsafeSlow(SHORT);

export class Parts {
  size = 0;
  private parts: Buffer[] = [];
  /** Where short pieces go, and how much of it is used; it is the last part. */
  private block: Buffer | null = null;
  private used = 0;

  add(piece: Buffer): void {
    const { parts } = this;
    this.size += piece.length;
    const last = parts.at(-1);
    // What was cut only to let others go first is one part again.
    if (
      last?.buffer === piece.buffer &&
      last.byteOffset + last.length === piece.byteOffset &&
      this.block === null
    )
      parts[parts.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
    else if (isLarge(this.size)) this.copy(piece, takeBlock);
    else if (piece.length < SHORT && parts.length > 0) this.copy(piece, shortBlock);
    else {
      this.block = null;
      parts.push(piece);
    }
  }

  /** All of it; then it begins anew. */
  take(): readonly Buffer[] {
    const { parts } = this;
    this.parts = [];
    this.size = 0;
    this.block = null;
    return parts;
  }

  private copy(piece: Buffer, fresh: () => Buffer): void {
    for (let at = 0; at < piece.length; ) {
      if (this.block === null || this.used === this.block.length) {
        this.block = fresh();
        this.used = 0;
        this.parts.push(this.block);
      }
      const length = piece.copy(this.block, this.used, at);
      this.used += length;
      at += length;
      this.parts[this.parts.length - 1] = this.block.subarray(0, this.used);
    }
  }
}
