// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { freshBytes } from '../../../runtime/log/random.js';

describe('fresh bytes', () => {
  it('are as many as asked for, and never the same ones twice, over many pools', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 5000; i++) {
      const bytes = freshBytes([12, 16, 32][i % 3] ?? 16);
      expect(bytes.length).toBe([12, 16, 32][i % 3]);
      seen.add(bytes.toString('hex'));
    }
    expect(seen.size).toBe(5000);
  });

  it('belong to the one who asked: later draws do not change them', () => {
    const first = freshBytes(32);
    const copy = Buffer.from(first);
    for (let i = 0; i < 300; i++) freshBytes(32);
    expect(first).toEqual(copy);
    expect(first.every((byte) => byte === 0)).toBe(false);
  });
});
