// SPDX-License-Identifier: Apache-2.0
// What is put off to save time must still come.
import { expect, it } from 'vitest';
import { idle } from '../../../runtime/gateway/idle.js';

it('does what waits when there is time, in order, each once', async () => {
  const quiet = idle();
  const done: number[] = [];
  const all = Promise.all([1, 2, 3].map((one) => quiet.turn().then(() => done.push(one))));
  expect(done).toEqual([]);
  quiet.now();
  await all;
  quiet.now();
  expect(done).toEqual([1, 2, 3]);
});

it('does it soon where there never is time, also what comes later', async () => {
  const quiet = idle();
  await quiet.turn();
  quiet.now();
  await quiet.turn();
});

it('takes what comes up while it works for the next turn', async () => {
  const quiet = idle();
  const first = quiet.turn().then(() => quiet.turn());
  quiet.now();
  await first;
});
