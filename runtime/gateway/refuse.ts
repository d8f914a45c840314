// SPDX-License-Identifier: Apache-2.0
/** What a client is told when its call is not forwarded. */
import type { ActionKind, Decision } from '../../stdlib/abi.js';
import type { Pending, WaitResult } from '../approvals/types.js';
import type { Appended } from '../log/types.js';
import { type Caller, sourceName } from './caller.js';
import type { Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import { receiptMeta } from './record.js';
import { pendingMeta, reviewReceipt } from './review.js';
import { INVALID_PARAMS, NOT_DONE, NOT_FOUND, type RequestId } from './wire/message.js';
import { errorOf, RECEIPT_META, toolRefusal } from './wire/reply.js';

/** Not a call at all: an error, and a count in the log. */
export const malformed = (gate: Gate, id: RequestId, asked: Asked, why: string): Promise<string> =>
  refuseInput(gate, asked.caller, id, INVALID_PARAMS, why);

/** Input that no rule is asked about: an error, and a count in the log. */
export async function refuseInput(
  gate: Gate,
  caller: Caller,
  id: RequestId | null,
  code: number,
  why: string,
): Promise<string> {
  await gate.floods.record('refused_input', sourceName(caller), why);
  return errorOf(id, code, why);
}

/** A deny. A tool that the caller cannot see and one that does not exist are answered alike. */
export function refuse(
  id: RequestId,
  intake: Intake,
  decision: Decision,
  entry: Appended,
  told: readonly string[] = [],
): string {
  const meta = { [RECEIPT_META]: receiptMeta(entry, 'deny') };
  const { kind } = intake.intent;
  if (intake.hidden) return unknown(id, kind, intake.exposed, meta);
  const sentence =
    decision.reason === null
      ? 'Denied: no rule of the policy allows this call.'
      : `Denied: ${decision.reason}`;
  const ends = told.length === 0 || /[.!?]$/.test(sentence);
  return notDone(id, kind, [ends ? sentence : `${sentence}.`, ...told].join(' '), meta);
}

/** As servers say it of what they do not have. */
function unknown(id: RequestId, kind: ActionKind, name: string, meta: Meta): string {
  if (kind === 'resource')
    return errorOf(id, NOT_FOUND, `Resource not found: ${name}`, { uri: name, ...meta });
  return errorOf(id, INVALID_PARAMS, `Unknown ${kind === 'completion' ? 'reference' : kind}: ${name}`, meta);
}

/** A call that is answered and did not happen: for a tool a result that the model can read, else an error. */
export function notDone(id: RequestId, kind: ActionKind, sentence: string, meta: Meta): string {
  return kind === 'tool' ? toolRefusal(id, sentence, meta) : errorOf(id, NOT_DONE, sentence, meta);
}

type Meta = { readonly [key: string]: unknown };

/** People have not answered (or the client has gone): the identical call may be repeated. */
export function park(gate: Gate, id: RequestId, pending: Pending): string {
  const sentence = `approval ${pending.id} pending; repeat the same call when approved`;
  return notDone(id, kindOf(pending), sentence, pendingMeta(pending, reviewReceipt(pending, gate.kid)));
}

const ENDED: { readonly [state in Exclude<WaitResult, 'pending' | 'approved'>]: string } = {
  denied: 'Denied: an approver denied the call.',
  expired: 'Denied: the approval was not given in time.',
  redeemed: 'Denied: the approval has been used by another call.',
};

/** Receipts name kinds as text; those of parked calls are ours. */
const kindOf = ({ intent }: Pending): ActionKind => intent.kind as ActionKind;

/** The review that this call waited in has ended without it. */
export function refuseEnded(gate: Gate, id: RequestId, pending: Pending, state: keyof typeof ENDED): string {
  return notDone(id, kindOf(pending), ENDED[state], {
    'dev.sepal/review': { decision: 'deny', approvalId: pending.id },
    [RECEIPT_META]: reviewReceipt(pending, gate.kid),
  });
}

export const tooMany = (id: RequestId, message: string): string => toolRefusal(id, `Denied: ${message}`, {});
