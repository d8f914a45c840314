// SPDX-License-Identifier: Apache-2.0
/** One evaluation of the policy in force: facts, decision, and the entry that says so. */
import type { Decision, Facts, Request } from '../../stdlib/abi.js';
import { type Action, withinCeiling } from '../decide/ceiling.js';
import type { Identity } from '../decide/identity.js';
import { scopesFor } from '../decide/jwt-claims.js';
import type { Links, Pending } from '../approvals/types.js';
import type { Appended } from '../log/types.js';
import type { Effect } from '../verify/format/body.js';
import { LimitsFull, NO_RESERVATION, type Reservation } from '../decide/limits.js';
import type { ActivePolicy, Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import { leaveOf } from './decision-token.js';
import { decideDraft, defaultDeny } from './record.js';
import { expiryOf, reviewKey } from './review.js';

/** A decision and everything that it was made from. */
export interface Judged {
  readonly policy: ActivePolicy;
  readonly decision: Decision;
  readonly facts: Facts;
  /** JSON pointers of the arguments that the evaluation read. */
  readonly reads: readonly string[];
  readonly reservation: Reservation;
  /** Of a denial whose rule says `tell`: the nearest changes that would be permitted, in words. */
  readonly told?: readonly string[];
  /** In a dry run: what the policy said of a call that is forwarded all the same. */
  readonly dryRun?: Effect;
}

/** Asks the policy; what is barred before it (no pin, schema misfit …) and an evaluation that fails are denies by default. */
export async function judge(gate: Gate, intake: Intake, asked: Asked): Promise<Judged> {
  const policy = gate.policy();
  const { kind, server, name, args } = intake.intent;
  const request: Request = { intent: { kind, server, name, args }, ...asked.caller.subject };
  const barred = (why: string): Judged => ({
    policy,
    decision: defaultDeny(why),
    facts: {},
    reads: [],
    reservation: NO_RESERVATION,
  });
  const why =
    intake.barred ??
    gate.switches.why(asked.caller, { server, name }) ??
    tokenFault(gate, intake, asked, policy);
  if (why !== null) return barred(why);
  const counts = policy.module.measures !== undefined;
  const own = counts ? (gate.approvals.find(reviewKey(asked.caller, intake))?.call ?? null) : null;
  const by = { claims: asked.caller.identity.claims ?? {}, own };
  const answer = await gate.decide(policy.module, request, 'call', undefined, by).catch((error: unknown) => {
    gate.say(`the policy could not be evaluated: ${String(error)}`);
    return error instanceof LimitsFull ? error.message : 'the policy could not be evaluated';
  });
  if (typeof answer === 'string') return barred(answer);
  const judged = gate.dryRun ? watched(answer) : answer;
  const inside = withinCeiling(asked.caller.identity.ceiling, { kind, server, name });
  if (judged.decision.effect !== 'deny' && (intake.hidden || !inside)) {
    await judged.reservation.drop();
    return barred(
      inside ? 'no rule may grant this to the principal' : "this is outside the credential's ceiling",
    );
  }
  const lacking = lackingScopes(gate, asked.caller.identity, { kind, server, name });
  if (judged.decision.effect === 'deny' || lacking.length === 0) return { policy, ...judged };
  // Last, so that whoever is denied anyway learns nothing, and is not sent for a token that would not help.
  await judged.reservation.drop();
  asked.side.stepUp?.(lacking);
  return barred(`the token lacks a scope; all of these are needed: ${lacking.join(' ')}`);
}

/** In a dry run what the policy says is written down and not done. */
export function watched<J extends { readonly decision: Decision }>(
  judged: J,
): J & { readonly dryRun?: Effect } {
  const { decision } = judged;
  if (decision.effect === 'allow') return judged;
  const { masks: _, ...rest } = decision;
  return { dryRun: decision.effect, ...judged, decision: { ...rest, effect: 'allow', timeout: null } };
}

/** Of a signed token: what the action needs and the token was not granted. */
function lackingScopes(
  { config }: Gate,
  { method, scopes = [] }: Identity,
  action: Action,
): readonly string[] {
  const { jwt } = config.identity;
  return method === 'jwt' && jwt !== null ? scopesFor(jwt, scopes, action) : [];
}

/** Answers of tokens by request: one that waited for people is judged twice, and its token is used once. */
const judgedTokens = new WeakMap<Asked, string | null>();

/** Why the decision token that came with a call stands in its way; null where none came. */
function tokenFault(gate: Gate, intake: Intake, asked: Asked, policy: ActivePolicy): string | null {
  const token = intake.beside.decision;
  if (token === undefined) return null;
  const known = judgedTokens.get(asked);
  if (known !== undefined) return known;
  const fault = gate.decisions.use(token, leaveOf(asked.caller, intake.intent, intake.definition, policy));
  judgedTokens.set(asked, fault);
  return fault;
}

export interface Place {
  readonly call: string;
  readonly links: Links | null;
  /** Leaf of the propose entry, where there is one. */
  readonly propose: string | null;
}

export function draftOf(gate: Gate, intake: Intake, asked: Asked, judged: Judged, place: Place) {
  const { policy, decision, facts, reads, reservation, dryRun = null } = judged;
  return decideDraft({
    dryRun,
    ...place,
    caller: asked.caller,
    intent: intake.intent,
    definition: intake.definition,
    trace: intake.beside.traceparent,
    policy: policy.ref,
    decision,
    facts,
    reads,
    counts: decision.effect === 'deny' ? reservation.attempts : reservation.counts,
    expires: expiryOf(decision, gate.now()),
  });
}

/** Appends the decide entry; resolves once it is durable. */
export async function record(
  gate: Gate,
  intake: Intake,
  asked: Asked,
  judged: Judged,
  place: Place,
): Promise<Appended> {
  const { draft, openings } = await draftOf(gate, intake, asked, judged, place);
  const written = gate.log.append(draft, openings);
  // While the disk works there is time for what nobody waits for.
  setImmediate(() => gate.idle.now());
  return written;
}

/** What the decision came to, once it is in the log. */
export type Settled =
  | {
      readonly kind: 'allow';
      readonly call: string;
      readonly entry: Appended;
      readonly judged: Judged;
      readonly redeems: boolean;
    }
  | { readonly kind: 'deny'; readonly entry: Appended; readonly judged: Judged }
  | { readonly kind: 'parked'; readonly pending: Pending };

/** Writes the decide(allow) entry; `links` where it redeems a review. */
export async function admit(
  gate: Gate,
  intake: Intake,
  asked: Asked,
  judged: Judged,
  place: { readonly call: string; readonly links: Links | null },
): Promise<Settled> {
  const entry = await record(gate, intake, asked, judged, { propose: null, ...place });
  const { links } = place;
  return { kind: 'allow', call: links?.call ?? place.call, entry, judged, redeems: links !== null };
}
