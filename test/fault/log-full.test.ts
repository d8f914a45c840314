// SPDX-License-Identifier: Apache-2.0
// A disk that is really full: a small tmpfs.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Log } from '../../runtime/log/index.js';
import {
  clearText,
  decided,
  entriesOn,
  memoryFolder,
  outcomeOf,
  policyDraft,
  scratch,
  unsettled,
} from '../helpers/log-folder.js';

const place = scratch(memoryFolder());
const disk = join(place.folder, 'disk');
const dir = join(disk, 'log');
mkdirSync(disk);
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { stdio: 'ignore' }).status === 0;
afterAll(() => {
  if (mounted) execFileSync('umount', [disk]);
  place.remove();
});
const CANNOT = 'needs the right to mount a small tmpfs (run as root)';

/** Takes what is left of the disk; gives it back with `remove`. */
function fill(): { remove(): void } {
  const path = join(disk, 'filler');
  const fd = openSync(path, 'a');
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    closeSync(fd);
  }
  return { remove: () => rmSync(path) };
}

interface Forwarded {
  readonly call: string;
  readonly leaf: string;
}

/** Calls that the log let through and that are at the upstream now. */
async function forward(log: Log, activation: string, count: number): Promise<readonly Forwarded[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const draft = decided('allow', activation, 'x'.repeat(n));
      const { leaf } = await log.append(draft, clearText(`call ${n}`));
      return { call: draft.call, leaf };
    }),
  );
}

for (const segmentBytes of [undefined, 150_000]) {
  const which = segmentBytes === undefined ? 'in a long segment' : 'where a segment ends';
  test(`a full disk, ${which}: denies and says so; calls that were let through still get their outcomes`, async (context) => {
    if (!mounted) return context.skip(CANNOT);
    const failures: Error[] = [];
    const log = await place.open({
      dir,
      onFailure: (error) => failures.push(error),
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
    });
    const { leaf: activation } = await log.append(policyDraft);
    const underWay = await forward(log, activation, 300);
    const filler = fill();
    const allowed: Forwarded[] = [];
    let refusal: Error | null = null;
    while (refusal === null) {
      const draft = decided('allow', activation);
      await log.append(draft).then(
        ({ leaf }) => allowed.push({ call: draft.call, leaf }),
        (error: Error) => (refusal = error),
      );
      // The space allocated ahead is not endless.
      expect(allowed.length).toBeLessThan(2000);
    }
    expect(String(refusal)).toContain(
      `the receipt log in ${dir} cannot be written (ENOSPC: no space left on device, write); everything is denied until the cause is gone and the gateway is restarted`,
    );
    expect(failures).toEqual([refusal]);
    expect(log.failure()).toBe(refusal);
    await expect(log.append(decided('deny', activation))).rejects.toBe(refusal);
    await expect(log.checkpoint()).rejects.toBe(refusal);

    const settled = [...underWay, ...allowed];
    await Promise.all(
      settled.map(({ call, leaf }, n) =>
        log.append(outcomeOf(call, leaf), clearText('result'), n % 2 === 0 ? 'soon' : 'now'),
      ),
    );
    await log.close();
    expect(unsettled(entriesOn(dir))).toEqual([]);

    // Still full: the next start has nothing to write but a checkpoint, or says why it cannot.
    await place.open({ dir }).then(
      async (again) => {
        await expect(again.append(decided('deny', activation))).rejects.toThrow('ENOSPC');
        await again.close();
      },
      (error: Error) =>
        expect(error.message).toMatch(/the receipt log in .* ENOSPC: no space left on device/),
    );
    filler.remove();
    const after = await place.open({ dir });
    await after.append(decided('deny', activation));
    await after.close();
    const entries = entriesOn(dir);
    expect(entries.filter(({ body }) => body.outcome?.status === 'unknown')).toEqual([]);
    expect(entries.filter(({ body }) => body.outcome?.status === 'ok')).toHaveLength(settled.length);
    expect(await place.verify(dir)).toMatchObject({ result: 'pass' });
    rmSync(dir, { recursive: true });
  });
}

test('outcomes that come together with the decision that finds the disk full are written', async (context) => {
  if (!mounted) return context.skip(CANNOT);
  const log = await place.open({ dir });
  const { leaf: activation } = await log.append(policyDraft);
  const underWay = await forward(log, activation, 50);
  const filler = fill();
  const long = 'x'.repeat(30_000);
  const decisions = Array.from({ length: 60 }, () => log.append(decided('allow', activation, long)));
  const outcomes = underWay.map(({ call, leaf }) => log.append(outcomeOf(call, leaf), clearText('result')));
  const taken = (await Promise.allSettled(decisions)).filter(({ status }) => status === 'fulfilled');
  expect(taken.length).toBeLessThan(60);
  const receipts = await Promise.all(outcomes);
  await log.close();
  const entries = entriesOn(dir);
  for (const { seq, leaf } of receipts) expect(entries[seq]?.leaf).toBe(leaf);
  filler.remove();
  const after = await place.open({ dir });
  await after.close();
  expect(await place.verify(dir)).toMatchObject({ result: 'pass' });
  rmSync(dir, { recursive: true });
});

test('a log that cannot begin for lack of space says so and leaves nothing behind that stops it later', async (context) => {
  if (!mounted) return context.skip(CANNOT);
  const filler = fill();
  await expect(place.open({ dir })).rejects.toThrow(/ENOSPC: no space left on device/);
  filler.remove();
  const log = await place.open({ dir });
  await log.append(policyDraft);
  await log.close();
  expect(await place.verify(dir)).toMatchObject({ result: 'pass', entries: 3 });
});
