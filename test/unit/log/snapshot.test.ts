// SPDX-License-Identifier: Apache-2.0
// A start from a snapshot knows what a start from the first entry knows; a snapshot that nothing vouches for is not believed, and said.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { realFiles } from '../../../runtime/log/files.js';
import { type Fold, type Folds, loadKeys, type Log } from '../../../runtime/log/index.js';
import { recover } from '../../../runtime/log/recover.js';
import {
  copyLog,
  decided,
  entriesOn,
  memoryFolder,
  ORIGIN,
  outcomeOf,
  policyDraft,
  scratch,
  type Scratch,
} from '../../helpers/log-folder.js';

const made: Scratch[] = [];
afterEach(() => {
  for (const place of made.splice(0)) place.remove();
});
function own(): Scratch {
  const place = scratch(memoryFolder());
  made.push(place);
  return place;
}

/** Counts the entries of each type. */
function counter(kind = 'types/v1'): Fold & { readonly types: Map<string, number> } {
  const types = new Map<string, number>();
  return {
    kind,
    types,
    observe: ({ body }) => void types.set(body.type, (types.get(body.type) ?? 0) + 1),
    save: () => [...types],
    load: (state) => {
      for (const [type, count] of state as [string, number][]) types.set(type, count);
    },
  };
}

const SEGMENT = 6000;
const OPTIONS = { snapshotEntries: 10, segmentBytes: SEGMENT };

async function calls(log: Log, count: number): Promise<void> {
  const { leaf } = await log.append(policyDraft);
  for (let i = 0; i < count; i++) {
    const draft = decided(i % 3 === 0 ? 'deny' : 'allow', leaf);
    const decide = await log.append(draft);
    if (i % 3 === 1) await log.append(outcomeOf(draft.call, decide.leaf));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A log with snapshots, cut off as by a crash: calls are open, and entries follow the last snapshot. */
async function crashed(place: Scratch, count = 40): Promise<string> {
  const log = await place.open(OPTIONS);
  const fold = counter();
  await log.keep({ types: fold }, 0);
  await calls(log, count);
  await log.snapshot();
  await calls(log, 3);
  await log.checkpoint();
  const dir = copyLog(place.dir, join(place.folder, 'copy'));
  await log.close();
  return dir;
}

const files = (dir: string): readonly string[] => readdirSync(join(dir, 'snapshots')).sort();
const pathOf = (dir: string, i = -1): string => join(dir, 'snapshots', files(dir).at(i) ?? '');

async function read(place: Scratch, dir: string) {
  const found = await recover(dir, ORIGIN, loadKeys(place.keysDir, ORIGIN), realFiles);
  const { tree, snapshot, distrust, checkpoint: _, open, ...rest } = found;
  return { state: { ...rest, open: [...open], root: tree.root(), size: tree.size }, snapshot, distrust };
}

describe('a snapshot', () => {
  it('is made every so many entries and when the log is closed, the last two are kept, and a start begins with the last', async () => {
    const place = own();
    const dir = await crashed(place);
    const named = entriesOn(dir).flatMap(({ body }) => body.snapshot ?? []);
    expect(named.length).toBeGreaterThan(3);
    expect(files(dir)).toHaveLength(2);
    const quick = await read(place, dir);
    expect(quick.snapshot?.size).toBe(named.at(-1)?.size);
    expect(quick.distrust).toBeNull();
    rmSync(join(dir, 'snapshots'), { recursive: true });
    const slow = await read(place, dir);
    expect(slow.snapshot).toBeNull();
    expect(quick.state).toEqual(slow.state);
    expect(quick.state.open.length).toBeGreaterThan(5);
  });

  it('gives folds back as they were, and the next one goes on from them', async () => {
    const place = own();
    const dir = await crashed(place);
    const log = await place.open({ ...OPTIONS, dir });
    const saved = log.snapshotState();
    const fold = counter();
    fold.load(saved?.folds['types']?.state ?? null);
    const size = saved?.size ?? 0;
    const whole = counter();
    for await (const entry of log.entries()) if (entry.body.seq < size) whole.observe(entry);
    expect(fold.save()).toEqual(whole.save());
    for await (const entry of log.entries(size)) fold.observe(entry);
    await log.keep({ types: fold } satisfies Folds, log.head().size);
    await calls(log, 20);
    await log.snapshot();
    const again = JSON.parse(readFileSync(pathOf(dir), 'utf8').split('\n')[1] ?? '') as {
      readonly size: number;
      readonly folds: { readonly types: { readonly state: unknown } };
    };
    const counted = counter();
    for await (const entry of log.entries()) if (entry.body.seq < again.size) counted.observe(entry);
    expect(again.folds.types.state).toEqual(counted.save());
    await log.close();
    expect(await place.verify(dir)).toMatchObject({ result: 'pass' });
  });

  it('is not made of a log that nobody keeps folds of, nor for a few entries at the end', async () => {
    const place = own();
    const log = await place.open(OPTIONS);
    await calls(log, 40);
    await log.close();
    expect(entriesOn(place.dir).some(({ body }) => body.type === 'snapshot')).toBe(false);
    const again = await place.open();
    await again.keep({}, 0);
    await again.close();
    expect(entriesOn(place.dir).some(({ body }) => body.type === 'snapshot')).toBe(false);
  });

  it('of a fold that fails is made no more, and the log goes on', async () => {
    const place = own();
    const said: string[] = [];
    const log = await place.open({ ...OPTIONS, onTrouble: (message) => said.push(message) });
    const broken = {
      ...counter(),
      observe: () => {
        throw new Error('no such measure');
      },
    };
    await log.keep({ broken }, log.head().size);
    await calls(log, 20);
    await log.close();
    expect(said).toEqual(['no more snapshots are made: no such measure']);
    expect(await place.verify()).toMatchObject({ result: 'pass' });
  });
});

describe('a snapshot that cannot be believed', () => {
  const change = (dir: string, edit: (text: string) => string): void => {
    for (const name of files(dir)) {
      const path = join(dir, 'snapshots', name);
      writeFileSync(path, edit(readFileSync(path, 'utf8')));
    }
  };
  const cases: readonly [string, (dir: string) => void, RegExp][] = [
    [
      'a bit of the state changed',
      (dir) => change(dir, (text) => text.replace('["decide",', '["decade",')),
      /no entry that a checkpoint covers names/,
    ],
    [
      'the head of the chain changed',
      (dir) => change(dir, (text) => text.replace(/"leaf":"sha256:./, '"leaf":"sha256:x')),
      /the log does not follow from/,
    ],
    [
      'the tree changed',
      (dir) => change(dir, (text) => text.replace(/"roots":\["..../, '"roots":["AAAA')),
      /the log does not follow from/,
    ],
    [
      'it is of another log',
      (dir) => change(dir, (text) => text.replace(ORIGIN, 'other.test/log')),
      /is of another log/,
    ],
    ['it is cut', (dir) => change(dir, (text) => text.slice(0, -20)), /cannot be read/],
    ['it is something else', (dir) => change(dir, () => '[]'), /cannot be read|is no state file/],
    [
      'its place is in the middle of an entry',
      (dir) => change(dir, (text) => text.replace(/"position":(\d+)/, '"position":1')),
      /the log does not follow from|names/,
    ],
    [
      'its place is behind the end',
      (dir) =>
        change(dir, (text) =>
          text
            .replace(/"index":\d+/, '"index":90')
            .replace(/"starts":\[[^\]]*\]/, `"starts":[${Array.from({ length: 91 }, () => 0).join()}]`),
        ),
      /names|does not follow/,
    ],
    [
      'it speaks of more than is covered',
      (dir) =>
        writeFileSync(
          join(dir, 'checkpoints'),
          readFileSync(join(dir, 'checkpoints'), 'utf8').split('\n\n').slice(0, 2).join('\n\n') + '\n\n',
        ),
      /no checkpoint covers/,
    ],
  ];
  it.each(cases)('because %s: the log is read whole, and it is said', async (_, damage, why) => {
    const place = own();
    const dir = await crashed(place);
    damage(dir);
    const { snapshot, distrust, state } = await read(place, dir);
    expect(snapshot).toBeNull();
    expect(distrust).toMatch(why);
    expect(state.size).toBe(entriesOn(dir).length);
    const said: string[] = [];
    const log = await place.open({ ...OPTIONS, dir, onTrouble: (message) => said.push(message) });
    expect(log.snapshotState()).toBeNull();
    expect(said[0]).toMatch(/^the log was read whole: /);
    await log.close();
  });

  it('leaves the newest for the one before where only that is damaged', async () => {
    const place = own();
    const dir = await crashed(place);
    writeFileSync(pathOf(dir), 'x');
    const { snapshot, distrust } = await read(place, dir);
    expect(snapshot?.path).toBe(pathOf(dir, -2));
    expect(distrust).toContain('cannot be read');
  });

  it('does not hide damage of the log after it', async () => {
    const place = own();
    const dir = await crashed(place);
    const names = readdirSync(join(dir, 'entries')).filter((name) => name.endsWith('.log'));
    const path = join(dir, 'entries', names.sort().at(-1) ?? '');
    const bytes = readFileSync(path);
    bytes[bytes.lastIndexOf('"type"') + 1] = 0x62;
    writeFileSync(path, bytes);
    await expect(read(place, dir)).rejects.toThrow(
      /does not agree with its checkpoint|does not follow the entry before/,
    );
  });
});
