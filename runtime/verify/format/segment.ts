// SPDX-License-Identifier: Apache-2.0
/**
 * How entries lie in `entries/NNNNNN.log`: one after another, four lines each (context, body, empty line, signature), whole
 * entries only. The last segment may end in NUL bytes (preallocated space) or, after a crash, in a torn entry.
 */
const CONTEXT_BYTES = Buffer.from('sepal.dev/receipt/v1\n');
export const MAX_ENTRY_BYTES = 65_534;

export interface Scan {
  /** Offset of the first byte that belongs to no whole entry. */
  readonly end: number;
  /** Bytes after `end` up to the last one that is not NUL. */
  readonly torn: number;
}

/** Calls `onEntry(start, end)` for each whole entry in `bytes` from `from` on, and says where they stop. */
export function scanEntries(bytes: Buffer, onEntry: (start: number, end: number) => void, from = 0): Scan {
  let at = from;
  for (;;) {
    const end = entryEnd(bytes, at);
    if (end < 0) break;
    onEntry(at, end);
    at = end;
  }
  let last = bytes.length;
  while (last > at && bytes[last - 1] === 0) last--;
  return { end: at, torn: last - at };
}

/** The end of the entry that starts at `at`, or -1. */
export function entryEnd(bytes: Buffer, at: number): number {
  if (bytes.length - at < CONTEXT_BYTES.length) return -1;
  if (bytes.compare(CONTEXT_BYTES, 0, CONTEXT_BYTES.length, at, at + CONTEXT_BYTES.length) !== 0) return -1;
  const body = bytes.indexOf(10, at + CONTEXT_BYTES.length);
  if (body < 0 || bytes[body + 1] !== 10) return -1;
  const end = bytes.indexOf(10, body + 2);
  if (end < 0 || end + 1 - at > MAX_ENTRY_BYTES) return -1;
  return end + 1;
}

/** Segment file names in order: `000000.log`, `000001.log` … */
export function segmentName(index: number): string {
  return `${String(index).padStart(6, '0')}.log`;
}

export function segmentIndex(name: string): number | null {
  return /^[0-9]{6}\.log$/.test(name) ? Number(name.slice(0, 6)) : null;
}
