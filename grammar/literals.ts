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
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** The value of a string token with its quotes; faults point at the escape. */
export function stringValue(image: string, start: number, faults: Fault[]): string {
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

/** `\u{1F600}` at `at`; surrogates are no code points of text. */
function unicodeEscape(image: string, at: number): { readonly text: string; readonly length: number } | null {
  const close = image.indexOf('}', at);
  if (image[at + 2] !== '{' || close < 0 || close - at > 10) return null;
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
  return point < 0x20 || point === 0x7f || (point >= 0xd800 && point <= 0xdfff) || isBidiControl(point);
}

/** Characters that reorder text (Unicode Bidi_Control, and the deprecated format characters beside them). */
export function isBidiControl(point: number): boolean {
  return (
    point === 0x061c ||
    point === 0x200e ||
    point === 0x200f ||
    (point >= 0x202a && point <= 0x202e) ||
    (point >= 0x2066 && point <= 0x206f)
  );
}
