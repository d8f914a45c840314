// SPDX-License-Identifier: Apache-2.0
/** Long messages in steps: between two of them the event loop takes what others sent. */

import { Readable } from 'node:stream';

/** Messages of more characters, or bytes, are taken in steps. */
const LONG = 256 * 1024;
const PART = 64 * 1024;

/** Lets others go first, where what comes next is about a message of `length`. Null for a short one, which waits for nobody. */
export const turn = (length: number): Promise<void> | null =>
  length > LONG ? new Promise((resolve) => setImmediate(resolve)) : null;

/** The body of a request and its length: a long one is given part by part, as the connection takes it. */
export function bodyOf(text: string): {
  readonly body: string | Readable;
  readonly headers: { readonly 'content-length'?: string };
} {
  if (text.length <= LONG) return { body: text, headers: {} };
  const bytes = Buffer.from(text);
  return { body: Readable.from(partsOf(bytes)), headers: { 'content-length': String(bytes.length) } };
}

async function* partsOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += PART) {
    yield bytes.subarray(from, from + PART);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
