// SPDX-License-Identifier: Apache-2.0
/**
 * The tokens that hold a PART: `PART/PART`, `KIND:PART` and the server after `from`. A PART is a string or a run of
 * `A-Z a-z 0-9 _ - . @ *`, which a `->` always ends. Matched by hand: a pattern would read the same run again from each place in it.
 */
import type { CustomPatternMatcherFunc } from 'chevrotain';

const RUN_CHARACTERS = new Set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@*');
const IN_RUN = Uint8Array.from({ length: 128 }, (_, unit) =>
  RUN_CHARACTERS.has(String.fromCharCode(unit)) ? 1 : 0,
);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const SLASH = 0x2f;
const DASH = 0x2d;
const GREATER = 0x3e;

/** The last run that was measured: every place inside it has the same end. */
let run = { text: '', start: 0, end: 0 };

function runEnd(text: string, offset: number): number {
  if (run.text === text && run.start <= offset && offset < run.end) return run.end;
  let end = offset;
  for (let unit = text.charCodeAt(end); IN_RUN[unit] === 1; unit = text.charCodeAt(++end)) {
    if (unit === DASH && text.charCodeAt(end + 1) === GREATER) break;
  }
  run = { text, start: offset, end };
  return end;
}

/** Where the string that starts at `offset` ends, or `offset` when it does not end on its line. */
function stringEnd(text: string, offset: number): number {
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

const matched = (text: string, start: number, end: number): [string] => [text.slice(start, end)];

/** `PART/PART` */
export const matchAction: CustomPatternMatcherFunc = (text, offset) => {
  const slash = partEnd(text, offset);
  if (slash === offset || text.charCodeAt(slash) !== SLASH) return null;
  const end = partEnd(text, slash + 1);
  return end === slash + 1 ? null : matched(text, offset, end);
};

const KINDS = ['agent:', 'user:', 'service:'];

/** `KIND:PART` */
export const matchKindPart: CustomPatternMatcherFunc = (text, offset) => {
  const kind = KINDS.find((word) => text.startsWith(word, offset));
  if (kind === undefined) return null;
  const end = partEnd(text, offset + kind.length);
  return end === offset + kind.length ? null : matched(text, offset, end);
};

const SERVER_KINDS = new Set(['sampling', 'elicitation', 'roots']);

/** After `sampling from`, `elicitation from`, `roots from` a lone run names the server. */
export const matchFromPart: CustomPatternMatcherFunc = (text, offset, tokens) => {
  const from = tokens.at(-1);
  const kind = tokens.at(-2);
  if (from?.image !== 'from' || kind === undefined || !SERVER_KINDS.has(kind.image)) return null;
  const end = runEnd(text, offset);
  return end === offset ? null : matched(text, offset, end);
};
