// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { type SessionOwner, Sessions } from '../../../runtime/decide/sessions.js';
import { parseHash } from '../../../runtime/verify/format/hash.js';
import { MemoryLog } from '../../helpers/memory-log.js';
import { reviewDraft, START, testClock } from '../../helpers/reviews.js';

const IDLE = 30 * 60_000;
const owner: SessionOwner = { principal: 'agent:writer', user: null, credential: 'tk_1', method: 'token' };

function setUp(held?: (session: string) => boolean) {
  const clock = testClock();
  const make = () =>
    new Sessions({
      idleMs: IDLE,
      wall: clock.wall,
      monotonic: clock.monotonic,
      ...(held === undefined ? {} : { held }),
    });
  return { clock, make, sessions: make() };
}

test('a session goes on until it has been idle for the whole window', () => {
  const { clock, sessions } = setUp();
  const first = sessions.enter(owner);
  expect(parseHash(first)).not.toBeNull();
  for (let i = 0; i < 10; i++) {
    clock.pass(IDLE - 1);
    expect(sessions.enter(owner)).toBe(first);
  }
  clock.pass(IDLE);
  expect(sessions.enter(owner)).not.toBe(first);
});

test('each owner has one of its own', () => {
  const { sessions } = setUp();
  const owners: readonly SessionOwner[] = [
    owner,
    { ...owner, principal: 'agent:other' },
    { ...owner, user: 'user:dana' },
    { ...owner, credential: 'tk_2' },
    { ...owner, method: 'stdio', credential: null },
    { ...owner, method: 'anonymous', credential: null },
  ];
  expect(new Set(owners.map((one) => sessions.enter(one))).size).toBe(owners.length);
});

test('setting the wall clock ends no session', () => {
  const { clock, sessions } = setUp();
  const first = sessions.enter(owner);
  clock.setWall(START + 1000 * IDLE);
  expect(sessions.enter(owner)).toBe(first);
});

test('a session with a parked call does not idle out', () => {
  let parked = true;
  const { clock, sessions } = setUp(() => parked);
  const first = sessions.enter(owner);
  clock.pass(5 * IDLE);
  expect(sessions.enter(owner)).toBe(first);
  parked = false;
  clock.pass(IDLE);
  expect(sessions.enter(owner)).not.toBe(first);
});

test('a restart continues the sessions of the log, unless they have idled out', async () => {
  const { clock, make } = setUp();
  const log = new MemoryLog(clock.wall);
  const { draft } = reviewDraft({ expires: START + 1 });
  await log.append(draft);
  const session = draft.principal!.session;
  const restart = async () => {
    const sessions = make();
    for await (const entry of log.entries()) sessions.observe(entry);
    return sessions;
  };
  clock.pass(IDLE - 1);
  expect((await restart()).enter(owner)).toBe(session);
  clock.pass(1);
  expect((await restart()).enter(owner)).not.toBe(session);
  // Back before the log's last entry: time that has not passed ends nothing.
  clock.setWall(START - 10 * IDLE);
  expect((await restart()).enter(owner)).toBe(session);
});

test('the table does not grow with callers who never come back', () => {
  const { clock, sessions } = setUp();
  for (let i = 0; i < 30_000; i++) {
    if (i % 1000 === 0) clock.pass(IDLE / 2);
    sessions.enter({ ...owner, principal: `agent:${i}` });
  }
  expect((sessions as unknown as { readonly table: Map<string, unknown> }).table.size).toBeLessThan(20_000);
});
