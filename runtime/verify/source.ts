// SPDX-License-Identifier: Apache-2.0
/** Where the bytes of a log come from. Read in pieces, so that memory stays flat; a log is hostile input. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_ENTRY_BYTES, scanEntries, segmentIndex } from './format/segment.js';

export interface Segment {
  readonly name: string;
  readonly last: boolean;
  chunks(): AsyncIterable<Buffer>;
}

export interface LogSource {
  segments(): Promise<readonly Segment[]>;
  /**
   * The bytes of the file `checkpoints` as it is now; null when there is none. Asked for before the entries: a log that grows
   * meanwhile then has at least the entries that these checkpoints cover.
   */
  checkpoints(): Promise<AsyncIterable<Buffer> | null>;
  /** The file `cosigned`: checkpoints with cosignatures of witnesses. */
  cosigned?(): Promise<AsyncIterable<Buffer> | null>;
}

/** Why a log cannot be read at all: the caller's mistake or the disk's, not a property of the log. */
export class SourceError extends Error {}

const CHUNK = 1024 * 1024;

/** A log folder: `entries/NNNNNN.log`, `checkpoints`. */
export function folderSource(folder: string): LogSource {
  return {
    async segments() {
      const entries = join(folder, 'entries');
      const names = (await readdir(entries).catch((error: unknown) => unreadable(entries, error)))
        .filter((name) => segmentIndex(name) !== null)
        .sort();
      return names.map((name, i) => ({
        name,
        last: i === names.length - 1,
        chunks: () => fileChunks(join(entries, name)),
      }));
    },
    checkpoints: () => asItIs(join(folder, 'checkpoints')),
    cosigned: () => asItIs(join(folder, 'cosigned')),
  };
}

/** The bytes that a file has now; null when there is none. */
async function asItIs(file: string): Promise<AsyncIterable<Buffer> | null> {
  const about = await stat(file).catch((error: unknown) =>
    isMissing(error) ? null : unreadable(file, error),
  );
  return about === null ? null : fileChunks(file, about.size);
}

/** A log in memory: whole segments and the text of `checkpoints`. */
export function memorySource(
  segments: readonly Uint8Array[],
  checkpoints: Uint8Array | null,
  cosigned: Uint8Array | null = null,
): LogSource {
  const once = async function* (bytes: Uint8Array): AsyncGenerator<Buffer> {
    yield Buffer.from(bytes);
  };
  return {
    segments: () =>
      Promise.resolve(
        segments.map((bytes, i) => ({
          name: `segment ${i}`,
          last: i === segments.length - 1,
          chunks: () => once(bytes),
        })),
      ),
    checkpoints: () => Promise.resolve(checkpoints === null ? null : once(checkpoints)),
    cosigned: () => Promise.resolve(cosigned === null ? null : once(cosigned)),
  };
}

/** The bytes of a regular file, or of its first `end`, piece by piece. */
export async function* fileChunks(path: string, end = Infinity): AsyncGenerator<Buffer> {
  // Before opening: opening a pipe would wait for a writer.
  const about = await stat(path).catch((error: unknown) => unreadable(path, error));
  if (!about.isFile()) throw new SourceError(`${path} is not a regular file`);
  const handle = await open(path, 'r').catch((error: unknown) => unreadable(path, error));
  try {
    for (let at = 0; at < end; ) {
      const wanted = Math.min(CHUNK, end - at);
      const { bytesRead, buffer } = await handle
        .read(Buffer.allocUnsafe(CHUNK), 0, wanted)
        .catch((error: unknown) => unreadable(path, error));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

const TROUBLES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['ENOTDIR', 'it is not a folder'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'permission denied'],
]);

/** Why a file cannot be read, in a reader's words. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return TROUBLES.get(code) ?? error.message;
}

function unreadable(path: string, error: unknown): never {
  throw new SourceError(`cannot read ${path}: ${reason(error)}`);
}

export interface EntryBatch {
  readonly bytes: Buffer;
  /** Offsets in `bytes`: start of the first entry, its end (start of the next), … */
  readonly bounds: readonly number[];
}

/** Bytes that belong to no entry; nothing after them was read. */
export interface Stop {
  readonly where: string;
  /** True in the last segment only: a write cut short there is no tampering by itself. */
  readonly torn: boolean;
}

/** All whole entries in order, chunk by chunk; then, unless the log ended cleanly, why reading stopped. */
export async function* entryBatches(source: LogSource): AsyncGenerator<EntryBatch, Stop | null> {
  for (const segment of await source.segments()) {
    const stop = yield* segmentBatches(segment);
    if (stop !== null) return stop;
  }
  return null;
}

async function* segmentBatches(segment: Segment): AsyncGenerator<EntryBatch, Stop | null> {
  const stop = (at: number): Stop => ({ where: `${segment.name}, offset ${at}`, torn: segment.last });
  let carry: Buffer = Buffer.alloc(0);
  let offset = 0;
  let unused = false;
  for await (const chunk of segment.chunks()) {
    if (unused) {
      if (!isBlank(chunk)) return stop(offset);
      continue;
    }
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const bounds: number[] = [];
    const { end } = scanEntries(bytes, (from, to) => {
      if (bounds.length === 0) bounds.push(from);
      bounds.push(to);
    });
    if (bounds.length > 0) yield { bytes, bounds };
    offset += end;
    carry = bytes.subarray(end);
    // Space preallocated for later entries: nothing but NUL bytes may follow.
    unused = segment.last && carry.length > 0 && isBlank(carry);
    if (unused) carry = Buffer.alloc(0);
    if (carry.length > MAX_ENTRY_BYTES) break;
  }
  return carry.length === 0 ? null : stop(offset);
}

/** The entries of one segment; ends in a `SourceError` where something else stands, but for a write cut short in the last one. */
export async function* segmentEntries(segment: Segment): AsyncGenerator<Buffer> {
  yield* storedEntries({
    segments: () => Promise.resolve([segment]),
    checkpoints: () => Promise.resolve(null),
  });
}

/** One entry after another, as stored; ends in a `SourceError` where something else stands. */
export async function* storedEntries(source: LogSource): AsyncGenerator<Buffer> {
  const batches = entryBatches(source);
  try {
    for (;;) {
      const step = await batches.next();
      if (step.done === true) {
        if (step.value === null || step.value.torn) return;
        throw new SourceError(`what stands at ${step.value.where} is not an entry`);
      }
      const { bytes, bounds } = step.value;
      for (let i = 1; i < bounds.length; i++) yield bytes.subarray(bounds[i - 1], bounds[i]);
    }
  } finally {
    // Whoever stops early leaves no file open.
    await batches.return(null);
  }
}

const BLANK = Buffer.alloc(CHUNK);

function isBlank(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const part = bytes.subarray(at, at + CHUNK);
    if (BLANK.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
