// SPDX-License-Identifier: Apache-2.0
/** Parts of a text that are another text in disguise. Each reader makes one pass; what does not decode to text is left alone. */

export interface Part {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Where each character of `text` came from, and the end; null where only the whole part can be named. */
  readonly origin: Uint32Array | null;
  readonly via: string;
}

/** Decoded text with the way back. What is decoded is never longer than its encoding. */
class Decoded {
  readonly #out: string[] = [];
  readonly #origin: Uint32Array;
  #length = 0;
  #found = 0;

  constructor(length: number) {
    this.#origin = new Uint32Array(length + 1);
  }
  /** Keeps `text` from `from` to `to` as it is. */
  keep(text: string, from: number, to: number): void {
    if (to > from) this.#out.push(text.slice(from, to));
    for (let i = from; i < to; i++) this.#origin[this.#length++] = i;
  }
  /** Puts `decoded` in place of what starts at `at`. */
  put(decoded: string, at: number): void {
    this.#out.push(decoded);
    this.#origin.fill(at, this.#length, this.#length + decoded.length);
    this.#length += decoded.length;
    this.#found++;
  }
  /** The part, if an escape was in it. */
  part(text: string, via: string): readonly Part[] {
    if (this.#found === 0) return [];
    this.#origin[this.#length] = text.length;
    const origin = this.#origin.subarray(0, this.#length + 1);
    return [{ start: 0, end: text.length, text: this.#out.join(''), origin, via }];
  }
}

/** Shorter runs are words, not encodings. */
const MIN_BASE64 = 16;
const MIN_HEX = 12;

const isDigit = (u: number): boolean => u >= 48 && u <= 57;
const isHex = (u: number): boolean => isDigit(u) || (u >= 65 && u <= 70) || (u >= 97 && u <= 102);
const isAlnum = (u: number): boolean => isDigit(u) || (u >= 65 && u <= 90) || (u >= 97 && u <= 122);
const isBase64 = (u: number): boolean => isAlnum(u) || u === 43 || u === 47 || u === 45 || u === 95;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes as text, if they are text: valid UTF-8 in which nearly all is printable. */
function readable(bytes: Uint8Array): string | null {
  if (bytes.length < 5) return null;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return null;
  }
  let odd = 0;
  for (let i = 0; i < text.length; i++) {
    const u = text.charCodeAt(i);
    if (u < 32 && u !== 9 && u !== 10 && u !== 13) odd++;
    else if (u === 127) odd++;
  }
  return odd * 20 > text.length ? null : text;
}

/** All parts of `text` that are encoded, one reader after the other. */
export function decodeParts(text: string): readonly Part[] {
  const parts: Part[] = [];
  if (text.length < 8) return parts;
  if (text.includes('%')) parts.push(...percent(text));
  if (text.includes('&')) parts.push(...entities(text));
  if (text.includes('\\')) parts.push(...escapes(text));
  runs(parts, text);
  spacedHex(parts, text);
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

/** Base64 (also the URL alphabet) and hex, as runs of their characters. */
function runs(parts: Part[], text: string): void {
  for (let i = 0; i < text.length; i++) {
    if (!isBase64(text.charCodeAt(i))) continue;
    const start = i;
    let hex = true;
    for (; i < text.length && isBase64(text.charCodeAt(i)); i++) hex &&= isHex(text.charCodeAt(i));
    const length = i - start;
    if (hex && length >= MIN_HEX) {
      const even = length - (length % 2);
      add(parts, text, start, start + even, 'hex', Buffer.from(text.slice(start, start + even), 'hex'));
    }
    if (length < MIN_BASE64) continue;
    let end = i;
    while (end < text.length && end - i < 2 && text.charCodeAt(end) === 61) end++;
    const run = text.slice(start, i);
    if (looksEncoded(run)) add(parts, text, start, end, 'base64', Buffer.from(run, 'base64'));
  }
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

/** `49 67 6e`, `49-67-6e`, `0x49,0x67`, `4967 + 6e6f`: groups of pairs of hex digits, apart by at most three characters. */
function spacedHex(parts: Part[], text: string): void {
  let start = -1;
  let groups = 0;
  let end = 0;
  const close = (): void => {
    if (groups >= 4) addHex(parts, text, start, end);
    start = -1;
    groups = 0;
  };
  for (let i = 0; i < text.length; ) {
    if (!isAlnum(text.charCodeAt(i))) {
      if (start >= 0 && i - end > 3) close();
      i++;
      continue;
    }
    const prefix = text.charCodeAt(i) === 48 && (text.charCodeAt(i + 1) | 32) === 120 ? 2 : 0;
    let stop = i + prefix;
    let hex = true;
    for (; stop < text.length && isAlnum(text.charCodeAt(stop)); stop++) hex &&= isHex(text.charCodeAt(stop));
    const length = stop - i - prefix;
    if (hex && length > 0 && length % 2 === 0 && length <= 64) {
      if (start < 0) start = i;
      groups++;
      end = stop;
    } else if (start >= 0) close();
    i = stop;
  }
  if (start >= 0) close();
}

function addHex(parts: Part[], text: string, start: number, end: number): void {
  const digits = text
    .slice(start, end)
    .replaceAll('0x', '')
    .replaceAll('0X', '')
    .replaceAll(/[^0-9A-Fa-f]/g, '');
  if (digits.length >= MIN_HEX) add(parts, text, start, end, 'hex', Buffer.from(digits, 'hex'));
}

function add(parts: Part[], text: string, start: number, end: number, via: string, bytes: Uint8Array): void {
  const decoded = readable(bytes);
  if (decoded !== null && decoded !== text.slice(start, end))
    parts.push({ start, end, text: decoded, origin: null, via });
}
