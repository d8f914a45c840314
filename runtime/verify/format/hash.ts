// SPDX-License-Identifier: Apache-2.0
/** SHA-256 in the two shapes that the format uses: raw bytes and `sha256:` text. */
import { createHash, createHmac } from 'node:crypto';

export type Hash = Buffer;

export function sha256(...parts: readonly (string | Uint8Array)[]): Hash {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function hmac(key: Uint8Array, text: string): Hash {
  return createHmac('sha256', key).update(text).digest();
}

/** `sha256:` and 64 hex digits. */
export function hashText(hash: Uint8Array): string {
  return `sha256:${Buffer.from(hash).toString('hex')}`;
}

/** The bytes of `sha256:…`, or null when it is not one. */
export function parseHash(value: string): Hash | null {
  if (value.length !== 71 || !value.startsWith('sha256:')) return null;
  const bytes = Buffer.from(value.slice(7), 'hex');
  return bytes.length === 32 && hashText(bytes) === value ? bytes : null;
}

/** `sha256:…` of a text. */
export function digest(text: string | Uint8Array): string {
  return hashText(sha256(text));
}
