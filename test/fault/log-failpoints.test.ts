// SPDX-License-Identifier: Apache-2.0
// Every operation of the writer fails once at every call: it says so, denies, and the next start finds all that was acknowledged.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Log, Openings } from '../../runtime/log/index.js';
import { Disk, type Fault, OPERATIONS as ALL, type Operation } from '../helpers/disk.js';
import {
  clearText,
  decided,
  entriesOn,
  failedOf,
  memoryFolder,
  outcomeOf,
  policyDraft,
  scratch,
  unsettled,
} from '../helpers/log-folder.js';

const LONG = process.env['SEPAL_LONG'] === '1';
/** Nothing is removed but by changes of keys, snapshots and erasures (log-changes.test.ts). */
const OPERATIONS = ALL.filter((operation) => operation !== 'remove');
/** A long run may share its machine. */
const PATIENCE = 6 * 3_600_000;
const place = scratch(memoryFolder());
afterAll(() => place.remove());
const SEGMENT = 9000;

interface Run {
  /** Leaves in the order of their acknowledgement, with the clear text that belongs to them. */
  readonly acknowledged: Map<string, { readonly seq: number; readonly clear: Openings | null }>;
  failures: Error[];
  refused: Error[];
}

/** How often each operation failed on each part of the log's folder, over all tests of this file. */
const struck = new Map<string, number>();

function partOf(path: string): string {
  if (path.includes('checkpoints')) return 'checkpoint';
  return ['entries', 'openings'].find((part) => path.includes(`/${part}`)) ?? 'folder';
}

/** Three rounds of calls, some at once, with openings, outcomes now and soon, and checkpoints in between and underway. */
async function work(log: Log, run: Run): Promise<void> {
  const append = async (...[draft, clear, when]: Parameters<Log['append']>): Promise<string | null> => {
    try {
      const { leaf, seq } = await log.append(draft, clear, when);
      run.acknowledged.set(leaf, { seq, clear: clear ?? null });
      return leaf;
    } catch (error) {
      run.refused.push(error as Error);
      return null;
    }
  };
  const activation = (await append(policyDraft)) ?? '';
  const call = async (n: number): Promise<void> => {
    const draft = decided(n % 3 === 0 ? 'deny' : 'allow', activation, 'x'.repeat(n * 100));
    const leaf = await append(draft, n % 2 === 0 ? clearText(`call ${n}`) : undefined);
    if (leaf === null || n % 3 === 0 || n % 5 === 4) return;
    await append(outcomeOf(draft.call, leaf), clearText(`out ${n}`), n % 2 === 0 ? 'soon' : 'now');
  };
  for (let round = 0; round < 3; round++) {
    const calls = [0, 1, 2, 3].map((n) => call(round * 4 + n));
    if (round === 1) await log.checkpoint().catch((error: Error) => run.refused.push(error));
    await Promise.all(calls);
    await log.checkpoint().catch((error: Error) => run.refused.push(error));
  }
}

/** One process from start to end; whatever goes wrong, it never says that something was written which was not. */
async function live(dir: string, disk: Disk, fault: Fault | null, run: Run): Promise<void> {
  disk.start(fault);
  const failures: Error[] = [];
  let log: Log;
  try {
    log = await place.open({
      dir,
      files: disk.files,
      segmentBytes: SEGMENT,
      onFailure: (error) => failures.push(error),
    });
  } catch (error) {
    expect(disk.hit, String(error)).toBe(true);
    expect((error as Error).message).toMatch(/receipt log in .*(i\/o error|no space left|machine is down)/);
    return;
  }
  const before = run.refused.length;
  await work(log, run);
  if (disk.hit && fault?.kind !== 'short') {
    expect(failures).toHaveLength(1);
    expect(log.failure()).toBe(failures[0]);
    await expect(log.append(decided('allow', ''))).rejects.toThrow(
      'everything is denied until the cause is gone',
    );
    for (const error of run.refused.slice(before)) expect(error).toBe(failures[0]);
  } else {
    expect(failures).toEqual([]);
    expect(run.refused.slice(before)).toEqual([]);
  }
  await log.close().catch((error: Error) => expect(disk.hit, error.message).toBe(true));
}

/** The next start, on a disk that works. */
async function settle(dir: string, run: Run): Promise<void> {
  const log = await place.open({ dir, segmentBytes: SEGMENT });
  const entries = entriesOn(dir);
  expect(entries.map(({ body }) => body.seq)).toEqual(entries.map((_, i) => i));
  for (const [leaf, { seq, clear }] of run.acknowledged) {
    expect(entries[seq]?.leaf, `entry ${seq} was acknowledged`).toBe(leaf);
    const kept = await log.openings(seq);
    // Clear text of an outcome may have found no room.
    if (clear !== null && (kept !== null || entries[seq]?.body.type !== 'outcome'))
      expect(kept).toEqual(clear);
    if (clear === null) expect(kept).toBeNull();
  }
  expect(unsettled(entries)).toEqual([]);
  await log.close();
  const report = await place.verify(dir);
  expect(failedOf(report)).toEqual([]);
  expect(report.result).toBe('pass');
}

type Power = 'stays' | 'goes' | { readonly seed: number };

let count = 0;
async function scenario(
  lives: readonly { readonly fault: Fault; readonly power: Power }[],
  page = 4096,
): Promise<boolean> {
  const dir = join(place.folder, `log-${count++}`);
  const disk = new Disk(page);
  const run: Run = { acknowledged: new Map(), failures: [], refused: [] };
  let hit = false;
  try {
    for (const { fault, power } of lives) {
      await live(dir, disk, fault, run);
      hit ||= disk.hit;
      if (disk.hit) {
        const name = `${partOf(disk.struckAt)}: ${disk.struckBy ?? ''}`;
        struck.set(name, (struck.get(name) ?? 0) + 1);
      }
      if (power !== 'stays') disk.powerLoss(power === 'goes' ? () => false : coin(power.seed));
    }
    await settle(dir, run);
    return hit;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The same throws for the same seed (mulberry32). */
function coin(seed: number): () => boolean {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    return ((mixed ^ (mixed >>> 14)) & 1024) === 0;
  };
}

const KINDS: { readonly [operation in Operation]: readonly Fault['kind'][] } = {
  open: ['EIO', 'ENOSPC', 'crash'],
  size: ['EIO'],
  write: ['ENOSPC', 'EIO', 'short', 'torn', 'crash'],
  flush: ['EIO', 'ENOSPC', 'crash'],
  truncate: ['EIO', 'crash'],
  rename: ['EIO', 'ENOSPC', 'crash'],
  remove: ['EIO', 'crash'],
  flushFolder: ['EIO', 'crash'],
};

/** A start that fails while it mends what the one before left: what it gives back must not fail in its place. */
const TWICE: { readonly fault: Fault; readonly power: Power }[] = [
  { fault: { operation: 'flushFolder', at: 3, kind: 'EIO', part: 0 }, power: { seed: 0 } },
  { fault: { operation: 'write', at: 0, kind: 'crash', part: 0 }, power: { seed: 0 } },
];

/** The page that the clear text's flush left behind began in the last sector of what was whole. */
const SHORT_HOLE: typeof TWICE = [
  { fault: { operation: 'flush', on: '/openings', at: 3, kind: 'crash', part: 0.9 }, power: { seed: 3329 } },
  { fault: { operation: 'truncate', at: 4, kind: 'EIO', part: 0 }, power: { seed: -3329 } },
];

test('does its work on a disk that works, and fills several segments', async () => {
  const disk = new Disk();
  const run: Run = { acknowledged: new Map(), failures: [], refused: [] };
  const dir = join(place.folder, 'sound');
  await live(dir, disk, null, run);
  disk.powerLoss(() => false);
  await settle(dir, run);
  expect(run.acknowledged.size).toBe(20);
  for (const operation of OPERATIONS) expect(disk.calls.get(operation) ?? 0, operation).toBeGreaterThan(0);
});

for (const operation of OPERATIONS) {
  for (const kind of KINDS[operation]) {
    test(`${operation} fails with ${kind} at each call`, async () => {
      let at = 0;
      for (const power of ['stays', 'goes'] as const) {
        at = 0;
        while (await scenario([{ fault: { operation, at, kind, part: 0.6 }, power }])) at++;
      }
      expect(at, 'calls that failed').toBeGreaterThan(0);
    });
  }
}

test(
  'whatever fails in up to three lives, with the power going at any time',
  async () => {
    const fault = fc.constantFrom(...OPERATIONS).chain((operation) =>
      fc.record({
        operation: fc.constant(operation),
        at: fc.nat({ max: operation === 'write' || operation === 'flush' ? 30 : 6 }),
        kind: fc.constantFrom(...KINDS[operation]),
        part: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      }),
    );
    const power = fc.oneof(
      fc.constant<Power>('stays'),
      fc.constant<Power>('goes'),
      fc.record({ seed: fc.integer() }),
    );
    const lives = fc.array(fc.record({ fault, power }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        lives,
        fc.constantFrom(512, 4096),
        async (all, page) => void (await scenario(all, page)),
      ),
      {
        numRuns: LONG ? 10_000 : 100,
        // Found by long runs.
        examples: [
          [[...TWICE] as never, 512],
          [[...SHORT_HOLE] as never, 4096],
        ],
      },
    );
  },
  LONG ? PATIENCE : 180_000,
);

/** What has to have failed, and where. */
const EVERYWHERE: readonly (readonly [string, string, Operation])[] = [
  ...(['open', 'write', 'size', 'flush', 'truncate', 'rename', 'flushFolder'] as const).map(
    (one) => ['entries', '/entries', one] as const,
  ),
  ...(['open', 'write', 'flush', 'truncate'] as const).map(
    (one) => ['checkpoint', '/checkpoints', one] as const,
  ),
  ...(['open', 'write', 'flush', 'flushFolder'] as const).map(
    (one) => ['openings', '/openings', one] as const,
  ),
  ['folder', '', 'flushFolder'],
];
const LEAST = LONG ? 200 : 1;

test(
  'has failed everywhere',
  async () => {
    const times = (part: string, operation: Operation): number => struck.get(`${part}: ${operation}`) ?? 0;
    let n = 0;
    for (const [part, on, operation] of EVERYWHERE) {
      const kinds = KINDS[operation];
      for (const last = n + 2_000; times(part, operation) < LEAST && n < last; n++) {
        const kind = kinds[n % kinds.length] ?? 'EIO';
        const at = (n * 7) % (operation === 'write' || operation === 'flush' ? 20 : 4);
        const fault = { operation, on, at, kind, part: (n % 10) / 10 };
        // Another one after it, anywhere.
        const next = {
          operation: OPERATIONS[n % OPERATIONS.length] ?? 'write',
          at: n % 5,
          kind: 'EIO',
          part: 0,
        } as const;
        await scenario(
          [
            { fault, power: { seed: n } },
            { fault: next, power: { seed: -n } },
          ],
          n % 2 === 0 ? 512 : 4096,
        );
      }
    }
    const rows = [...struck].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name} ${count}`);
    process.stdout.write(`failures of the log: ${rows.join(', ')}\n`);
    for (const [part, , operation] of EVERYWHERE)
      expect(times(part, operation), `${part}: ${operation}`).toBeGreaterThanOrEqual(LEAST);
  },
  LONG ? PATIENCE : 180_000,
);
