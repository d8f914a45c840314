// SPDX-License-Identifier: Apache-2.0
// Values in documented forms, made from a seed: no literal in this repository looks like a secret, and none is one.

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();
const DIGITS = '0123456789';

/** Alphabets by name. */
export const ALPHABETS = {
  alnum: UPPER + LOWER + DIGITS,
  hex: `${DIGITS}abcdef`,
  upper: UPPER + DIGITS,
  lower: LOWER + DIGITS,
  digits: DIGITS,
  slug: `${UPPER}${LOWER}${DIGITS}_-`,
  base64: `${UPPER}${LOWER}${DIGITS}+/`,
  base32: `${UPPER}234567`,
} as const;

let state = 1;

/** Starts the sequence again, so that a test does not depend on those before it. */
export function reseed(seed: number): void {
  state = seed >>> 0 || 1;
}

/** xorshift32: the same on every machine. */
function next(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state;
}

/** `length` characters of an alphabet. */
export function made(alphabet: keyof typeof ALPHABETS, length: number): string {
  const letters = ALPHABETS[alphabet];
  let text = '';
  while (text.length < length) text += letters[next() % letters.length] ?? '';
  return text;
}

export const uuid = (): string => [8, 4, 4, 4, 12].map((length) => made('hex', length)).join('-');
