// SPDX-License-Identifier: Apache-2.0
/** Splits a byte stream into lines with a cap, without joining the same bytes twice. */
import { together } from '../../log/files.js';
import { isLarge } from '../large/bound.js';
import { giveBack } from './blocks.js';
import { Parts } from './parts.js';

export interface LineEvents {
  line(bytes: Buffer): void;
  /** So many bytes of a line that is large already. */
  growing?(bytes: number): void;
  /** A large line, in parts. */
  large(parts: readonly Buffer[], size: number): void;
  /** A line over the cap: its first and last bytes, so that the one request that it answers may be found. */
  tooLong(head: string, tail: string): void;
  /** So many bytes past the cap were thrown away, or a line with nothing in it. */
  dropped?(bytes: number, line: boolean): void;
}

const EDGE = 512;
const NEWLINE = 10;

/** Returns the function that takes the next chunk. */
export function lineSplitter(cap: number, events: LineEvents): (chunk: Buffer) => void {
  const line = new Parts();
  let over: { readonly head: string; readonly tail: Buffer } | null = null;
  const add = (piece: Buffer): void => {
    if (over !== null) {
      events.dropped?.(piece.length, false);
      over = { head: over.head, tail: lastOf([over.tail, piece]) };
    } else if (line.size + piece.length <= cap) {
      line.add(piece);
      if (isLarge(line.size)) events.growing?.(piece.length);
    } else {
      const begun = line.take();
      over = { head: headOf(begun), tail: lastOf([...begun, piece]) };
      giveBack(begun);
    }
  };
  const finish = (): void => {
    const [was, size] = [over, line.size];
    const parts = line.take();
    over = null;
    if (was !== null) events.tooLong(was.head, was.tail.toString('latin1'));
    else if (isLarge(size)) events.large(parts, size);
    else if (size > 0) events.line(together(parts));
    else events.dropped?.(0, true);
  };
  return (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      finish();
      from = at + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  };
}

/** First bytes, as text that is good for looking at. */
export const headOf = (parts: readonly Buffer[]): string =>
  Buffer.concat(parts.slice(0, 2).map((part) => part.subarray(0, EDGE))).toString('latin1', 0, EDGE);

/** Last bytes: of two neighbours one is long. A copy, so that nothing longer is kept alive. */
export function lastOf(parts: readonly Buffer[]): Buffer {
  const ends = parts.slice(-3).map((part) => part.subarray(-EDGE));
  return Buffer.from(Buffer.concat(ends).subarray(-EDGE));
}
