// SPDX-License-Identifier: Apache-2.0
/**
 * Where the members of a JSON object stand in its text, so that parts of an answer can be passed on byte for byte.
 * The text must already be known to be JSON (`JSON.parse` has read it); one linear scan, no second reading of values.
 */

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Member {
  readonly key: string;
  /** Where the key's opening quote stands. */
  readonly at: number;
  readonly value: Span;
}

/** Texts of more characters are searched, not read one by one. */
const LONG = 4096;
const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;

function skipSpace(text: string, at: number): number {
  for (let i = at; ; i++) {
    const c = text.charCodeAt(i);
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return i;
  }
}

/** The index after the closing quote of the string that starts at `at`. */
function stringEnd(text: string, at: number): number {
  let i = at + 1;
  if (text.length - at > LONG) {
    // A long text is searched natively: the quote ends it, unless backslashes stand before.
    for (let quote = text.indexOf('"', i); quote >= 0; quote = text.indexOf('"', quote + 1)) {
      let slashes = 0;
      while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
      if (slashes % 2 === 0) return quote + 1;
    }
    return text.length;
  }
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) return i + 1;
  }
  return text.length;
}

/** The index after the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return stringEnd(text, at);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    let i = at;
    while (i < text.length && !',}] \n\r\t'.includes(text[i] ?? '')) i++;
    return i;
  }
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = stringEnd(text, i) - 1;
    else if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++;
    else if ((c === CLOSE_OBJECT || c === CLOSE_ARRAY) && --depth === 0) return i + 1;
  }
  return text.length;
}

/** The members of the object that starts at or after `from`; empty when no object stands there. */
export function members(text: string, from = 0): readonly Member[] {
  const found: Member[] = [];
  let i = skipSpace(text, from);
  if (text[i] !== '{') return found;
  i = skipSpace(text, i + 1);
  while (i < text.length && text[i] === '"') {
    const at = i;
    const keyEnd = stringEnd(text, i);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, start);
    found.push({ key, at, value: { start, end } });
    i = skipSpace(text, end);
    if (text[i] !== ',') break;
    i = skipSpace(text, i + 1);
  }
  return found;
}

/** The elements of the array that starts at or after `from`; empty when no array stands there. */
export function elements(text: string, from = 0): readonly Span[] {
  const found: Span[] = [];
  let i = skipSpace(text, from);
  if (text[i] !== '[') return found;
  i = skipSpace(text, i + 1);
  while (i < text.length && text[i] !== ']') {
    const end = valueEnd(text, i);
    found.push({ start: i, end });
    i = skipSpace(text, end);
    if (text[i] !== ',') break;
    i = skipSpace(text, i + 1);
  }
  return found;
}

/** Where the thing at `path` stands: the key of the last member found on the way, or the value of an array element. */
export function locate(text: string, path: readonly (string | number)[]): number {
  let place = 0;
  let value = 0;
  for (const step of path) {
    if (typeof step === 'number') {
      const element = elements(text, value)[step];
      if (element === undefined) return place;
      place = element.start;
      value = element.start;
    } else {
      const member = members(text, value).find((m) => m.key === step);
      if (member === undefined) return place;
      place = member.at;
      value = member.value.start;
    }
  }
  return place;
}

/** 1-based line and column of an offset. */
export function lineColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  let line = 1;
  let start = 0;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) {
    line++;
    start = i + 1;
  }
  return { line, column: offset - start + 1 };
}
