// SPDX-License-Identifier: Apache-2.0
/**
 * One call, in order:
 *
 *   bytes → intent → facts → decide, limits reserved → decide entry durable → ALLOW: forward → outcome entry → client
 *                                                                           → DENY:  structured refusal
 *                                                                           → REVIEW: park, ask people, decide again
 *
 * Nothing is forwarded before its decide entry is durable; there is no switch that changes this order.
 */
import type { JsonObject } from '../verify/format/canonical.js';
import { confirmBySelf, formFor } from './confirm.js';
import { isModern } from './modern/envelope.js';
import { type Admitted, forward } from './forward.js';
import { type Asked, fixed, type Gate } from './gate.js';
import { type Intake, type Reader, readToolCall } from './intake.js';
import { unlessHidden } from './listed.js';
import { admit, draftOf, type Judged, judge, record, type Settled } from './judge.js';
import { waitFor } from './modern/waiting.js';
import { announce } from './propose.js';
import { defaultDeny, newCallId } from './record.js';
import { malformed, refuse, refuseEnded } from './refuse.js';
import { released } from './release.js';
import { hold, holdOpened, live, redeemed, reviewKey } from './review.js';
import type { RequestId } from './wire/message.js';
import type { Outgoing } from './wire/reply.js';

/** Answers one action, a `tools/call` unless `read` reads another kind: the response's text, or null when the client has cancelled. */
export async function call(
  gate: Gate,
  id: RequestId,
  params: JsonObject,
  asked: Asked,
  read: Reader = readToolCall,
): Promise<Outgoing | null> {
  const now = fixed(gate);
  const intake = await unlessHidden(now, asked.caller, read(now, asked.caller, params));
  if ('malformed' in intake) return malformed(gate, id, asked, intake.malformed);
  const held = await released(now, id, intake, asked);
  if (held !== null) return held;
  const settled = await settle(now, intake, asked, await judge(now, intake, asked));
  // A server that wanted input gets it in a call of its own, decided as this one.
  const anew: Admitted['again'] = (more, round) =>
    call(gate, id, { ...params, ...more }, { ...asked, round }, read);
  if (settled.kind !== 'parked') return conclude(gate, id, intake, asked, settled, anew);
  const { pending } = settled;
  void confirmBySelf(gate, pending, asked);
  // A modern client is sent away with the question, once: whoever closed the form waits as for others.
  if (isModern(asked.connection) && asked.round?.review === undefined) {
    const form = await formFor(gate, pending, asked);
    if (form !== null) return waitFor(gate, id, pending, intake, asked, form);
  }
  await hold(gate, pending, intake, asked);
  if (!live(gate, asked)) return waitFor(gate, id, pending, intake, asked);
  const state = await gate.approvals.wait(pending.id, 0);
  if (state === 'pending') return waitFor(gate, id, pending, intake, asked);
  if (state !== 'approved') return refuseEnded(gate, id, pending, state);
  // Read and decided again: pins and policy of this moment count, not those of the moment at which it was asked.
  const then = fixed(gate);
  const again = await unlessHidden(then, asked.caller, read(then, asked.caller, params));
  if ('malformed' in again) return malformed(gate, id, asked, again.malformed);
  const final = await settle(then, again, asked, await judge(then, again, asked));
  return conclude(gate, id, again, asked, final, anew);
}

async function conclude(
  gate: Gate,
  id: RequestId,
  intake: Intake,
  asked: Asked,
  settled: Settled,
  again: Admitted['again'],
): Promise<Outgoing | null> {
  announce(gate, asked, settled);
  switch (settled.kind) {
    case 'allow': {
      const { judged, kind: _, ...admitted } = settled;
      const { reservation, policy } = judged;
      return forward(gate, { id, intake, asked, ...admitted, policy, reservation, again });
    }
    case 'deny':
      return refuse(id, intake, settled.judged.decision, settled.entry, settled.judged.told);
    case 'parked':
      return waitFor(gate, id, settled.pending, intake, asked);
  }
}

/** Writes the decision down, joining it to the review that the identical call already waits in. */
async function settle(gate: Gate, intake: Intake, asked: Asked, judged: Judged): Promise<Settled> {
  try {
    return await written(gate, intake, asked, judged);
  } catch (error) {
    await judged.reservation.drop();
    throw error;
  }
}

async function written(gate: Gate, intake: Intake, asked: Asked, judged: Judged): Promise<Settled> {
  const { approvals } = gate;
  const parked = approvals.find(reviewKey(asked.caller, intake));
  const call = newCallId();
  switch (judged.decision.effect) {
    case 'allow':
      return admit(gate, intake, asked, judged, {
        call,
        links: parked && redeemed(gate, parked, judged.decision),
      });
    case 'deny': {
      const links = parked === null ? null : approvals.withdraw(parked.id);
      await judged.reservation.release(gate.now());
      const entry = await record(gate, intake, asked, judged, { call, links, propose: null });
      return { kind: 'deny', judged, entry };
    }
    case 'review': {
      const links = parked !== null && live(gate, asked) ? redeemed(gate, parked, judged.decision) : null;
      if (links !== null) {
        const decision = { ...judged.decision, effect: 'allow', timeout: null } as const;
        return admit(gate, intake, asked, { ...judged, decision }, { call, links });
      }
      const place = { call, links: null, propose: null };
      const { draft, openings } = await draftOf(gate, intake, asked, judged, place);
      const opened = await approvals.open(draft, openings);
      await holdOpened(gate, judged, call, opened);
      if (opened.kind === 'pending') return { kind: 'parked', pending: opened.pending };
      const full: Judged = { ...judged, decision: defaultDeny(opened.message) };
      const entry = await record(gate, intake, asked, full, { call, links: null, propose: null });
      return { kind: 'deny', judged: full, entry };
    }
  }
}
