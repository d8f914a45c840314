// SPDX-License-Identifier: Apache-2.0
/** Approvals of a review: who may give one, what it signs, and whether the ones given are enough. */
import { approvalText } from './format/approval.js';
import type { ApprovalBody, Body, DecisionBody } from './format/body.js';
import { nodeVerifier } from './format/ed25519.js';
import { parseBase64, parseVerifierKey, type VerifierKey } from './format/note.js';
import type { Trust } from './format/trust.js';
import type { Decided } from './linkage.js';

/** An approval that was recorded and is sound. */
export interface Given {
  readonly leaf: string;
  readonly approval: ApprovalBody;
}

type Need = NonNullable<DecisionBody['approvals']>[number];

/**
 * What is wrong with an approve entry of `review`; its signature by the approver's own key is checked here. `known` are the keys
 * of approvers that the trust file lists, if it lists any.
 */
export function approvalFault(review: Decided, body: Body, known: Trust['approvers']): string | null {
  const { approval } = body;
  if (approval === undefined) return 'the entry holds no approval';
  if (approval.expires < body.time) return 'the approval had expired';
  const closes = review.body.decision?.expires;
  if (closes !== undefined && closes < body.time) return 'the approval came after the review had expired';
  const before = review.given.filter((g) => g.approval.approver.id === approval.approver.id);
  // Who has approved may still think better of it.
  if (before.some((g) => approval.verdict === 'approve' || g.approval.verdict === 'deny')) {
    return 'an approver has spoken twice about one review';
  }
  if (isRequester(approval.approver.id, review.body) && !needs(review.body).some((need) => need.self)) {
    return 'the requester approves the own call';
  }
  const { proof } = approval;
  if (!('key' in proof)) return null;
  const key = parseVerifierKey(proof.key);
  if (known !== null && !isKnown(known.get(approval.approver.id) ?? [], key)) {
    return 'the key is not one that the trust file lists for the approver';
  }
  const signature = parseBase64(proof.signature);
  const verify = key === null ? null : nodeVerifier(key.key);
  const text = approvalText({
    decide: review.leaf,
    intent: review.body.intent?.digest ?? '',
    verdict: approval.verdict,
    approver: approval.approver.id,
    nonce: approval.nonce,
    expires: approval.expires,
  });
  return verify !== null && signature !== null && verify(Buffer.from(text), signature)
    ? null
    : "the approver's signature does not verify";
}

const isKnown = (keys: readonly VerifierKey[], key: VerifierKey | null): boolean =>
  keys.some((k) => k.name === key?.name && k.key.equals(key.key));

/** What is wrong with a second decision of a call: other people or intent, or let through without what the review asked for. */
export function reviewFault(before: Decided, body: Body): string | null {
  if (body.principal?.id !== before.body.principal?.id) return 'the second decision is for another principal';
  if (body.principal?.on_behalf_of?.id !== before.body.principal?.on_behalf_of?.id) {
    return 'the second decision is for another user';
  }
  if (body.intent?.digest !== before.body.intent?.digest)
    return 'the second decision is about another intent';
  const named = body.refs?.approve ?? [];
  const given = before.given.filter((g) => named.includes(g.leaf));
  if (given.length !== named.length) return 'refs.approve names an approval that this review does not have';
  if (body.decision?.effect === 'deny' || before.body.decision?.effect !== 'review') return null;
  if (before.given.some((g) => g.approval.verdict === 'deny'))
    return 'the call goes on after an approver denied it';
  if (named.length === 0) return withoutApproval(before.body, body);
  if ((before.body.decision.expires ?? body.time) < body.time)
    return 'the review was redeemed after it had expired';
  const asked = needs(body).length > 0 ? needs(body) : needs(before.body);
  const unmet = asked.find((need) => !met(need, given, before.body));
  return unmet === undefined ? null : `the approvals do not meet what rule "${unmet.rule}" asked for`;
}

/** Without approvals a review goes on only where other rules decided, or where it stays a review. */
function withoutApproval(before: Body, body: Body): string | null {
  if (body.decision?.effect === 'review') return null;
  const rules = (of: Body): string => JSON.stringify([...(of.decision?.rules ?? [])].sort());
  return needs(body).length > 0 || rules(before) === rules(body)
    ? 'a review was let through without an approval'
    : null;
}

const needs = (body: Body): readonly Need[] => body.decision?.approvals ?? [];

function met(need: Need, given: readonly Given[], review: Body): boolean {
  const people = new Set<string>();
  for (const { approval } of given) {
    const { id, roles } = approval.approver;
    const counts = need.self
      ? id === selfOf(review)
      : !isRequester(id, review) && (need.roles ?? []).some((role) => roles.includes(role));
    if (approval.verdict === 'approve' && counts) people.add(id);
  }
  return people.size >= Math.max(1, need.quorum);
}

/** Under either identity: the principal, or the user on whose behalf it acts. */
function isRequester(id: string, { principal }: Body): boolean {
  return id === principal?.id || id === principal?.on_behalf_of?.id;
}

/** Who confirms a `self` asker: the user, or the principal if it is one. */
function selfOf({ principal }: Body): string | undefined {
  return (
    principal?.on_behalf_of?.id ?? (principal?.id.startsWith('user:') === true ? principal.id : undefined)
  );
}
