// SPDX-License-Identifier: Apache-2.0
/** The values of literal tokens. Total: a malformed literal yields a value and a fault. */
import type { Fault, Span } from './tree.js';

const UNITS = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of `15m`. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * (UNITS.get(text.slice(-1)) ?? 0);
}

const ESCAPES = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** The value of a string token with its quotes; faults point at the escape. */
export function stringValue(image: string, start: number, faults: Fault[]): string {
  if (!image.includes('\\')) return image.slice(1, -1);
  let value = '';
  for (let i = 1; i < image.length - 1; i++) {
    const c = image[i] as string;
    if (c !== '\\') {
      value += c;
      continue;
    }
    const next = image[i + 1] as string;
    const plain = ESCAPES.get(next);
    const unicode = next === 'u' ? unicodeEscape(image, i) : null;
    if (plain !== undefined) value += plain;
    else if (unicode !== null) value += unicode.text;
    else {
      const span: Span = { start: start + i, end: start + i + 2 };
      faults.push({ code: 'SEP1004', args: { found: `\\${next}` }, span });
    }
    i += unicode === null ? 1 : unicode.length - 1;
  }
  return value;
}

type Escape = { readonly text: string; readonly length: number };

/** `\u{1F600}`, or as in JSON `\u00e9` and `\ud83d\ude00`, at `at`. Lone surrogates are no text. */
function unicodeEscape(image: string, at: number): Escape | null {
  return image[at + 2] === '{' ? bracedEscape(image, at) : jsonEscape(image, at);
}

function jsonEscape(image: string, at: number): Escape | null {
  const first = codeUnit(image, at);
  if (first === null || (first >= 0xdc00 && first <= 0xdfff)) return null;
  if (first < 0xd800 || first > 0xdfff) return { text: String.fromCharCode(first), length: 6 };
  const second = codeUnit(image, at + 6);
  if (second === null || second < 0xdc00 || second > 0xdfff) return null;
  return { text: String.fromCharCode(first, second), length: 12 };
}

function codeUnit(image: string, at: number): number | null {
  const digits = image.slice(at + 2, at + 6);
  return image.startsWith('\\u', at) && /^[0-9A-Fa-f]{4}$/.test(digits) ? Number.parseInt(digits, 16) : null;
}

function bracedEscape(image: string, at: number): Escape | null {
  const close = image.indexOf('}', at);
  if (close < 0 || close - at > 10) return null;
  const digits = image.slice(at + 3, close);
  if (!/^[0-9A-Fa-f]{1,6}$/.test(digits)) return null;
  const point = Number.parseInt(digits, 16);
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return null;
  return { text: String.fromCodePoint(point), length: close - at + 1 };
}

/** The value of `r"…"`: `\"` is a quote, every other backslash stays. */
export function regexValue(image: string): string {
  return image.slice(2, -1).replaceAll('\\"', '"');
}

/** A string literal of `.sep` for any text; control and invisible characters are escaped. */
export function quote(text: string): string {
  let out = '"';
  for (const c of text) {
    const point = c.codePointAt(0) ?? 0;
    if (c === '"' || c === '\\') out += `\\${c}`;
    else if (c === '\n') out += '\\n';
    else if (c === '\r') out += '\\r';
    else if (c === '\t') out += '\\t';
    else if (needsEscape(point)) out += `\\u{${point.toString(16)}}`;
    else out += c;
  }
  return `${out}"`;
}

function needsEscape(point: number): boolean {
  return point === 0x09 || point === 0x0a || point === 0x0d || misleading(point) !== null;
}

/** Why a character may not stand in source as it is, if it may not. Tab and line breaks are for the caller. */
export function misleading(point: number): string | null {
  if (point < 0x7f) return point >= 0x20 ? null : 'is a control character';
  if (point <= 0x9f) return 'is a control character';
  if (point === 0x2028 || point === 0x2029) return 'breaks the line in some editors only';
  if (isBidiControl(point)) return 'reorders the text around it';
  if (isInvisible(point)) return 'cannot be seen';
  return point >= 0xd800 && point <= 0xdfff ? 'is half a character' : null;
}

/** Unicode Bidi_Control, and the deprecated format characters beside them. */
function isBidiControl(point: number): boolean {
  return (
    point === 0x061c ||
    point === 0x200e ||
    point === 0x200f ||
    (point >= 0x202a && point <= 0x202e) ||
    (point >= 0x2066 && point <= 0x206f)
  );
}

/** Without width and without a use in words; the joiners U+200C and U+200D have one. */
function isInvisible(point: number): boolean {
  return (
    point === 0x00ad ||
    point === 0x180e ||
    point === 0x200b ||
    (point >= 0x2060 && point <= 0x2065) ||
    point === 0xfeff ||
    (point >= 0xfff9 && point <= 0xfffb) ||
    (point >= 0xe0000 && point <= 0xe0fff)
  );
}

export const codePoint = (point: number): string => `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;

/** Foreign text for a message: at most `limit` characters, and nothing that could steer a terminal. */
export function visible(text: string, limit: number): string {
  const characters = Array.from(text.slice(0, 2 * limit + 2));
  const shown = characters.slice(0, limit).map((c) => {
    const point = c.codePointAt(0) ?? 0;
    return misleading(point) === null ? c : codePoint(point);
  });
  return shown.join('') + (characters.length > limit ? '…' : '');
}
