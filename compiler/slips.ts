// SPDX-License-Identifier: Apache-2.0
/** A misspelt word of the language where the parser expected one: what was probably meant. */
import { OPERATOR_WORDS, RESERVED } from '../grammar/tokens.js';
import type { Extra, Span } from './diagnostics/diagnostic.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';

const WORDS: readonly string[] = [...RESERVED, ...OPERATOR_WORDS];
/** Behind a statement or an operand nearly any word of the language may come. */
const OPEN_ENDS = ['a statement', '`}`', 'a value'];

/** Kinds of principals, and the word before a role. */
const BEFORE_COLON: readonly string[] = ['agent', 'user', 'service', 'role'];

/** Both as in the fault: what was expected, in the author's words, and what was found, in backticks. `text` is the whole source. */
export function slip(file: string, span: Span, expected: string, found: string, text: string): Extra {
  if (found === '`:`') {
    // `agnt:x`: the word before the colon is none that a colon follows.
    const kind = /[A-Za-z_]\w*$/.exec(text.slice(Math.max(0, span.start - 40), span.start))?.[0] ?? '';
    const near = nearest(kind, BEFORE_COLON);
    return meant(file, { start: span.start - kind.length, end: span.start }, near);
  }
  const word = /^`(\w+)`$/.exec(found)?.[1];
  if (word === undefined || WORDS.includes(word)) return {};
  const named = [...expected.matchAll(/`([a-z]+)`/g)].map((match) => match[1] ?? '');
  const open = OPEN_ENDS.some((end) => expected.startsWith(end));
  return meant(file, span, nearest(word, named) ?? (open ? nearest(word, WORDS) : null));
}

/** May it stand as a word where an enum member is wanted? Others are written as strings. */
export const isFreeWord = (text: string): boolean =>
  /^[A-Za-z_]\w*$/.test(text) && !(RESERVED as readonly string[]).includes(text);
