// SPDX-License-Identifier: Apache-2.0
// Changing keys, writing snapshots and erasing clear text, on a disk where each operation fails at each of its calls: nothing acknowledged is
// lost, the log verifies with the first trust file, no key of an earlier epoch stays, and what was said to be erased is erased.
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { eraseOpenings } from '../../runtime/log/erase.js';
import {
  type Fold,
  generateKey,
  loadKey,
  type Log,
  NEXT_CERTIFICATE,
  NEXT_LOG,
} from '../../runtime/log/index.js';
import { certificateText } from '../../runtime/verify/format/approval.js';
import { verify } from '../../runtime/verify/index.js';
import { Disk, type Fault, OPERATIONS, type Operation } from '../helpers/disk.js';
import {
  clearText,
  decided,
  entriesOn,
  failedOf,
  memoryFolder,
  ORIGIN,
  outcomeOf,
  policyDraft,
  scratch,
} from '../helpers/log-folder.js';

const LONG = process.env['SEPAL_LONG'] === '1';
/** A long run may share its machine. */
const PATIENCE = 6 * 3_600_000;
const place = scratch(memoryFolder());
afterAll(() => place.remove());
const trustOf = async (): Promise<string> => {
  const { loadKeys, trustText } = await import('../../runtime/log/index.js');
  return trustText(ORIGIN, loadKeys(place.keysDir, ORIGIN), null);
};

type Change = 'epoch' | 'snapshot' | 'erase';
/** How often each operation failed during each change, over all tests of this file. */
const struck = new Map<string, number>();

interface Run {
  readonly dir: string;
  readonly keysDir: string;
  readonly acknowledged: Map<string, number>;
  readonly cleared: Set<number>;
  readonly kept: Map<number, string>;
}

function counter(): Fold {
  let seen = 0;
  return {
    kind: 'count/v1',
    observe: () => void seen++,
    save: () => seen,
    load: (state) => void (seen = state as number),
  };
}

const OPTIONS = { segmentBytes: 9000, snapshotEntries: 1_000_000 };

async function begin(run: Run, disk: Disk | null): Promise<Log> {
  const { dir, keysDir } = run;
  const more = disk === null ? {} : { files: disk.files };
  const log = await place.open({ dir, keysDir, ...OPTIONS, ...more });
  const fold = counter();
  const saved = log.snapshotState();
  if (saved !== null) {
    fold.load(saved.folds['count']?.state ?? null);
    expect(fold.save(), 'a snapshot that is believed has counted').toBe(saved.size);
  }
  let next = saved?.size ?? 0;
  for await (const entry of log.entries(next)) {
    fold.observe(entry);
    next++;
  }
  await log.keep({ count: fold }, next);
  return log;
}

async function calls(log: Log, run: Run, activation: string): Promise<void> {
  for (let n = 0; n < 3; n++) {
    const word = `word ${run.acknowledged.size}`;
    const draft = decided(n === 0 ? 'deny' : 'allow', activation);
    const receipt = await log.append(draft, clearText(word)).catch(() => null);
    if (receipt === null) return;
    run.acknowledged.set(receipt.leaf, receipt.seq);
    run.kept.set(receipt.seq, word);
    if (n === 1)
      await log
        .append(outcomeOf(draft.call, receipt.leaf))
        .then(({ leaf, seq }) => run.acknowledged.set(leaf, seq))
        .catch(() => undefined);
  }
}

/** One change with calls around and during it; whether it said that it was done. */
async function changed(
  log: Log,
  run: Run,
  disk: Disk,
  change: Change,
  { activation, fault }: { readonly activation: string; readonly fault: Fault | null },
): Promise<void> {
  const before = disk.hit;
  if (fault !== null) disk.arm(fault);
  const during = calls(log, run, activation);
  let done = true;
  if (change === 'epoch')
    done = await log.rotate().then(
      () => true,
      () => false,
    );
  if (change === 'snapshot') await log.snapshot();
  if (change === 'erase') {
    const wanted = new Set([...run.kept.keys()].slice(0, 2));
    done = await eraseOpenings(log, run.dir, wanted, disk.files).then(
      () => true,
      () => false,
    );
    for (const seq of wanted) {
      run.kept.delete(seq);
      if (done) run.cleared.add(seq);
    }
  }
  await during;
  if (!before && disk.hit) {
    const name = `${change}: ${disk.struckBy}`;
    struck.set(name, (struck.get(name) ?? 0) + 1);
  }
}

/** One process; its fault strikes anywhere, or during one change. */
async function live(run: Run, disk: Disk, fault: Fault | null, when: Change | null = null): Promise<void> {
  disk.start(when === null ? fault : null);
  let log: Log;
  try {
    log = await begin(run, disk);
  } catch (error) {
    expect(disk.hit, String(error)).toBe(true);
    return;
  }
  const activation = await log.append(policyDraft).then(
    ({ leaf }) => leaf,
    () => '',
  );
  await calls(log, run, activation);
  for (const change of ['epoch', 'snapshot', 'erase'] as const)
    await changed(log, run, disk, change, { activation, fault: when === change ? fault : null });
  if (!disk.hit) expect(log.failure()).toBeNull();
  await log.close().catch((error: Error) => expect(disk.hit, error.message).toBe(true));
}

async function settle(run: Run, trust: string): Promise<void> {
  const log = await begin(run, null);
  const entries = entriesOn(run.dir);
  for (const [leaf, seq] of run.acknowledged)
    expect(entries[seq]?.leaf, `entry ${seq} was acknowledged`).toBe(leaf);
  for (const seq of run.cleared)
    expect(await log.openings(seq), `the clear text of ${seq} was erased`).toBeNull();
  for (const [seq, word] of run.kept)
    expect(await log.openings(seq), `the clear text of ${seq} is kept`).toEqual(clearText(word));
  await log.append(policyDraft);
  await log.close();
  const report = await verify(run.dir, { trust });
  expect(failedOf(report)).toEqual([]);
  expect(report.result).toBe('pass');
  expect(readdirSync(run.keysDir).sort()).toEqual([
    'epoch.pem',
    'log.pem',
    'root.json',
    'root.pem',
    'seal.key',
  ]);
}

interface Life {
  readonly fault: Fault | null;
  readonly power: Power;
  readonly when?: Change;
}
type Power = 'stays' | 'goes' | { readonly seed: number };
let count = 0;
async function scenario(lives: readonly Life[], withLogKey: boolean): Promise<boolean> {
  const folder = join(place.folder, `changes-${count++}`);
  const keysDir = join(folder, 'keys');
  const run: Run = {
    dir: join(folder, 'log'),
    keysDir,
    acknowledged: new Map(),
    cleared: new Set(),
    kept: new Map(),
  };
  cpSync(place.keysDir, keysDir, { recursive: true });
  await (await place.open({ dir: run.dir, keysDir })).close();
  if (withLogKey) waitingLogKey(keysDir);
  const disk = new Disk();
  let hit = false;
  try {
    for (const { fault, power, when } of lives) {
      await live(run, disk, fault, when);
      hit ||= disk.hit;
      if (power !== 'stays') disk.powerLoss(power === 'goes' ? () => false : coin(power.seed));
    }
    await settle(run, await trustOf());
    return hit;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A log key that the root certified: the first change of keys takes it in. */
function waitingLogKey(keysDir: string): void {
  const key = generateKey(join(keysDir, NEXT_LOG), ORIGIN);
  const root = loadKey(join(keysDir, 'root.pem'), `${ORIGIN}/root`);
  const certificate = root.sign(certificateText(ORIGIN, 'log', key.vkey)).toString('base64');
  writeFileSync(join(keysDir, NEXT_CERTIFICATE), JSON.stringify({ key: key.vkey, certificate }), {
    mode: 0o600,
  });
}

function coin(seed: number): () => boolean {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 16) & 1) === 1;
  };
}

const KINDS: { readonly [operation in Operation]: readonly Fault['kind'][] } = {
  open: ['EIO', 'crash'],
  size: ['EIO'],
  write: ['ENOSPC', 'short', 'torn', 'crash'],
  flush: ['EIO', 'crash'],
  truncate: ['EIO', 'crash'],
  rename: ['EIO', 'crash'],
  remove: ['EIO', 'crash'],
  flushFolder: ['EIO', 'crash'],
};

/** By long runs: a segment that was cut to its length by a flush that failed, and cut again after the next start. */
type Struck = Life & { readonly fault: Fault; readonly when: Change };
const FOUND: [Struck[], boolean][] = [
  [
    [
      { fault: { operation: 'write', at: 3, kind: 'ENOSPC', part: 0 }, power: 'stays', when: 'erase' },
      { fault: { operation: 'flush', at: 4, kind: 'EIO', part: 0 }, power: 'stays', when: 'snapshot' },
      {
        fault: { operation: 'size', at: 0, kind: 'EIO', part: 0 },
        power: { seed: -719148999 },
        when: 'epoch',
      },
    ],
    false,
  ],
];

test('does all of it on a disk that works', async () => {
  for (const withLogKey of [false, true])
    expect(await scenario([{ fault: null, power: 'goes' }], withLogKey)).toBe(false);
});

for (const operation of OPERATIONS) {
  test(
    `${operation} fails at each call`,
    async () => {
      let most = 0;
      for (const kind of KINDS[operation]) {
        for (const power of LONG ? (['stays', 'goes'] as const) : (['goes'] as const)) {
          let at = 0;
          // Every seventh call in the short run, others for each kind.
          const step = LONG ? 1 : 7;
          for (at = LONG ? 0 : KINDS[operation].indexOf(kind) % 7; ; at += step)
            if (!(await scenario([{ fault: { operation, at, kind, part: 0.6 }, power }], at % 2 === 0)))
              break;
          most = Math.max(most, at);
        }
      }
      expect(most, 'calls that failed').toBeGreaterThan(0);
    },
    LONG ? PATIENCE : 60_000,
  );
}

test(
  'whatever fails in up to three lives, with the power going at any time',
  async () => {
    const fault = fc.constantFrom(...OPERATIONS).chain((operation) =>
      fc.record({
        operation: fc.constant(operation),
        at: fc.nat({ max: operation === 'write' || operation === 'flush' ? 4 : 1 }),
        kind: fc.constantFrom(...KINDS[operation]),
        part: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      }),
    );
    const power = fc.oneof(
      fc.constant<Power>('stays'),
      fc.constant<Power>('goes'),
      fc.record({ seed: fc.integer() }),
    );
    const when = fc.constantFrom<Change>('epoch', 'snapshot', 'erase');
    const lives = fc.array(fc.record({ fault, power, when }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        lives,
        fc.boolean(),
        async (all, withLogKey) => void (await scenario(all, withLogKey)),
      ),
      { numRuns: LONG ? 4_000 : 30, examples: FOUND },
    );
  },
  LONG ? PATIENCE : 180_000,
);

const OFTEN = ['open', 'write', 'flush', 'truncate', 'rename', 'flushFolder'] as const;
const LEAST = LONG ? 200 : 1;

test(
  'has failed during each change, at each operation',
  async () => {
    const times = (change: Change, operation: Operation): number =>
      struck.get(`${change}: ${operation}`) ?? 0;
    let n = 0;
    for (const operation of OFTEN) {
      // Each change is struck in one of the three lives.
      const all = ['epoch', 'snapshot', 'erase'] as const;
      const fewest = (): number => Math.min(...all.map((when) => times(when, operation)));
      for (const last = n + 2_000; fewest() < LEAST && n < last; n++) {
        const lives = all.map((_, i): Life => {
          const kind = KINDS[operation][(n + i) % KINDS[operation].length] ?? 'EIO';
          const at = (n * 3 + i) % (operation === 'write' || operation === 'flush' ? 5 : 2);
          const power: Power = n % 3 === 0 ? 'stays' : n % 3 === 1 ? 'goes' : { seed: n * 31 + i };
          const when = all[(n + i) % 3] ?? 'epoch';
          return { fault: { operation, at, kind, part: (n % 10) / 10 }, power, when };
        });
        await scenario(lives, n % 2 === 0);
      }
    }
    const rows = [...struck].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name} ${count}`);
    process.stdout.write(`failures during changes: ${rows.join(', ')}\n`);
    for (const change of ['epoch', 'snapshot', 'erase'] as const)
      for (const operation of OFTEN)
        expect(times(change, operation), `${change}: ${operation}`).toBeGreaterThanOrEqual(LEAST);
  },
  LONG ? PATIENCE : 180_000,
);
