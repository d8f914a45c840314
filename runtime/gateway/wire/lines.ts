// SPDX-License-Identifier: Apache-2.0
/** Splits a byte stream into lines with a cap, without joining the same bytes twice. */

export interface LineEvents {
  line(bytes: Buffer): void;
  /** A line over the cap: its first and last bytes, so that the one request that it answers may be found. */
  tooLong(head: string, tail: string): void;
  /** So many bytes past the cap were thrown away, or a line with nothing in it. */
  dropped?(bytes: number, line: boolean): void;
}

const EDGE = 512;
const NEWLINE = 10;

/** Returns the function that takes the next chunk. */
export function lineSplitter(cap: number, events: LineEvents): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let size = 0;
  let head = '';
  let over = false;
  const add = (piece: Buffer): void => {
    size += piece.length;
    if (over) events.dropped?.(piece.length, false);
    if (!over && size > cap) {
      over = true;
      head = Buffer.concat(parts).subarray(0, EDGE).toString('latin1');
      parts = [Buffer.concat(parts).subarray(-EDGE)];
    }
    parts.push(piece);
    if (over)
      parts = [
        Buffer.from(piece.length >= EDGE ? piece.subarray(-EDGE) : Buffer.concat(parts).subarray(-EDGE)),
      ];
  };
  const finish = (): void => {
    const [lines, wasOver] = [parts, over];
    parts = [];
    size = 0;
    over = false;
    const line = lines.length === 1 ? (lines[0] ?? Buffer.alloc(0)) : Buffer.concat(lines);
    if (wasOver) events.tooLong(head, line.toString('latin1'));
    else if (line.length > 0) events.line(line);
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
