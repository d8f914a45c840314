// SPDX-License-Identifier: Apache-2.0
/** SEP (docs/gateway): `authorization/propose` runs the path of a call up to the decision; nothing is forwarded and nothing redeemed. */
import type { JsonObject } from '../verify/format/canonical.js';
import { receiptPrincipal } from '../decide/identity.js';
import { type Asked, fixed, type Gate } from './gate.js';
import { type Intake, readToolCall } from './intake.js';
import { unlessHidden } from './listed.js';
import { draftOf, type Judged, judge, record } from './judge.js';
import { intentBody, newCallId, newSalt, outcomeDraft, receiptMeta } from './record.js';
import { malformed, tooMany } from './refuse.js';
import { holdOpened, reviewKey, reviewReceipt } from './review.js';
import { INVALID_PARAMS, isObject, type RequestId } from './wire/message.js';
import { errorOf, RECEIPT_META, type ReceiptMeta, resultOf } from './wire/reply.js';

/** The result is the decision. `params` are those of the `tools/call` that is meant. */
export async function propose(live: Gate, id: RequestId, params: JsonObject, asked: Asked): Promise<string> {
  const gate = fixed(live);
  const intake = await unlessHidden(gate, asked.caller, readToolCall(gate, asked.caller, params));
  if ('malformed' in intake) return malformed(gate, id, asked, intake.malformed);
  const call = newCallId();
  const proposed = await writeProposal(gate, intake, asked, call);
  const judged = await judge(gate, intake, asked);
  const answer = (receipt: ReceiptMeta, more: { readonly [key: string]: unknown } = {}): string =>
    resultOf(id, {
      type: 'authorization/decide',
      decision: receipt.decision,
      reason: judged.decision.reason,
      ...more,
      _meta: { [RECEIPT_META]: receipt },
    });
  if (judged.decision.effect !== 'review') {
    await judged.reservation.release(gate.now());
    const entry = await record(gate, intake, asked, judged, { call, links: null, propose: proposed });
    if (judged.decision.effect === 'allow') {
      const { draft } = outcomeDraft(call, entry.leaf, { status: 'not_sent', ms: 0 }, null);
      await gate.log.append(draft);
    }
    const receipt = receiptMeta(entry, judged.decision.effect);
    return intake.hidden
      ? errorOf(id, INVALID_PARAMS, `Unknown tool: ${intake.exposed}`, { [RECEIPT_META]: receipt })
      : answer(receipt);
  }
  const parked = await parkProposal(gate, intake, asked, judged, { call, links: null, propose: proposed });
  if (parked.kind === 'full') return tooMany(id, parked.message);
  const { pending } = parked;
  return answer(reviewReceipt(pending, gate.kid), { approvalId: pending.id, expires: pending.expires });
}

async function writeProposal(gate: Gate, intake: Intake, asked: Asked, call: string): Promise<string> {
  const salt = newSalt();
  const intent = intentBody(intake.intent, intake.definition, intake.beside.traceparent, salt);
  const entry = await gate.log.append(
    { type: 'propose', call, principal: receiptPrincipal(asked.caller.identity), intent },
    { salt: salt.toString('base64'), intent: intake.intent.text },
  );
  return entry.leaf;
}

async function parkProposal(
  gate: Gate,
  intake: Intake,
  asked: Asked,
  judged: Judged,
  place: Parameters<typeof record>[4],
) {
  const { draft, openings } = draftOf(gate, intake, asked, judged, place);
  const opened = await gate.approvals.open(draft, openings);
  await holdOpened(gate, judged, place.call, opened);
  return opened;
}

const MAX_WAIT_MS = 30_000;

/** `authorization/decide {approvalId}`: waits a while for the people; the same caller only. */
export async function awaitDecision(
  gate: Gate,
  id: RequestId,
  params: JsonObject,
  asked: Asked,
): Promise<string> {
  const approvalId = isObject(params) ? params['approvalId'] : undefined;
  const pending = typeof approvalId === 'string' ? gate.approvals.get(approvalId) : null;
  if (pending === null || !sameRequester(pending.key, asked))
    return errorOf(id, INVALID_PARAMS, 'no such approval is pending');
  const signal = AbortSignal.any([asked.cancel, asked.side.gone]);
  const state = await gate.approvals.wait(pending.id, MAX_WAIT_MS, signal);
  return resultOf(id, {
    type: 'authorization/decide',
    decision: 'review',
    approvalId: pending.id,
    state,
    expires: pending.expires,
  });
}

function sameRequester(key: ReturnType<typeof reviewKey>, { caller }: Asked): boolean {
  return key.principal === caller.subject.principal && key.user === caller.subject.user;
}
