// SPDX-License-Identifier: Apache-2.0
/**
 * Text as it is matched: compatibility forms, accents, look-alikes and characters without width folded away (Unicode NFKD, UTS 39
 * for the look-alikes of Latin letters). Only for matching: what is forwarded is never changed here.
 */

import { Rewritten } from './rewritten.js';

/** Text with a way back: `origin[i]` is where character `i` came from; null while nothing was folded. */
export interface Folded {
  readonly text: string;
  readonly origin: Uint32Array | null;
  /** Characters of the tag block, which no screen shows, as the ASCII that they stand for. */
  readonly hidden: string;
  /** Offsets of the first and the last hidden character. */
  readonly hiddenAt: { readonly start: number; readonly end: number } | null;
  /** Characters without width between letters, and characters that turn the order of reading. */
  readonly invisible: number;
  readonly reordering: number;
  /** Something became a letter or a digit beside one that was there: what ended before, may go on now. */
  readonly joined: boolean;
}

/** Letters of other scripts that look like Latin ones, in the order of the Latin alphabet below. */
const LOOKALIKES = new Map<string, string>(
  [
    ['a', 'аαɑ'],
    ['b', 'ЬƄ'],
    ['c', 'сϲᴄ'],
    ['d', 'ԁ'],
    ['e', 'еҽ'],
    ['g', 'ɡ'],
    ['h', 'һ'],
    ['i', 'іιıɩ'],
    ['j', 'јϳ'],
    ['k', 'κк'],
    ['l', 'ӏ'],
    ['m', 'м'],
    ['n', 'ոп'],
    ['o', 'оοօσ'],
    ['p', 'рρ'],
    ['q', 'ԛ'],
    ['r', 'гᴦ'],
    ['s', 'ѕ'],
    ['t', 'тτ'],
    ['u', 'υս'],
    ['v', 'νѵ'],
    ['w', 'ԝω'],
    ['x', 'хχ'],
    ['y', 'уγ'],
    ['z', 'ᴢ'],
    ['A', 'АΑ'],
    ['B', 'ВΒ'],
    ['C', 'СϹ'],
    ['E', 'ЕΕ'],
    ['H', 'НΗ'],
    ['I', 'ІΙӀ'],
    ['J', 'Ј'],
    ['K', 'КΚ'],
    ['M', 'МΜ'],
    ['N', 'Ν'],
    ['O', 'ОΟ'],
    ['P', 'РΡ'],
    ['S', 'Ѕ'],
    ['T', 'ТΤ'],
    ['X', 'ХΧ'],
    ['Y', 'ҮΥ'],
    ['Z', 'Ζ'],
    ["'", '’‘ʼ'],
    ['"', '“”„'],
    ['-', '–—−‐‑'],
  ].flatMap(([latin, others]) => [...(others ?? '')].map((c) => [c, latin ?? ''] as const)),
);

const MARK = /^\p{M}$/u;
const SPACE = /^[\p{Zs}\p{Zl}\p{Zp}]$/u;
const IGNORABLE = /^\p{Default_Ignorable_Code_Point}$/u;

/** True for text that needs no folding: as long in UTF-8 as in UTF-16. */
export const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** Unicode Bidi_Control. */
const isReordering = (point: number): boolean =>
  point === 0x61c ||
  point === 0x200e ||
  point === 0x200f ||
  (point >= 0x202a && point <= 0x202e) ||
  (point >= 0x2066 && point <= 0x2069);

const isTag = (point: number): boolean => point >= 0xe0000 && point <= 0xe007f;

const NOTHING = { hidden: '', hiddenAt: null, invisible: 0, reordering: 0, joined: false } as const;

/** Folds in one pass; work is linear in the length of the text. */
export function fold(text: string): Folded {
  if (isAscii(text)) return { text, origin: null, ...NOTHING };
  const out = new Rewritten(text.length);
  const hidden: string[] = [];
  let hiddenAt: Folded['hiddenAt'] = null as Folded['hiddenAt'];
  let invisible = 0;
  let reordering = 0;
  let joined = false;
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      out.unit(unit, at++);
      continue;
    }
    const point = text.codePointAt(at) ?? unit;
    const length = point > 0xffff ? 2 : 1;
    if (isTag(point)) {
      if (point >= 0xe0020 || point === 0xe000a) hidden.push(String.fromCharCode(point - 0xe0000));
      hiddenAt = { start: hiddenAt?.start ?? at, end: at + length };
    } else if (isReordering(point)) reordering++;
    else {
      const plain = foldOne(point);
      out.put(plain, at);
      joined ||=
        isAlnum(plain.charCodeAt(0)) &&
        (isAlnum(text.charCodeAt(at - 1)) || isAlnum(text.charCodeAt(at + length)));
      if (plain === '' && IGNORABLE.test(String.fromCodePoint(point))) invisible++;
    }
    at += length;
  }
  return { hidden: hidden.join(''), ...out.finish(text.length), hiddenAt, invisible, reordering, joined };
}

const isAlnum = (unit: number): boolean =>
  (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122);

const seen = new Map<number, string>();
const MAX_SEEN = 1 << 16;

/** One character of foreign text as ASCII where there is such a reading. */
function foldOne(point: number): string {
  const known = seen.get(point);
  if (known !== undefined) return known;
  const folded = compute(String.fromCodePoint(point));
  if (seen.size < MAX_SEEN) seen.set(point, folded);
  return folded;
}

function compute(c: string): string {
  if (IGNORABLE.test(c)) return '';
  if (SPACE.test(c)) return ' ';
  const direct = LOOKALIKES.get(c);
  if (direct !== undefined) return direct;
  // A compatibility form is at most 18 characters; more than 4 are words of their own, not letters.
  const parts = [...c.normalize('NFKD')].filter((p) => !MARK.test(p)).map((p) => LOOKALIKES.get(p) ?? p);
  return parts.length > 4 ? c : parts.join('');
}
