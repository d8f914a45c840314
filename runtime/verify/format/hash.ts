// SPDX-License-Identifier: Apache-2.0
/** SHA-256 in the two shapes that the format uses: raw bytes and `sha256:` text. */
import { createHash, createHmac, hash as hashAtOnce } from 'node:crypto';

export type Hash = Buffer;

/** One call of OpenSSL is twice as fast as a hash object for short input, so the parts are joined here first. */
const joined = Buffer.alloc(8192);
/** Interior nodes of a tree all have this length. */
const NODE_LENGTH = 65;
const node = joined.subarray(0, NODE_LENGTH);

export function sha256(...parts: readonly (string | Uint8Array)[]): Hash {
  let length = 0;
  for (const part of parts) length += typeof part === 'string' ? part.length * 3 : part.length;
  if (length <= joined.length) {
    let at = 0;
    for (const part of parts) {
      if (typeof part === 'string') at += joined.write(part, at, 'utf8');
      else {
        joined.set(part, at);
        at += part.length;
      }
    }
    return hashAtOnce('sha256', at === NODE_LENGTH ? node : joined.subarray(0, at), 'buffer');
  }
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return hashAtOnce('sha256', only, 'buffer');
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function hmac(key: Uint8Array, text: string): Hash {
  return createHmac('sha256', key).update(text).digest();
}

/** `sha256:` and 64 hex digits. */
export function hashText(hash: Uint8Array): string {
  return `sha256:${(Buffer.isBuffer(hash) ? hash : Buffer.from(hash)).toString('hex')}`;
}

const HASH = /^sha256:[0-9a-f]{64}$/;

/** The bytes of `sha256:…`, or null when it is not one. */
export function parseHash(value: string): Hash | null {
  return HASH.test(value) ? Buffer.from(value.slice(7), 'hex') : null;
}

/** `sha256:…` of a text. */
export function digest(text: string | Uint8Array): string {
  return hashText(sha256(text));
}
