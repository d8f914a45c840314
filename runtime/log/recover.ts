// SPDX-License-Identifier: Apache-2.0
/**
 * Start-up: reads the log once and finds its end and the calls that were allowed without an outcome. The signed root vouches for
 * what the last checkpoint covers, the signatures for what follows. What a crash can leave after the last whole entry is
 * covered by the next write; anything else is damage, which is not repaired but refused.
 */
import { join } from 'node:path';
import { CONTEXT } from '../verify/format/entry.js';
import { entryEnd, segmentName } from '../verify/format/segment.js';
import { type LastCheckpoint, lastCheckpoint } from './checkpoints.js';
import { LogFailure } from './failure.js';
import type { FileLayer } from './files.js';
import type { LogKeys } from './keys.js';
import { readEntries, readRest, segments } from './read.js';
import { Scanner, type ScanState } from './scanner.js';
import { type Found, findSnapshot } from './snapshot.js';
import { MAX_BATCH, type Place } from './store.js';

/** `last` is null for a log that has not begun. */
export interface Recovered extends ScanState {
  readonly end: Place;
  /** Bytes of torn writes after the end. */
  readonly torn: number;
  readonly checkpoint: LastCheckpoint | null;
  /** The last bytes before the end, where no checkpoint says that they reached the disk. */
  readonly unproven: Buffer;
  /** Number of the first entry of each segment. */
  readonly starts: readonly number[];
  /** The snapshot that reading began with. */
  readonly snapshot: Found | null;
  /** Why a snapshot was there and not used. */
  readonly distrust: string | null;
}

/** Throws a `LogFailure` that says where the log is damaged. Begins with the newest snapshot that the log vouches for. */
export async function recover(
  dir: string,
  origin: string,
  keys: LogKeys,
  files: FileLayer,
): Promise<Recovered> {
  const checkpoint = lastCheckpoint(dir, origin);
  const { found, why } = findSnapshot(dir, origin, checkpoint?.size ?? 0);
  let distrust = why;
  if (found !== null) {
    try {
      const recovered = await read({ dir, origin, keys, files, checkpoint, from: found });
      if (recovered !== null) return { ...recovered, distrust };
      distrust = `no entry that a checkpoint covers names ${found.path}`;
    } catch (error) {
      if (!(error instanceof LogFailure)) throw error;
      // Whether the log or the snapshot is at fault, reading all of it will say.
      distrust = `the log does not follow from ${found.path}`;
    }
  }
  const recovered = await read({ dir, origin, keys, files, checkpoint, from: null });
  if (recovered === null) throw new LogFailure(`the log in ${dir} cannot be read`);
  return { ...recovered, distrust };
}

interface Reading {
  readonly dir: string;
  readonly origin: string;
  readonly keys: LogKeys;
  readonly files: FileLayer;
  readonly checkpoint: LastCheckpoint | null;
  readonly from: Found | null;
}

/** Null where the snapshot that it begins with is not vouched for. */
async function read(reading: Reading): Promise<Omit<Recovered, 'distrust'> | null> {
  const { dir, origin, keys, files, checkpoint, from } = reading;
  const entries = join(dir, 'entries');
  const scanner = new Scanner(origin, keys, checkpoint?.size ?? 0, from?.awaited() ?? null);
  const starts: number[] = [...(from?.starts ?? [])];
  let end = from?.place ?? { index: 0, position: 0 };
  let torn = 0;
  const numbers = segments(entries);
  for (const [i, index] of numbers.entries()) {
    const path = join(entries, segmentName(index));
    if (index !== i) {
      throw new LogFailure(
        `${join(entries, segmentName(i))} is missing, but ${segmentName(index)} is there; restore it from a copy`,
      );
    }
    if (from !== null && index < from.place.index) continue;
    if (index >= starts.length) starts.push(scanner.size);
    const begin = from !== null && index === from.place.index ? from.place.position : 0;
    const position = await scan(path, segmentName(index), scanner, begin);
    const rest = await readRest(path, position);
    torn = length(rest);
    const last = i === numbers.length - 1;
    const damage = last
      ? tailDamage(rest, position)
      : torn > 0
        ? 'the log goes on after something that is no entry'
        : null;
    if (damage !== null) throw damaged(path, position, scanner.size, damage);
    if (!last && rest.length > 0) trim(files, path, position);
    end = { index, position };
  }
  if (from !== null && numbers.length <= from.place.index) return null;
  if (checkpoint !== null) scanner.compare(checkpoint, join(dir, 'checkpoints'));
  if (!scanner.isVouched) return null;
  const isProven = scanner.size === (checkpoint?.size ?? 0);
  const unproven = isProven ? Buffer.alloc(0) : await before(join(entries, segmentName(end.index)), end);
  return { ...scanner.result(), end, torn, checkpoint, unproven, starts, snapshot: from };
}

/** The offset after the last whole entry. */
async function scan(path: string, name: string, scanner: Scanner, from: number): Promise<number> {
  let end = from;
  for await (const { bytes, offset, bounds } of readEntries(path, Infinity, from)) {
    for (let i = 1; i < bounds.length; i++) {
      const stop = bounds[i] ?? 0;
      if (!scanner.entry(bytes.subarray(bounds[i - 1], stop), name)) return end;
      end = offset + stop;
    }
  }
  return end;
}

/** A crash between closing one segment and beginning the next can leave the space that was allocated ahead. */
function trim(files: FileLayer, path: string, size: number): void {
  const fd = files.open(path);
  try {
    files.truncate(fd, size);
  } finally {
    files.close(fd);
  }
}

async function before(path: string, end: Place): Promise<Buffer> {
  const from = Math.max(0, end.position - MAX_BATCH);
  return (await readRest(path, from)).subarray(0, end.position - from);
}

/** Without the NUL bytes at the end. */
function length(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

const SECTOR = Buffer.alloc(512);

/**
 * A write that was cut short leaves an entry without its end, or pages that never reached the disk: NUL bytes. Whole entries
 * behind other bytes, or farther away than one write reaches, mean that what stood there was changed.
 */
function tailDamage(rest: Buffer, position: number): string | null {
  for (let at = rest.indexOf(CONTEXT); at >= 0; at = rest.indexOf(CONTEXT, at + 1)) {
    const end = entryEnd(rest, at);
    if (at === 0 || end < 0 || rest.subarray(at, end).includes(0)) continue;
    const hole = startsInHole(rest, position) ? 0 : rest.indexOf(SECTOR);
    if (at >= MAX_BATCH || hole < 0 || hole > at) return 'whole entries follow it';
  }
  return null;
}

/** A page that never reached the disk may hold the end of what is whole: then the hole is shorter than a sector. */
function startsInHole(rest: Buffer, position: number): boolean {
  const short = (SECTOR.length - (position % SECTOR.length)) % SECTOR.length;
  return short > 0 && rest.subarray(0, short).equals(SECTOR.subarray(0, short));
}

function damaged(path: string, at: number, seq: number, why: string): LogFailure {
  return new LogFailure(
    `${path} is damaged at byte ${at}, where entry ${seq} should stand: ${why}; check it with \`sepal verify\` and restore the log from a copy`,
  );
}
