// SPDX-License-Identifier: Apache-2.0
/**
 * The one strict JSON parser (RFC 8259, narrowed to I-JSON): no two readings of one byte string.
 * Refused: invalid UTF-8, a byte order mark, duplicate keys (after escapes), `__proto__`, `constructor` and `prototype` as keys,
 * lone surrogates, numbers whose canonical text is not numerically equal to their token, and anything past the limits.
 */
import type { JsonObject, JsonValue } from './canonical.js';

export interface JsonLimits {
  /** In UTF-16 units of the text. */
  readonly size: number;
  readonly depth: number;
  /** Members of all objects together. */
  readonly keys: number;
  /** Values of any kind, together; without it as many as the size allows. */
  readonly values?: number;
  /**
   * `exact` (the default) refuses a number whose canonical text is not numerically equal to its token; `nearest` rounds as
   * RFC 8785 does. Nothing that is decided on or signed is read with `nearest`.
   */
  readonly numbers?: 'exact' | 'nearest';
}

export const DEFAULT_LIMITS: JsonLimits = { size: 4 * 1024 * 1024, depth: 64, keys: 10_000 };

export type JsonResult =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly error: JsonFault };

/** `offset` counts UTF-16 units of the text (bytes for faults of the encoding). */
export interface JsonFault {
  readonly kind: 'encoding' | 'syntax' | 'duplicate_key' | 'forbidden_key' | 'surrogate' | 'number' | 'limit';
  readonly message: string;
  readonly offset: number;
}

class Refusal extends Error {
  readonly fault: JsonFault;
  constructor(kind: JsonFault['kind'], message: string, offset: number) {
    super(message);
    this.fault = { kind, message, offset };
  }
}

/** Of 9 or 11 letters all three; `key` asks for the length first, since hashing each key would cost more. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses UTF-8 bytes or text; objects have null prototypes. Never throws. */
export function parseStrict(input: string | Uint8Array, limits: JsonLimits = DEFAULT_LIMITS): JsonResult {
  let text: string;
  if (typeof input === 'string') text = input;
  else {
    if (input.length > limits.size * 4)
      return refuse('limit', `the message is over ${limits.size} characters`, 0);
    try {
      text = utf8.decode(input);
    } catch {
      return refuse('encoding', 'the bytes are not valid UTF-8', 0);
    }
  }
  if (text.length > limits.size)
    return refuse('limit', `the message is over ${limits.size} characters`, limits.size);
  try {
    return { ok: true, value: new Reader(text, limits).document() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.fault };
    throw error;
  }
}

function refuse(kind: JsonFault['kind'], message: string, offset: number): JsonResult {
  return { ok: false, error: { kind, message, offset } };
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const COMMA = 44;
const COLON = 58;
const SPACE = 32;

class Reader {
  private at = 0;
  private keys = 0;
  private values = 0;
  private readonly most: number;
  /** No backslash stands from the last look for one up to here. */
  private backslash = -1;
  private readonly text: string;
  private readonly limits: JsonLimits;

  constructor(text: string, limits: JsonLimits) {
    this.text = text;
    this.limits = limits;
    this.most = limits.values ?? Number.POSITIVE_INFINITY;
  }

  document(): JsonValue {
    if (this.text.charCodeAt(0) === 0xfeff) this.fail('encoding', 'the text starts with a byte order mark');
    const value = this.value(0);
    this.space();
    if (this.at < this.text.length) this.fail('syntax', 'text after the end of the value');
    return value;
  }

  private fail(kind: JsonFault['kind'], message: string, offset = this.at): never {
    throw new Refusal(kind, message, offset);
  }

  /** Skips white space and returns the code of what stands there (NaN at the end). */
  private space(): number {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c > SPACE || !(c === SPACE || c === 10 || c === 13 || c === 9)) return c;
      this.at++;
    }
  }

  private value(depth: number): JsonValue {
    const c = this.space();
    if (++this.values > this.most) this.fail('limit', `more than ${this.most} values`);
    switch (c) {
      case OPEN_BRACE:
        return this.object(this.deeper(depth));
      case OPEN_BRACKET:
        return this.array(this.deeper(depth));
      case QUOTE:
        return this.string();
      case 116:
        return this.word('true', true);
      case 102:
        return this.word('false', false);
      case 110:
        return this.word('null', null);
      default:
        return Number.isNaN(c)
          ? this.fail('syntax', 'the text ends where a value should stand')
          : this.number();
    }
  }

  private deeper(depth: number): number {
    return depth < this.limits.depth
      ? depth + 1
      : this.fail('limit', `nesting deeper than ${this.limits.depth}`);
  }

  private word<T extends JsonValue>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('syntax', 'not a JSON value');
    this.at += word.length;
    return value;
  }

  private object(depth: number): JsonObject {
    // Built as a plain object, which V8 keeps fast, and cut off from Object.prototype at the end: keys that could reach the
    // prototype (`__proto__`) are refused before they are set.
    const result: { [key: string]: JsonValue } = {};
    this.at++;
    if (this.space() === CLOSE_BRACE) {
      this.at++;
      return Object.setPrototypeOf(result, null);
    }
    for (;;) {
      const key = this.key(result);
      if (this.space() !== COLON) this.fail('syntax', 'expected `:` after the key');
      this.at++;
      result[key] = this.value(depth);
      const c = this.space();
      if (c !== COMMA && c !== CLOSE_BRACE) this.fail('syntax', 'expected `,` or `}`');
      this.at++;
      if (c === CLOSE_BRACE) return Object.setPrototypeOf(result, null);
    }
  }

  private key(owner: JsonObject): string {
    const c = this.space();
    const start = this.at;
    if (c !== QUOTE) this.fail('syntax', 'expected a key in double quotes');
    const key = this.string();
    if ((key.length === 9 || key.length === 11) && FORBIDDEN.has(key))
      this.fail('forbidden_key', `the key "${key}" is not allowed`, start);
    if (Object.hasOwn(owner, key))
      this.fail('duplicate_key', 'the same key stands twice in one object', start);
    if (++this.keys > this.limits.keys) this.fail('limit', `more than ${this.limits.keys} keys`, start);
    return key;
  }

  private array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.at++;
    if (this.space() === CLOSE_BRACKET) {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth));
      const c = this.space();
      if (c !== COMMA && c !== CLOSE_BRACKET) this.fail('syntax', 'expected `,` or `]`');
      this.at++;
      if (c === CLOSE_BRACKET) return items;
    }
  }

  private string(): string {
    const start = ++this.at;
    let surrogates = false;
    for (let i = start; ; i++) {
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) {
        this.at = i + 1;
        const value = this.text.slice(start, i);
        return surrogates ? this.wellFormed(value, start) : value;
      }
      if (c === BACKSLASH) return this.escaped(start, i);
      if (!(c >= 32)) this.unterminated(c, i);
      if (c >= 0xd800) surrogates = true;
      if (i - start === LONG) return this.long(start);
    }
  }

  /** The same for a long string, with searches that run natively. */
  private long(start: number): string {
    const from = start + LONG;
    if (this.backslash < from) {
      const next = this.text.indexOf('\\', from);
      this.backslash = next < 0 ? this.text.length : next;
    }
    const quote = this.text.indexOf('"', from);
    if (quote < 0) return this.escaped(start, start, true);
    if (this.backslash < quote) return this.longEscaped(start, this.backslash);
    const value = this.text.slice(start, quote);
    const control = value.search(CONTROL);
    if (control >= 0) this.unterminated(0, start + control);
    this.at = quote + 1;
    return this.wellFormed(value, start);
  }

  private longEscaped(start: number, first: number): string {
    let end = first;
    for (; end < this.text.length; end++) {
      const c = this.text.charCodeAt(end);
      if (c === BACKSLASH) end++;
      else if (c === QUOTE) break;
    }
    try {
      const value: unknown = JSON.parse(this.text.slice(start - 1, end + 1));
      this.at = end + 1;
      if (typeof value === 'string') return this.wellFormed(value, start);
    } catch {
      // What is wrong with it, and where, the other way says.
    }
    return this.escaped(start, start, true);
  }

  private unterminated(c: number, at: number): never {
    return Number.isNaN(c)
      ? this.fail('syntax', 'the string does not end', at)
      : this.fail('syntax', 'a control character in a string', at);
  }

  private wellFormed(value: string, start: number): string {
    return isWellFormed(value) ? value : this.fail('surrogate', 'a lone surrogate in a string', start);
  }

  /** The rest of a string from its first escape on. */
  private escaped(start: number, first: number, slowly = false): string {
    let value = '';
    let plain = start;
    let i = first;
    for (;;) {
      if (i - start > LONG && !slowly) return this.longEscaped(start, i);
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) break;
      if (!(c >= 32)) this.unterminated(c, i);
      if (c !== BACKSLASH) {
        i++;
        continue;
      }
      value += this.text.slice(plain, i);
      if (this.text.charCodeAt(i + 1) === 117) {
        value += String.fromCharCode(this.hex(i + 2));
        i += 6;
      } else {
        const letter = ESCAPES.get(this.text.charAt(i + 1));
        if (letter === undefined) this.fail('syntax', 'not an escape of JSON', i);
        value += letter;
        i += 2;
      }
      plain = i;
    }
    this.at = i + 1;
    return this.wellFormed(value + this.text.slice(plain, i), start);
  }

  private hex(at: number): number {
    let value = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = hexDigit(this.text.charCodeAt(i));
      if (digit < 0) this.fail('syntax', '`\\u` needs four hexadecimal digits', at - 2);
      value = value * 16 + digit;
    }
    return value;
  }

  private number(): number {
    const start = this.at;
    let i = start;
    const digits = (): number => {
      const from = i;
      while (isDigit(this.text.charCodeAt(i))) i++;
      return i - from;
    };
    if (this.text[i] === '-') i++;
    const zero = this.text[i] === '0';
    const whole = digits();
    if (whole === 0 || (zero && whole > 1)) this.fail('syntax', 'not a JSON value', start);
    if (this.text[i] === '.') {
      i++;
      if (digits() === 0) this.fail('syntax', 'digits must follow the point', start);
    }
    if (this.text[i] === 'e' || this.text[i] === 'E') {
      i++;
      if (this.text[i] === '+' || this.text[i] === '-') i++;
      if (digits() === 0) this.fail('syntax', 'digits must follow the exponent', start);
    }
    const token = this.text.slice(start, i);
    const value = Number(token);
    if (!Number.isFinite(value) || (this.limits.numbers !== 'nearest' && !exact(token, value))) {
      this.fail('number', `the number ${token.slice(0, 40)} cannot be kept exactly`, start);
    }
    this.at = i;
    return value === 0 ? 0 : value;
  }
}

/** Strings of more characters are searched, not read one by one. */
const LONG = 4096;
/** A control character. */
const CONTROL = /[^\u0020-\uffff]/;

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

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const hexDigit = (c: number): number =>
  isDigit(c) ? c - 48 : c >= 97 && c <= 102 ? c - 87 : c >= 65 && c <= 70 ? c - 55 : -1;
const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();

/** Is the canonical text of `value` numerically equal to `token`? */
function exact(token: string, value: number): boolean {
  const text = String(value);
  if (text === token) return true;
  if (token.length > 400) return false;
  const [a, b] = [decimal(token), decimal(text)];
  return a.digits === b.digits && (a.digits === '' || (a.exponent === b.exponent && a.minus === b.minus));
}

/** Digits without leading and trailing zeros, and the exponent of the last digit. */
function decimal(token: string): {
  readonly minus: boolean;
  readonly digits: string;
  readonly exponent: number;
} {
  const minus = token.startsWith('-');
  const [mantissa = '', power = '0'] = token
    .slice(minus ? 1 : 0)
    .toLowerCase()
    .split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  let first = 0;
  while (first < all.length && all[first] === '0') first++;
  let last = all.length;
  while (last > first && all[last - 1] === '0') last--;
  return {
    minus,
    digits: all.slice(first, last),
    exponent: Number(power) - fraction.length + (all.length - last),
  };
}
