// SPDX-License-Identifier: Apache-2.0
// `sepal log tail`: the last entries that are there, then each one as it is written, from segment to segment.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followed, type Read } from '../../../cli/entries.js';
import { decided, memoryFolder, policyDraft, type Scratch, scratch } from '../../helpers/log-folder.js';

let place: Scratch;
beforeEach(() => {
  place = scratch(memoryFolder());
});
afterEach(() => place.remove());

const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(holds()).toBe(true);
};

it('begins with the last entries and goes on with what is written, over the end of segments', async () => {
  const log = await place.open({ segmentBytes: 8 * 1024 });
  const { leaf: activation } = await log.append(policyDraft);
  let before = 0;
  for (let i = 0; i < 3; i++) before = (await log.append(decided('allow', activation))).seq + 1;
  const seen: Read[] = [];
  let stopped = false;
  const ended = (async () => {
    for await (const read of followed(place.dir, 2, () => stopped)) seen.push(read);
  })();
  await until(() => seen.length === 2);
  expect(seen.map(({ seq }) => seq)).toEqual([before - 2, before - 1]);
  const leaves: string[] = [];
  for (let i = 0; i < 40; i++)
    leaves.push((await log.append(decided('deny', activation, 'x'.repeat(600)))).leaf);
  expect(readdirSync(join(place.dir, 'entries')).length).toBeGreaterThan(2);
  await until(() => leaves.every((leaf) => seen.some((read) => read.leaf === leaf)));
  const first = before - 2;
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, i) => first + i));
  stopped = true;
  await ended;
  await log.close();
});
