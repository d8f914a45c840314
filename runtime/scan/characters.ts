// SPDX-License-Identifier: Apache-2.0
/** Classes of ASCII characters, as tables. */

export type Class = Uint8Array;

const classOf = (characters: string): Class => {
  const table = new Uint8Array(128);
  for (const c of characters) table[c.charCodeAt(0)] = 1;
  return table;
};

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();
const DIGITS = '0123456789';

export const DIGIT = classOf(DIGITS);
export const LETTER = classOf(UPPER + LOWER);
export const HEX = classOf(`${DIGITS}abcdefABCDEF`);
export const UPPER_DIGIT = classOf(UPPER + DIGITS);
export const LOWER_DIGIT = classOf(LOWER + DIGITS);
export const ALNUM = classOf(UPPER + LOWER + DIGITS);
export const WORD = classOf(`${UPPER}${LOWER}${DIGITS}_`);
/** Letters of URL-safe base64. */
export const SLUG = classOf(`${UPPER}${LOWER}${DIGITS}_-`);
export const DOTTED = classOf(`${UPPER}${LOWER}${DIGITS}_-.`);
export const BASE64 = classOf(`${UPPER}${LOWER}${DIGITS}+/`);
export const TOKEN = classOf(`${UPPER}${LOWER}${DIGITS}_-.~+/=`);

export const isIn = (table: Class, unit: number): boolean => table[unit] === 1;

/** Where the run of `table` that starts at `at` ends, at most `max` characters on. */
export function runEnd(text: string, at: number, table: Class, max: number): number {
  let end = at;
  const limit = Math.min(text.length, at + max);
  while (end < limit && table[text.charCodeAt(end)] === 1) end++;
  return end;
}

/** True where a word could start: nothing of `table` stands before. */
export const startsRun = (text: string, at: number, table: Class): boolean =>
  at === 0 || table[text.charCodeAt(at - 1)] !== 1;

const SEEN = new Uint16Array(128);

/** Bits of entropy per character (Shannon), of at most 256 characters. */
export function entropy(text: string): number {
  const length = Math.min(text.length, 256);
  SEEN.fill(0);
  // What is not ASCII shares a place with what is: rare, and never more than a few.
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i) & 127;
    SEEN[unit] = (SEEN[unit] ?? 0) + 1;
  }
  let bits = 0;
  for (let unit = 0; unit < 128; unit++) {
    const n = SEEN[unit] ?? 0;
    if (n > 0) bits -= (n / length) * Math.log2(n / length);
  }
  return bits;
}
