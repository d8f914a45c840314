// SPDX-License-Identifier: Apache-2.0
/** Calls whose entries do not belong together. */
import { keyBody, printVerifierKey } from '../../../runtime/verify/format/index.js';
import { IDENTITY, IDENTITY_SIGNATURE } from '../edwards.js';
import { approval, decide, hashOf, idOf, type Members, outcome, smallLog, TestLog, testKey } from '../log.js';
import { bad, begun, withOne, deny, trustOf, W, witnessed } from './make.js';

export function life(): void {
  const linkage = (name: string, about: string, change: (log: TestLog) => unknown): void =>
    bad(name, 'linkage', about, withOne(change));
  const eve = testKey('eve');
  const second = (
    log: TestLog,
    word: string,
    review: string,
    approve: readonly string[],
    more: object = {},
  ): string =>
    log.add({ ...decide(log, word, 'allow'), refs: { decide: review, approve }, ...more } as Members);
  linkage('outcome-after-deny', 'An outcome of a call that was denied.', (log) =>
    log.add(outcome('a', log.call('a', 'deny'))),
  );
  linkage('two-outcomes', 'Two outcomes of one call.', (log) => log.add(outcome('a', log.call('a'))));
  linkage('other-call', 'An outcome under the call id of another call.', (log) =>
    log.add(outcome('b', log.call('a', 'allow', null))),
  );
  linkage('review-skipped', 'A review goes on without any approval.', (log) =>
    second(log, 'a', log.add(decide(log, 'a', 'review')), []),
  );
  linkage('approval-other-intent', 'An approval of another intent.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    const approve = log.add({
      ...approval('a', review, eve),
      approval: approval('b', review, eve).approval,
    } as Members);
    second(log, 'a', review, [approve]);
  });
  linkage('approval-reused', 'An approval of one call is used for another.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    const approve = log.add(approval('a', review, eve));
    log.add(outcome('a', second(log, 'a', review, [approve])));
    second(log, 'b', log.add(decide(log, 'b', 'review')), [approve]);
  });
  linkage('approval-by-requester', 'The requester approves the own call.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve, { id: 'user:dana' }))]);
  });
  linkage('approval-without-role', 'The approver has none of the roles asked for.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve, { roles: ['intern'] }))]);
  });
  linkage('approval-denied', 'The call goes on after an approver denied it.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve, { verdict: 'deny' }))]);
  });
  linkage('approval-late', 'An approval after the review had expired.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    log.add({ ...approval('a', review, eve), time: '2026-03-09T15:00:00.000Z' });
  });
  linkage('approval-twice', 'One person counts twice towards a quorum.', (log) => {
    const base = decide(log, 'a', 'review');
    const approvals = [{ rule: 'read_public', roles: ['content_lead'], quorum: 2, timeout: 3_600_000 }];
    const review = log.add({ ...base, decision: { ...base.decision, approvals } } as Members);
    second(log, 'a', review, [log.add(approval('a', review, eve)), log.add(approval('a', review, eve))]);
  });
  linkage('approval-weak-key', 'An approval by a key of small order.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    const weak = { ...eve, vkey: printVerifierKey('eve', IDENTITY), sign: () => IDENTITY_SIGNATURE };
    second(log, 'a', review, [log.add(approval('a', review, weak))]);
  });
  const pinned = smallLog();
  bad(
    'approval-other-key',
    'linkage',
    'The gateway made a key for the approver; the trust file lists the real one.',
    pinned,
    {
      'trust.json': trustOf(pinned, { approvers: [{ id: 'user:eve', key: testKey('eve', 'real').vkey }] }),
    },
  );
  linkage('intent-swapped', 'Other arguments than those approved.', (log) => {
    const review = log.add(decide(log, 'a', 'review'));
    second(log, 'a', review, [log.add(approval('a', review, eve))], {
      intent: decide(log, 'b', 'allow').intent,
    });
  });
  linkage('policy-swapped', 'Another module under the same activation.', (log) =>
    deny(log, 'a', { policy: { ...decide(log, 'a', 'deny').policy, module: hashOf('x') } }),
  );
  linkage('policy-never', 'A policy that was never activated.', (log) =>
    deny(log, 'a', { policy: { ...decide(log, 'a', 'deny').policy, activation: hashOf('x') } }),
  );
  linkage('policy-later', 'A policy that is activated only after the decision.', (log) => {
    const policy = { ...decide(log, 'a', 'deny').policy, version: '3.0.0' };
    const { activation: _, ...active } = policy;
    const scratch = begun();
    scratch.call('one');
    deny(scratch, 'a');
    const later = scratch.add({ type: 'policy', policy: active } as Members);
    deny(log, 'a', { policy: { ...policy, activation: later } });
    log.add({ type: 'policy', policy: active } as Members);
  });
  bad(
    'lost',
    'completeness',
    'A call was let through and the next process says nothing of it.',
    withOne((log) => {
      log.call('lost', 'allow', null);
      log.boot = idOf('second boot');
      log.call('next');
    }),
  );
  bad(
    'clock',
    'time',
    'The time goes back.',
    withOne((log) => deny(log, 'a', { time: '2026-03-09T12:59:59.000Z' })),
  );
  const future = withOne((log) => deny(log, 'a', { time: '2026-03-10T13:00:00.000Z' }));
  bad(
    'clock-ahead',
    'time',
    'An entry says a later time than the witnesses that saw it.',
    future,
    witnessed(future, 2, W),
  );
  const genesis = withOne((log) =>
    log.add({ type: 'genesis', key: keyBody('root+log', log.logKey, { root: log.root }) }),
  );
  bad('genesis-twice', 'bytes', 'A second genesis.', genesis);
  bad(
    'gap',
    'chain',
    'A number is left out.',
    withOne((log) => deny(log, 'a', { seq: log.size + 1 })),
  );
}
