// SPDX-License-Identifier: Apache-2.0
/**
 * `event` entries for what is refused before any decision. The first of its kind, source and minute is written at once; the rest
 * of that minute is counted and written as one entry, so that a flood cannot fill the disk.
 */
import type { Appended, ReceiptLog } from '../log/types.js';
import type { EventBody } from '../verify/format/body.js';

export interface Floods {
  /** The entry's place, or null when it was only counted (or could not be written). */
  record(kind: EventBody['kind'], source: string, detail: string): Promise<Appended | null>;
  /** Writes the counts that wait. */
  flush(): Promise<void>;
}

interface Bucket {
  readonly kind: EventBody['kind'];
  readonly source: string;
  readonly minute: string;
  readonly detail: string;
  more: number;
}

const MINUTE_MS = 60_000;
const MAX_SOURCES = 1_000;
const MAX_TEXT = 200;

export function floods(log: ReceiptLog, now: () => number): Floods {
  const buckets = new Map<string, Bucket>();
  const minuteOf = (ms: number): string => new Date(Math.floor(ms / MINUTE_MS) * MINUTE_MS).toISOString();

  const write = async (bucket: Bucket, count: number): Promise<Appended | null> => {
    const { kind, source, detail, minute } = bucket;
    try {
      return await log.append({ type: 'event', event: { kind, source, detail, count, minute } });
    } catch {
      return null;
    }
  };
  const flush = async (all: boolean): Promise<void> => {
    const current = minuteOf(now());
    for (const [key, bucket] of buckets) {
      if (!all && bucket.minute === current) continue;
      buckets.delete(key);
      if (bucket.more > 0) await write(bucket, bucket.more);
    }
  };
  return {
    async record(kind, source, detail) {
      const minute = minuteOf(now());
      const key = JSON.stringify([kind, source, minute]);
      const found = buckets.get(key);
      if (found !== undefined) {
        found.more++;
        return null;
      }
      await flush(buckets.size >= MAX_SOURCES);
      const bucket = { kind, source: clean(source), minute, detail: clean(detail), more: 0 };
      buckets.set(key, bucket);
      return write(bucket, 1);
    },
    flush: () => flush(true),
  };
}

/** Foreign text in a receipt: short and without control characters. */
export function clean(text: string): string {
  return text.slice(0, MAX_TEXT).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}
