// SPDX-License-Identifier: Apache-2.0
/** Rate limits before policy: one token bucket per key, bounded memory; when that is full, new keys are refused. */
import type { Rate } from '../../config.js';

export interface Throttle {
  /** 0 when the request may pass (and is counted), else milliseconds until the next may. */
  take(key: string): number;
  /** As `take`, without counting. */
  peek(key: string): number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const MAX_KEYS = 10_000;

export function throttle(rate: Rate, now: () => number): Throttle {
  const buckets = new Map<string, Bucket>();
  const perMs = rate.count / rate.windowMs;
  const level = (bucket: Bucket, at: number): number =>
    Math.min(rate.count, bucket.tokens + Math.max(0, at - bucket.at) * perMs);
  const wait = (tokens: number): number => (tokens >= 1 ? 0 : Math.ceil((1 - tokens) / perMs));
  const sweep = (at: number): void => {
    for (const [key, bucket] of buckets) if (level(bucket, at) >= rate.count) buckets.delete(key);
  };
  return {
    peek(key) {
      const bucket = buckets.get(key);
      return bucket === undefined ? 0 : wait(level(bucket, now()));
    },
    take(key) {
      const at = now();
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= MAX_KEYS) sweep(at);
        if (buckets.size >= MAX_KEYS) return rate.windowMs;
        bucket = { tokens: rate.count, at };
        buckets.set(key, bucket);
      }
      const tokens = level(bucket, at);
      const late = wait(tokens);
      bucket.tokens = late === 0 ? tokens - 1 : tokens;
      bucket.at = at;
      return late;
    },
  };
}
