// SPDX-License-Identifier: Apache-2.0
/**
 * Checkpoints (c2sp.org/tlog-checkpoint): origin, size, base64 root, signed as a note by the log key; no extension lines.
 * The file `checkpoints` of a log folder holds them one after another, each followed by an empty line.
 */
import type { Hash } from './hash.js';
import { type NoteSignature, parseBase64, parseNote } from './note.js';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
  /** The signed text. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export function checkpointText(origin: string, size: number, root: Uint8Array): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Null when the note is not a checkpoint in its only form. */
export function parseCheckpoint(note: string): Checkpoint | null {
  const parsed = parseNote(note);
  if (parsed === null) return null;
  const [origin, sizeText, rootText, end, ...more] = parsed.text.split('\n');
  if (!origin || sizeText === undefined || rootText === undefined || end !== '' || more.length > 0)
    return null;
  const size = Number(sizeText);
  if (!Number.isSafeInteger(size) || size < 0 || String(size) !== sizeText) return null;
  const root = parseBase64(rootText);
  if (root === null || root.length !== 32) return null;
  return { origin, size, root, text: parsed.text, signatures: parsed.signatures };
}

/** The notes of a `checkpoints` file. `torn` is what follows the last whole one (after a crash in the middle of a write). */
export function splitCheckpoints(file: string): { readonly notes: readonly string[]; readonly torn: string } {
  const notes: string[] = [];
  let at = 0;
  for (;;) {
    // A note: text, empty line, signature lines, empty line.
    const body = file.indexOf('\n\n', at);
    const end = body < 0 ? -1 : file.indexOf('\n\n', body + 2);
    if (end < 0) return { notes, torn: file.slice(at) };
    notes.push(file.slice(at, end + 1));
    at = end + 2;
  }
}
