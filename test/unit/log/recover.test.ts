// SPDX-License-Identifier: Apache-2.0
// What a start makes of every end a crash can leave, and of damage that no crash leaves.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realFiles } from '../../../runtime/log/files.js';
import { createKeys, loadKeys } from '../../../runtime/log/index.js';
import { type Recovered, recover } from '../../../runtime/log/recover.js';
import { CONTEXT } from '../../../runtime/verify/format/entry.js';
import { scanEntries } from '../../../runtime/verify/format/segment.js';
import {
  copyLog,
  decided,
  entriesOn,
  memoryFolder,
  ORIGIN,
  outcomeOf,
  policyDraft,
  scratch,
} from '../../helpers/log-folder.js';

const place = scratch(memoryFolder());
const keys = loadKeys(place.keysDir, ORIGIN);
const base = join(place.folder, 'base');
const dir = join(place.folder, 'changed');
const segment = join(dir, 'entries', '000000.log');
afterAll(() => place.remove());

let bytes: Buffer;
/** Start of each entry, and the end of the last. */
const bounds: number[] = [0];
let covered = 0;
let checkpoints: string;

/** Thirteen entries of which a checkpoint covers eight; the writer is cut off there. */
beforeAll(async () => {
  const log = await place.open();
  const activation = (await log.append(policyDraft)).leaf;
  const call = async (effect: 'allow' | 'deny', settled: boolean): Promise<void> => {
    const draft = decided(effect, activation);
    const { leaf } = await log.append(draft);
    if (settled) await log.append(outcomeOf(draft.call, leaf));
  };
  await call('allow', true);
  await call('deny', false);
  await call('allow', true);
  await log.checkpoint();
  covered = log.head().size;
  await call('deny', false);
  await call('allow', true);
  await call('allow', false);
  await call('deny', false);
  copyLog(place.dir, base);
  await log.close();
  bytes = readFileSync(join(base, 'entries', '000000.log'));
  scanEntries(bytes, (_, end) => bounds.push(end));
  bytes = bytes.subarray(0, bounds.at(-1));
  checkpoints = readFileSync(join(base, 'checkpoints'), 'utf8');
});

const size = (): number => bounds.length - 1;
const start = (entry: number): number => bounds.at(entry) ?? 0;

let isMade = false;
/** A log folder with these bytes as its only segment. */
function put(segmentBytes: Buffer, notes = checkpoints): void {
  for (const name of isMade ? readdirSync(join(dir, 'entries')) : []) rmSync(join(dir, 'entries', name));
  if (!isMade) mkdirSync(join(dir, 'entries'), { recursive: true });
  isMade = true;
  writeFileSync(segment, segmentBytes);
  writeFileSync(join(dir, 'checkpoints'), notes);
}

const read = (): Promise<Recovered> => recover(dir, ORIGIN, keys, realFiles);
const zeros = (n: number): Buffer => Buffer.alloc(n);

function flipped(at: number, by = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ by;
  return copy;
}

it('has what the tests below speak of', () => {
  expect([size(), covered]).toEqual([13, 8]);
});

/** The keys of this log, but for the log key, which is another log's. */
function mixed(others: string): string {
  const folder = join(place.folder, 'mixed-keys');
  cpSync(place.keysDir, folder, { recursive: true });
  cpSync(join(others, 'log.pem'), join(folder, 'log.pem'));
  return folder;
}

describe('a write that was cut short', () => {
  it('ends at the last whole entry, wherever the last three are cut', async () => {
    for (let cut = start(-4); cut <= start(-1); cut++) {
      put(bytes.subarray(0, cut));
      const whole = bounds.findLastIndex((bound) => bound <= cut);
      const { tree, end, torn } = await read();
      expect([tree.size, end.position, torn], `cut at ${cut}`).toEqual([
        whole,
        start(whole),
        cut - start(whole),
      ]);
    }
  }, 60_000);

  it('is the same in space that was allocated ahead', async () => {
    for (let cut = start(-4); cut <= start(-1); cut += 13) {
      put(Buffer.concat([bytes.subarray(0, cut), zeros(5000)]));
      const whole = bounds.findLastIndex((bound) => bound <= cut);
      const { tree, torn } = await read();
      expect([tree.size, torn], `cut at ${cut}`).toEqual([whole, cut - start(whole)]);
    }
  });

  it('is covered by an entry that says how much was cut; open calls become unknown', async () => {
    for (let cut = start(-4) + 1; cut < start(-1); cut += 211) {
      put(Buffer.concat([bytes.subarray(0, cut), zeros(3000)]));
      const whole = bounds.findLastIndex((bound) => bound <= cut);
      const torn = cut - start(whole);
      const log = await place.open({ dir });
      const added = entriesOn(dir).slice(whole);
      // The decision that is left open is the last entry but one.
      const unknown = whole >= size() - 1 ? 1 : whole === size() - 3 ? 1 : 0;
      expect(added[0]?.body).toMatchObject({ type: 'recovery', recovery: { cut: torn, unknown } });
      expect(added.slice(1).map(({ body }) => body.outcome?.status)).toEqual(
        Array.from({ length: unknown }, () => 'unknown'),
      );
      const now = readFileSync(segment);
      const { torn: left } = scanEntries(now, () => undefined);
      expect(left, 'nothing of the torn write is left').toBe(0);
      await log.close();
      expect(await place.verify(dir)).toMatchObject({ result: 'pass' });
    }
  });

  it('may leave holes where pages never reached the disk', async () => {
    // Entries of several pages, the second of them gone: whole entries stand behind the hole.
    const hole = Buffer.from(bytes);
    hole.fill(0, start(-4) + 100, start(-4) + 100 + 1024);
    put(hole);
    expect(await read()).toMatchObject({ torn: bytes.length - start(-4) });
    // A hole from the middle of one body to the middle of the next: lines, and yet no entry.
    const merged = Buffer.from(bytes);
    merged.fill(0, start(-3) + 200, start(-2) + 200);
    put(merged);
    const found = await read();
    expect([found.tree.size, found.torn]).toEqual([size() - 2, bytes.length - start(-3)]);
  });

  it('may leave a checkpoint without its end: the one before counts', async () => {
    const last = checkpoints.lastIndexOf(`${ORIGIN}\n`);
    for (let cut = last; cut < checkpoints.length; cut += 7) {
      put(bytes, checkpoints.slice(0, cut));
      expect((await read()).checkpoint, `cut at ${cut}`).toMatchObject({ size: 2 });
    }
    put(bytes, `${checkpoints.slice(0, last + 20)}${'\0'.repeat(60)}${checkpoints.slice(last + 80)}`);
    expect((await read()).checkpoint).toMatchObject({ size: 2 });
  });
});

describe('damage is refused, and said', () => {
  const refusal = async (): Promise<string> => {
    try {
      const { tree, torn } = await read();
      return `taken: ${tree.size} entries, ${torn} torn`;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const SAID =
    /^(entry \d+ in 000000\.log .*|.*000000\.log is damaged at byte \d+, where entry \d+ should stand: .*|the log (ends|does not agree) .*)(restore (it|the log) from a copy)$/;

  it('a flipped bit anywhere in an entry, with or without a checkpoint over it', async () => {
    for (const entry of [4, 9]) {
      for (let at = start(entry); at < start(entry + 1); at += 2) {
        put(flipped(at, 1 << (at % 7)));
        expect(await refusal(), `byte ${at}`).toMatch(SAID);
      }
    }
  }, 60_000);

  it('a flipped bit in the last entry: it is never taken for what it was', async () => {
    for (let at = start(-2); at < start(-1); at += 2) {
      put(flipped(at));
      const said = await refusal();
      if (!SAID.test(said)) expect(said).toMatch(new RegExp(`^taken: ${size() - 1} entries, [1-9]`));
    }
  }, 60_000);

  it('entries that are gone, doubled or out of place', async () => {
    const without = (n: number): Buffer =>
      Buffer.concat([bytes.subarray(0, start(n)), bytes.subarray(start(n + 1))]);
    put(without(10));
    expect(await refusal()).toBe(
      'entry 10 in 000000.log has the number 11; check the log with `sepal verify` and restore it from a copy',
    );
    put(Buffer.concat([bytes, bytes.subarray(start(-2))]));
    expect(await refusal()).toContain('entry 13 in 000000.log has the number 12');
    put(bytes.subarray(0, start(6)));
    expect(await refusal()).toBe(
      'the log ends at entry 5, but its last checkpoint covers 8 entries: it was cut; restore it from a copy',
    );
  });

  it('entries that follow a hole farther away than one write reaches', async () => {
    put(Buffer.concat([bytes.subarray(0, start(-2)), zeros(300 * 1024), bytes.subarray(start(-2))]));
    expect(await refusal()).toContain(
      `is damaged at byte ${start(-2)}, where entry 12 should stand: whole entries follow it`,
    );
  });

  it('entries of another signer, log or key', async () => {
    const others = join(place.folder, 'other-keys');
    const other = createKeys(others, ORIGIN);
    put(bytes, '');
    await expect(recover(dir, ORIGIN, other, realFiles)).rejects.toThrow(
      'entry 0 in 000000.log names other keys than those in use: the log was begun with others',
    );
    put(bytes);
    await expect(recover(dir, ORIGIN, other, realFiles)).rejects.toThrow(
      'entry 0 in 000000.log names other keys than those in use: the log was begun with others',
    );
    put(bytes, '');
    await expect(
      recover(dir, ORIGIN, { ...keys, root: keys.root, log: other.log }, realFiles),
    ).resolves.toBeDefined();
    await expect(place.open({ dir, keysDir: mixed(others) })).rejects.toThrow(
      'it was begun with others; restore the keys that belong to it',
    );
    put(bytes, '');
    await expect(recover(dir, 'other.test/log', keys, realFiles)).rejects.toThrow(
      'entry 0 in 000000.log belongs to the log "log.test/log", not to other.test/log',
    );
    put(bytes);
    await expect(recover(dir, 'other.test/log', keys, realFiles)).rejects.toThrow(
      'is of the log log.test/log, not of other.test/log',
    );
  });

  it('a checkpoint that was changed', async () => {
    const last = checkpoints.lastIndexOf(`${ORIGIN}\n8\n`);
    expect(last).toBeGreaterThan(0);
    put(bytes, `${checkpoints.slice(0, last)}${ORIGIN}\n7\n${checkpoints.slice(last + ORIGIN.length + 3)}`);
    expect(await refusal()).toContain('is not signed by the log key in use; restore the log from a copy');
    put(bytes, `${checkpoints.slice(0, -90)}!${checkpoints.slice(-89)}`);
    expect(await refusal()).toMatch(/the last checkpoint in .* is damaged; restore the log from a copy/);
  });

  it('takes a log without checkpoints on its signatures', async () => {
    put(bytes, '');
    expect(await refusal()).toBe('taken: 13 entries, 0 torn');
    put(flipped(start(5) + 300), '');
    expect(await refusal()).toMatch(SAID);
  });
});

describe('segments', () => {
  const many = join(place.folder, 'many');
  beforeAll(async () => {
    const log = await place.open({ dir: many, segmentBytes: 4000 });
    const activation = (await log.append(policyDraft)).leaf;
    for (let i = 0; i < 16; i++) await log.append(decided('deny', activation));
    await log.close();
  });
  const take = (): readonly string[] => {
    copyLog(many, dir);
    return readdirSync(join(dir, 'entries')).sort();
  };

  it('are refused when one is missing', async () => {
    const names = take();
    expect(names.length).toBeGreaterThan(3);
    rmSync(join(dir, 'entries', '000001.log'));
    await expect(read()).rejects.toThrow(
      `${join(dir, 'entries', '000001.log')} is missing, but 000002.log is there; restore it from a copy`,
    );
    take();
    rmSync(segment);
    await expect(read()).rejects.toThrow(`${segment} is missing, but 000001.log is there`);
    take();
    rmSync(join(dir, 'entries', names.at(-1) ?? ''));
    await expect(read()).rejects.toThrow('it was cut; restore it from a copy');
  });

  it('lose the space allocated ahead when another follows, but nothing else', async () => {
    take();
    const first = readFileSync(segment);
    writeFileSync(segment, Buffer.concat([first, zeros(100)]));
    expect(await read()).toMatchObject({ torn: 0 });
    expect(readFileSync(segment).length).toBe(first.length);
    writeFileSync(segment, Buffer.concat([first, Buffer.from(CONTEXT)]));
    await expect(read()).rejects.toThrow('the log goes on after something that is no entry');
  });

  it('know where each begins', async () => {
    take();
    const { starts, tree } = await read();
    expect(starts[0]).toBe(0);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts.at(-1)).toBeLessThan(tree.size);
  });
});
