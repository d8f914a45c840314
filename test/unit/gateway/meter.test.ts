// SPDX-License-Identifier: Apache-2.0
// What a server may say unasked: a burst, then its share, and nothing of it lost.
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SHARE } from '../../../runtime/config.js';
import { company } from '../../../runtime/gateway/upstream/company.js';
import { meter } from '../../../runtime/gateway/upstream/meter.js';
import { endOfLine, paced } from '../../../runtime/gateway/upstream/paced.js';
import { lineSplitter } from '../../../runtime/gateway/wire/lines.js';
import { sseReader } from '../../../runtime/gateway/wire/sse.js';

const NOBODY = { slowed: () => undefined };

describe('the meter of a server', () => {
  it('lets a burst through, then so much a second, and tells once a minute', () => {
    let now = 0;
    let told = 0;
    const own = meter({ slowed: () => told++ }, DEFAULT_SHARE, () => now);
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
    expect(second).toBeGreaterThan(250);
    expect(second).toBeLessThan(500);
    expect(told).toBe(1);
    talk(70_000);
    expect(told).toBe(2);
  });

  it('lets little of what is thrown away through: some megabytes at once, then about 1 MB a second', () => {
    let now = 0;
    const own = meter(NOBODY, DEFAULT_SHARE, () => now);
    /** Megabytes in a second, of stderr or of a line that is too long. */
    const words = (): number => {
      const until = now + 1_000;
      let bytes = 0;
      for (; now < until; bytes += 65_536) {
        own.dropped(65_536, false);
        now += 0.1 + (own.rest() ?? 0);
      }
      return bytes / 1e6;
    };
    const burst = words();
    expect(burst).toBeGreaterThan(10);
    expect(burst).toBeLessThan(25);
    const share = words();
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(1.3);
  });

  it('counts what comes in crumbs, asked for or not, and not what comes as answers usually do', () => {
    let now = 0;
    let told = 0;
    const own = meter({ slowed: () => told++ }, DEFAULT_SHARE, () => now);
    for (let i = 0; i < 100_000; i++) own.read(65_536);
    for (let i = 0; i < 100_000; i++) {
      own.read(200);
      own.answered();
    }
    expect(own.rest()).toBeNull();
    /** Reads in a second, as many as it lets through. */
    const read = (): number => {
      let count = 0;
      for (const until = now + 1_000; now < until; count++) {
        own.read(1);
        now += 0.001 + (own.rest() ?? 0);
      }
      return count;
    };
    expect(read()).toBeGreaterThan(3_000);
    const share = read();
    expect(share).toBeGreaterThan(100);
    expect(share).toBeLessThan(300);
    expect(told).toBe(1);
  });

  it('forgives one that has been quiet', () => {
    let now = 0;
    const own = meter(NOBODY, DEFAULT_SHARE, () => now);
    for (let i = 0; i < 20_000; i++) own.said(10);
    expect(own.rest()).toBeGreaterThan(5_000);
    now = 60_000;
    own.said(10);
    expect(own.rest()).toBeNull();
  });

  it('counts what is read elsewhere at once when it is much, and gives it back when it was asked for', async () => {
    let now = 0;
    const own = meter(NOBODY, DEFAULT_SHARE, () => now);
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

  it('does not hold back five large answers at once for what they would cost unasked', async () => {
    const own = meter(NOBODY, DEFAULT_SHARE, () => 0);
    const asked: ((was: boolean) => void)[] = [];
    for (let i = 0; i < 5; i++)
      own.reading(
        10_000_000,
        new Promise((resolve) => {
          asked.push(resolve);
        }),
      );
    expect(own.rest()).toBe(0);
    for (const is of asked) is(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(own.rest()).toBeGreaterThan(30_000);
  });

  it('lets large messages through as they come while nobody else is called, in turns, and else a share of them', () => {
    let now = 0;
    let crowd = false;
    const told: string[] = [];
    const own = meter({ slowed: (why) => told.push(why), others: () => crowd }, DEFAULT_SHARE, () => now);
    /** Megabytes of large messages in a second; others go first after each piece. */
    const answers = (): number => {
      const until = now + 1_000;
      let bytes = 0;
      for (; now < until; bytes += 65_536) {
        own.growing(65_536);
        const ms = own.rest();
        if (ms === null) return Number.NaN;
        now += 0.1 + (ms ?? 0);
      }
      return bytes / 1e6;
    };
    expect(answers()).toBeGreaterThan(500);
    expect(told).toEqual([]);
    crowd = true;
    const burst = answers();
    expect(burst).toBeGreaterThan(10);
    expect(burst).toBeLessThan(30);
    const share = answers();
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(1.5);
    expect(told).toEqual(['large']);
    crowd = false;
    now += 20_000;
    expect(answers()).toBeGreaterThan(500);
  });

  it('lets through half as much of what grows while nobody waits for an answer, and what it is given more of', () => {
    /** Megabytes of a large message in ten seconds, past the burst. */
    const grows = (share: number, awaited: boolean): number => {
      let [now, bytes] = [0, 0];
      const own = meter({ ...NOBODY, others: () => true, awaited: () => awaited }, share, () => now);
      while (now < 20_000) {
        own.growing(65_536);
        now += 0.1 + (own.rest() ?? 0);
        if (now > 10_000) bytes += 65_536;
      }
      return bytes / 1e6;
    };
    expect(grows(DEFAULT_SHARE, true)).toBeCloseTo(10, -0.5);
    expect(grows(DEFAULT_SHARE, false)).toBeCloseTo(5, -0.5);
    expect(grows(0.2, true)).toBeCloseTo(100, -1);
  });

  it('lets streams be asked for again forty times a second, past the burst', () => {
    let [now, count] = [0, 0];
    const own = meter(NOBODY, DEFAULT_SHARE, () => now);
    while (now < 20_000) {
      own.again();
      now += own.rest() ?? 0;
      if (now > 10_000) count++;
    }
    expect(count / 10).toBeGreaterThan(30);
    expect(count / 10).toBeLessThan(50);
  });

  it('knows who else is called', () => {
    let now = 0;
    const [one, other] = [{}, {}];
    const all = company(() => now);
    expect(all.others(one)).toBe(false);
    all.called(one);
    expect([all.others(one), all.others(other)]).toEqual([false, true]);
    all.called(other);
    all.called(other);
    expect([all.others(one), all.others(other)]).toEqual([true, true]);
    now = 3_000;
    all.called(one);
    expect([all.others(one), all.others(other)]).toEqual([false, true]);
  });

  it('costs nothing where nothing is said unasked', () => {
    const own = meter(NOBODY, DEFAULT_SHARE);
    expect(own.rest()).toBeNull();
    expect(own.piece()).toBeGreaterThan(10_000);
  });
});

describe('a pipe that is read at a pace', () => {
  it('loses nothing, keeps the order and lets others go first', async () => {
    const own = meter(NOBODY, 0.2);
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

  it('takes of a large message much at a time, and after its end little', async () => {
    const own = meter({ ...NOBODY, others: () => true }, DEFAULT_SHARE);
    const pipe = new PassThrough();
    let [since, most, long] = [0, 0, false];
    const pieces: number[] = [];
    const take = lineSplitter(16_000_000, {
      large: () => {
        long = false;
        own.said(1);
      },
      line: () => {
        own.dropped(0, true);
        most = Math.max(most, ++since);
      },
      tooLong: () => undefined,
      growing: (bytes) => {
        long = true;
        own.growing(bytes);
      },
    });
    const read = (chunk: Buffer): void => {
      since = 0;
      pieces.push(chunk.length);
      take(chunk);
    };
    const reading = paced(pipe, own, read, (chunk, at) => (long ? endOfLine(chunk, at) : null));
    for (let i = 0; i < 8; i++) pipe.write(Buffer.alloc(50_000, 'x'));
    // What comes in one piece with the end of a large message is read line by line all the same.
    pipe.write(Buffer.concat([Buffer.alloc(60_000, 'x'), Buffer.from('\n'), Buffer.alloc(20_000, 'y\n')]));
    pipe.end();
    await expect.poll(() => pieces.reduce((a, b) => a + b, 0), { timeout: 10_000 }).toBe(480_001);
    reading.hurry();
    expect(pieces.filter((size) => size >= 50_000)).toEqual([...Array<number>(5).fill(50_000), 60_001]);
    expect(most).toBeLessThan(9_000);
  });

  it('takes what is thrown away as it came, however much that is', async () => {
    const own = meter(NOBODY, DEFAULT_SHARE);
    const pipe = new PassThrough();
    const pieces: number[] = [];
    const drop = (chunk: Buffer): void => {
      pieces.push(chunk.length);
      own.dropped(chunk.length, false);
    };
    paced(pipe, own, drop, (chunk) => chunk.length);
    for (let i = 0; i < 100; i++) pipe.write(Buffer.alloc(60_000));
    await expect.poll(() => pieces.length, { timeout: 10_000 }).toBe(100);
    expect(new Set(pieces)).toEqual(new Set([60_000]));
    // Past what is so little that nobody notices, others go first after each.
    expect(own.rest()).toBeNull();
    own.dropped(60_000, false);
    expect(own.rest()).toBe(0);
  });

  it('holds back one that writes byte by byte, and loses nothing of it', async () => {
    const own = meter(NOBODY, DEFAULT_SHARE);
    const pipe = new PassThrough();
    const got: string[] = [];
    const take = lineSplitter(1_000_000, {
      large: () => undefined,
      line: (bytes) => got.push(bytes.toString()),
      tooLong: () => undefined,
    });
    let reads = 0;
    const reading = paced(pipe, own, (chunk) => {
      reads++;
      take(chunk);
    });
    const text = 'abc'.repeat(2_000);
    // Line breaks by themselves are crumbs as well.
    for (const one of `${'\n'.repeat(2_000)}${text}\n`) pipe.write(one);
    await expect.poll(() => reads, { timeout: 10_000 }).toBeGreaterThan(4_000);
    // Past the burst 200 a second; at once they would all be there by now.
    expect(reads).toBeLessThan(6_000);
    expect(got).toEqual([]);
    const hurry = setInterval(() => {
      for (let i = 0; i < 100; i++) reading.hurry();
    }, 1);
    await expect.poll(() => got, { timeout: 15_000, interval: 100 }).toEqual([text]);
    clearInterval(hurry);
  });

  it('goes on at once when its writer has gone', async () => {
    const own = meter(NOBODY, DEFAULT_SHARE);
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
    const read = sseReader(1000, { message: () => undefined, nothing: () => events++ });
    read(Buffer.from(': a comment\nid: 1\nevent: x\n\n'));
    expect(events).toBe(4);
  });

  it('count as a large message from where an event is one, in one line or in many', () => {
    for (const end of ['', '\n']) {
      let [grown, messages] = [0, 0];
      const read = sseReader(1e7, { message: () => messages++, growing: (length) => (grown += length) });
      for (let i = 0; i < 10; i++)
        read(Buffer.from(`${i === 0 || end !== '' ? 'data: ' : ''}${'x'.repeat(32_000)}${end}`));
      read(Buffer.from('\n\n'));
      expect(messages).toBe(1);
      // What comes before it is large is not known to be.
      expect(grown).toBeGreaterThan(150_000);
      expect(grown).toBeLessThan(200_000);
      const before = grown;
      read(Buffer.from('data: small\n\n'));
      expect(grown).toBe(before);
    }
  });

  it('do not grow an event without end', () => {
    const read = sseReader(1000, { message: () => undefined });
    expect(() => {
      for (let i = 0; i < 2000; i++) read(Buffer.from('data:\n'));
    }).toThrow(RangeError);
  });
});
