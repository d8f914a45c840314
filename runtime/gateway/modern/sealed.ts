// SPDX-License-Identifier: Apache-2.0
/** What a client keeps for us between two rounds of a call, and can neither read nor change: AES-256-GCM under a key of ours. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { StateKeys } from './state-keys.js';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PURPOSE = 'sepal requestState 1';
const MAX_TEXT = 1024 * 1024;

export interface Seal {
  close(text: string): string;
  /** The text that was closed here; null for anything else. */
  open(sealed: string): string | null;
}

/** A key of this process alone. */
function ownKey(): StateKeys {
  const key = randomBytes(32);
  return { current: () => key, all: () => [key] };
}

/** `origin` is the gateway's: others that share its keys have states of their own. */
export function createSeal(keys: StateKeys = ownKey(), origin = ''): Seal {
  const purpose = Buffer.from(`${PURPOSE} ${origin}`);
  const opened = (key: Buffer, bytes: Buffer): string | null => {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(purpose).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const body = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([body, decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  };
  return {
    close(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, keys.current(), nonce).setAAD(purpose);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
    },
    open(sealed) {
      if (sealed.length > MAX_TEXT) return null;
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return null;
      for (const key of keys.all()) {
        const text = opened(key, bytes);
        if (text !== null) return text;
      }
      return null;
    },
  };
}
