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
import { canonical } from './canonical.js';
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
  readonly text: string;
  readonly body: Body;
  readonly signature: NoteSignature;
}

export type EntryResult =
  | { readonly ok: true; readonly entry: ParsedEntry }
  | { readonly ok: false; readonly why: string };

/** Strict: one signature, canonical body, known members only. `extensions` are the `ext` names that the trust file lists. */
export function parseEntry(note: string, extensions: readonly string[] = []): EntryResult {
  if (!note.startsWith(CONTEXT)) return { ok: false, why: 'the first line is not sepal.dev/receipt/v1' };
  const end = note.indexOf('\n', CONTEXT.length);
  const json = note.slice(CONTEXT.length, end);
  const rest = note.slice(end + 1);
  if (end < 0 || !rest.startsWith('\n') || !rest.endsWith('\n'))
    return { ok: false, why: 'it is not a signed note' };
  const lines = rest.slice(1, -1).split('\n');
  const signature = lines.length === 1 ? parseSignatureLine(lines[0] as string) : null;
  if (signature === null) return { ok: false, why: 'it does not have exactly one signature line' };
  const parsed = parseStrict(json, BODY_LIMITS);
  if (!parsed.ok) return { ok: false, why: `the body is not strict JSON: ${parsed.error.message}` };
  if (canonical(parsed.value) !== json) return { ok: false, why: 'the body is not in canonical form' };
  const body = checkBody(parsed.value, extensions);
  if (typeof body === 'string') return { ok: false, why: body };
  return { ok: true, entry: { text: note.slice(0, end + 1), body, signature } };
}
