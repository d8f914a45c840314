// SPDX-License-Identifier: Apache-2.0
/**
 * A PART, as in `PART/PART`, `KIND:PART` and the server after `from`, is a string or a run of `A-Z a-z 0-9 _ - . @ *`, which a
 * `->` always ends. Matched by hand: a pattern would read the same run again from each place in it.
 */

const RUN_CHARACTERS = new Set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@*');
const IN_RUN = Uint8Array.from({ length: 128 }, (_, unit) =>
  RUN_CHARACTERS.has(String.fromCharCode(unit)) ? 1 : 0,
);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const DASH = 0x2d;
const GREATER = 0x3e;

/** The last run that was measured: every place inside it has the same end. */
let run = { text: '', start: 0, end: 0 };

/** Where the run that starts at `offset` ends; `offset` when there is none. */
export function runEnd(text: string, offset: number): number {
  if (run.text === text && run.start <= offset && offset < run.end) return run.end;
  let end = offset;
  for (let unit = text.charCodeAt(end); IN_RUN[unit] === 1; unit = text.charCodeAt(++end)) {
    if (unit === DASH && text.charCodeAt(end + 1) === GREATER) break;
  }
  run = { text, start: offset, end };
  return end;
}

/** Where the string that starts at `offset` ends, or `offset` when it does not end on its line. */
export function stringEnd(text: string, offset: number): number {
  for (let i = offset + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) return i + 1;
    if (unit === NEWLINE) return offset;
    if (unit === BACKSLASH && text.charCodeAt(++i) === NEWLINE) return offset;
  }
  return offset;
}

/** Where the PART that starts at `offset` ends; `offset` when there is none. */
export function partEnd(text: string, offset: number): number {
  return text.charCodeAt(offset) === QUOTE ? stringEnd(text, offset) : runEnd(text, offset);
}
