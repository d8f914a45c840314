// SPDX-License-Identifier: Apache-2.0
/** Drafts, approvers and clocks for tests of approvals. */
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { createApproverKey } from '../../runtime/approvals/keys.js';
import type { ApproverEntry } from '../../runtime/approvals/registry.js';
import type { CloseDraft, Clock, Links, Pending } from '../../runtime/approvals/types.js';
import type { Draft, Openings } from '../../runtime/log/types.js';
import type { DecisionBody } from '../../runtime/verify/format/body.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';

export const POLICY = {
  name: 'acme.test',
  version: '1.0.0',
  source: digest('source'),
  module: digest('module'),
  compiler: digest('compiler'),
  activation: digest('activation'),
};

export type Need = NonNullable<DecisionBody['approvals']>[number];

export interface Ask {
  readonly args?: { readonly [name: string]: string };
  readonly principal?: string;
  readonly user?: string;
  readonly session?: string;
  readonly needs?: readonly Need[];
  /** ms of wall time. */
  readonly expires: number;
}

export const roleNeed = (role: string, quorum = 1, timeout = 900_000): Need => ({
  rule: `asks_${role}`,
  roles: [role],
  quorum,
  timeout,
});

/** A decide(review) draft and the clear text that belongs to it. */
export function reviewDraft(ask: Ask): { readonly draft: Draft; readonly openings: Openings } {
  const args = ask.args ?? { path: '/srv/data/a' };
  const intent = canonical({
    kind: 'tool',
    method: 'tools/call',
    server: 'fs',
    name: 'move_file',
    params: { arguments: args },
  });
  const draft: Draft = {
    type: 'decide',
    call: randomBytes(16).toString('base64'),
    principal: {
      id: ask.principal ?? 'agent:writer',
      roles: [],
      auth: { method: 'token', credential: 'tk_1' },
      ...(ask.user === undefined ? {} : { on_behalf_of: { id: ask.user, roles: [] } }),
      session: digest(ask.session ?? 's1'),
    },
    intent: {
      kind: 'tool',
      method: 'tools/call',
      server: 'fs',
      name: 'move_file',
      definition: digest('definition'),
      args_root: digest(canonical(args)),
      args_count: Object.keys(args).length,
      digest: digest(intent),
    },
    phase: 'call',
    policy: POLICY,
    decision: {
      effect: 'review',
      rules: ['moves'],
      default: false,
      approvals: ask.needs ?? [roleNeed('ops')],
      expires: new Date(ask.expires).toISOString(),
      steps: 1,
    },
  };
  return { draft, openings: { salt: randomBytes(16).toString('base64'), intent } };
}

/** The second decide entry of a redeemed call, as the gateway writes it. */
export function secondDecide(pending: Pending, links: Links, effect: 'allow' | 'deny'): Draft {
  return {
    type: 'decide',
    call: links.call,
    refs: links.refs,
    principal: pending.principal,
    intent: pending.intent,
    phase: 'call',
    policy: POLICY,
    decision: { effect, rules: [], default: effect === 'deny', steps: 1 },
  };
}

export const closing: CloseDraft = (pending, _why, links) => secondDecide(pending, links, 'deny');

export interface TestApprover {
  readonly entry: ApproverEntry;
  readonly key: KeyObject;
}

export function approver(id: string, ...roles: readonly string[]): TestApprover {
  const { pem, vkey } = createApproverKey(id.replace(':', '-'));
  return { entry: { id, roles, key: vkey }, key: createPrivateKey(pem) };
}

export interface TestClock extends Clock {
  pass(ms: number): void;
  /** Sets the wall clock alone, as a person or an attacker would. */
  setWall(ms: number): void;
}

export const START = Date.parse('2026-03-09T13:00:00.000Z');

export function testClock(): TestClock {
  let wall = START;
  let monotonic = 1000;
  return {
    wall: () => wall,
    monotonic: () => monotonic,
    pass: (ms) => {
      wall += ms;
      monotonic += ms;
    },
    setWall: (ms) => {
      wall = ms;
    },
  };
}
