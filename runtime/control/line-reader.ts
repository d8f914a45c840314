// SPDX-License-Identifier: Apache-2.0
/** Cuts a stream of bytes into lines, none longer than a limit. */

const NEWLINE = 10;

/** Feeds on chunks; gives back whole lines without their newline, or `overflow` once a line passes the limit. */
export class LineReader {
  private readonly limit: number;
  private parts: Uint8Array[] = [];
  private size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] | 'overflow' {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const rest = chunk.subarray(from, end);
      if (this.size + rest.length > this.limit) return 'overflow';
      lines.push(Buffer.concat([...this.parts, rest]));
      this.parts = [];
      this.size = 0;
      from = end + 1;
    }
    const tail = chunk.subarray(from);
    this.size += tail.length;
    if (this.size > this.limit) return 'overflow';
    if (tail.length > 0) this.parts.push(Buffer.from(tail));
    return lines;
  }
}
