// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { Ending, firstOf, isAnyOver, onFirst } from '../../../runtime/ending.js';

it('tells each listener once, those who come late at once, and not those who have left', () => {
  const ending = new Ending();
  const heard: string[] = [];
  ending.onEnd(() => heard.push('a'));
  const leave = ending.onEnd(() => heard.push('b'));
  ending.onEnd(() => heard.push('c'));
  leave();
  expect([ending.over, heard]).toEqual([false, []]);
  ending.end();
  ending.end();
  expect([ending.over, heard]).toEqual([true, ['a', 'c']]);
  ending.onEnd(() => heard.push('late'))();
  expect(heard).toEqual(['a', 'c', 'late']);
});

it('takes one listener twice for two', () => {
  const ending = new Ending();
  let count = 0;
  const listener = (): void => void count++;
  ending.onEnd(listener)();
  ending.onEnd(listener);
  ending.onEnd(listener);
  ending.end();
  expect(count).toBe(2);
});

it('is over already when it tells so', () => {
  const ending = new Ending();
  const seen: boolean[] = [];
  ending.onEnd(() => {
    seen.push(ending.over);
    ending.onEnd(() => seen.push(ending.over));
  });
  ending.end();
  expect(seen).toEqual([true, true]);
});

it('tells once though it is ended meanwhile, and not who leaves meanwhile', () => {
  const ending = new Ending();
  const heard: string[] = [];
  ending.onEnd(() => {
    heard.push('first');
    leave();
    ending.end();
  });
  const leave = ending.onEnd(() => heard.push('left'));
  ending.onEnd(() => heard.push('last'));
  ending.end();
  expect(heard).toEqual(['first', 'last']);
});

it('tells of the first of several, and then of none', () => {
  const [one, two, three] = [new Ending(), new Ending(), new Ending()];
  const heard: number[] = [];
  onFirst([one, two], () => heard.push(1));
  onFirst([two, three], () => heard.push(2))();
  two.end();
  one.end();
  three.end();
  expect(heard).toEqual([1]);
});

it('tells at once, and once, where several are over', () => {
  const ends = [new Ending(), new Ending()];
  expect(isAnyOver(ends)).toBe(false);
  for (const ending of ends) ending.end();
  expect(isAnyOver(ends)).toBe(true);
  let count = 0;
  onFirst(ends, () => count++)();
  expect(count).toBe(1);
});

it('waits for the first of several, where it is over already too, or for its time', async () => {
  const [one, two] = [new Ending(), new Ending()];
  let heard = false;
  const waiting = firstOf([one, two], 60_000).then(() => (heard = true));
  await Promise.resolve();
  expect(heard).toBe(false);
  two.end();
  await waiting;
  await firstOf([one, two], 60_000);
  await firstOf([one], 1);
});
