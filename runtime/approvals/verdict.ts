// SPDX-License-Identifier: Apache-2.0
/** One person's verdict, checked from the outside in: registered, fresh, signed, not the requester, asked for, first time. */
import type { ApprovalNeed } from '../../stdlib/abi.js';
import type { ApprovalBody } from '../verify/format/body.js';
import { parseBase64 } from '../verify/format/note.js';
import { claimBytes, type Question } from './fold.js';
import type { Registry } from './registry.js';
import { eligible, isRequester, selfOf } from './requirements.js';
import type { Verdict, VerdictFault, VerdictResult } from './types.js';

/** A parked call as a verdict on it is judged. */
export interface Judged {
  readonly question: Question;
  /** What the policy asked last. */
  readonly needs: readonly ApprovalNeed[];
  /** Approvers whose approval is recorded or on its way to the disk. */
  readonly heard: ReadonlySet<string>;
  readonly nonces: ReadonlySet<string>;
}

type Refused = VerdictResult & { readonly ok: false };

/** The approval as it will stand in the receipt, or why there will be none. */
export function checkVerdict(
  verdict: Verdict,
  parked: Judged,
  registry: Registry,
): { readonly ok: true; readonly approval: ApprovalBody } | Refused {
  const { question } = parked;
  const approver = registry.get(verdict.approver);
  if (approver === undefined) {
    return refuse(
      'unknown_approver',
      `${JSON.stringify(verdict.approver)} is not a registered approver`,
      'add the id and the key to `approvers` in sepal.json and start the gateway again',
    );
  }
  if (parseBase64(verdict.nonce)?.length !== 16 || parked.nonces.has(verdict.nonce)) {
    return refuse(
      'bad_nonce',
      'the nonce is not 16 fresh bytes in base64',
      'sign again: each verdict has a nonce of its own',
    );
  }
  const signature = parseBase64(verdict.signature);
  const claim = claimBytes(question, verdict.verdict, approver.id, verdict.nonce);
  if (signature === null || !approver.verify(claim, signature)) {
    return refuse(
      'bad_signature',
      `the signature is not by the registered key of ${approver.id} over this verdict on this call`,
      'sign with the key whose vkey stands in `approvers`, after `sepal approvals show`',
    );
  }
  if (!parked.needs.some((need) => eligible(need, approver, question.key))) {
    return isRequester(approver.id, question.key)
      ? refuse('requester', 'nobody decides on a call of their own', 'ask another approver')
      : refuse(
          'wrong_role',
          `${approver.id} has none of the roles that this call asks for`,
          `it asks for ${roles(parked)}`,
        );
  }
  if (verdict.verdict === 'approve' && parked.heard.has(approver.id)) {
    return refuse(
      'repeated',
      `${approver.id} has approved this call already`,
      'one person counts once; another approver is needed',
    );
  }
  return {
    ok: true,
    approval: {
      verdict: verdict.verdict,
      approver: { id: approver.id, roles: approver.roles },
      nonce: verdict.nonce,
      expires: question.expires,
      proof: { key: approver.key, signature: verdict.signature },
    },
  };
}

/** Why the word of the person for whom the call is made does not count; null where it does. */
export function attestFault(
  { question: { key }, needs, heard }: Judged,
  {
    approver,
    session,
    verdict,
  }: { readonly approver: string; readonly session: string; readonly verdict: 'approve' | 'deny' },
): Refused | null {
  const asked = needs.some(({ self }) => self) && approver === selfOf(key) && session === key.session;
  if (!asked)
    return refuse(
      'wrong_role',
      'this call asks nobody to confirm it in person',
      'another approver is needed',
    );
  if (verdict === 'deny' || !heard.has(approver)) return null;
  return refuse('repeated', `${approver} has approved this call already`, 'one person counts once');
}

function roles(parked: Judged): string {
  const asked = parked.needs.flatMap((need) =>
    need.self ? ['the user in person'] : need.roles.map((role) => `role ${role}`),
  );
  return [...new Set(asked)].join(', ');
}

/** The answer to a verdict on a call that is not open. */
export function refuseVerdict(
  why: 'redeemed' | 'denied' | 'expired' | 'withdrawn' | 'unknown_pending',
  { id }: { readonly id: string },
): Refused {
  const list = 'see what is waiting with `sepal approvals list`';
  switch (why) {
    case 'unknown_pending':
      return refuse('unknown_pending', `no call ${JSON.stringify(id)} is waiting for approval`, list);
    case 'expired':
      return refuse('expired', `${id} has expired`, 'the caller must ask again');
    case 'redeemed':
      return refuse('closed', `${id} has been approved and used already`, list);
    case 'denied':
    case 'withdrawn':
      return refuse('closed', `${id} has been denied already`, list);
  }
}

function refuse(code: VerdictFault, message: string, help: string): Refused {
  return { ok: false, code, message, help };
}
