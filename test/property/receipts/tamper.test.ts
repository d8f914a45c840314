// SPDX-License-Identifier: Apache-2.0
// Whatever is done to a log up to its last checkpoint is detected; what is cut off after it is never called proven.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource, type Report, verify } from '../../../runtime/verify/index.js';
import { TestLog } from '../../arbitraries/log.js';

/** Small enough to try every byte: genesis, key, policy, one call, checkpoints after entries 3 and 4. */
const small = new TestLog().begin();
small.checkpoint();
small.call('one');
small.checkpoint();
const bytes = Buffer.concat(small.entries);
const checkpoints = Buffer.from(small.checkpointFile());

const check = (
  segment: Uint8Array,
  notes: Uint8Array | null = checkpoints,
  signatures: 'all' | 'checkpoint' = 'checkpoint',
): Promise<Report> => verify(memorySource([segment], notes), { trust: small.trust, signatures });

const without = (data: Buffer, at: number): Buffer =>
  Buffer.concat([data.subarray(0, at), data.subarray(at + 1)]);
const withByte = (data: Buffer, at: number, byte: number): Buffer =>
  Buffer.concat([data.subarray(0, at), Buffer.of(byte), data.subarray(at)]);
const edited = (data: Buffer, at: number, mask: number): Buffer => {
  const copy = Buffer.from(data);
  copy[at] = (copy[at] as number) ^ mask;
  return copy;
};

describe('a log with a checkpoint over all its entries', () => {
  it('passes untouched', async () => {
    expect((await check(bytes, checkpoints, 'all')).result).toBe('pass');
  });

  it('fails after any edit of one byte', async () => {
    for (let at = 0; at < bytes.length; at++) {
      const report = await check(edited(bytes, at, 1 << (at % 8)));
      expect(report.result, `byte ${at}`).toBe('fail');
    }
  });

  it('fails after the deletion of any byte', async () => {
    for (let at = 0; at < bytes.length; at++) {
      expect((await check(without(bytes, at))).result, `byte ${at}`).toBe('fail');
    }
  });

  it('fails after the insertion of a byte anywhere before the end', async () => {
    for (let at = 0; at < bytes.length; at++) {
      const changed = withByte(bytes, at, at % 5 === 0 ? 0 : at % 5 === 1 ? 10 : at % 256);
      // A newline before the last newline is the same as one appended at the end.
      if (changed.subarray(0, -1).equals(bytes)) continue;
      expect((await check(changed)).result, `byte ${at}`).toBe('fail');
    }
  });

  it('fails after any deletion, repetition or swap of entries', async () => {
    const { entries } = small;
    const fails = async (changed: readonly Buffer[], what: string): Promise<void> => {
      expect((await check(Buffer.concat(changed))).result, what).toBe('fail');
    };
    for (let i = 0; i < entries.length; i++) {
      await fails(entries.toSpliced(i, 1), `without ${i}`);
      for (let j = 0; j < entries.length; j++) {
        await fails(entries.toSpliced(j, 0, entries[i] as Buffer), `${i} repeated at ${j}`);
        if (j > i)
          await fails(entries.with(i, entries[j] as Buffer).with(j, entries[i] as Buffer), `${i} and ${j}`);
      }
    }
  });

  it('fails when its end is cut off, at any byte', async () => {
    for (let end = 0; end < bytes.length; end++) {
      expect((await check(bytes.subarray(0, end))).result, `cut at ${end}`).toBe('fail');
    }
  });

  it('is never called whole when its end and its last checkpoints are cut off', async () => {
    const first = Buffer.from(`${small.checkpoints[0]}\n`);
    const size = 3;
    for (let count = 0; count <= small.size; count++) {
      const report = await check(Buffer.concat(small.entries.slice(0, count)), first, 'all');
      expect(report.result, `${count} entries`).toBe(
        count < size ? 'fail' : count === size ? 'pass' : 'incomplete',
      );
      if (count > size)
        expect(report.properties.find((p) => p.name === 'tail')).toMatchObject({
          status: 'not checked',
          entry: size,
        });
    }
    for (let end = 0; end < checkpoints.length; end++) {
      const report = await check(bytes, checkpoints.subarray(0, end), 'all');
      expect(report.result, `checkpoints cut at ${end}`).toBe('incomplete');
    }
  });

  it('does not pass after any edit of one byte of the checkpoints', async () => {
    for (let at = 0; at < checkpoints.length; at++) {
      const report = await check(bytes, edited(checkpoints, at, 1 << (at % 8)), 'all');
      expect(report.result, `byte ${at}`).not.toBe('pass');
    }
  });

  it('is incomplete without checkpoints, and then signatures and chain find every edit', async () => {
    expect((await check(bytes, null, 'all')).result).toBe('incomplete');
    const last = bytes.length - (small.entries.at(-1) as Buffer).length;
    for (let at = 0; at < last; at += 7) {
      const report = await check(edited(bytes, at, 1 + (at % 255)), null, 'all');
      // An edit that destroys the frame of an entry looks like a write cut short, after which nothing is proven.
      expect(report.result, `byte ${at}`).not.toBe('pass');
      if (report.entries === small.size) expect(report.result, `byte ${at}`).toBe('fail');
    }
  });

  it('takes unused space at its end, but nothing after it', async () => {
    const space = Buffer.alloc(3_000_000);
    expect((await check(Buffer.concat([bytes, space]), checkpoints, 'all')).result).toBe('pass');
    for (const tail of [
      Buffer.concat([space, Buffer.of(1)]),
      Buffer.concat([space, small.entries[0] as Buffer]),
    ]) {
      const report = await check(Buffer.concat([bytes, tail]), checkpoints, 'all');
      expect(report.result).toBe('incomplete');
    }
    const gap = Buffer.concat([
      ...small.entries.slice(0, 3),
      Buffer.alloc(1024 * 1024),
      ...small.entries.slice(3),
    ]);
    expect((await check(gap)).result).toBe('fail');
    const middle = memorySource(
      [Buffer.concat([...small.entries.slice(0, 3), Buffer.alloc(8)]), Buffer.concat(small.entries.slice(3))],
      checkpoints,
    );
    expect((await verify(middle, { trust: small.trust })).result).toBe('fail');
  });
});

describe('a longer log', () => {
  it('fails after random edits, deletions, insertions and swaps', async () => {
    const log = new TestLog().begin();
    for (let i = 0; i < 60; i++) {
      if (i % 7 === 3) log.review(`call ${i}`);
      else log.call(`call ${i}`, i % 5 === 0 ? 'deny' : 'allow');
      if (i % 10 === 9) log.checkpoint();
    }
    log.checkpoint();
    const whole = Buffer.concat(log.entries);
    const run = (data: Uint8Array): Promise<Report> =>
      verify(memorySource([data], Buffer.from(log.checkpointFile())), {
        trust: log.trust,
        signatures: 'checkpoint',
      });
    expect((await verify(log.source(), { trust: log.trust })).result).toBe('pass');
    const position = fc.nat({ max: whole.length - 1 });
    const index = fc.nat({ max: log.size - 1 });
    const change = fc.oneof(
      fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(([at, mask]) => edited(whole, at, mask)),
      position.map((at) => without(whole, at)),
      fc.tuple(position, fc.nat({ max: 255 })).map(([at, byte]) => withByte(whole, at, byte)),
      fc
        .tuple(index, index)
        .filter(([i, j]) => i !== j)
        .map(([i, j]) =>
          Buffer.concat(log.entries.with(i, log.entries[j] as Buffer).with(j, log.entries[i] as Buffer)),
        ),
    );
    await fc.assert(
      fc.asyncProperty(change, async (data) => {
        fc.pre(!data.equals(whole));
        expect((await run(data)).result).toBe('fail');
      }),
      { numRuns: 400 },
    );
  });
});
