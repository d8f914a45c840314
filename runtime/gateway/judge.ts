// SPDX-License-Identifier: Apache-2.0
/** One evaluation of the policy in force: facts, decision, and the entry that says so. */
import type { Decision, Facts, Request } from '../../stdlib/abi.js';
import { withinCeiling } from '../decide/ceiling.js';
import type { Links } from '../approvals/types.js';
import type { Appended } from '../log/types.js';
import type { ActivePolicy, Asked, Gate, Reservation } from './gate.js';
import type { Intake } from './intake.js';
import { decideDraft, defaultDeny } from './record.js';
import { expiryOf } from './review.js';

/** A decision and everything that it was made from. */
export interface Judged {
  readonly policy: ActivePolicy;
  readonly request: Request;
  readonly decision: Decision;
  readonly facts: Facts;
  readonly reservation: Reservation;
}

const NOTHING: Reservation = {
  counts: [],
  commit: () => Promise.resolve(),
  release: () => Promise.resolve(),
};

/** Asks the policy; what is barred before it (no pin, schema misfit …) is a deny by default. */
export async function judge(gate: Gate, intake: Intake, asked: Asked): Promise<Judged> {
  const policy = gate.policy();
  const { kind, server, name, args } = intake.intent;
  const request: Request = { ...asked.caller.subject, intent: { kind, server, name, args } };
  const barred = (why: string): Judged => ({
    policy,
    request,
    decision: defaultDeny(why),
    facts: {},
    reservation: NOTHING,
  });
  if (intake.barred !== null) return barred(intake.barred);
  const judged = await gate.decide(policy.module, request, 'call');
  const inside = withinCeiling(asked.caller.identity.ceiling, { kind, server, name });
  if (judged.decision.effect !== 'deny' && (intake.hidden || !inside)) {
    await judged.reservation.release();
    return barred(
      inside ? 'no rule may grant this to the principal' : "this is outside the credential's ceiling",
    );
  }
  return { policy, request, ...judged };
}

export interface Place {
  readonly call: string;
  readonly links: Links | null;
  /** Leaf of the propose entry, where there is one. */
  readonly propose: string | null;
}

export function draftOf(gate: Gate, intake: Intake, asked: Asked, judged: Judged, place: Place) {
  const { policy, request, decision, facts, reservation } = judged;
  return decideDraft({
    ...place,
    caller: asked.caller,
    intent: intake.intent,
    definition: intake.definition,
    trace: intake.beside.traceparent,
    policy: policy.ref,
    decision,
    facts,
    reads: intake.barred === null ? policy.module.reads(request) : [],
    counts: reservation.counts,
    expires: expiryOf(decision, gate.now()),
  });
}

/** Appends the decide entry; resolves once it is durable. */
export function record(
  gate: Gate,
  intake: Intake,
  asked: Asked,
  judged: Judged,
  place: Place,
): Promise<Appended> {
  const { draft, openings } = draftOf(gate, intake, asked, judged, place);
  return gate.log.append(draft, openings);
}
