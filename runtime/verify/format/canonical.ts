// SPDX-License-Identifier: Apache-2.0
/** The one canonical writer (RFC 8785, JCS). Takes plain data only, as the strict parser makes it. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * JCS text of plain data. Throws a TypeError on anything else (undefined, functions, class instances, non-finite numbers, lone
 * surrogates), so that no two values share a text by accident.
 */
export function canonical(value: unknown): string {
  return write(value, 0);
}

const MAX_DEPTH = 512;

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('a number that is not finite has no canonical form');
      return value === 0 ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : container(value, depth);
    case 'undefined':
    case 'function':
    case 'symbol':
    case 'bigint':
      throw new TypeError(`a ${typeof value} has no canonical form`);
  }
}

function container(value: object, depth: number): string {
  if (depth >= MAX_DEPTH) throw new TypeError(`nesting deeper than ${MAX_DEPTH} has no canonical form`);
  if (Array.isArray(value)) {
    let out = '[';
    for (let i = 0; i < value.length; i++) out += (i === 0 ? '' : ',') + write(value[i], depth + 1);
    return `${out}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new TypeError('only plain objects and arrays have a canonical form');
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw new TypeError('an object with symbols as keys has no canonical form');
  }
  return members(value as { readonly [key: string]: unknown }, depth);
}

function members(value: { readonly [key: string]: unknown }, depth: number): string {
  const keys = Object.keys(value);
  // Comparison of JavaScript strings is by UTF-16 unit, as RFC 8785 section 3.2.3 asks.
  for (let i = 1; i < keys.length; i++) {
    if ((keys[i - 1] as string) > (keys[i] as string)) {
      keys.sort((a, b) => (a < b ? -1 : 1));
      break;
    }
  }
  let out = '{';
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    out += `${i === 0 ? '' : ','}${text(key)}:${write(value[key], depth + 1)}`;
  }
  return `${out}}`;
}

/** Nothing that needs an escape, and no surrogate at all. */
const PLAIN = /^[\u0020\u0021\u0023-\u005b\u005d-\ud7ff\ue000-\uffff]*$/;

function text(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  if (!(value as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw new TypeError('a string with a lone surrogate has no canonical form');
  }
  return JSON.stringify(value);
}
