// SPDX-License-Identifier: Apache-2.0
/** Large messages in steps: between two of them the event loop takes what others sent. */

import { Readable, type Writable } from 'node:stream';
import { isLarge } from '../large/bound.js';

const PART = 64 * 1024;

/** The body of a request and its length: a long one is given part by part, as the connection takes it. */
export function bodyOf(text: string | Uint8Array): {
  readonly body: string | Uint8Array | Readable;
  readonly headers: { readonly 'content-length'?: string };
} {
  if (!isLarge(text.length)) return { body: text, headers: {} };
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return { body: Readable.from(partsOf(bytes)), headers: { 'content-length': String(bytes.length) } };
}

/** Ends a stream with these bytes, or texts: what is long goes out part by part, as its reader takes it. */
export function endWith(stream: Writable, body: readonly (string | Uint8Array)[]): void {
  if (body.every(({ length }) => !isLarge(length))) {
    for (const part of body) stream.write(part);
    stream.end();
  } else Readable.from(inTurn(body)).pipe(stream);
}

async function* inTurn(body: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of body) yield* partsOf(typeof part === 'string' ? Buffer.from(part) : part);
}

async function* partsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += PART) {
    yield bytes.subarray(from, from + PART);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
