// SPDX-License-Identifier: Apache-2.0
/** The file `checkpoints` of a log folder: signed roots, one after another, appended by the writer and never changed. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointText, parseCheckpoint, splitCheckpoints } from '../verify/format/checkpoint.js';
import { nodeVerifier } from '../verify/format/ed25519.js';
import type { Hash } from '../verify/format/hash.js';
import { signatureLine, type VerifierKey } from '../verify/format/note.js';
import { LogFailure } from './failure.js';
import { type FileLayer, flushed, writeAll } from './files.js';
import type { SigningKey } from './keys.js';

const TAIL = 64 * 1024;

export interface LastCheckpoint {
  readonly size: number;
  readonly root: Hash;
  /** The note with the empty line that follows it, and where it starts. */
  readonly bytes: Buffer;
  readonly position: number;
  /** Did this key sign it? */
  readonly isSignedBy: (logKey: VerifierKey) => boolean;
}

/** The last whole checkpoint, whose signature is to be checked yet; null when there is none. */
export function lastCheckpoint(dir: string, origin: string): LastCheckpoint | null {
  const path = join(dir, 'checkpoints');
  const found = existsSync(path) ? lastNotes(path) : null;
  const note = found?.notes.at(-1);
  if (found === null || note === undefined) return null;
  const wrong = (why: string): LogFailure =>
    new LogFailure(`the last checkpoint in ${path} ${why}; restore the log from a copy`);
  const checkpoint = parseCheckpoint(note);
  if (checkpoint === null) throw wrong('is damaged');
  if (checkpoint.origin !== origin) throw wrong(`is of the log ${checkpoint.origin}, not of ${origin}`);
  const bytes = Buffer.from(`${note}\n`);
  const isSignedBy = (logKey: VerifierKey): boolean => {
    const verify = nodeVerifier(logKey.key);
    return checkpoint.signatures.some(
      ({ name, id, signature }) =>
        name === logKey.name &&
        id === logKey.id &&
        verify?.(Buffer.from(checkpoint.text), signature) === true,
    );
  };
  const { size, root } = checkpoint;
  return { size, root, bytes, position: found.end - bytes.length, isSignedBy };
}

/** The whole notes near the end of the file, and where the last one ends. A note with NUL bytes was never written out. */
function lastNotes(path: string): { readonly notes: readonly string[]; readonly end: number } {
  const { bytes, from } = readTail(path);
  const start = from === 0 ? 0 : firstNote(bytes);
  const split = splitCheckpoints(bytes.toString('utf8', start));
  const torn = split.notes.findIndex((note) => note.includes('\0'));
  const notes = torn < 0 ? split.notes : split.notes.slice(0, torn);
  const length = notes.reduce((sum, note) => sum + Buffer.byteLength(note) + 1, 0);
  return { notes, end: from + start + length };
}

function readTail(path: string): { readonly bytes: Buffer; readonly from: number } {
  const fd = openSync(path, 'r');
  try {
    const from = Math.max(0, fstatSync(fd).size - TAIL);
    const bytes = Buffer.alloc(TAIL);
    return { bytes: bytes.subarray(0, readSync(fd, bytes, 0, TAIL, from)), from };
  } finally {
    closeSync(fd);
  }
}

/** After an empty line comes either a signature or the next note. */
function firstNote(bytes: Buffer): number {
  const SIGNATURE = Buffer.from('— ');
  for (let at = bytes.indexOf('\n\n'); at >= 0; at = bytes.indexOf('\n\n', at + 1)) {
    const next = bytes.subarray(at + 2, at + 2 + SIGNATURE.length);
    if (!next.equals(SIGNATURE)) return at + 2;
  }
  return bytes.length;
}

export class CheckpointFile {
  private readonly files: FileLayer;
  private readonly fd: number;
  private position: number;
  /** What the first write repeats: after a failed flush the last note may not be on the disk, though it can be read. */
  private repeat: Buffer;

  constructor(dir: string, files: FileLayer, last: LastCheckpoint | null) {
    this.files = files;
    this.fd = files.open(join(dir, 'checkpoints'));
    this.position = last?.position ?? 0;
    this.repeat = last?.bytes ?? Buffer.alloc(0);
    try {
      files.truncate(this.fd, this.position + this.repeat.length);
      files.flushFolder(dir);
    } catch (error) {
      files.close(this.fd);
      throw error;
    }
  }

  async append(note: string): Promise<void> {
    const bytes = Buffer.concat([this.repeat, Buffer.from(`${note}\n`)]);
    writeAll(this.files, this.fd, bytes, this.position);
    await flushed(this.files, this.fd);
    this.position += bytes.length;
    this.repeat = Buffer.alloc(0);
  }

  close(): void {
    this.files.close(this.fd);
  }
}

/** A checkpoint signed by the log key. */
export function checkpointNote(key: SigningKey, origin: string, size: number, root: Hash): string {
  const text = checkpointText(origin, size, root);
  return `${text}\n${signatureLine(key.name, key.id, key.sign(text))}`;
}
