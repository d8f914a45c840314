// SPDX-License-Identifier: Apache-2.0
// Large clear text in files of its own beside the openings: read back, kept over a crash where an entry names it, and erased with its line.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeApart } from '../../../runtime/log/apart.js';
import { eraseOpenings, type Openings } from '../../../runtime/log/index.js';
import { decided, memoryFolder, policyDraft, type Scratch, scratch } from '../../helpers/log-folder.js';

let place: Scratch;
beforeEach(() => {
  place = scratch(memoryFolder());
});
afterEach(() => place.remove());

const INTENT = JSON.stringify({ text: 'größer 😀 '.repeat(90_000) });
const salt = Buffer.alloc(16).toString('base64');

async function withOne() {
  const log = await place.open();
  const folder = join(log.openingsFolder, 'apart');
  const { leaf: activation } = await log.append(policyDraft);
  const large: Openings = { salt, facts: '{}', intentApart: writeApart(log.openingsFolder, INTENT) };
  const { seq } = await log.append(decided('deny', activation), large);
  return { log, folder, seq, file: large.intentApart?.file ?? '' };
}

it('is read back as any other clear text, and neither it nor its key stands in the folder in clear', async () => {
  const { log, folder, seq, file } = await withOne();
  expect(await log.openings(seq)).toEqual({ salt, facts: '{}', intent: INTENT });
  await log.close();
  expect(readdirSync(folder)).toEqual([file]);
  expect(readFileSync(join(folder, file)).includes('größer')).toBe(false);
  const again = await place.open();
  expect(await again.openings(seq)).toEqual({ salt, facts: '{}', intent: INTENT });
  await again.close();
});

it('is not believed once it was changed', async () => {
  const { log, folder, seq, file } = await withOne();
  await log.close();
  const bytes = readFileSync(join(folder, file));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(join(folder, file), bytes);
  const again = await place.open();
  expect(await again.openings(seq)).toBeNull();
  await again.close();
});

it('stays after a crash where an entry names it, and goes where none does', async () => {
  const { log, folder, seq, file } = await withOne();
  await log.close();
  renameSync(join(folder, file), join(folder, `${file}.new`));
  const orphan = writeApart(log.openingsFolder, 'nobody names this');
  expect(readdirSync(folder).sort()).toEqual([`${file}.new`, `${orphan.file}.new`].sort());
  const again = await place.open();
  expect(readdirSync(folder)).toEqual([file]);
  expect((await again.openings(seq))?.intent).toBe(INTENT);
  await again.close();
});

it('is erased with its line', async () => {
  const { log, folder, seq, file } = await withOne();
  expect(await eraseOpenings(log, join(log.openingsFolder, '..'), new Set([seq]))).toBe(1);
  expect(existsSync(join(folder, file))).toBe(false);
  expect(await log.openings(seq)).toBeNull();
  expect(await eraseOpenings(log, join(log.openingsFolder, '..'), new Set([seq]))).toBe(0);
  await log.close();
});
