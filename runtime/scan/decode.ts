// SPDX-License-Identifier: Apache-2.0
/** Parts of a text that are another text in disguise. Each reader makes one pass; what does not decode to text is left alone. */

import { isUtf8 } from 'node:buffer';
import { Rewritten } from './rewritten.js';

export interface Part {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Where each character of `text` came from, and the end; null where only the whole part can be named. */
  readonly origin: Uint32Array | null;
  readonly via: string;
}

/** Decoded text with the way back. */
class Decoded {
  readonly #out: Rewritten;
  #found = 0;

  constructor(length: number) {
    this.#out = new Rewritten(length);
  }
  /** Keeps `text` from `from` to `to` as it is. */
  keep(text: string, from: number, to: number): void {
    this.#out.keep(text, from, to);
  }
  /** Puts `decoded` in place of what starts at `at`. */
  put(decoded: string, at: number): void {
    this.#out.put(decoded, at);
    this.#found++;
  }
  /** The part, if an escape was in it. */
  part(text: string, via: string): readonly Part[] {
    if (this.#found === 0) return [];
    return [{ start: 0, end: text.length, ...this.#out.finish(text.length), via }];
  }
}

/** Shorter runs are words, not encodings. */
const MIN_BASE64 = 16;
const MIN_HEX = 12;

const CLASS = (() => {
  /** Of each UTF-16 unit. */
  const table = new Uint8Array(0x10000);
  for (let u = 0; u < 128; u++) {
    const digit = u >= 48 && u <= 57;
    const letter = (u >= 65 && u <= 90) || (u >= 97 && u <= 122);
    const hex = digit || (u >= 65 && u <= 70) || (u >= 97 && u <= 102);
    const base64 = digit || letter || u === 43 || u === 47 || u === 45 || u === 95;
    table[u] = (digit ? 1 : 0) | (hex ? 2 : 0) | (digit || letter ? 4 : 0) | (base64 ? 8 : 0);
  }
  return table;
})();
const isDigit = (u: number): boolean => ((CLASS[u] ?? 0) & 1) !== 0;
const isHex = (u: number): boolean => ((CLASS[u] ?? 0) & 2) !== 0;

/** Bytes as text, if they are text: valid UTF-8 in which nearly all is printable. */
function readable(bytes: Uint8Array): string | null {
  if (bytes.length < 5 || !looksText(bytes) || !isUtf8(bytes)) return null;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** At most one control character in twenty: what is no text shows itself soon. */
function looksText(bytes: Uint8Array): boolean {
  const most = bytes.length / 20;
  let odd = 0;
  for (let i = 0; i < bytes.length; i++) {
    const u = bytes[i] ?? 0;
    if ((u < 32 && u !== 9 && u !== 10 && u !== 13) || u === 127) {
      if (++odd > most) return false;
    }
  }
  return true;
}

/** All parts of `text` that are encoded, one reader after the other. */
export function decodeParts(text: string): readonly Part[] {
  const parts: Part[] = [];
  if (text.length < 8) return parts;
  if (text.includes('%')) parts.push(...percent(text));
  if (text.includes('&')) parts.push(...entities(text));
  if (text.includes('\\')) parts.push(...escapes(text));
  runs(parts, text);
  return parts;
}

/** `%41` as in a URL; what is no escape stands for itself. */
function percent(text: string): readonly Part[] {
  const decoded = new Decoded(text.length);
  let from = 0;
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i)) {
    const bytes = percentRun(text, i);
    if (bytes.length === 0) {
      i++;
      continue;
    }
    decoded.keep(text, from, i);
    decoded.put(Buffer.from(bytes).toString('utf8'), i);
    i += 3 * bytes.length;
    from = i;
  }
  decoded.keep(text, from, text.length);
  return decoded.part(text, 'url');
}

function percentRun(text: string, at: number): readonly number[] {
  const bytes: number[] = [];
  for (let i = at; text.charCodeAt(i) === 37; i += 3) {
    if (!isHex(text.charCodeAt(i + 1)) || !isHex(text.charCodeAt(i + 2))) break;
    bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16));
  }
  return bytes;
}

const NAMED = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
  ['colon', ':'],
  ['sol', '/'],
  ['lpar', '('],
  ['rpar', ')'],
  ['num', '#'],
]);

/** `&#73;`, `&#x49;`, `&lt;`. */
function entities(text: string): readonly Part[] {
  const decoded = new Decoded(text.length);
  let from = 0;
  for (let i = text.indexOf('&'); i >= 0; i = text.indexOf('&', i + 1)) {
    const name = text.slice(i + 1, i + 11);
    const semicolon = name.indexOf(';');
    const c = semicolon < 0 ? null : entity(name.slice(0, semicolon));
    if (c === null) continue;
    decoded.keep(text, from, i);
    decoded.put(c, i);
    from = i + semicolon + 2;
  }
  decoded.keep(text, from, text.length);
  return decoded.part(text, 'html');
}

function entity(name: string): string | null {
  if (!name.startsWith('#')) return NAMED.get(name.toLowerCase()) ?? null;
  const hex = name[1] === 'x' || name[1] === 'X';
  const digits = name.slice(hex ? 2 : 1);
  if (digits === '' || ![...digits].every((d) => (hex ? isHex : isDigit)(d.charCodeAt(0)))) return null;
  const point = Number.parseInt(digits, hex ? 16 : 10);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : null;
}

const SIMPLE = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['"', '"'],
  ["'", "'"],
  ['/', '/'],
  ['\\', '\\'],
]);

/** `\u0049`, `\x49`, `\u{49}`, `\n` as in strings of programs and of JSON. */
function escapes(text: string): readonly Part[] {
  const decoded = new Decoded(text.length);
  let from = 0;
  for (let i = text.indexOf('\\'); i >= 0; i = text.indexOf('\\', i)) {
    const [c, length] = escapeAt(text, i);
    if (length > 0) {
      decoded.keep(text, from, i);
      decoded.put(c, i);
      from = i + length;
    }
    i += Math.max(1, length);
  }
  decoded.keep(text, from, text.length);
  return decoded.part(text, 'escapes');
}

function escapeAt(text: string, at: number): readonly [string, number] {
  const kind = text[at + 1];
  if (kind === 'u' && text[at + 2] === '{') {
    const close = at + text.slice(at, at + 11).indexOf('}');
    const c = close > at ? entity(`#x${text.slice(at + 3, close)}`) : null;
    return c === null ? ['', 0] : [c, close + 1 - at];
  }
  const length = kind === 'u' ? 4 : kind === 'x' ? 2 : 0;
  if (length === 0) {
    const simple = SIMPLE.get(kind ?? '');
    return simple === undefined ? ['', 0] : [simple, 2];
  }
  const digits = text.slice(at + 2, at + 2 + length);
  if (digits.length < length || ![...digits].every((d) => isHex(d.charCodeAt(0)))) return ['', 0];
  return [String.fromCharCode(Number.parseInt(digits, 16)), 2 + length];
}

/** Base64 (also the URL alphabet) and hex, as runs of their characters, and hex in groups: one pass for all, since every text goes through it. */
function runs(parts: Part[], text: string): void {
  const groups = new Groups(text);
  for (let i = 0; i < text.length; ) {
    const start = i;
    let classes = 15;
    let here = classAt(text, i);
    while ((here & 8) !== 0) {
      if ((here & 4) === 0) {
        classes &= here;
        here = classAt(text, ++i);
        continue;
      }
      const from = i;
      let all = 15;
      do {
        all &= here;
        here = classAt(text, ++i);
      } while ((here & 4) !== 0);
      groups.take(from, i, (all & 2) !== 0);
      classes &= all;
    }
    if (i === start) i++;
    else if (i - start >= MIN_HEX) run(parts, text, start, i, (classes & 2) !== 0);
  }
  parts.push(...groups.end());
}

const classAt = (text: string, at: number): number =>
  at < text.length ? (CLASS[text.charCodeAt(at)] ?? 0) : 0;

function run(parts: Part[], text: string, start: number, end: number, hex: boolean): void {
  const length = end - start;
  if (hex) {
    const even = length - (length % 2);
    add(parts, text, start, start + even, 'hex', Buffer.from(text.slice(start, start + even), 'hex'));
  }
  if (length < MIN_BASE64) return;
  let padded = end;
  while (padded < text.length && padded - end < 2 && text.charCodeAt(padded) === 61) padded++;
  const own = text.slice(start, end);
  if (looksEncoded(own)) add(parts, text, start, padded, 'base64', Buffer.from(own, 'base64'));
}

/** Words and identifiers are runs of the same alphabet: an encoding mixes cases or has digits. */
function looksEncoded(run: string): boolean {
  let upper = 0;
  let lower = 0;
  for (let i = 0; i < run.length; i++) {
    const u = run.charCodeAt(i);
    if (u >= 65 && u <= 90) upper++;
    else if (u >= 97 && u <= 122) lower++;
  }
  return upper > 0 && lower > 0;
}

/** `49 67 6e`, `49-67-6e`, `0x49,0x67`, `4967 + 6e6f`: groups of pairs of hex digits, apart by at most four characters. */
class Groups {
  readonly #text: string;
  readonly #parts: Part[] = [];
  #start = -1;
  #groups = 0;
  #end = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next run of letters and digits. */
  take(from: number, to: number, hex: boolean): void {
    if (this.#start < 0 && !hex && (to - from) % 2 !== 0) return;
    const digits = hex ? to - from : this.#prefixed(from, to);
    if (this.#start >= 0 && from - this.#end > 4) this.#close();
    if (digits > 0 && digits % 2 === 0 && digits <= 64) {
      if (this.#start < 0) this.#start = from;
      this.#groups++;
      this.#end = to;
    } else if (this.#start >= 0) this.#close();
  }

  end(): readonly Part[] {
    if (this.#start >= 0) this.#close();
    return this.#parts;
  }

  /** How many digits stand behind `0x`, up to the end of the run; 0 where it is another run. */
  #prefixed(from: number, to: number): number {
    if (this.#text.charCodeAt(from) !== 48 || (this.#text.charCodeAt(from + 1) | 32) !== 120) return 0;
    for (let i = from + 2; i < to; i++) if (!isHex(this.#text.charCodeAt(i))) return 0;
    return to - from - 2;
  }

  #close(): void {
    if (this.#groups >= 4) addHex(this.#parts, this.#text, this.#start, this.#end);
    this.#start = -1;
    this.#groups = 0;
  }
}

function addHex(parts: Part[], text: string, start: number, end: number): void {
  const bytes = Buffer.alloc((end - start) >> 1);
  let length = 0;
  for (let i = start; i < end; ) {
    const high = nibble(text.charCodeAt(i));
    // A zero before an x is no digit; pairs never stand apart.
    if (high < 0 || (text.charCodeAt(i + 1) | 32) === 120) {
      i++;
      continue;
    }
    bytes[length++] = (high << 4) | nibble(text.charCodeAt(i + 1));
    i += 2;
  }
  if (length * 2 >= MIN_HEX) add(parts, text, start, end, 'hex', bytes.subarray(0, length));
}

function nibble(u: number): number {
  if (u >= 48 && u <= 57) return u - 48;
  const low = u | 32;
  return low >= 97 && low <= 102 ? low - 87 : -1;
}

function add(parts: Part[], text: string, start: number, end: number, via: string, bytes: Uint8Array): void {
  const decoded = readable(bytes);
  if (decoded !== null && decoded !== text.slice(start, end))
    parts.push({ start, end, text: decoded, origin: null, via });
}
