// SPDX-License-Identifier: Apache-2.0
// What a server may say unasked: a burst, then its share, and nothing of it lost.
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { meter } from '../../../runtime/gateway/upstream/meter.js';
import { paced } from '../../../runtime/gateway/upstream/paced.js';
import { lineSplitter } from '../../../runtime/gateway/wire/lines.js';
import { sseReader } from '../../../runtime/gateway/wire/sse.js';

describe('the meter of a server', () => {
  it('lets a burst through, then so much a second, and tells once a minute', () => {
    let now = 0;
    let told = 0;
    const own = meter(
      () => told++,
      () => now,
    );
    /** Messages of 200 bytes for so long, as many as it lets through. */
    const talk = (until: number): number => {
      let count = 0;
      while (now < until) {
        own.said(200);
        count++;
        now += own.rest() ?? 0;
        now += 0.001;
      }
      return count;
    };
    const first = talk(1000);
    expect(first).toBeGreaterThan(5_000);
    expect(first).toBeLessThan(12_000);
    const second = talk(2000);
    expect(second).toBeGreaterThan(500);
    expect(second).toBeLessThan(1_000);
    expect(told).toBe(1);
    talk(70_000);
    expect(told).toBe(2);
  });

  it('forgives one that has been quiet', () => {
    let now = 0;
    const own = meter(
      () => undefined,
      () => now,
    );
    for (let i = 0; i < 20_000; i++) own.said(10);
    expect(own.rest()).toBeGreaterThan(5_000);
    now = 60_000;
    own.said(10);
    expect(own.rest()).toBeNull();
  });

  it('counts what is read elsewhere at once when it is much, and gives it back when it was asked for', async () => {
    let now = 0;
    const own = meter(
      () => undefined,
      () => now,
    );
    const asked: ((was: boolean) => void)[] = [];
    const read = (): void => own.reading(16_000_000, new Promise((resolve) => asked.push(resolve)));
    for (let i = 0; i < 6; i++) read();
    expect(own.rest()).toBeGreaterThan(1_000);
    for (const is of asked) is(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(own.rest()).toBeNull();
    for (let i = 0; i < 6; i++) read();
    for (const is of asked) is(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(own.rest()).toBeGreaterThan(10_000);
  });

  it('costs nothing where nothing is said unasked', () => {
    const own = meter(() => undefined);
    expect(own.rest()).toBeNull();
    expect(own.piece()).toBeGreaterThan(10_000);
  });
});

describe('a pipe that is read at a pace', () => {
  it('loses nothing, keeps the order and lets others go first', async () => {
    const own = meter(() => undefined);
    const pipe = new PassThrough();
    const lines: string[] = [];
    let most = 0;
    let turns = 0;
    let since = 0;
    const take = lineSplitter(1024, {
      large: () => undefined,
      line: (bytes) => {
        lines.push(bytes.toString());
        since++;
        own.said(1000);
      },
      tooLong: () => undefined,
      dropped: (bytes, line) => own.dropped(bytes, line),
    });
    paced(pipe, own, take);
    const ticking = setInterval(() => undefined, 1);
    const tick = (): void => {
      most = Math.max(most, since);
      since = 0;
      turns++;
      if (lines.length < 8000) setImmediate(tick);
    };
    tick();
    const all = Array.from({ length: 8000 }, (_, i) => `line ${i}`);
    pipe.write(`${all.join('\n')}\n`);
    await expect.poll(() => lines.length, { timeout: 15_000 }).toBe(8000);
    clearInterval(ticking);
    expect(lines).toEqual(all);
    expect(most, 'lines between two turns of others').toBeLessThan(2_000);
    expect(turns).toBeGreaterThan(40);
  });

  it('goes on at once when its writer has gone', async () => {
    const own = meter(() => undefined);
    const pipe = new PassThrough();
    const got: string[] = [];
    const reading = paced(pipe, own, (chunk) => {
      got.push(chunk.toString());
      own.said(100_000_000);
    });
    pipe.write('a');
    await new Promise((resolve) => setImmediate(resolve));
    pipe.end('b');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got).toEqual(['a']);
    reading.hurry();
    await expect.poll(() => got).toEqual(['a', 'b']);
  });
});

describe('lines and events with nothing in them', () => {
  it('are counted, whatever they look like', () => {
    let nothing = 0;
    const take = lineSplitter(64, {
      large: () => undefined,
      line: () => undefined,
      tooLong: () => undefined,
      dropped: (bytes, line) => (nothing += bytes + (line ? 1 : 0)),
    });
    take(Buffer.from('\n\n\n'));
    expect(nothing).toBe(3);
    take(Buffer.from('x'.repeat(100)));
    take(Buffer.from('y'.repeat(100)));
    expect(nothing).toBe(103);
    let events = 0;
    const read = sseReader(
      1000,
      () => undefined,
      () => events++,
    );
    read(Buffer.from(': a comment\nid: 1\nevent: x\n\n'));
    expect(events).toBe(4);
  });

  it('do not grow an event without end', () => {
    const read = sseReader(1000, () => undefined);
    expect(() => {
      for (let i = 0; i < 2000; i++) read(Buffer.from('data:\n'));
    }).toThrow(RangeError);
  });
});
