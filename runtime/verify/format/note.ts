// SPDX-License-Identifier: Apache-2.0
/**
 * C2SP signed notes (c2sp.org/signed-note), Ed25519 only (type 0x01).
 *
 * ```
 * text, ending in a newline
 *
 * — name base64(4-byte key id || 64-byte signature)
 * ```
 */
import { sha256 } from './hash.js';

const ALGORITHM = 1;

/** A verifier key: `name+hex key id+base64(0x01 || key)`. */
export interface VerifierKey {
  readonly name: string;
  /** Eight hex digits. */
  readonly id: string;
  readonly key: Buffer;
}

export interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly signature: Buffer;
}

export interface Note {
  /** Ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Names hold no Unicode space, no plus and no control characters. */
export function isKeyName(name: string): boolean {
  return name.length <= 255 && KEY_NAME.test(name);
}

/** The first line of a checkpoint: one non-empty line without control characters. */
export function isOrigin(text: string): boolean {
  return text.length <= 1024 && ORIGIN.test(text);
}

const ORIGIN = /^[^\p{Cc}\p{Cs}]+$/u;
const KEY_NAME = /^[^+\p{White_Space}\p{Cc}\p{Cs}]+$/u;

/** `algorithm` is the type of the signatures: 0x01, or 0x04 for cosignatures. */
export function keyId(name: string, key: Uint8Array, algorithm = ALGORITHM): string {
  return sha256(name, '\n', Uint8Array.of(algorithm), key).subarray(0, 4).toString('hex');
}

export function printVerifierKey(name: string, key: Uint8Array, algorithm = ALGORITHM): string {
  const bytes = Buffer.concat([Uint8Array.of(algorithm), key]);
  return `${name}+${keyId(name, key, algorithm)}+${bytes.toString('base64')}`;
}

/** Null when the text is not an Ed25519 verifier key with the right id. */
export function parseVerifierKey(text: string, algorithm = ALGORITHM): VerifierKey | null {
  const first = text.indexOf('+');
  const second = text.indexOf('+', first + 1);
  if (first < 1 || second < 0) return null;
  const name = text.slice(0, first);
  const bytes = parseBase64(text.slice(second + 1));
  if (!isKeyName(name) || bytes === null || bytes.length !== 33 || bytes[0] !== algorithm) return null;
  const key = bytes.subarray(1);
  const id = text.slice(first + 1, second);
  return id === keyId(name, key, algorithm) ? { name, id, key } : null;
}

/** Strict base64: padded, no other characters, no stray bits. */
export function parseBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

export function signatureLine(name: string, id: string, signature: Uint8Array): string {
  return `— ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`;
}

/** Parses a note; null when it is not one. Unknown signature lines are kept, since anyone may add some. */
export function parseNote(note: string): Note | null {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return null;
  const text = note.slice(0, split + 1);
  if (!TEXT.test(text)) return null;
  const lines = note.slice(split + 2, -1).split('\n');
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return null;
    signatures.push(signature);
  }
  return { text, signatures };
}

/** "Must not contain any ASCII control characters (below U+0020) other than newline"; nor may the text be empty. */
const TEXT = /^[\n\u0020-\uffff]{2,}$/;

export function parseSignatureLine(line: string): NoteSignature | null {
  if (!line.startsWith('— ')) return null;
  const space = line.indexOf(' ', 2);
  if (space < 0) return null;
  const name = line.slice(2, space);
  const bytes = parseBase64(line.slice(space + 1));
  if (!isKeyName(name) || bytes === null || bytes.length < 5) return null;
  return { name, id: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) };
}
