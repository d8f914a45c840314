// SPDX-License-Identifier: Apache-2.0
/**
 * Which key signs what. Writer and verifier share these rules:
 *
 * - Checkpoints are signed by the *log key*, which the trust file names.
 * - Every entry is signed by the *epoch key in force*. A `key` entry of purpose `epoch` brings its own key into force and is
 *   itself signed by it (proof of possession); entry 1 is the first one, and genesis (entry 0) is signed by that same key.
 * - `certificate` is over `certificateText(log, body.key.purpose, body.key.key)`: by the *log key* for `epoch` keys (required),
 *   by the *root* in genesis (purpose `root+log`, optional there) and for a later `log` key (required), which is then the log key
 *   of what follows: of epoch keys after its entry, and of checkpoints that cover it.
 */
import { certificateText, revocationText } from './approval.js';
import type { KeyBody, Revocation } from './body.js';
import { nodeVerifier, type Verifier } from './ed25519.js';
import { hashText, sha256 } from './hash.js';
import { parseBase64, parseVerifierKey, printVerifierKey, type VerifierKey } from './note.js';

/** `sha256:…` of the 32 bytes of a public key. */
export function fingerprint(key: Uint8Array): string {
  return hashText(sha256(key));
}

/** The `key` member of a `key` entry or of genesis; `certificate` is base64 over `certificateText`. */
export function keyBody(
  purpose: KeyBody['purpose'],
  key: VerifierKey,
  more: { readonly root?: VerifierKey; readonly certificate?: string } = {},
): KeyBody {
  return {
    purpose,
    key: printVerifierKey(key.name, key.key),
    fingerprint: fingerprint(key.key),
    ...(more.root === undefined ? {} : { root: printVerifierKey(more.root.name, more.root.key) }),
    ...(more.certificate === undefined ? {} : { certificate: more.certificate }),
  };
}

/** The key that a `key` member names, or what is wrong with it: its form, its fingerprint or its certificate by `certifier`. */
export function checkKeyBody(
  log: string,
  body: KeyBody,
  certifier: Verifier,
  certificate: 'required' | 'optional',
): VerifierKey | string {
  const key = parseVerifierKey(body.key);
  if (key === null) return 'the key is not a verifier key';
  if (nodeVerifier(key.key) === null) return 'the key is not admissible (small order or not canonical)';
  if (body.fingerprint !== fingerprint(key.key)) return 'the fingerprint does not belong to the key';
  if (body.certificate === undefined) return certificate === 'optional' ? key : 'the key has no certificate';
  const signature = parseBase64(body.certificate);
  const text = Buffer.from(certificateText(log, body.purpose, body.key));
  return signature !== null && certifier(text, signature)
    ? key
    : 'the certificate of the key does not verify';
}

/** Did the root sign this revocation? False also where it holds no certificate. */
export function isRevokedBy(root: Verifier | null, log: string, revocation: Revocation): boolean {
  const { key, from, certificate } = revocation;
  const signature = certificate === undefined ? null : parseBase64(certificate);
  return signature !== null && root?.(Buffer.from(revocationText(log, key, from)), signature) === true;
}

const KEY_ENTRY = Buffer.from(',"type":"key","v":1}\n\n');
const LOG_KEY = Buffer.from('","purpose":"log"},"log":');

/** Is this a `key` entry? The type stands where only the writer can put it. */
export const isKeyEntry = (entry: Buffer): boolean => entry.includes(KEY_ENTRY);
/** Does this `key` entry bring a log key? */
export const isLogKeyEntry = (entry: Buffer): boolean => entry.includes(LOG_KEY);
