// SPDX-License-Identifier: Apache-2.0
/**
 * An entry is a C2SP signed note over one receipt body:
 *
 * ```
 * sepal.dev/receipt/v1
 * {"boot":…,"v":1}
 *
 * — <key name> <base64(key id || signature)>
 * ```
 */
import type { Body } from './body.js';
import { checkBody } from './check-body.js';
import { canonical, type JsonValue } from './canonical.js';
import { parseStrict } from './json.js';
import { type NoteSignature, parseSignatureLine, signatureLine } from './note.js';

export const CONTEXT = 'sepal.dev/receipt/v1\n';
export const MAX_ENTRY = 65_534;
const BODY_LIMITS = { size: MAX_ENTRY, depth: 64, keys: 10_000 };

/** What is signed. */
export function entryText(body: Body): string {
  return `${CONTEXT}${canonical(body)}\n`;
}

export function entryNote(text: string, name: string, id: string, signature: Uint8Array): string {
  return `${text}\n${signatureLine(name, id, signature)}`;
}

export interface ParsedEntry {
  /** The bytes that are signed. */
  readonly text: Buffer;
  readonly body: Body;
  readonly signature: NoteSignature;
}

export type EntryResult =
  | { readonly ok: true; readonly entry: ParsedEntry }
  | { readonly ok: false; readonly why: string };

const CONTEXT_BYTES = Buffer.from(CONTEXT);
const NEWLINE = 10;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict: one signature, canonical body, known members only. `extensions` are the `ext` names that the trust file lists. */
export function parseEntry(note: string | Uint8Array, extensions: readonly string[] = []): EntryResult {
  const bytes =
    typeof note === 'string' ? Buffer.from(note) : Buffer.from(note.buffer, note.byteOffset, note.length);
  if (bytes.length > MAX_ENTRY) return { ok: false, why: `it is longer than ${MAX_ENTRY} bytes` };
  const start = CONTEXT_BYTES.length;
  if (bytes.length < start || CONTEXT_BYTES.compare(bytes, 0, start) !== 0) {
    return { ok: false, why: 'the first line is not sepal.dev/receipt/v1' };
  }
  const end = bytes.indexOf(NEWLINE, start);
  const last = bytes.length - 1;
  if (end < 0 || bytes[end + 1] !== NEWLINE || last < end + 2 || bytes.indexOf(NEWLINE, end + 2) !== last) {
    return { ok: false, why: 'it is not a note with one signature line' };
  }
  const signature = signatureOf(bytes.subarray(end + 2, last));
  if (signature === null) return { ok: false, why: 'the signature line is not in its only form' };
  const body = bodyOf(bytes.subarray(start, end), extensions);
  if (typeof body === 'string') return { ok: false, why: body };
  return { ok: true, entry: { text: bytes.subarray(0, end + 1), body, signature } };
}

function signatureOf(line: Buffer): NoteSignature | null {
  try {
    return parseSignatureLine(utf8.decode(line));
  } catch {
    return null;
  }
}

/** Decoded apart from the signature line: the text is then one byte a character, which halves the work. */
function bodyOf(bytes: Buffer, extensions: readonly string[]): Body | string {
  let json: string;
  try {
    json = utf8.decode(bytes);
  } catch {
    return 'the body is not UTF-8';
  }
  const plain = plainBody(json);
  if (plain !== null) return plain;
  const parsed = parseStrict(json, BODY_LIMITS);
  if (!parsed.ok) return `the body is not strict JSON: ${parsed.error.message}`;
  if (canonical(parsed.value) !== json) return 'the body is not in canonical form';
  return checkBody(parsed.value, extensions);
}

/** What the quick way leaves to the strict parser: an extension, whose members are not all known, and lone surrogates. */
const UNUSUAL = /"ext"|\\ud/;

/**
 * The quick way for what a sound writer writes; null where the strict parser has to look. A text that is written back as it was has no
 * white space, no other escapes or numbers than the canonical ones, and no key twice; what remains of the canonical form is the order of
 * the members, and of strict JSON the depth and the names of the members, all of which are known where there is no extension.
 */
function plainBody(json: string): Body | null {
  if (UNUSUAL.test(json)) return null;
  let value: JsonValue;
  try {
    value = JSON.parse(json) as JsonValue;
  } catch {
    return null;
  }
  if (JSON.stringify(value) !== json || !isSorted(value)) return null;
  const body = checkBody(value);
  return typeof body === 'string' ? null : body;
}

function isSorted(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  let last = '';
  for (const [key, member] of Object.entries(value)) {
    if (key < last || !isSorted(member as JsonValue)) return false;
    last = key;
  }
  return true;
}
