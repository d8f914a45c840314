// SPDX-License-Identifier: Apache-2.0
// One log per attack: what an insider with some or all online keys could write, and the property that finds it.
import { describe, expect, it } from 'vitest';
import { memorySource, type Report, verify } from '../../../runtime/verify/index.js';
import {
  approval,
  decide,
  EXPIRES,
  hashOf,
  idOf,
  type Members,
  outcome,
  smallLog,
  TestLog,
  testKey,
} from '../../arbitraries/log.js';

const begun = (): TestLog => new TestLog().begin();

/** A checkpoint over everything, then the report. */
async function reported(log: TestLog, trust: string | null = log.trust): Promise<Report> {
  log.checkpoint();
  return verify(log.source(), trust === null ? {} : { trust, secondOpinion: 'sample' });
}
const of = (report: Report, name: string) => report.properties.find((p) => p.name === name);

async function finds(log: TestLog, name: string, entry: number | null, detail: string): Promise<void> {
  const report = await reported(log);
  expect(report.result).toBe('fail');
  expect(of(report, name)).toMatchObject({ status: 'fail', entry, detail: expect.stringContaining(detail) });
}

const second = (
  log: TestLog,
  word: string,
  review: string,
  approve: readonly string[],
  effect: 'allow' | 'deny' = 'allow',
) => log.add({ ...decide(log, word, effect), refs: { decide: review, approve } });

describe('keys', () => {
  it('finds an entry signed by another key', async () => {
    const log = begun();
    log.add(decide(log, 'a', 'deny'), testKey('mallory'));
    await finds(log, 'keys', 3, 'not the epoch key in force');
  });
  it('finds an entry signed by another key under the name and id of the epoch key', async () => {
    const log = begun();
    const forged = { ...testKey('mallory'), name: log.epoch.name, id: log.epoch.id };
    log.add(decide(log, 'a', 'deny'), forged);
    await finds(log, 'signatures', 3, 'does not verify');
  });
  it('finds a whole log made with the keys of somebody else', async () => {
    const report = await reported(smallLog(), new TestLog('other.example.com/log').begin().trust);
    expect(report.result).toBe('fail');
    expect(of(report, 'keys')).toMatchObject({ status: 'fail', entry: 0 });
    expect(of(report, 'tree')).toMatchObject({ status: 'fail' });
  });
  it('finds a checkpoint signed by another key', async () => {
    const log = smallLog();
    log.checkpoint(testKey('mallory'));
    const report = await verify(log.source(), { trust: log.trust });
    expect(of(report, 'tree')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('not signed by the log key'),
    });
  });
  it('finds an epoch key without a certificate of the log key', async () => {
    const log = new TestLog();
    const honest = new TestLog().begin();
    log.entries.push(honest.entries[0] as Buffer);
    const body = JSON.parse((honest.entries[1] as Buffer).toString().split('\n')[1] as string) as Members;
    const { certificate: _, ...key } = body.key as { certificate: string } & NonNullable<Members['key']>;
    log.leaves.push(honest.leaves[0] as string);
    log.add({ type: 'key', key });
    const report = await verify(memorySource([Buffer.concat(log.entries)], null), { trust: honest.trust });
    expect(of(report, 'keys')).toMatchObject({
      status: 'fail',
      entry: 1,
      detail: 'the key has no certificate',
    });
  });
  it('finds what a key signed from the position on where it is revoked', async () => {
    const log = begun();
    log.call('a');
    log.add({ type: 'revoke', revoke: { key: log.epoch.vkey, from: 4 } });
    await finds(log, 'keys', 4, 'revokes from 4 on');
  });
  it('finds what an epoch key signs after its seal', async () => {
    const log = begun();
    log.add({ type: 'seal', seal: { key: log.epoch.vkey, size: 3 } });
    log.call('a', 'deny');
    await finds(log, 'keys', 4, 'after its seal');
  });
});

describe('chain, tree, tail and time', () => {
  it('finds another origin, a wrong number, a wrong predecessor, an early time', async () => {
    for (const [members, name, detail] of [
      [{ log: 'evil.example.com' }, 'chain', 'of the log'],
      [{ seq: 7 }, 'chain', 'seq is 7'],
      [{ prev: hashOf('x') }, 'chain', 'prev'],
      [{ time: '2020-01-01T00:00:00.000Z' }, 'time', 'goes back'],
    ] as const) {
      const log = begun();
      log.add({ ...decide(log, 'a', 'deny'), ...members } as Members);
      await finds(log, name, 3, detail);
    }
  });
  it('finds two checkpoints of one size and different roots', async () => {
    const [log, fork] = [begun(), begun()];
    log.call('a', 'deny');
    fork.call('b', 'deny');
    fork.checkpoint();
    log.checkpoints.push(fork.checkpoints[0] as string);
    await finds(log, 'tree', 3, 'do not have the root');
  });
  it('finds a checkpoint of a smaller size after a larger one', async () => {
    const log = smallLog();
    log.checkpoints.reverse();
    const report = await verify(log.source(), { trust: log.trust });
    expect(of(report, 'tree')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('smaller size'),
    });
  });
  it('fails on a log that is cut, and on one that is empty', async () => {
    const log = smallLog();
    log.entries.splice(4);
    const report = await verify(log.source(), { trust: log.trust });
    expect(report.result).toBe('fail');
    expect(of(report, 'tail')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('the log is cut'),
    });
    const empty = await verify(memorySource([], null), { trust: log.trust });
    expect(empty.result).toBe('fail');
    expect(of(empty, 'chain')).toMatchObject({ detail: expect.stringContaining('empty') });
  });
  it('says since when the tail is not proven', async () => {
    const log = smallLog();
    log.call('late', 'deny');
    const report = await verify(log.source(), { trust: log.trust });
    expect(report.result).toBe('incomplete');
    expect(of(report, 'tail')).toMatchObject({
      status: 'not checked',
      entry: 10,
      detail: expect.stringContaining('tail not proven since entry 10'),
    });
  });
  it('checks nothing that needs keys without a trust file', async () => {
    const report = await reported(smallLog(), null);
    expect(report.result).toBe('incomplete');
    for (const name of ['signatures', 'keys', 'tree', 'tail']) {
      expect(of(report, name)).toMatchObject({
        status: 'not checked',
        detail: expect.stringContaining('trust'),
      });
    }
    expect(of(report, 'chain')).toMatchObject({ status: 'pass' });
  });
  it('refuses a member it does not know, an extension that is not listed, and a body that is not canonical', async () => {
    const log = begun();
    log.add({ ...decide(log, 'a', 'deny'), ...({ extra: 1 } as object) });
    await finds(log, 'bytes', 3, 'unknown member');
    const extended = begun();
    extended.add({ ...decide(extended, 'a', 'deny'), ext: { 'acme.com/x': 1 } });
    await finds(extended, 'bytes', 3, 'does not list');
    const listed = begun();
    listed.add({ ...decide(listed, 'a', 'deny'), ext: { 'acme.com/x': 1 } });
    const trust = JSON.stringify({ ...JSON.parse(listed.trust), extensions: ['acme.com/x'] });
    expect((await reported(listed, trust)).result).toBe('pass');
  });
});

describe('the life of a call', () => {
  const cases: readonly [string, (log: TestLog) => unknown, number, string][] = [
    [
      'an outcome after a deny',
      (log) => log.add(outcome('a', log.call('a', 'deny'))),
      4,
      'names no open decision',
    ],
    ['two outcomes', (log) => log.add(outcome('a', log.call('a'))), 5, 'names no open decision'],
    [
      'an outcome of another call',
      (log) => {
        const leaf = log.call('a', 'allow', null);
        log.add(outcome('b', leaf));
      },
      4,
      'names no open decision',
    ],
    [
      'an outcome of a review',
      (log) => log.add(outcome('a', log.add(decide(log, 'a', 'review')))),
      4,
      'does not let the call through',
    ],
    [
      'a second decision that names none',
      (log) => {
        log.call('a', 'allow', null);
        log.call('a', 'allow', null);
      },
      4,
      'has a decision already',
    ],
    [
      'a review let through without approval',
      (log) => {
        const review = log.add(decide(log, 'a', 'review'));
        second(log, 'a', review, []);
      },
      4,
      'without an approval',
    ],
    [
      'a policy that was never activated',
      (log) =>
        log.add({
          ...decide(log, 'a', 'deny'),
          policy: {
            ...(decide(log, 'a', 'deny').policy as NonNullable<Members['policy']>),
            activation: hashOf('x'),
          },
        }),
      3,
      'activation',
    ],
    [
      'a policy swapped under its activation',
      (log) =>
        log.add({
          ...decide(log, 'a', 'deny'),
          policy: {
            ...(decide(log, 'a', 'deny').policy as NonNullable<Members['policy']>),
            module: hashOf('x'),
          },
        }),
      3,
      'not the one that its activation names',
    ],
  ];
  it.each(cases)('finds %s', async (_, write, entry, detail) => {
    const log = begun();
    write(log);
    await finds(log, 'linkage', entry, detail);
  });

  it('passes calls that lie across each other, a result decision, an expiry and an unsent call', async () => {
    const log = begun();
    const a = log.add(decide(log, 'a', 'allow'));
    const b = log.add(decide(log, 'b', 'review'));
    log.add({ ...decide(log, 'a', 'allow'), phase: 'result', refs: { decide: a } });
    const c = log.add(decide(log, 'c', 'review'));
    log.add(outcome('a', a));
    second(log, 'b', b, [], 'deny');
    log.add({ ...outcome('c', c), outcome: { status: 'not_sent' } });
    log.add({ ...decide(log, 'd', 'allow'), phase: 'list' });
    const report = await reported(log);
    expect(of(report, 'linkage')).toMatchObject({ status: 'pass' });
    expect(report.result).toBe('pass');
  });
  it('passes a proposal whose review is redeemed by a call that does not name it', async () => {
    const log = begun();
    const { principal, intent } = decide(log, 'p', 'allow');
    const propose = log.add({ type: 'propose', call: idOf('p'), principal, intent } as Members);
    const review = log.add({ ...decide(log, 'p', 'review'), refs: { propose } });
    const approve = log.add(approval('p', review, testKey('eve')));
    log.add(outcome('p', second(log, 'p', review, [approve])));
    expect((await reported(log)).result).toBe('pass');
  });
  it('passes a proposal and its decision', async () => {
    const log = begun();
    const { principal, intent } = decide(log, 'p', 'allow');
    const propose = log.add({ type: 'propose', call: idOf('p'), principal, intent } as Members);
    const leaf = log.add({ ...decide(log, 'p', 'allow'), refs: { propose } });
    log.add(outcome('p', leaf));
    expect((await reported(log)).result).toBe('pass');
  });
  it('says when an allowed call of an earlier process has no outcome, and takes `unknown` as one', async () => {
    const log = begun();
    const leaf = log.call('a', 'allow', null);
    log.boot = idOf('second boot');
    log.add({ ...outcome('a', leaf), outcome: { status: 'unknown' } });
    log.call('b');
    expect(of(await reported(log), 'completeness')).toMatchObject({ status: 'pass' });
    const lost = begun();
    lost.call('a', 'allow', null);
    lost.boot = idOf('second boot');
    lost.call('b');
    await finds(lost, 'completeness', 3, 'has no outcome');
    const flying = begun();
    flying.call('a', 'allow', null);
    expect(of(await reported(flying), 'completeness')).toMatchObject({ status: 'not checked' });
  });
});

describe('approvals', () => {
  const eve = testKey('eve');
  const reviewed = (
    more: Parameters<typeof approval>[3] = {},
    change: Partial<Members> = {},
    key = eve,
  ): TestLog => {
    const log = begun();
    const review = log.add(decide(log, 'a', 'review'));
    const approve = log.add({ ...approval('a', review, key, more), ...change });
    second(log, 'a', review, [approve]);
    return log;
  };

  it('passes a sound one', async () => {
    const report = await reported(reviewed());
    expect(of(report, 'linkage')).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining("approver's own key"),
    });
  });
  it('grades an attested one apart', async () => {
    const sound = approval('a', hashOf('x'), eve).approval as NonNullable<Members['approval']>;
    const report = await reported(
      reviewed({}, { approval: { ...sound, proof: { session: hashOf('s'), method: 'console' } } }),
    );
    expect(of(report, 'linkage')).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining('attested by the gateway only'),
    });
  });
  it.each([
    [
      'a signature over other arguments',
      reviewed({}, { approval: approval('b', hashOf('x'), eve).approval } as Partial<Members>),
      'signature does not verify',
    ],
    ['the requester as approver', reviewed({ id: 'agent:reporter' }), 'requester approves'],
    ['the user of the requester as approver', reviewed({ id: 'user:dana' }), 'requester approves'],
    ['an approver without the role', reviewed({ roles: ['intern'] }), 'do not meet'],
    ['a denial taken for an approval', reviewed({ verdict: 'deny' }), 'after an approver denied it'],
    ['an approval after its expiry', reviewed({}, { time: '2026-03-10T13:00:00.000Z' }), 'expired'],
  ])('finds %s', async (_, log, detail) => {
    const report = await reported(log);
    expect(of(report, 'linkage')).toMatchObject({ status: 'fail', detail: expect.stringContaining(detail) });
  });
  it('passes a denial by somebody who had approved, and what ends it', async () => {
    const log = begun();
    const review = log.add(decide(log, 'a', 'review'));
    const yes = log.add(approval('a', review, eve));
    const no = log.add(approval('a', review, eve, { verdict: 'deny' }));
    second(log, 'a', review, [yes, no], 'deny');
    expect((await reported(log)).result).toBe('pass');
  });
  it('passes a confirmation by the user where the rule asks for it', async () => {
    const log = begun();
    const draft = decide(log, 'a', 'review');
    const approvals = [{ rule: 'read_public', self: true, quorum: 1, timeout: 3_600_000 }] as const;
    const decision = { ...(draft.decision as NonNullable<Members['decision']>), approvals };
    const review = log.add({ ...draft, decision });
    const approve = log.add(approval('a', review, testKey('dana'), { id: 'user:dana', roles: [] }));
    second(log, 'a', review, [approve]);
    expect(of(await reported(log), 'linkage')).toMatchObject({ status: 'pass' });
  });
  it('finds one approver counted twice, and changed arguments at redemption', async () => {
    const log = begun();
    const review = log.add(decide(log, 'a', 'review'));
    log.add(approval('a', review, eve));
    log.add(approval('a', review, eve));
    await finds(log, 'linkage', 5, 'spoken twice');
    const regretted = begun();
    const doubted = regretted.add(decide(regretted, 'a', 'review'));
    regretted.add(approval('a', doubted, eve));
    regretted.add(approval('a', doubted, eve, { verdict: 'deny' }));
    expect(of(await reported(regretted), 'linkage')).toMatchObject({ status: 'pass' });
    const swapped = begun();
    const asked = swapped.add(decide(swapped, 'a', 'review'));
    const approve = swapped.add(approval('a', asked, eve));
    const { intent } = decide(swapped, 'b', 'allow');
    swapped.add({
      ...decide(swapped, 'a', 'allow'),
      intent,
      refs: { decide: asked, approve: [approve] },
    } as Members);
    await finds(swapped, 'linkage', 5, 'another intent');
    expect(EXPIRES).toContain('2026-03-09');
  });
});

describe('logs made to cost', () => {
  it('takes a thousand approvals of one review and no more', async () => {
    const log = begun();
    const review = log.add(decide(log, 'a', 'review'));
    const sound = approval('a', review, testKey('eve')).approval as NonNullable<Members['approval']>;
    for (let n = 0; n < 1001; n++) {
      const approver = { id: `user:${n}`, roles: ['content_lead'] };
      const proof = { session: hashOf('s'), method: 'console' };
      log.add({
        ...approval('a', review, testKey('eve')),
        approval: { ...sound, approver, proof },
        time: '2026-03-09T13:00:01.000Z',
      });
    }
    await finds(log, 'linkage', 1004, 'more than 1000 approvals');
  });

  it('says so when there are more revocations than it keeps', async () => {
    const log = begun();
    for (let n = 0; n <= 10_000; n++)
      log.add({ type: 'revoke', revoke: { key: hashOf(`key ${n}`), from: 9 } });
    const report = await reported(log);
    expect(report.result).toBe('incomplete');
    expect(of(report, 'keys')).toMatchObject({ status: 'not checked', entry: 10_003 });
  });
});
