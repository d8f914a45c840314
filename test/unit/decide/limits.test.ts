// SPDX-License-Identifier: Apache-2.0
// The limits of one process as a fold over receipts: what an entry counts, what a second decision and an outcome take back, and that reading a
// log forgets no session.
import { describe, expect, it } from 'vitest';
import { localLimits, LimitsFull } from '../../../runtime/decide/limits.js';
import type { Body } from '../../../runtime/verify/format/body.js';
import type { MeasureSpec } from '../../../stdlib/abi.js';

const base = {
  kind: 'limit',
  window: 3_600_000,
  fixed: false,
  attempts: false,
  decay: null,
  cap: null,
} as const;
const CALLS: MeasureSpec = { ...base, name: 'calls', keys: ['principal'] };
const TRIES: MeasureSpec = { ...base, name: 'tries', attempts: true, keys: ['principal'] };
const SEEN: MeasureSpec = { ...base, name: 'seen', window: null, keys: ['session'] };
const START = Date.parse('2026-03-09T10:00:00Z');
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

function decided(call: string, seconds: number, effect: string, more: Partial<Body> = {}) {
  const counts = [
    { name: 'calls', key: ['a'], add: 1 },
    { name: 'tries', key: ['a'], add: 1 },
  ];
  const body = {
    type: 'decide',
    phase: 'call',
    call,
    time: at(seconds),
    decision: { effect },
    counts,
    ...more,
  };
  return { body: body as unknown as Body, leaf: `${call}@${seconds}` };
}
const second = (call: string, first: number, seconds: number, effect: string) =>
  decided(call, seconds, effect, { refs: { decide: `${call}@${first}` } });
const outcome = (call: string, first: number, status: string) => ({
  body: {
    type: 'outcome',
    call,
    time: at(first + 1),
    refs: { decide: `${call}@${first}` },
    outcome: { status },
  } as unknown as Body,
  leaf: 'x',
});

async function stand(
  entries: readonly { body: Body; leaf: string }[],
  seconds: number,
  own: string | null = null,
) {
  const limits = localLimits([CALLS, TRIES]);
  for (const entry of entries) limits.observe(entry);
  const reads = ['calls', 'tries'].map((name) => ({ fact: name, name, key: ['a'] }));
  const { value } = await limits.reserve({ reads, own, now: START + seconds * 1000 }, (values) => ({
    adds: [],
    value: values,
  }));
  return [value['calls'], value['tries']];
}

describe('limits from a log', () => {
  it('count what was allowed, and of a denial its attempts', async () => {
    expect(await stand([decided('1', 0, 'allow'), decided('2', 1, 'deny')], 10)).toEqual([1, 2]);
    expect(await stand([decided('1', 0, 'allow')], 3600)).toEqual([0, 0]);
    expect(await stand([decided('1', 0, 'allow'), outcome('1', 0, 'not_sent')], 10)).toEqual([0, 1]);
    expect(await stand([decided('1', 0, 'allow'), outcome('1', 0, 'unknown')], 10)).toEqual([1, 1]);
  });
  it('keep a review until its second decision, from which it counts, once', async () => {
    expect(await stand([decided('1', 0, 'review')], 10)).toEqual([1, 1]);
    expect(await stand([decided('1', 0, 'review')], 7200)).toEqual([1, 0]);
    expect(await stand([decided('1', 0, 'review')], 10, '1')).toEqual([0, 0]);
    expect(await stand([decided('1', 0, 'review'), second('1', 0, 60, 'deny')], 70)).toEqual([0, 1]);
    expect(await stand([decided('1', 0, 'review'), second('1', 0, 1800, 'allow')], 1900)).toEqual([1, 1]);
    expect(await stand([decided('1', 0, 'review'), second('1', 0, 1800, 'allow')], 3601)).toEqual([1, 0]);
  });
  it('read an amount that was unknown as such', async () => {
    const odd = decided('1', 0, 'allow', { counts: [{ name: 'calls', key: ['a'], add: -1 }] });
    expect(await stand([odd], 10)).toEqual([undefined, 0]);
  });
  it('forget no session while they read, and have room for all that happened', async () => {
    const limits = localLimits([SEEN], { capacity: 100, live: () => new Set() });
    for (let i = 0; i < 30_000; i++) {
      const counts = [{ name: 'seen', key: [`s${i}`], add: 1 }];
      limits.observe(decided(`${i}`, i, 'allow', { counts }));
    }
    const reads = [{ fact: 'seen', name: 'seen', key: ['s7'] }];
    const question = { reads, own: null, now: START + 30_000_000 };
    const { value } = await limits.reserve(question, (values) => ({ adds: [], value: values }));
    expect(value['seen']).toBe(1);
  });
  it('refuse what there is no room for, and hold nothing of it', async () => {
    const limits = localLimits([CALLS], { capacity: 4 });
    const question = { reads: [], own: null, now: START };
    const adds = (...keys: readonly string[]) => ({
      adds: keys.map((key) => ({ name: 'calls', key: [key], add: 1, attempt: false })),
      value: null,
    });
    const { reservation } = await limits.reserve(question, () => adds('a', 'b'));
    await expect(limits.reserve(question, () => adds('c'))).rejects.toThrow(LimitsFull);
    expect(limits.size()).toBe(4);
    await reservation.drop();
    await reservation.commit(START);
    expect(limits.size()).toBe(2);
  });
});
