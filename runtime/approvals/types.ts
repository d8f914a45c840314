// SPDX-License-Identifier: Apache-2.0
/**
 * Review as the gateway sees it: park a call, learn what people said, redeem once.
 *
 * ```
 * decide → review → approvals.open(draft)      the decide(review) entry is durable, the call is parked (or joins the parked one)
 *        → approvals.wait(id, hold, ends)      approved · denied · expired · redeemed · pending
 *        → decide again → redeem(id, decision) exactly one caller gets the links for its decide(allow) entry
 *                       → withdraw(id)         where the second decision is deny: links for the decide(deny) entry
 * ```
 * The receipt log is the store: everything here is a fold over its entries, rebuilt at start.
 */
import type { Ended } from '../ending.js';
import type { ApprovalNeed } from '../../stdlib/abi.js';
import type { Draft, Openings, StoredEntry } from '../log/types.js';
import type { ReviewState } from './open-reviews.js';
import type { IntentDigest, PolicyRef, Principal } from '../verify/format/body.js';

/** What an approval is bound to; two calls with the same key are the same question. */
export interface ReviewKey {
  /** Digest of the whole canonical intent. */
  readonly digest: string;
  readonly definition: string | null;
  readonly principal: string;
  readonly user: string | null;
  readonly session: string;
  /** It is the answer of the call that waits, not the call. */
  readonly phase?: 'result';
}

/** One recorded approval that counts. */
export interface Given {
  readonly approver: string;
  /** Roles at the moment of the verdict. */
  readonly roles: readonly string[];
  /** The approver's vkey. */
  readonly key: string;
  /** Leaf of the approve entry. */
  readonly leaf: string;
  readonly time: string;
}

/** What is missing for one asker. */
export interface Missing {
  readonly rule: string;
  readonly self: boolean;
  readonly roles: readonly string[];
  /** How many more people. */
  readonly people: number;
}

/** A parked call. */
export interface Pending {
  /** The receipt's id, `<origin>#<seq>` of the decide(review) entry. */
  readonly id: string;
  readonly seq: number;
  /** Leaf of the decide(review) entry. */
  readonly leaf: string;
  /** Id of the call; its decide, approve and outcome entries all carry it. */
  readonly call: string;
  readonly key: ReviewKey;
  readonly principal: Principal;
  readonly intent: IntentDigest;
  /** The policy that asked. */
  readonly policy: PolicyRef;
  readonly rules: readonly string[];
  readonly reason: string | null;
  readonly needs: readonly ApprovalNeed[];
  /** RFC 3339. */
  readonly opened: string;
  readonly expires: string;
  readonly given: readonly Given[];
  /** Empty when every asker's requirement is met. */
  readonly missing: readonly Missing[];
}

/** For the second decide entry: `call` and `refs` as they stand in it. */
export interface Links {
  readonly call: string;
  readonly refs: { readonly decide: string; readonly approve: readonly string[] };
}

/** What an approver must see before signing. */
export interface Shown {
  readonly pending: Pending;
  /** JCS text whose SHA-256 is `pending.intent.digest`. */
  readonly intent: string;
  /** JSON text of the answer, where that is what waits. */
  readonly answer?: string;
}

export type Opened =
  /** `joined`: an identical call was parked before; the draft was not written and its reservation must be released. */
  | { readonly kind: 'pending'; readonly pending: Pending; readonly joined: boolean }
  /** Too many parked calls: the gateway denies. Nothing was written. */
  | { readonly kind: 'full'; readonly message: string };

export type WaitResult = 'approved' | 'denied' | 'expired' | 'redeemed' | 'pending';

/** The second decision, as far as redemption needs it. */
export type Redecision =
  | { readonly effect: 'allow' }
  | { readonly effect: 'review'; readonly approvals: readonly ApprovalNeed[] };

export type Redeemed =
  /** Yours, and nobody else's: append decide(allow) with these links, then forward. */
  | { readonly kind: 'redeemed'; readonly links: Links; readonly pending: Pending }
  /** Not enough approvals for what the policy asks now; the call stays parked. */
  | { readonly kind: 'unmet'; readonly pending: Pending }
  /** Denied, expired, or redeemed by another call. */
  | { readonly kind: 'gone'; readonly why: 'denied' | 'expired' | 'redeemed' | 'unknown' };

/** A person's signed verdict, as it comes over the control socket. */
export interface Verdict {
  readonly id: string;
  readonly verdict: 'approve' | 'deny';
  readonly approver: string;
  /** Base64 of 16 random bytes, chosen by the approver, single use. */
  readonly nonce: string;
  /** Base64 of the Ed25519 signature over `approvalText`. */
  readonly signature: string;
}

/** What the gateway heard on an authenticated session. */
export interface Attested {
  readonly verdict: 'approve' | 'deny';
  readonly approver: string;
  readonly session: string;
  /** How the session was authenticated. */
  readonly method: string;
}

export type VerdictResult =
  | { readonly ok: true; readonly pending: Pending; readonly state: 'approved' | 'pending' | 'denied' }
  | { readonly ok: false; readonly code: VerdictFault; readonly message: string; readonly help: string };

export type VerdictFault =
  | 'unknown_pending'
  | 'expired'
  | 'closed'
  | 'unknown_approver'
  | 'bad_signature'
  | 'bad_nonce'
  | 'requester'
  | 'wrong_role'
  | 'repeated';

/** Why a parked call ends without the requester: the gateway words the decide(deny) entry. */
export type Closing = 'expired' | 'denied' | 'openings_lost';

/** Builds the decide(deny) entry that ends a parked call, under the policy of that moment. */
export interface CloseDraft {
  (pending: Pending, why: Closing, links: Links): Draft | Promise<Draft>;
}

export interface Approvals {
  /** Feed every entry of the log, in order, before `start`. */
  observe(entry: StoredEntry): void;
  /** What a snapshot says of the entries before those that are observed (open-reviews.ts). */
  load(state: ReviewState): void;
  /** Ends what expired (or lost its openings) while the gateway was down, and starts the clock. */
  start(): Promise<void>;
  /**
   * Appends the decide(review) draft and parks the call; an identical call (same key) joins the parked one instead. The draft must carry
   * `call`, `principal`, `intent`, `policy`, `phase` and a review `decision` with `approvals` and `expires`; for an answer, the phase is
   * `result`, `refs.decide` the decision that let the call through, and the openings hold the answer.
   */
  open(draft: Draft, openings: Openings): Promise<Opened>;
  find(key: ReviewKey): Pending | null;
  get(id: string): Pending | null;
  list(): readonly Pending[];
  /** A parked call with the exact canonical intent (JCS text); null when it is unknown, or ended because its openings are lost. */
  show(id: string): Promise<Shown | null>;
  /** Resolves at once when it is decided already; `pending` after `ms` or at the first of the ends. */
  wait(id: string, ms: number, ends?: readonly Ended[]): Promise<WaitResult>;
  /** Synchronous compare-and-set: of any number of callers exactly one is `redeemed`. Call it only for a live requester. */
  redeem(id: string, decision: Redecision): Redeemed;
  /** The second decision is deny: takes the call out; null when another was faster. The gateway appends the decide(deny) entry. */
  withdraw(id: string): Links | null;
  /** Checks and records one person's verdict; resolves once it is durable. */
  decideBy(verdict: Verdict): Promise<VerdictResult>;
  /** The word of the person for whom the call is made, heard on their own session; counts for `by self` alone. */
  attest(id: string, word: Attested): Promise<VerdictResult>;
  /** Is a call of this session parked? Such a session does not idle out. */
  holds(session: string): boolean;
  /** Ends what has expired; runs on a timer after `start`. */
  tick(): Promise<void>;
  /** Stops the timer; parked calls stay in the log. */
  stop(): void;
}

/** Wall time and a clock that nobody can set, both in milliseconds. */
export interface Clock {
  readonly wall: () => number;
  readonly monotonic: () => number;
}
