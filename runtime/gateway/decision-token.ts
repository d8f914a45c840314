// SPDX-License-Identifier: Apache-2.0
/**
 * Decision tokens (SEP): what a client shows with a call that it proposed before. A token is good once, for the same principal, call, definition
 * and policy, and only within its time; the call is evaluated all the same, so it can only narrow what happens.
 */
import { randomBytes } from 'node:crypto';
import { canonical } from '../verify/format/canonical.js';
import { type Caller, whoseKey } from './caller.js';
import type { ActivePolicy } from './gate.js';
import { createSeal } from './modern/sealed.js';

/** What a token stands for. */
export interface Leave {
  readonly who: string;
  /** Of the canonical intent: kind, server, name and arguments. */
  readonly digest: string;
  readonly definition: string | null;
  /** Activation of the policy that decided. */
  readonly policy: string;
}

export interface DecisionTokens {
  issue(leave: Leave, forMs: number): { readonly token: string; readonly expires: string };
  /** Uses a token up: why it is not good for this call, or null. */
  use(token: unknown, leave: Leave): string | null;
}

export const DECISION_MS = 300_000;
const MAX_OPEN = 100_000;
const WRONG = 'the decision token is not one of this gateway for this call';

/** `now` is monotonic, `wall` the time of day; both in milliseconds. */
export function createDecisionTokens(now: () => number, wall: () => number): DecisionTokens {
  const seal = createSeal();
  const open = new Map<string, number>();
  return {
    issue(leave, forMs) {
      const id = randomBytes(16).toString('base64url');
      for (const [other, until] of open) {
        if (until > now() && open.size < MAX_OPEN) break;
        open.delete(other);
      }
      open.set(id, now() + forMs);
      const expires = new Date(wall() + forMs).toISOString();
      return { token: seal.close(JSON.stringify({ id, leave })), expires };
    },
    use(token, leave) {
      const text = typeof token === 'string' ? seal.open(token) : null;
      if (text === null) return WRONG;
      const own = JSON.parse(text) as { readonly id: string; readonly leave: Leave };
      const { policy, ...rest } = own.leave;
      const { policy: current, ...asked } = leave;
      if (canonical({ ...rest }) !== canonical({ ...asked })) return WRONG;
      const until = open.get(own.id);
      open.delete(own.id);
      if (until === undefined) return 'the decision token has been used';
      if (until <= now()) return 'the decision token has expired';
      return policy === current ? null : 'the policy has changed since the decision token was given';
    },
  };
}

export const leaveOf = (
  caller: Caller,
  intent: { readonly digest: string },
  definition: string | null,
  policy: ActivePolicy,
): Leave => ({
  who: whoseKey(caller),
  digest: intent.digest,
  definition,
  policy: policy.ref.activation ?? policy.ref.module,
});
