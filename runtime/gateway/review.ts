// SPDX-License-Identifier: Apache-2.0
/** A call that needs people: parked, held while the client waits, decided again once they have answered, redeemed exactly once. */
import { isAnyOver } from '../ending.js';
import type { Decision } from '../../stdlib/abi.js';
import type { CloseDraft, Closing, Links, Opened, Pending, ReviewKey } from '../approvals/types.js';
import type { Draft } from '../log/types.js';
import type { Caller } from './caller.js';
import type { ActivePolicy, Asked, Gate } from './gate.js';
import type { Judged } from './judge.js';
import type { Intake } from './intake.js';
import { decisionBody, defaultDeny } from './record.js';
import { notificationOf, RECEIPT_META, type ReceiptMeta, type ReviewMeta } from './wire/reply.js';

const PROGRESS_MS = 5_000;
const RETRY_MS = 5_000;

export function reviewKey(caller: Caller, intake: Intake): ReviewKey {
  return {
    digest: intake.intent.digest,
    definition: intake.definition,
    principal: caller.subject.principal,
    user: caller.subject.user,
    session: caller.subject.session,
  };
}

/** Waits for people as long as the client may be held, telling it so where it gave a progress token. */
export async function hold(gate: Gate, pending: Pending, intake: Intake, asked: Asked): Promise<void> {
  const started = performance.now();
  const end = started + gate.config.approvals.holdSeconds * 1000;
  const ends = [asked.cancel, asked.side.gone];
  const token = intake.beside.progressToken;
  for (let left = end - performance.now(); left > 0 && !isAnyOver(ends); left = end - performance.now()) {
    if (token !== null) {
      const seconds = Math.round((performance.now() - started) / 1000);
      const message = `waiting for approval ${pending.id}`;
      asked.side.notify(
        notificationOf('notifications/progress', { progressToken: token, progress: seconds, message }),
      );
    }
    const state = await gate.approvals.wait(
      pending.id,
      Math.min(left, token === null ? left : PROGRESS_MS),
      ends,
    );
    if (state !== 'pending') return;
  }
}

/** What a client is told while people have not answered; ids and hashes only. */
export function pendingMeta(
  pending: Pending,
  receipt: ReceiptMeta | null,
): { readonly [key: string]: unknown } {
  const review: ReviewMeta = { decision: 'review', approvalId: pending.id, retryAfterMs: RETRY_MS };
  return { 'dev.sepal/review': review, ...review, ...(receipt === null ? {} : { [RECEIPT_META]: receipt }) };
}

/** RFC 3339 of the moment at which a review made now expires; null for other decisions. */
export function expiryOf(decision: Decision, now: number): string | null {
  return decision.effect === 'review' ? new Date(now + (decision.timeout ?? 0)).toISOString() : null;
}

const WHY_ANSWER: { readonly [why in Closing]: string } = {
  expired: 'the release of the answer was not approved in time',
  denied: 'an approver denied the release of the answer',
  openings_lost: 'the clear text of the withheld answer was lost',
};

const WHY: { readonly [why in Closing]: string } = {
  expired: 'the approval was not given in time',
  denied: 'an approver denied the call',
  openings_lost: 'the clear text of the parked call was lost',
};

/** The decide(deny) entry that ends a parked call without its requester. */
export function closeDraft(policy: () => ActivePolicy, ended: (call: string) => void): CloseDraft {
  return (pending: Pending, why: Closing, links: Links): Draft => {
    const phase = pending.key.phase ?? 'call';
    if (phase === 'call') ended(links.call);
    return {
      type: 'decide',
      call: links.call,
      refs: links.refs,
      principal: pending.principal,
      intent: pending.intent,
      phase,
      policy: policy().ref,
      decision: decisionBody(defaultDeny((phase === 'call' ? WHY : WHY_ANSWER)[why]), null),
    };
  };
}

/** What a review counts: nothing where it joined another, attempts where there was no room for it, and else it stays reserved. */
export function holdOpened(gate: Gate, { reservation }: Judged, call: string, opened: Opened): Promise<void> {
  if (opened.kind === 'full') return reservation.release(gate.now());
  return opened.joined ? reservation.drop() : reservation.park(call, Date.parse(opened.pending.opened));
}

/** The receipt of the decide(review) entry, for the client's `_meta`. */
export function reviewReceipt(pending: Pending, kid: string): ReceiptMeta {
  return { id: pending.id, hash: pending.leaf, decision: 'review', seq: pending.seq, kid };
}

/** The links of the parked review, if its approvals meet what the policy asks now and nobody else was faster. */
export function redeemed(gate: Gate, parked: Pending, { effect, approvals }: Decision): Links | null {
  if (effect === 'deny') return null;
  const result = gate.approvals.redeem(parked.id, effect === 'allow' ? { effect } : { effect, approvals });
  return result.kind === 'redeemed' ? result.links : null;
}

/** Is the requester still there, with a credential that still holds? */
export const live = (gate: Gate, { caller, cancel, side }: Asked): boolean =>
  !cancel.over && !side.gone.over && gate.admits(caller);
