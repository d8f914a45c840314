// SPDX-License-Identifier: Apache-2.0
import { Ending } from '../../../runtime/ending.js';
import { afterEach, describe, expect, test } from 'vitest';
import { signVerdict } from '../../../runtime/approvals/keys.js';
import { createRegistry } from '../../../runtime/approvals/registry.js';
import { createApprovals } from '../../../runtime/approvals/store.js';
import type { Approvals, Pending } from '../../../runtime/approvals/types.js';
import { MemoryLog } from '../../helpers/memory-log.js';
import {
  approver,
  type Ask,
  closing,
  reviewDraft,
  roleNeed,
  secondDecide,
  START,
  type TestApprover,
  testClock,
} from '../../helpers/reviews.js';

const eve = approver('user:eve', 'ops');
const sam = approver('user:sam', 'ops', 'security');
const dana = approver('user:dana', 'ops');
const zoe = approver('user:zoe');
const MINUTE = 60_000;
const open: Approvals[] = [];

afterEach(() => {
  for (const approvals of open.splice(0)) approvals.stop();
});

async function setUp(
  log?: MemoryLog,
  clock = testClock(),
  who: readonly TestApprover[] = [eve, sam, dana, zoe],
) {
  const own = log ?? new MemoryLog(clock.wall);
  const faults: Error[] = [];
  const approvals = createApprovals({
    log: own,
    registry: createRegistry(who.map(({ entry }) => entry)),
    clock,
    close: closing,
    onFault: (error) => faults.push(error),
    capacity: { all: 20, perPrincipal: 5 },
  });
  for await (const entry of own.entries()) approvals.observe(entry);
  await approvals.start();
  open.push(approvals);
  return { log: own, clock, approvals, faults };
}

async function park(approvals: Approvals, ask: Partial<Ask> = {}): Promise<Pending> {
  const { draft, openings } = reviewDraft({ expires: START + 15 * MINUTE, ...ask });
  const opened = await approvals.open(draft, openings);
  if (opened.kind !== 'pending') throw new Error(opened.message);
  return opened.pending;
}

async function say(
  approvals: Approvals,
  pending: Pending,
  by: TestApprover,
  verdict: 'approve' | 'deny' = 'approve',
) {
  const shown = await approvals.show(pending.id);
  if (shown === null) throw new Error('nothing to show');
  return approvals.decideBy(signVerdict(by.key, by.entry.id, shown, verdict));
}

const ALLOW = { effect: 'allow' } as const;
const again = (pending: Pending) => ({ effect: 'review', approvals: pending.needs }) as const;
const types = (log: MemoryLog) =>
  log.stored.map(
    ({ body }) => `${body.type}${body.decision === undefined ? '' : `(${body.decision.effect})`}`,
  );

describe('a review', () => {
  test('is parked, approved, redeemed once, and linked', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals);
    expect(pending.missing).toEqual([{ rule: 'asks_ops', self: false, roles: ['ops'], people: 1 }]);
    expect(approvals.redeem(pending.id, again(pending)).kind).toBe('unmet');
    expect(await say(approvals, pending, eve)).toMatchObject({ ok: true, state: 'approved' });
    expect(await approvals.wait(pending.id, 0)).toBe('approved');
    const redeemed = approvals.redeem(pending.id, again(pending));
    const approve = log.stored.find(({ body }) => body.type === 'approve');
    expect(redeemed).toMatchObject({
      kind: 'redeemed',
      links: { call: pending.call, refs: { decide: pending.leaf, approve: [approve?.leaf] } },
    });
    expect(approvals.redeem(pending.id, again(pending))).toEqual({ kind: 'gone', why: 'redeemed' });
    expect(approvals.find(pending.key)).toBeNull();
    expect(await approvals.wait(pending.id, 0)).toBe('redeemed');
  });

  test('is joined by the identical call and by no other', async () => {
    const { approvals, log } = await setUp();
    const ask = { expires: START + MINUTE };
    const first = reviewDraft(ask);
    const opened = await Promise.all(
      Array.from({ length: 50 }, () => approvals.open(first.draft, first.openings)),
    );
    expect(new Set(opened.map((o) => o.kind === 'pending' && o.pending.id)).size).toBe(1);
    expect(opened.filter((o) => o.kind === 'pending' && !o.joined)).toHaveLength(1);
    expect(log.stored).toHaveLength(1);
    for (const other of [
      { ...ask, args: { path: '/srv/data/b' } },
      { ...ask, principal: 'agent:other' },
      { ...ask, user: 'user:dana' },
      { ...ask, session: 's2' },
    ]) {
      const { draft, openings } = reviewDraft(other);
      expect(await approvals.open(draft, openings)).toMatchObject({ kind: 'pending', joined: false });
    }
    expect(approvals.list()).toHaveLength(5);
  });

  test('is redeemed by exactly one of 1,000 parallel callers', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals);
    const callers = Array.from({ length: 1000 }, async () => {
      await approvals.wait(pending.id, 5000);
      return approvals.redeem(pending.id, again(pending)).kind;
    });
    await say(approvals, pending, eve);
    const kinds = await Promise.all(callers);
    expect(kinds.filter((kind) => kind === 'redeemed')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'gone')).toHaveLength(999);
  });

  test('asks again for what the policy of the moment asks', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    const stricter = {
      effect: 'review',
      approvals: [{ rule: 'new', self: false, roles: ['security'], quorum: 1, timeout: MINUTE }],
    } as const;
    expect(approvals.redeem(pending.id, stricter).kind).toBe('unmet');
    expect(approvals.get(pending.id)?.missing).toEqual([
      { rule: 'new', self: false, roles: ['security'], people: 1 },
    ]);
    expect(await approvals.wait(pending.id, 0)).toBe('pending');
    expect(await say(approvals, pending, sam)).toMatchObject({ ok: true, state: 'approved' });
    expect(approvals.redeem(pending.id, stricter).kind).toBe('redeemed');
  });

  test('without anybody to ask is never met', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals);
    expect(approvals.redeem(pending.id, { effect: 'review', approvals: [] }).kind).toBe('unmet');
    expect(approvals.redeem(pending.id, ALLOW).kind).toBe('redeemed');
  });

  test('is refused when too many are waiting, before anything is written', async () => {
    const { approvals, log } = await setUp();
    for (let i = 0; i < 5; i++) await park(approvals, { args: { path: `/${i}` } });
    const { draft, openings } = reviewDraft({ args: { path: '/5' }, expires: START + MINUTE });
    expect(await approvals.open(draft, openings)).toMatchObject({ kind: 'full' });
    expect(log.stored).toHaveLength(5);
    await park(approvals, { principal: 'agent:other' });
  });

  test('holds its session', async () => {
    const { approvals, clock } = await setUp();
    const pending = await park(approvals);
    expect(approvals.holds(pending.key.session)).toBe(true);
    clock.pass(16 * MINUTE);
    expect(approvals.holds(pending.key.session)).toBe(false);
  });
});

describe('who may approve', () => {
  test('never the requester, under either identity', async () => {
    const { approvals } = await setUp();
    const asUser = await park(approvals, { principal: 'user:dana' });
    expect(await say(approvals, asUser, dana)).toMatchObject({ ok: false, code: 'requester' });
    const onBehalf = await park(approvals, { user: 'user:dana' });
    expect(await say(approvals, onBehalf, dana)).toMatchObject({ ok: false, code: 'requester' });
    expect(await say(approvals, onBehalf, dana, 'deny')).toMatchObject({ ok: false, code: 'requester' });
    expect(approvals.get(onBehalf.id)?.missing).toHaveLength(1);
  });

  test('by self: the user alone, and not for roles', async () => {
    const { approvals } = await setUp();
    const self = { rule: 'confirm', self: true as const, quorum: 1, timeout: MINUTE };
    const pending = await park(approvals, { user: 'user:dana', needs: [self, roleNeed('ops')] });
    expect(await say(approvals, pending, zoe)).toMatchObject({ ok: false, code: 'wrong_role' });
    expect(await say(approvals, pending, dana)).toMatchObject({ ok: true, state: 'pending' });
    expect(approvals.get(pending.id)?.missing.map(({ rule }) => rule)).toEqual(['asks_ops']);
    expect(await say(approvals, pending, eve)).toMatchObject({ ok: true, state: 'approved' });
    const alone = await park(approvals, { principal: 'agent:x', needs: [self] });
    expect(await say(approvals, alone, dana)).toMatchObject({ ok: false, code: 'wrong_role' });
  });

  test('only with the role, only once per quorum', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals, { needs: [roleNeed('ops', 2), roleNeed('security')] });
    expect(await say(approvals, pending, zoe)).toMatchObject({ ok: false, code: 'wrong_role' });
    expect(await say(approvals, pending, eve)).toMatchObject({ ok: true, state: 'pending' });
    expect(await say(approvals, pending, eve)).toMatchObject({ ok: false, code: 'repeated' });
    // Sam serves both askers at once.
    expect(await say(approvals, pending, sam)).toMatchObject({ ok: true, state: 'approved' });
  });

  test('twice at the same time counts once', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals, { needs: [roleNeed('ops', 2)] });
    const results = await Promise.all([say(approvals, pending, eve), say(approvals, pending, eve)]);
    expect(results.filter((r) => r.ok)).toHaveLength(1);
    expect(log.stored.filter(({ body }) => body.type === 'approve')).toHaveLength(1);
    expect(approvals.get(pending.id)?.missing[0]?.people).toBe(1);
  });

  test('unknown ids, foreign signatures, used nonces and changed claims are refused', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals);
    const other = await park(approvals, { args: { path: '/other' } });
    const shown = await approvals.show(pending.id);
    const good = signVerdict(eve.key, 'user:eve', shown!, 'deny');
    const codes = async (verdict: typeof good) => {
      const result = await approvals.decideBy(verdict);
      return result.ok ? 'ok' : result.code;
    };
    expect(await codes({ ...good, approver: 'user:nobody' })).toBe('unknown_approver');
    expect(await codes({ ...good, approver: 'user:sam' })).toBe('bad_signature');
    expect(await codes({ ...good, verdict: 'approve' })).toBe('bad_signature');
    expect(await codes({ ...good, id: other.id })).toBe('bad_signature');
    expect(await codes({ ...good, nonce: 'AAAA' })).toBe('bad_nonce');
    expect(await codes({ ...good, signature: `${good.signature.slice(0, -4)}AAA=` })).toBe('bad_signature');
    expect(await codes(signVerdict(sam.key, 'user:eve', shown!, 'approve'))).toBe('bad_signature');
    expect(await codes({ ...good, id: 'test.example/log#99' })).toBe('unknown_pending');
    expect(log.stored.filter(({ body }) => body.type === 'approve')).toHaveLength(0);
    const approval = signVerdict(eve.key, 'user:eve', shown!, 'approve');
    expect(await codes(approval)).toBe('ok');
    expect(await codes(approval)).toBe('bad_nonce');
  });

  test('a call that was shown differently is not signed', async () => {
    const { approvals } = await setUp();
    const shown = await approvals.show((await park(approvals)).id);
    expect(() =>
      signVerdict(eve.key, 'user:eve', { ...shown!, intent: shown!.intent.replace('/a', '/b') }, 'approve'),
    ).toThrow(/not the one/);
  });
});

describe('a denial', () => {
  test('ends the call, and is written with the decision that ends it', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals);
    const waiting = approvals.wait(pending.id, 5000);
    expect(await say(approvals, pending, eve, 'deny')).toMatchObject({ ok: true, state: 'denied' });
    expect(await waiting).toBe('denied');
    expect(types(log)).toEqual(['decide(review)', 'approve', 'decide(deny)']);
    expect(log.stored[2]?.body.refs).toEqual({ decide: pending.leaf, approve: [log.stored[1]?.leaf] });
    expect(approvals.redeem(pending.id, ALLOW)).toEqual({ kind: 'gone', why: 'denied' });
    const late = signVerdict(
      sam.key,
      'user:sam',
      { pending, intent: log.kept.get(pending.seq)!.intent! },
      'approve',
    );
    expect(await approvals.decideBy(late)).toMatchObject({ ok: false, code: 'closed' });
  });

  test('wins the race against an approval that is on its way to the disk', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals);
    const shown = (await approvals.show(pending.id))!;
    const [approved, denied] = await Promise.all([
      approvals.decideBy(signVerdict(eve.key, 'user:eve', shown, 'approve')),
      approvals.decideBy(signVerdict(sam.key, 'user:sam', shown, 'deny')),
    ]);
    expect(approved).toMatchObject({ ok: false, code: 'closed' });
    expect(denied).toMatchObject({ ok: true, state: 'denied' });
    expect(approvals.redeem(pending.id, again(pending)).kind).toBe('gone');
  });

  test('holds in memory before it is durable', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    const shown = (await approvals.show(pending.id))!;
    const denying = approvals.decideBy(signVerdict(sam.key, 'user:sam', shown, 'deny'));
    expect(approvals.redeem(pending.id, again(pending))).toEqual({ kind: 'gone', why: 'denied' });
    await denying;
    expect(types(log)).toEqual(['decide(review)', 'approve', 'approve', 'decide(deny)']);
  });

  test('by someone who has approved before still counts', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    expect(await say(approvals, pending, eve, 'deny')).toMatchObject({ ok: true, state: 'denied' });
    expect(approvals.redeem(pending.id, again(pending))).toEqual({ kind: 'gone', why: 'denied' });
  });

  test('by the policy takes the call out', async () => {
    const { approvals } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    const links = approvals.withdraw(pending.id);
    expect(links?.refs.approve).toHaveLength(1);
    expect(approvals.withdraw(pending.id)).toBeNull();
    expect(approvals.redeem(pending.id, ALLOW)).toEqual({ kind: 'gone', why: 'denied' });
  });
});

describe('an approval counts only once it is durable', () => {
  test('not while it is written', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals);
    const shown = (await approvals.show(pending.id))!;
    let release = (): void => {};
    log.delay = () => new Promise((resolve) => (release = resolve));
    const approving = approvals.decideBy(signVerdict(eve.key, 'user:eve', shown, 'approve'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(approvals.redeem(pending.id, again(pending)).kind).toBe('unmet');
    release();
    await approving;
    expect(approvals.redeem(pending.id, again(pending)).kind).toBe('redeemed');
  });

  test('never when the log fails', async () => {
    const { approvals, log } = await setUp();
    const pending = await park(approvals);
    log.broken = new Error('disk full');
    await expect(say(approvals, pending, eve)).rejects.toThrow('disk full');
    expect(approvals.redeem(pending.id, again(pending)).kind).toBe('unmet');
  });
});

describe('time', () => {
  test('expiry is a second decide(deny), by the wall clock', async () => {
    const { approvals, clock, log } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    clock.pass(15 * MINUTE);
    await approvals.tick();
    expect(types(log)).toEqual(['decide(review)', 'approve', 'decide(deny)']);
    expect(log.stored[2]?.body.refs?.decide).toBe(pending.leaf);
    expect(await approvals.wait(pending.id, 0)).toBe('expired');
    expect(approvals.redeem(pending.id, ALLOW)).toEqual({ kind: 'gone', why: 'expired' });
  });

  test('an expired call is not redeemed even before the tick', async () => {
    const { approvals, clock, log } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    clock.pass(15 * MINUTE);
    expect(approvals.redeem(pending.id, again(pending))).toEqual({ kind: 'gone', why: 'expired' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(types(log).at(-1)).toBe('decide(deny)');
  });

  test('a wall clock set back prolongs nothing', async () => {
    const { approvals, clock } = await setUp();
    const pending = await park(approvals);
    await say(approvals, pending, eve);
    clock.pass(15 * MINUTE);
    clock.setWall(START - 1000 * MINUTE);
    expect(approvals.redeem(pending.id, ALLOW)).toEqual({ kind: 'gone', why: 'expired' });
  });

  test('a wall clock set forward ends a review early, never late', async () => {
    const { approvals, clock } = await setUp();
    const pending = await park(approvals);
    clock.setWall(START + 15 * MINUTE);
    expect(approvals.get(pending.id)).toBeNull();
  });

  test('the shortest timeout counts, whatever the draft says about its end', async () => {
    const { approvals, clock } = await setUp();
    const pending = await park(approvals, {
      needs: [roleNeed('ops', 1, 2 * MINUTE), roleNeed('security')],
      expires: START + 60 * MINUTE,
    });
    clock.pass(2 * MINUTE);
    expect(approvals.get(pending.id)).toBeNull();
  });

  test('an approval that becomes durable after the end does not count', async () => {
    const { approvals, clock, log } = await setUp();
    const pending = await park(approvals);
    const shown = (await approvals.show(pending.id))!;
    log.delay = async () => clock.pass(16 * MINUTE);
    expect(await approvals.decideBy(signVerdict(eve.key, 'user:eve', shown, 'approve'))).toMatchObject({
      ok: false,
      code: 'expired',
    });
  });
});

describe('after a restart', () => {
  test('parked calls and their approvals are there, and are redeemed once', async () => {
    const first = await setUp();
    const pending = await park(first.approvals, { needs: [roleNeed('ops', 2)] });
    await say(first.approvals, pending, eve);
    const second = await setUp(first.log, first.clock);
    expect(second.approvals.find(pending.key)).toMatchObject({ id: pending.id, missing: [{ people: 1 }] });
    expect(await say(second.approvals, pending, eve)).toMatchObject({ ok: false, code: 'repeated' });
    expect(await say(second.approvals, pending, sam)).toMatchObject({ ok: true, state: 'approved' });
    const third = await setUp(first.log, first.clock);
    const redeemed = third.approvals.redeem(pending.id, again(pending));
    if (redeemed.kind !== 'redeemed') throw new Error(redeemed.kind);
    expect(redeemed.links.refs.approve).toHaveLength(2);
    await first.log.append(secondDecide(pending, redeemed.links, 'allow'));
    const fourth = await setUp(first.log, first.clock);
    expect(fourth.approvals.list()).toEqual([]);
    expect(fourth.approvals.redeem(pending.id, ALLOW)).toEqual({ kind: 'gone', why: 'redeemed' });
  });

  test('what expired meanwhile is closed in the log', async () => {
    const first = await setUp();
    await park(first.approvals);
    first.clock.pass(15 * MINUTE);
    first.approvals.stop();
    await setUp(first.log, first.clock);
    expect(types(first.log)).toEqual(['decide(review)', 'decide(deny)']);
  });

  test('a denial whose closing entry was lost still denies', async () => {
    const first = await setUp();
    const pending = await park(first.approvals);
    await say(first.approvals, pending, eve, 'deny');
    first.log.stored.pop();
    const second = await setUp(first.log, first.clock);
    expect(second.approvals.list()).toEqual([]);
    expect(types(first.log)).toEqual(['decide(review)', 'approve', 'decide(deny)']);
  });

  test('a wall clock set back gives no second life', async () => {
    const first = await setUp();
    const pending = await park(first.approvals);
    first.clock.pass(10 * MINUTE);
    await say(first.approvals, pending, eve);
    first.clock.setWall(START - 60 * MINUTE);
    const second = await setUp(first.log, first.clock);
    first.clock.pass(5 * MINUTE);
    expect(second.approvals.redeem(pending.id, ALLOW)).toEqual({ kind: 'gone', why: 'expired' });
  });

  test('a call whose clear text is lost expires', async () => {
    const first = await setUp();
    const kept = await park(first.approvals);
    const lost = await park(first.approvals, { args: { path: '/lost' } });
    const changed = await park(first.approvals, { args: { path: '/changed' } });
    first.log.kept.delete(lost.seq);
    first.log.kept.set(changed.seq, { salt: '', intent: '{}' });
    const second = await setUp(first.log, first.clock);
    expect(second.approvals.list().map(({ id }) => id)).toEqual([kept.id]);
    first.log.kept.delete(kept.seq);
    expect(await second.approvals.show(kept.id)).toBeNull();
    expect(second.approvals.list()).toEqual([]);
  });

  test('approvals of people who are no longer registered, or lost the role or key, do not count', async () => {
    const first = await setUp();
    const pending = await park(first.approvals);
    await say(first.approvals, pending, eve);
    const met = async (who: readonly TestApprover[]) =>
      (await setUp(first.log, first.clock, who)).approvals.get(pending.id)?.missing.length === 0;
    expect(await met([eve])).toBe(true);
    expect(await met([sam])).toBe(false);
    expect(await met([{ ...eve, entry: { ...eve.entry, roles: [] } }])).toBe(false);
    expect(await met([approver('user:eve', 'ops')])).toBe(false);
  });

  test('an approve entry with a false proof does not count', async () => {
    const first = await setUp();
    const pending = await park(first.approvals);
    await first.log.append({
      type: 'approve',
      call: pending.call,
      refs: { decide: pending.leaf },
      approval: {
        verdict: 'approve',
        approver: { id: 'user:eve', roles: ['ops'] },
        nonce: Buffer.alloc(16).toString('base64'),
        expires: pending.expires,
        proof: { key: eve.entry.key, signature: Buffer.alloc(64).toString('base64') },
      },
    });
    const second = await setUp(first.log, first.clock);
    expect(second.approvals.get(pending.id)?.missing).toHaveLength(1);
  });
});

test('a waiter goes when its client does', async () => {
  const { approvals } = await setUp();
  const pending = await park(approvals);
  const gone = new Ending();
  const waiting = approvals.wait(pending.id, 60_000, [new Ending(), gone]);
  gone.end();
  expect(await waiting).toBe('pending');
  expect(await approvals.wait(pending.id, 10)).toBe('pending');
});

test('the registry refuses two people with one key, bad keys and bad names, all at once', () => {
  const { key } = eve.entry;
  expect(() =>
    createRegistry([
      eve.entry,
      { id: 'user:twin', roles: [], key },
      { id: 'user:bad', roles: [], key: 'bad+00000000+AAAA' },
      { id: 'user:e\u200bve', roles: [], key: sam.entry.key },
    ]),
  ).toThrow(
    /approvers\.1: has the same key as user:eve[^]*approvers\.2: the key of user:bad[^]*approvers\.3: the id holds/,
  );
});
