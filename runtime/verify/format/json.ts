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

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses UTF-8 bytes or text; objects have null prototypes. Never throws. */
export function parseStrict(input: string | Uint8Array, limits: JsonLimits = DEFAULT_LIMITS): JsonResult {
  let text: string;
  if (typeof input === 'string') text = input;
  else {
    if (input.length > limits.size * 4) return refuse('limit', `the message is over ${limits.size} characters`, 0);
    try {
      text = utf8.decode(input);
    } catch {
      return refuse('encoding', 'the bytes are not valid UTF-8', 0);
    }
  }
  if (text.length > limits.size) return refuse('limit', `the message is over ${limits.size} characters`, limits.size);
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

class Reader {
  private at = 0;
  private keys = 0;
  private readonly text: string;
  private readonly limits: JsonLimits;

  constructor(text: string, limits: JsonLimits) {
    this.text = text;
    this.limits = limits;
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

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c === 32 || c === 10 || c === 13 || c === 9) this.at++;
      else return;
    }
  }

  private value(depth: number): JsonValue {
    if (depth > this.limits.depth) this.fail('limit', `nesting deeper than ${this.limits.depth}`);
    this.space();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      case undefined:
        return this.fail('syntax', 'the text ends where a value should stand');
      default:
        return this.number();
    }
  }

  private word<T extends JsonValue>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('syntax', 'not a JSON value');
    this.at += word.length;
    return value;
  }

  private object(depth: number): JsonObject {
    const result: { [key: string]: JsonValue } = Object.create(null);
    this.at++;
    this.space();
    if (this.text[this.at] === '}') {
      this.at++;
      return result;
    }
    for (;;) {
      this.space();
      const start = this.at;
      if (this.text[start] !== '"') this.fail('syntax', 'expected a key in double quotes');
      const key = this.string();
      if (FORBIDDEN.has(key)) this.fail('forbidden_key', `the key "${key}" is not allowed`, start);
      if (key in result) this.fail('duplicate_key', 'the same key stands twice in one object', start);
      if (++this.keys > this.limits.keys) this.fail('limit', `more than ${this.limits.keys} keys`, start);
      this.space();
      if (this.text[this.at] !== ':') this.fail('syntax', 'expected `:` after the key');
      this.at++;
      result[key] = this.value(depth + 1);
      this.space();
      const c = this.text[this.at++];
      if (c === '}') return result;
      if (c !== ',') this.fail('syntax', 'expected `,` or `}`', this.at - 1);
    }
  }

  private array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.at++;
    this.space();
    if (this.text[this.at] === ']') {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      this.space();
      const c = this.text[this.at++];
      if (c === ']') return items;
      if (c !== ',') this.fail('syntax', 'expected `,` or `]`', this.at - 1);
    }
  }

  private string(): string {
    const start = ++this.at;
    for (let i = start; ; i++) {
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) {
        const value = this.text.slice(start, i);
        this.at = i + 1;
        return wellFormed(value) ? value : this.fail('surrogate', 'a lone surrogate in a string', start);
      }
      if (c === BACKSLASH) return this.escaped(start, i);
      if (!(c >= 32)) this.unterminated(c, i);
    }
  }

  private unterminated(c: number, at: number): never {
    return Number.isNaN(c)
      ? this.fail('syntax', 'the string does not end', at)
      : this.fail('syntax', 'a control character in a string', at);
  }

  private escaped(start: number, first: number): string {
    let value = this.text.slice(start, first);
    let i = first;
    for (;;) {
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) break;
      if (!(c >= 32)) this.unterminated(c, i);
      if (c !== BACKSLASH) {
        value += this.text[i++];
        continue;
      }
      const letter = this.text[i + 1];
      if (letter === 'u') {
        value += String.fromCharCode(this.hex(i + 2));
        i += 6;
      } else {
        const plain = letter === undefined ? undefined : ESCAPES.get(letter);
        if (plain === undefined) this.fail('syntax', 'not an escape of JSON', i);
        value += plain;
        i += 2;
      }
    }
    this.at = i + 1;
    return wellFormed(value) ? value : this.fail('surrogate', 'a lone surrogate in a string', start);
  }

  private hex(at: number): number {
    let value = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = HEX.indexOf((this.text[i] ?? ' ').toLowerCase());
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
    if (!Number.isFinite(value) || !exact(token, value)) {
      this.fail('number', `the number ${token.slice(0, 40)} cannot be kept exactly`, start);
    }
    this.at = i;
    return value;
  }
}

const HEX = '0123456789abcdef';
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
const wellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();

/** Is the canonical text of `value` numerically equal to `token`? Unsafe integers are refused too. */
function exact(token: string, value: number): boolean {
  const text = String(value);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return false;
  if (text === token) return true;
  if (token.length > 400) return false;
  const [a, b] = [decimal(token), decimal(text)];
  return a.digits === b.digits && (a.digits === '' || (a.exponent === b.exponent && a.minus === b.minus));
}

/** Digits without leading and trailing zeros, and the exponent of the last digit. */
function decimal(token: string): { readonly minus: boolean; readonly digits: string; readonly exponent: number } {
  const minus = token.startsWith('-');
  const [mantissa = '', power = '0'] = token.slice(minus ? 1 : 0).toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  let first = 0;
  while (first < all.length && all[first] === '0') first++;
  let last = all.length;
  while (last > first && all[last - 1] === '0') last--;
  return { minus, digits: all.slice(first, last), exponent: Number(power) - fraction.length + (all.length - last) };
}
