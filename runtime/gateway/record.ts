// SPDX-License-Identifier: Apache-2.0
/** Drafts of the entries of a call, and what clients are told of them. */
import type { Decision, Facts } from '../../stdlib/abi.js';
import type { Links } from '../approvals/types.js';
import { freshBytes } from '../log/random.js';
import type { Appended, Draft, Openings } from '../log/types.js';
import { receiptPrincipal } from '../decide/identity.js';
import type { Count } from '../decide/limits.js';
import type { DecisionBody, Effect, IntentDigest, OutcomeBody, PolicyRef } from '../verify/format/body.js';
import { canonical, type JsonValue } from '../verify/format/canonical.js';
import { type Commitment, commitMembers, commitText } from '../verify/format/commit.js';
import type { Caller } from './caller.js';
import type { Outcome } from './large/desk.js';
import type { Raw } from './large/service.js';
import type { CanonicalIntent } from './wire/intent.js';
import type { ReceiptMeta } from './wire/reply.js';

/** Pointers of the commitments start with these (docs/receipt-format): an argument's is the one that `reads` names it by. */
const ARGS = '';
const FACTS = '/facts';
const RESULT = '/result';
/** A longer result is committed to, but its text is not kept. */
const MAX_KEPT_RESULT = 64 * 1024;

export const newCallId = (): string => freshBytes(16).toString('base64');
export const newSalt = (): Buffer => freshBytes(16);

export const commitArgs = (salt: Uint8Array, args: CanonicalIntent['args']): Commitment =>
  commitMembers(salt, ARGS, args);

export function intentBody(
  intent: CanonicalIntent,
  definition: string | null,
  trace: string | null,
  { root, count }: Commitment,
): IntentDigest {
  return {
    kind: intent.kind,
    method: intent.method,
    server: intent.server,
    name: intent.name,
    ...(definition === null ? {} : { definition }),
    args_root: root,
    args_count: count,
    digest: intent.digest,
    ...(trace === null ? {} : { trace }),
  };
}

export function decisionBody(
  decision: Decision,
  expires: string | null,
  dryRun: Effect | null = null,
): DecisionBody {
  return {
    effect: decision.effect,
    rules: [...decision.rules],
    ...(decision.shadow.length === 0 ? {} : { shadow: decision.shadow }),
    default: decision.default,
    ...(decision.reason === null ? {} : { reason: decision.reason }),
    ...(decision.approvals.length === 0
      ? {}
      : {
          approvals: decision.approvals.map(({ rule, self, roles, quorum, timeout }) =>
            self ? { rule, self, quorum, timeout } : { rule, roles: [...roles], quorum, timeout },
          ),
        }),
    ...(expires === null ? {} : { expires }),
    ...(dryRun === null ? {} : { dry_run: dryRun }),
    steps: decision.steps,
  };
}

/** Everything that a decide entry says, but for where it stands. */
export interface DecideInput {
  readonly call: string;
  readonly caller: Caller;
  readonly intent: CanonicalIntent;
  readonly definition: string | null;
  readonly trace: string | null;
  readonly policy: PolicyRef;
  readonly decision: Decision;
  readonly facts: Facts;
  readonly reads: readonly string[];
  readonly counts: readonly Count[];
  readonly expires: string | null;
  readonly links: Links | null;
  readonly propose: string | null;
  /** What the policy said, where the call is forwarded all the same. */
  readonly dryRun?: Effect | null;
}

/** The commitment of one receipt to the arguments, and the clear text of the intent that is kept beside it. */
export async function committed(intent: CanonicalIntent): Promise<{
  readonly salt: Buffer;
  readonly args: Commitment;
  readonly clear: Pick<Openings, 'intent' | 'intentApart'>;
}> {
  if (intent.large === undefined) {
    const salt = newSalt();
    return { salt, args: commitArgs(salt, intent.kept ?? intent.args), clear: { intent: intent.text } };
  }
  const { salt, apart, ...args } = await intent.large.commit();
  const clear = apart === null ? { intent: intent.text } : { intentApart: apart };
  return { salt: Buffer.from(salt, 'base64'), args, clear };
}

/** The decide entry of a call and the clear text kept beside it. */
export async function decideDraft(
  input: DecideInput,
): Promise<{ readonly draft: Draft; readonly openings: Openings }> {
  const { salt, args, clear } = await committed(input.intent);
  const used = Object.entries(input.facts).filter(
    (pair): pair is [string, JsonValue] => pair[1] !== undefined,
  );
  const facts: { [name: string]: JsonValue } = Object.fromEntries(used);
  const names = Object.keys(facts).sort();
  const refs = {
    ...(input.propose === null ? {} : { propose: input.propose }),
    ...input.links?.refs,
  };
  const draft: Draft = {
    type: 'decide',
    call: input.links?.call ?? input.call,
    ...(Object.keys(refs).length === 0 ? {} : { refs }),
    principal: receiptPrincipal(input.caller.identity),
    intent: intentBody(input.intent, input.definition, input.trace, args),
    phase: 'call',
    policy: input.policy,
    ...(names.length === 0 ? {} : { facts: names, facts_root: commitMembers(salt, FACTS, facts).root }),
    ...(input.reads.length === 0 ? {} : { reads: input.reads }),
    ...(input.decision.unknowns.length === 0 ? {} : { unknowns: input.decision.unknowns }),
    ...(input.counts.length === 0 ? {} : { counts: input.counts }),
    decision: {
      ...decisionBody(input.decision, input.expires, input.dryRun ?? null),
      ...maskedIn(input.intent),
    },
  };
  const openings: Openings = {
    salt: salt.toString('base64'),
    ...clear,
    ...(names.length === 0 ? {} : { facts: canonical(facts) }),
  };
  return { draft, openings };
}

/** The arguments that the receipt does not hold, by their pointers. */
const maskedIn = ({ masked }: CanonicalIntent): Pick<DecisionBody, 'masked'> =>
  masked === undefined ? {} : { masked: masked.map((kind) => ({ kind, count: 1 })) };

/** What became of a forwarded call; `result` is the upstream's own text, which is kept unless it was masked or withheld. */
export async function outcomeDraft(
  call: string,
  decide: string,
  outcome: Pick<OutcomeBody, 'status'> & { readonly ms: number },
  result: Raw | null,
  keep = true,
): Promise<{ readonly draft: Draft; readonly openings: Openings | undefined }> {
  const base = { type: 'outcome', call, refs: { decide } } as const;
  if (result === null) return { draft: { outcome, ...base }, openings: undefined };
  const kept = keep && typeof result === 'string' && result.length <= MAX_KEPT_RESULT ? { result } : {};
  const { salt, root, bytes } = typeof result === 'string' ? outcomeOf(result) : await result.outcome();
  return {
    draft: { outcome: { bytes, ...outcome, result_root: root }, ...base },
    openings: { salt, ...kept },
  };
}

/** The commitment to an answer. */
export function outcomeOf(result: string): Outcome {
  const salt = newSalt();
  return {
    salt: salt.toString('base64'),
    root: commitText(salt, RESULT, result),
    bytes: Buffer.byteLength(result),
  };
}

export const receiptMeta = (entry: Appended, decision: Effect): ReceiptMeta => ({
  id: entry.id,
  hash: entry.leaf,
  decision,
  seq: entry.seq,
  kid: entry.kid,
});

/** A deny that comes from no rule. */
export function defaultDeny(reason: string, steps = 0): Decision {
  return {
    effect: 'deny',
    rules: [],
    default: true,
    reason,
    unknowns: [],
    approvals: [],
    timeout: null,
    shadow: [],
    steps,
  };
}
