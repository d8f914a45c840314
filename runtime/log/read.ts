// SPDX-License-Identifier: Apache-2.0
/** Reads segments piece by piece, whole entries at a time, so that memory stays flat. */
import { mkdirSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_ENTRY_BYTES, scanEntries, segmentIndex, segmentName } from '../verify/format/segment.js';
import type { Place } from './store.js';

const CHUNK = 1024 * 1024;

export interface Entries {
  readonly bytes: Buffer;
  /** Offset of `bytes` in the segment. */
  readonly offset: number;
  /** Offsets in `bytes`: start of the first entry, its end (the start of the next), … */
  readonly bounds: readonly number[];
}

/** The whole entries of a segment from `from`, where one begins, up to `limit`; returns the offset after the last one. */
export async function* readEntries(
  path: string,
  limit = Infinity,
  from = 0,
): AsyncGenerator<Entries, number> {
  const file = await open(path, 'r');
  try {
    const end = Math.min(limit, (await file.stat()).size);
    let carry: Buffer = Buffer.alloc(0);
    let offset = from;
    for (;;) {
      const at = offset + carry.length;
      const wanted = Math.min(CHUNK, end - at);
      if (wanted <= 0) return offset;
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
      if (bytesRead === 0) return offset;
      const read = buffer.subarray(0, bytesRead);
      const bytes = carry.length === 0 ? read : Buffer.concat([carry, read]);
      const bounds = [0];
      const { end: whole } = scanEntries(bytes, (_, stop) => bounds.push(stop));
      if (whole > 0) yield { bytes, offset, bounds };
      offset += whole;
      carry = bytes.subarray(whole);
      if (carry.length > MAX_ENTRY_BYTES) return offset;
    }
  } finally {
    await file.close();
  }
}

/** What follows an offset. */
export async function readRest(path: string, from: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.max(0, size - from));
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}

/** Segment numbers on disk, in order. */
export function segments(dir: string): readonly number[] {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return readdirSync(dir)
    .flatMap((name) => segmentIndex(name) ?? [])
    .sort((a, b) => a - b);
}

/** Entries from number `from` on; `starts` are the numbers of the first entry of each segment, and nothing is read past `durable`. */
export async function* readFrom(
  dir: string,
  { starts, durable }: { readonly starts: readonly number[]; readonly durable: Place },
  from: number,
): AsyncGenerator<Buffer> {
  const last = starts.length - 1;
  const begin = Math.max(
    0,
    starts.findLastIndex((start) => start <= from),
  );
  let seq = starts[begin] ?? 0;
  for (let index = begin; index <= last; index++) {
    const limit = index === durable.index ? durable.position : Infinity;
    for await (const { bytes, bounds } of readEntries(join(dir, segmentName(index)), limit)) {
      for (let i = 1; i < bounds.length; i++) {
        if (seq++ >= from) yield bytes.subarray(bounds[i - 1], bounds[i]);
      }
    }
  }
}
