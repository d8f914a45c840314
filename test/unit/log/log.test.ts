// SPDX-License-Identifier: Apache-2.0
// The log in ordinary use: order, group commit, checkpoints by time, reading back, closing.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { realFiles } from '../../../runtime/log/files.js';
import { type Draft, eraseOpenings, type Log, type StoredEntry } from '../../../runtime/log/index.js';
import { splitCheckpoints } from '../../../runtime/verify/format/checkpoint.js';
import {
  clearText,
  decided,
  entriesOn,
  memoryFolder,
  outcomeOf,
  policyDraft,
  type Scratch,
  scratch,
} from '../../helpers/log-folder.js';

let place: Scratch;
beforeEach(() => {
  place = scratch(memoryFolder());
});
afterEach(() => {
  vi.useRealTimers();
  place.remove();
});

/** Real files that count their flushes. */
function counting() {
  const count = { flushes: 0 };
  const flush = (fd: number): Promise<void> => {
    count.flushes++;
    return realFiles.flush(fd);
  };
  return { count, files: { ...realFiles, flush } };
}

async function all(log: Log, from?: number): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  for await (const entry of log.entries(from)) found.push(entry);
  return found;
}

describe('append', () => {
  it('gives numbers, leaves and times in the order of the calls, and commits what comes together at once', async () => {
    const { count, files } = counting();
    const log = await place.open({ files });
    const { leaf: activation } = await log.append(policyDraft);
    const before = count.flushes;
    const drafts = Array.from({ length: 50 }, () => decided('deny', activation));
    const receipts = await Promise.all(drafts.map((draft) => log.append(draft)));
    expect(count.flushes - before).toBe(1);
    expect(receipts.map(({ seq }) => seq)).toEqual(drafts.map((_, i) => i + 3));
    const stored = await all(log, 3);
    expect(stored.map(({ leaf }) => leaf)).toEqual(receipts.map(({ leaf }) => leaf));
    expect(stored.map(({ body }) => body.call)).toEqual(drafts.map(({ call }) => call));
    expect(receipts[0]).toMatchObject({ id: 'log.test/log#3', time: stored[0]?.body.time });
    expect(log.head().size).toBe(53);
    await log.close();
  });

  it('makes a batch no longer than what a start can tell from damage', async () => {
    const { count, files } = counting();
    const log = await place.open({ files });
    const { leaf: activation } = await log.append(policyDraft);
    const before = count.flushes;
    const long = 'x'.repeat(10_000);
    await Promise.all(Array.from({ length: 60 }, () => log.append(decided('deny', activation, long))));
    // 60 entries of about 11 KB; 256 KB take 23 of them.
    expect(count.flushes - before).toBe(3);
    await log.close();
  });

  it('lets an outcome that nothing waits for join the next commit', async () => {
    const { count, files } = counting();
    const log = await place.open({ files });
    const { leaf: activation } = await log.append(policyDraft);
    const draft = decided('allow', activation);
    const { leaf } = await log.append(draft);
    const before = count.flushes;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const soon = log.append(outcomeOf(draft.call, leaf), undefined, 'soon');
    await new Promise((resolve) => setImmediate(resolve));
    expect(count.flushes).toBe(before);
    const next = await log.append(decided('deny', activation));
    expect(await soon).toMatchObject({ seq: next.seq - 1 });
    expect(count.flushes).toBe(before + 1);
    const alone = decided('allow', activation);
    const { leaf: second } = await log.append(alone);
    const later = log.append(outcomeOf(alone.call, second), undefined, 'soon');
    vi.advanceTimersByTime(4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(count.flushes).toBe(before + 2);
    vi.advanceTimersByTime(1);
    await later;
    expect(count.flushes).toBe(before + 3);
    await log.close();
  });

  it('refuses what is no receipt, or too long, and goes on as if it had not been asked', async () => {
    const log = await place.open();
    await expect(log.append({ type: 'decide' } as Draft)).rejects.toThrow('this is no receipt: ');
    const { leaf: activation } = await log.append(policyDraft);
    await expect(log.append(decided('deny', activation, 'x'.repeat(70_000)))).rejects.toThrow('over 65534');
    expect(await log.append(decided('deny', activation))).toMatchObject({ seq: 3 });
    expect(log.failure()).toBeNull();
    await log.close();
    expect(await place.verify()).toMatchObject({ result: 'pass' });
  });

  it('holds the clock when it goes back', async () => {
    let now = Date.UTC(2026, 5, 1);
    const log = await place.open({ clock: () => now });
    const { leaf: activation } = await log.append(policyDraft);
    now -= 5000;
    await log.append(decided('deny', activation));
    await log.close();
    now -= 5000;
    const again = await place.open({ clock: () => now });
    await again.append(decided('deny', activation));
    now += 20_000;
    await again.append(decided('deny', activation));
    await again.close();
    const bodies = entriesOn(place.dir).map(({ body }) => body);
    expect(bodies.slice(2).map(({ clock }) => clock)).toEqual([undefined, 'held', 'held', undefined]);
    expect(await place.verify()).toMatchObject({ result: 'pass' });
  });

  it('takes no more than memory should hold', async () => {
    const stuck: (() => void)[] = [];
    const flush = (): Promise<void> => new Promise((resolve) => stuck.push(resolve));
    let slow = false;
    const files = { ...realFiles, flush: (fd: number) => (slow ? flush() : realFiles.flush(fd)) };
    const log = await place.open({ files });
    slow = true;
    const big = { ...clearText('big'), result: 'x'.repeat(8 * 1024 * 1024) };
    const first = log.append(policyDraft);
    await new Promise((resolve) => setImmediate(resolve));
    const taken = Array.from({ length: 6 }, () => log.append(policyDraft, big));
    const refused = log.append(policyDraft, big).then(
      () => 'taken',
      (error: Error) => error.message,
    );
    slow = false;
    while (stuck.length > 0) stuck.pop()?.();
    expect(await refused).toBe('the log is overloaded: more entries wait than memory should hold');
    await Promise.all([first, ...taken]);
    expect(log.failure()).toBeNull();
    await log.close();
  });
});

describe('checkpoints', () => {
  const sizes = (): readonly number[] =>
    splitCheckpoints(readFileSync(join(place.dir, 'checkpoints'), 'utf8')).notes.map((note) =>
      Number(note.split('\n')[1]),
    );

  it('cover a busy log every second, a quiet one after the seconds it was given', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const log = await place.open({ checkpointSeconds: 10 });
    const { leaf: activation } = await log.append(policyDraft);
    const pass = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        vi.advanceTimersByTime(1000);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    };
    await pass(8);
    expect(sizes()).toEqual([2]);
    await pass(2);
    expect(sizes(), 'quiet').toEqual([2, 3]);
    await Promise.all(Array.from({ length: 20 }, () => log.append(decided('deny', activation))));
    await pass(1);
    expect(sizes(), 'busy').toEqual([2, 3, 23]);
    await pass(30);
    expect(sizes(), 'idle').toEqual([2, 3, 23]);
    await log.close();
    expect(sizes()).toEqual([2, 3, 23]);
  });

  it('are written while entries come, in the same order', async () => {
    const log = await place.open();
    const { leaf: activation } = await log.append(policyDraft);
    const work = Array.from({ length: 200 }, (_, i) =>
      i % 20 === 0 ? log.checkpoint() : log.append(decided('deny', activation)),
    );
    await Promise.all(work);
    await log.close();
    expect(await place.verify()).toMatchObject({ result: 'pass' });
  });

  it('cover what was appended before they were asked for, however much waits', async () => {
    const log = await place.open();
    const { leaf: activation } = await log.append(policyDraft);
    const long = 'x'.repeat(20_000);
    const work = Array.from({ length: 100 }, () => log.append(decided('deny', activation, long)));
    expect((await log.checkpoint()).split('\n')[1]).toBe('103');
    await Promise.all(work);
    await log.close();
  });

  it('that fail reject with the reason, and the entries that were under way are sound', async () => {
    let failing = false;
    let notes = -1;
    const files = {
      ...realFiles,
      open: (path: string) => {
        const fd = realFiles.open(path);
        if (path.endsWith('checkpoints')) notes = fd;
        return fd;
      },
      flush: (fd: number) =>
        failing && fd === notes ? Promise.reject(new Error('EIO: i/o error')) : realFiles.flush(fd),
    };
    const log = await place.open({ files });
    const { leaf: activation } = await log.append(policyDraft);
    await new Promise((resolve) => setImmediate(resolve));
    failing = true;
    const before = log.append(decided('deny', activation));
    const checkpoint = log.checkpoint();
    await expect(checkpoint).rejects.toThrow('cannot be written (EIO: i/o error); everything is denied');
    await expect(before).resolves.toMatchObject({ seq: 3 });
    await expect(log.append(decided('deny', activation))).rejects.toThrow('everything is denied');
    await log.close();
    const again = await place.open();
    await again.append(decided('deny', activation));
    await again.close();
    expect(await place.verify()).toMatchObject({ result: 'pass', entries: 5 });
  });
});

describe('reading back', () => {
  it('finds entries from any number on, over segments, while the log grows', async () => {
    const log = await place.open({ segmentBytes: 20_000 });
    const { leaf: activation } = await log.append(policyDraft);
    for (let i = 0; i < 80; i++) await log.append(decided('deny', activation, 'x'.repeat((i * 37) % 500)));
    expect(readdirSync(join(place.dir, 'entries')).length).toBeGreaterThan(3);
    for (const from of [0, 1, 17, 40, 82, 83, 1000]) {
      const seqs = (await all(log, from)).map(({ body }) => body.seq);
      expect(seqs).toEqual(Array.from({ length: Math.max(0, 83 - from) }, (_, i) => from + i));
    }
    const seen: number[] = [];
    for await (const { body } of log.entries(70)) {
      seen.push(body.seq);
      await log.append(decided('deny', activation));
    }
    expect(seen, 'as it was when asked').toEqual(Array.from({ length: 13 }, (_, i) => 70 + i));
    await log.close();
    const again = await place.open({ segmentBytes: 20_000 });
    expect((await all(again, 90))[0]?.body.seq).toBe(90);
    await again.close();
  });

  it('opens clear text, sealed on disk, of this life and earlier ones', async () => {
    for (let life = 0; life < 3; life++) {
      const log = await place.open();
      const { leaf: activation } = await log.append(policyDraft);
      for (let i = 0; i < 5; i++) {
        await log.append(decided('deny', activation), clearText(`secret-${life}-${i}`));
        await log.append(decided('deny', activation));
      }
      await log.close();
    }
    const sealed = readdirSync(join(place.dir, 'openings'))
      .map((name) => readFileSync(join(place.dir, 'openings', name), 'utf8'))
      .join('');
    expect(sealed).not.toMatch(/secret|intent|salt/);
    expect(statSync(join(place.dir, 'openings', '000000.jsonl')).mode & 0o077).toBe(0);
    const log = await place.open();
    for (let life = 0; life < 3; life++) {
      const first = 3 + life * 11;
      expect(await log.openings(first)).toEqual(clearText(`secret-${life}-0`));
      expect(await log.openings(first + 8)).toEqual(clearText(`secret-${life}-4`));
      expect(await log.openings(first + 1)).toBeNull();
    }
    expect(await log.openings(0)).toBeNull();
    expect(await log.openings(10_000)).toBeNull();
    await log.close();
  });

  it('takes the space that a crash leaves behind the clear text for no line, also where some of it is erased', async () => {
    const log = await place.open();
    const { leaf: activation } = await log.append(policyDraft);
    for (const text of ['kept', 'erased']) await log.append(decided('deny', activation), clearText(text));
    await log.abandon(false);
    const file = join(place.dir, 'openings', '000000.jsonl');
    expect(statSync(file).size).toBeGreaterThan(500_000);
    const again = await place.open();
    expect(await again.openings(3)).toEqual(clearText('kept'));
    expect(await eraseOpenings(again, place.dir, new Set([4]))).toBe(1);
    expect(await again.openings(3)).toEqual(clearText('kept'));
    expect(await again.openings(4)).toBeNull();
    await again.close();
    expect(readFileSync(file).includes(0)).toBe(false);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3);
  });
});

describe('close', () => {
  it('writes what waits and a last checkpoint, then takes nothing', async () => {
    const log = await place.open();
    const { leaf: activation } = await log.append(policyDraft);
    const draft = decided('allow', activation);
    const { leaf } = await log.append(draft);
    const soon = log.append(outcomeOf(draft.call, leaf), undefined, 'soon');
    const now = log.append(decided('deny', activation));
    const closed = log.close();
    await expect(log.append(decided('deny', activation))).rejects.toThrow('the log is closed');
    await expect(log.checkpoint()).rejects.toThrow('the log is closed');
    await Promise.all([closed, log.close()]);
    expect([(await soon).seq, (await now).seq]).toEqual([4, 5]);
    expect(await place.verify()).toMatchObject({ result: 'pass', entries: 6 });
    expect(readFileSync(join(place.dir, 'entries', '000000.log')).includes(0)).toBe(false);
  });

  it.runIf(process.platform === 'linux')(
    'gives all files and the lock back, also after a start that failed',
    async () => {
      const open = (): number => readdirSync('/proc/self/fd').length;
      await (await place.open()).close();
      const before = open();
      for (let i = 0; i < 5; i++) {
        const log = await place.open({ segmentBytes: 5000 });
        const { leaf: activation } = await log.append(policyDraft, clearText('x'));
        for (let n = 0; n < 6; n++) await log.append(decided('deny', activation), clearText('y'));
        await log.close();
        const files = { ...realFiles, flush: () => Promise.reject(new Error('EIO: i/o error')) };
        const dir = join(place.folder, `new-${i}`);
        await expect(place.open({ dir, files })).rejects.toThrow('cannot be written (EIO: i/o error)');
        const flushFolder = (): void => {
          throw new Error('EIO: i/o error');
        };
        await expect(place.open({ files: { ...realFiles, flushFolder } })).rejects.toThrow(
          `cannot open the receipt log in ${place.dir}: EIO: i/o error`,
        );
      }
      expect(open()).toBe(before);
    },
  );
});
