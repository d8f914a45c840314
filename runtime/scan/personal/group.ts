// SPDX-License-Identifier: Apache-2.0
/** Runs of digits with separators between them, as numbers are written. */
import { DIGIT, isIn } from '../characters.js';

/** Digits with separators between: `4111 1111 1111 1111`. */
export interface Group {
  readonly start: number;
  readonly end: number;
  readonly digits: string;
  /** Lengths of the runs of digits: `3-2-4`. */
  readonly shape: string;
  readonly separators: string;
  /** What stands before, in lower case, for the words that tell. */
  readonly before: () => string;
  /** Does one of the hints stand there? Asked once. */
  readonly hinted: (hint: RegExp) => boolean;
  /** The character behind it. */
  readonly after: () => string;
}

const MAX_GROUP = 40;
/** No number that we know has more runs, or fewer digits. */
const MAX_RUNS = 7;
const MIN_DIGITS = 5;

const between = (u: number): boolean => u === 32 || u === 45 || u === 46 || u === 47 || u === 41;

/** Where the group of digits that starts at `at` ends, if it can be a number of something; else -1. */
function groupEnd(text: string, at: number): number {
  const limit = Math.min(text.length, at + MAX_GROUP);
  let runs = 0;
  let digits = 0;
  let i = at;
  let end = at;
  while (i < limit) {
    const from = i;
    while (i < text.length && isIn(DIGIT, text.charCodeAt(i))) i++;
    if (i === from) break;
    if (++runs > MAX_RUNS) return -1;
    digits += i - from;
    end = i;
    const unit = text.charCodeAt(i);
    if (!between(unit)) break;
    const next = text.charCodeAt(i + 1);
    i += unit === 41 && (next === 32 || next === 45) ? 2 : 1;
    if (!isIn(DIGIT, text.charCodeAt(i))) break;
  }
  return digits < MIN_DIGITS ? -1 : end;
}

/** The group of digits that starts at `at`, if it can be a number of something. */
export function groupAt(text: string, at: number): Group | null {
  const end = groupEnd(text, at);
  if (end < 0) return null;
  let shape = '';
  let separators = '';
  let digits = '';
  for (let i = at; i < end; ) {
    const from = i;
    while (i < end && isIn(DIGIT, text.charCodeAt(i))) i++;
    shape += shape === '' ? String(i - from) : `-${i - from}`;
    digits += text.slice(from, i);
    if (i >= end) break;
    separators += text[i] ?? '';
    while (!isIn(DIGIT, text.charCodeAt(i))) i++;
  }
  let before: string | undefined;
  const own = (): string => (before ??= text.slice(Math.max(0, at - 40), at).toLowerCase());
  let hinted: boolean | undefined;
  return {
    start: at,
    end,
    digits,
    shape,
    separators,
    before: own,
    hinted: (hint) => (hinted ??= hint.test(own())),
    after: () => text[end] ?? '',
  };
}
