// SPDX-License-Identifier: Apache-2.0
/**
 * An answer that a person has to see first (`escalate … on result`). It is kept sealed beside the log, with the review that waits for it,
 * and goes to the identical call of the same principal once it is approved: decided again, exactly once, without calling the server again.
 */
import type { Decision } from '../../stdlib/abi.js';
import type { Pending } from '../approvals/types.js';
import type { Appended, Draft, Openings } from '../log/types.js';
import { digest } from '../verify/format/hash.js';
import { answerDraft, type Counts, maskAnswer } from './answer-entry.js';
import type { Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import { judge } from './judge.js';
import { defaultDeny, receiptMeta } from './record.js';
import { notDone } from './refuse.js';
import { hold, live, pendingMeta, redeemed, reviewKey, reviewReceipt } from './review.js';
import type { RequestId } from './wire/message.js';
import { errorText, RECEIPT_META, resultText, withMeta } from './wire/reply.js';

/** The fact that names the withheld answer in the receipts: its SHA-256. Policies have no such name. */
export const HELD_FACT = 'withheld answer';
/** A longer answer is withheld for good: what waits is kept twice, and shown whole to a person. */
const MAX_HELD = 4 * 1024 * 1024;

/** What the server answered, as it came. */
export interface Raw {
  readonly kind: 'result' | 'error';
  readonly raw: string;
}

/** Parks the answer under the review that `draft` asks for; null where it cannot wait, and is withheld for good. */
export async function holdAnswer(
  gate: Gate,
  { intake, asked }: { readonly intake: Intake; readonly asked: Asked },
  answer: Raw,
  { draft, openings }: { readonly draft: Draft; readonly openings: Openings },
): Promise<Pending | null> {
  const key = { ...reviewKey(asked.caller, intake), phase: 'result' } as const;
  if (answer.raw.length > MAX_HELD || gate.approvals.find(key) !== null) return null;
  const { kind, raw } = answer;
  const opened = await gate.approvals.open(draft, { ...openings, held: JSON.stringify({ kind, raw }) });
  return opened.kind === 'pending' && !opened.joined ? opened.pending : null;
}

/** The response to a call whose answer is held, or null where none is: the call is then made as any other. */
export async function released(
  gate: Gate,
  id: RequestId,
  intake: Intake,
  asked: Asked,
): Promise<string | null> {
  const pending = gate.approvals.find({ ...reviewKey(asked.caller, intake), phase: 'result' });
  if (pending === null || intake.barred !== null) return null;
  // Who may not make the call any more does not get its answer either.
  const { decision, reservation } = await judge(gate, intake, asked);
  await reservation.drop();
  return decision.effect === 'deny' ? null : awaitRelease(gate, id, intake, asked, pending);
}

/** Holds the client while people look at the answer, and gives it what they say. */
export async function awaitRelease(
  gate: Gate,
  id: RequestId,
  intake: Intake,
  asked: Asked,
  pending: Pending,
): Promise<string | null> {
  await hold(gate, pending, intake, asked);
  const state = live(gate, asked) ? await gate.approvals.wait(pending.id, 0) : 'pending';
  switch (state) {
    case 'pending':
      return waiting(gate, id, intake, pending);
    case 'approved':
      return release(gate, id, intake, asked, pending);
    case 'denied':
      return withheld(gate, id, intake, pending, 'an approver denied its release');
    case 'expired':
      return withheld(gate, id, intake, pending, 'nobody approved its release in time');
    case 'redeemed':
      return withheld(gate, id, intake, pending, 'it was given to another request already');
  }
}

function waiting(gate: Gate, id: RequestId, intake: Intake, pending: Pending): string {
  const why = pending.reason ?? 'a rule of the policy asks for it';
  const sentence = `The call was made, and its answer is withheld until a person has approved it: ${why}. Ask again with the identical call to get the answer; the call is not made a second time while it waits (approval ${pending.id}).`;
  return notDone(id, intake.intent.kind, sentence, pendingMeta(pending, reviewReceipt(pending, gate.kid)));
}

function withheld(gate: Gate, id: RequestId, intake: Intake, pending: Pending, why: string): string {
  const meta = { [RECEIPT_META]: { ...reviewReceipt(pending, gate.kid), decision: 'deny' } };
  return notDone(id, intake.intent.kind, `The call was made, and its answer is withheld: ${why}.`, meta);
}

/** Decides on the answer again, under the policy of this moment, and gives it out once that is in the log. */
async function release(
  gate: Gate,
  id: RequestId,
  intake: Intake,
  asked: Asked,
  pending: Pending,
): Promise<string> {
  const answer = await keptAnswer(gate, pending);
  const value: unknown = answer === null ? null : JSON.parse(answer.raw);
  const policy = gate.policy();
  const { kind, server, name, args } = intake.intent;
  const request = { intent: { kind, server, name, args }, ...asked.caller.subject };
  const judged = await gate.decide(policy.module, request, 'result', value).catch((error: unknown) => {
    gate.say(`the rules on results could not be evaluated: ${String(error)}`);
    return null;
  });
  const again = await decidedAgain(gate, intake, value, answer, judged?.decision ?? null);
  const { decision } = again;
  const links =
    decision.effect === 'deny' ? gate.approvals.withdraw(pending.id) : redeemed(gate, pending, decision);
  if (links === null)
    return decision.effect === 'review'
      ? waiting(gate, id, intake, pending)
      : withheld(gate, id, intake, pending, 'it was given to another request already');
  const given: Decision =
    decision.effect === 'review' ? { ...decision, effect: 'allow', timeout: null } : decision;
  const facts = answer === null ? {} : { ...judged?.facts, [HELD_FACT]: digest(answer.raw) };
  const { draft, openings } = await answerDraft(
    gate,
    { intake, asked, policy, call: links.call },
    {
      decision: given,
      facts,
      reads: judged?.reads ?? [],
      refs: links.refs,
      masked: again.counts,
    },
  );
  const entry = await gate.log.append(draft, openings);
  if (given.effect === 'deny' || answer === null)
    return notDone(
      id,
      kind,
      `The call was made, and its answer is withheld: ${given.reason ?? 'a rule of the policy does not let it through'}.`,
      {
        [RECEIPT_META]: receiptMeta(entry, 'deny'),
      },
    );
  return delivered(id, { kind: answer.kind, raw: again.raw ?? answer.raw }, entry);
}

const delivered = (id: RequestId, { kind, raw }: Raw, entry: Appended): string =>
  kind === 'error' ? errorText(id, raw) : resultText(id, withMeta(raw, receiptMeta(entry, 'allow')));

interface Again {
  readonly decision: Decision;
  readonly raw: string | null;
  readonly counts: Counts;
}

async function decidedAgain(
  gate: Gate,
  intake: Intake,
  value: unknown,
  answer: Raw | null,
  decision: Decision | null,
): Promise<Again> {
  const denied = (why: string): Again => ({ decision: defaultDeny(why), raw: null, counts: [] });
  if (answer === null) return denied('the withheld answer is not what it was');
  if (decision === null) return denied('the rules on results could not be evaluated');
  if (decision.effect === 'deny' || decision.masks === undefined) return { decision, raw: null, counts: [] };
  const masked = await maskAnswer(gate, intake.intent, value, decision.masks);
  if ('why' in masked) return denied(`the answer could not be masked: ${masked.why}`);
  return { decision, raw: JSON.stringify(masked.value), counts: masked.counts };
}

/** The answer that the review holds; null where it is not the one that its receipt names. */
async function keptAnswer(gate: Gate, { seq }: Pending): Promise<Raw | null> {
  const kept = await gate.log.openings(seq);
  if (kept?.held === undefined || kept.facts === undefined) return null;
  const answer = JSON.parse(kept.held) as Raw;
  const facts = JSON.parse(kept.facts) as { readonly [name: string]: unknown };
  return facts[HELD_FACT] === digest(answer.raw) ? answer : null;
}
