// SPDX-License-Identifier: Apache-2.0
/** Receipts to parked calls: how a decide(review) entry reads as a pending approval, and an approve entry as a given one. */
import type { ApprovalNeed } from '../../stdlib/abi.js';
import { approvalText } from '../verify/format/approval.js';
import type { ApprovalBody, Body, IntentDigest, PolicyRef, Principal } from '../verify/format/body.js';
import { canonical } from '../verify/format/canonical.js';
import { parseBase64 } from '../verify/format/note.js';
import type { Registry } from './registry.js';
import { selfOf } from './requirements.js';
import type { Given, ReviewKey } from './types.js';

/** A decide(review) entry, as far as a parked call needs it. */
export interface Question {
  readonly id: string;
  readonly seq: number;
  readonly leaf: string;
  readonly call: string;
  readonly key: ReviewKey;
  readonly principal: Principal;
  readonly intent: IntentDigest;
  readonly policy: PolicyRef;
  readonly rules: readonly string[];
  readonly reason: string | null;
  readonly needs: readonly ApprovalNeed[];
  readonly opened: string;
  readonly expires: string;
}

/** The part of a body (or draft) that makes it a question. */
type Asked = Pick<Body, 'type' | 'call' | 'refs' | 'phase' | 'principal' | 'intent' | 'policy' | 'decision'>;

/** Null unless it is the first decision of a call, or on its answer, with effect review. */
export function readQuestion(
  body: Asked,
  place: { readonly log: string; readonly seq: number; readonly leaf: string; readonly time: string },
): Question | null {
  const { call, principal, intent, policy, decision } = body;
  const { phase } = body;
  if (body.type !== 'decide' || (phase !== 'call' && phase !== 'result') || decision?.effect !== 'review')
    return null;
  if ((body.refs?.decide !== undefined) !== (phase === 'result') || decision.expires === undefined)
    return null;
  if (call === undefined || principal === undefined || intent === undefined || policy === undefined)
    return null;
  return {
    id: `${place.log}#${place.seq}`,
    seq: place.seq,
    leaf: place.leaf,
    call,
    key: reviewKey(principal, intent, phase),
    principal,
    intent,
    policy,
    rules: decision.rules,
    reason: decision.reason ?? null,
    needs: (decision.approvals ?? []).map((need) => ({
      rule: need.rule,
      self: need.self === true,
      roles: need.roles ?? [],
      quorum: need.quorum,
      timeout: need.timeout,
    })),
    opened: place.time,
    expires: decision.expires,
  };
}

/** The leaf of the review that a second decision ends, or null; that of a first decision on an answer names no review. */
export function endedReview(body: Body): string | null {
  if (body.type !== 'decide' || body.phase === 'list' || body.decision?.effect === 'review') return null;
  return body.refs?.decide ?? null;
}

export type End = 'redeemed' | 'denied' | 'expired' | 'withdrawn';

/** A review ends this much before `expires`, so that no entry which uses it is dated after. */
export const EARLY_MS = 50;
/** How many ended reviews are remembered, for whoever still asks. */
export const REMEMBERED = 10_000;

/** What a second decision of the log says about how the review ended. */
export function endOf(body: Body, question: Pick<Question, 'expires'>): End {
  if (body.decision?.effect === 'allow') return 'redeemed';
  return Date.parse(body.time) >= Date.parse(question.expires) - EARLY_MS ? 'expired' : 'denied';
}

export function reviewKey(
  principal: Principal,
  intent: IntentDigest,
  phase: Body['phase'] = 'call',
): ReviewKey {
  return {
    digest: intent.digest,
    definition: intent.definition ?? null,
    principal: principal.id,
    user: principal.on_behalf_of?.id ?? null,
    session: principal.session,
    ...(phase === 'result' ? { phase } : {}),
  };
}

/** One text per key, for maps. */
export function keyText(key: ReviewKey): string {
  const { digest, definition, principal, user, session, phase } = key;
  return canonical([digest, definition, principal, user, session, ...(phase === undefined ? [] : [phase])]);
}

/** Does the recorded proof hold under the key that is registered now? Asked again after a restart. */
export function proofHolds(approval: ApprovalBody, question: Question, registry: Registry): boolean {
  if ('session' in approval.proof) {
    const { id } = approval.approver;
    return (
      approval.proof.session === question.key.session &&
      id === selfOf(question.key) &&
      approval.expires === question.expires
    );
  }
  const approver = registry.get(approval.approver.id);
  if (approver === undefined || !('key' in approval.proof) || approval.proof.key !== approver.key)
    return false;
  if (approval.expires !== question.expires) return false;
  const signature = parseBase64(approval.proof.signature);
  return (
    signature !== null &&
    approver.verify(claimBytes(question, approval.verdict, approver.id, approval.nonce), signature)
  );
}

/** The bytes that an approver signs. */
export function claimBytes(
  question: Pick<Question, 'leaf' | 'intent' | 'expires'>,
  verdict: 'approve' | 'deny',
  approver: string,
  nonce: string,
): Uint8Array {
  return Buffer.from(
    approvalText({
      decide: question.leaf,
      intent: question.intent.digest,
      verdict,
      approver,
      nonce,
      expires: question.expires,
    }),
  );
}

export function readGiven(approval: ApprovalBody, leaf: string, time: string): Given {
  return {
    approver: approval.approver.id,
    roles: approval.approver.roles,
    key: 'key' in approval.proof ? approval.proof.key : '',
    leaf,
    time,
  };
}
