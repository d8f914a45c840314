// SPDX-License-Identifier: Apache-2.0
/**
 * `event` entries for what is refused before any decision. The first of its kind, source and minute is written at once; the rest
 * of that minute is counted and written as one entry, so that a flood cannot fill the disk, not even one from many sources.
 */
import type { Appended, ReceiptLog } from '../log/types.js';
import type { EventBody } from '../verify/format/body.js';

export interface Floods {
  /** The entry's place, or null when it was only counted (or could not be written). */
  record(kind: EventBody['kind'], source: string, detail: string): Promise<Appended | null>;
  /** Writes the counts of minutes that are over. */
  sweep(): Promise<void>;
  /** Writes all counts that wait: nothing more is recorded. */
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
/** Sources with an entry of their own in one minute; those past it share one. */
const MAX_SOURCES = 256;
const OTHERS = 'other sources';
const MAX_TEXT = 200;

export function floods(log: ReceiptLog, now: () => number): Floods {
  let buckets = new Map<string, Bucket>();
  let current = '';
  const minuteOf = (ms: number): string => new Date(Math.floor(ms / MINUTE_MS) * MINUTE_MS).toISOString();

  const write = async (bucket: Bucket, count: number): Promise<Appended | null> => {
    const { kind, source, detail, minute } = bucket;
    try {
      return await log.append({ type: 'event', event: { kind, source, detail, count, minute } });
    } catch {
      return null;
    }
  };
  /** Takes the counts out before anything is awaited: none is written twice. */
  const flush = async (): Promise<void> => {
    const due = [...buckets.values()].filter((bucket) => bucket.more > 0);
    buckets = new Map();
    await Promise.all(due.map((bucket) => write(bucket, bucket.more)));
  };
  const sweep = async (): Promise<void> => {
    const minute = minuteOf(now());
    if (minute === current) return;
    current = minute;
    await flush();
  };
  return {
    async record(kind, from, detail) {
      const swept = sweep();
      const minute = current;
      const keyOf = (source: string): string => JSON.stringify([kind, source, minute]);
      const own = clean(from);
      const source = buckets.size < MAX_SOURCES || buckets.has(keyOf(own)) ? own : OTHERS;
      const found = buckets.get(keyOf(source));
      if (found !== undefined) {
        found.more++;
        return null;
      }
      const bucket = { kind, source, minute, detail: clean(detail), more: 0 };
      buckets.set(keyOf(source), bucket);
      const [entry] = await Promise.all([write(bucket, 1), swept]);
      return entry;
    },
    sweep,
    flush,
  };
}

/** Foreign text in a receipt: short and without control characters. */
export function clean(text: string): string {
  return text.slice(0, MAX_TEXT).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}
