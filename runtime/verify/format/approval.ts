// SPDX-License-Identifier: Apache-2.0
import { canonical } from './canonical.js';

/** What an approver signs: one verdict on one exact intent of one decision. */
export interface ApprovalClaim {
  /** Leaf of the decide(review) entry. */
  readonly decide: string;
  /** Digest of the whole canonical intent. */
  readonly intent: string;
  readonly verdict: 'approve' | 'deny';
  readonly approver: string;
  /** Base64 of 16 random bytes. */
  readonly nonce: string;
  /** RFC 3339; the expiry of the review. */
  readonly expires: string;
}

export function approvalText(claim: ApprovalClaim): string {
  return `sepal.dev/approval/v1\n${canonical(claim)}\n`;
}

/** What a certifying key signs about a key of this log. */
export function certificateText(log: string, purpose: string, key: string): string {
  return `sepal.dev/key/v1\n${canonical({ log, purpose, key })}\n`;
}

/** What the root signs to revoke a key of this log: what it signed from entry `from` on does not count. */
export function revocationText(log: string, key: string, from: number): string {
  return `sepal.dev/revoke/v1\n${canonical({ from, key, log })}\n`;
}
