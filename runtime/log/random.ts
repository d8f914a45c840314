// SPDX-License-Identifier: Apache-2.0
/** Random bytes for salts, ids and keys of single receipts: drawn from the system a few thousand at a time, given out once each. */
import { randomFillSync } from 'node:crypto';

const POOL = 4096;
const pool = Buffer.alloc(POOL);
let used = POOL;

/** `count` fresh random bytes, at most a pool of them; nothing of them is kept here. */
export function freshBytes(count: number): Buffer {
  if (used + count > POOL) {
    randomFillSync(pool);
    used = 0;
  }
  const from = used;
  used += count;
  const bytes = Buffer.from(pool.subarray(from, used));
  pool.fill(0, from, used);
  return bytes;
}
