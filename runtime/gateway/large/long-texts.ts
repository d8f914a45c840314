// SPDX-License-Identifier: Apache-2.0
/**
 * Long texts on their way from thread to thread. As part of a message each would take its length of the receiver's heap, and one such message
 * would make V8 collect all of it; handed over as bytes, node makes a text of them that stands outside.
 */
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';

export interface LongText {
  /** Where it stands. */
  readonly path: readonly (string | number)[];
  readonly bytes: Uint8Array;
  /** Two bytes for each character; else one. */
  readonly wide: boolean;
}

export interface WithoutLongTexts<Value> {
  readonly value: Value;
  readonly texts: readonly LongText[];
}

/** Characters; shorter ones node makes inside the heap. */
const LONG = 1_100_000;

/** The value with an empty text in place of each long one; what has none inside is shared, nothing is changed. */
export function withoutLongTexts<Value>(value: Value): WithoutLongTexts<Value> {
  const texts: LongText[] = [];
  const path: (string | number)[] = [];
  const without = (one: JsonValue): JsonValue => {
    if (typeof one === 'string') return one.length < LONG ? one : taken(one);
    if (typeof one !== 'object' || one === null) return one;
    return Array.isArray(one) ? ofArray(one as readonly JsonValue[]) : ofObject(one as JsonObject);
  };
  const taken = (text: string): string => {
    const wide = /[^\0-\xff]/.test(text);
    const bytes = Buffer.allocUnsafeSlow(text.length * (wide ? 2 : 1));
    bytes.write(text, wide ? 'utf16le' : 'latin1');
    texts.push({ path: [...path], bytes, wide });
    return '';
  };
  const at = (key: string | number, child: JsonValue): JsonValue => {
    path.push(key);
    const own = without(child);
    path.pop();
    return own;
  };
  const ofArray = (items: readonly JsonValue[]): JsonValue => {
    let copy: JsonValue[] | null = null;
    for (const [i, item] of items.entries()) {
      const own = at(i, item);
      if (own !== item) (copy ??= [...items])[i] = own;
    }
    return copy ?? (items as JsonValue[]);
  };
  const ofObject = (members: JsonObject): JsonValue => {
    let copy: { [key: string]: JsonValue } | null = null;
    for (const key of Object.keys(members)) {
      const member = members[key] as JsonValue;
      const own = at(key, member);
      if (own !== member) (copy ??= { ...members })[key] = own;
    }
    return copy ?? members;
  };
  return { value: without(value as JsonValue) as Value, texts };
}

/** Puts them back, in the value that came with them. */
export function withLongTexts<Value>({ value, texts }: WithoutLongTexts<Value>): Value {
  for (const { path, bytes, wide } of texts) {
    const last = path.at(-1);
    if (last === undefined) throw new RangeError('a text by itself is no message');
    let owner = value as { [key: string | number]: unknown };
    for (const key of path.slice(0, -1)) owner = owner[key] as typeof owner;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    owner[last] = text.toString(wide ? 'utf16le' : 'latin1');
  }
  return value;
}
