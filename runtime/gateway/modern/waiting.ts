// SPDX-License-Identifier: Apache-2.0
/** A modern client whose call waits for people is sent away with a state, and comes back with it: no connection is held open for hours. */
import type { Pending } from '../../approvals/types.js';
import type { Asked, Gate } from '../gate.js';
import { type Intake, readerOf } from '../intake.js';
import { park } from '../refuse.js';
import { pendingMeta, reviewReceipt } from '../review.js';
import type { RequestId } from '../wire/message.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import { resultOf } from '../wire/reply.js';
import { isModern } from './envelope.js';
import { aboutOf } from './rounds.js';

/** Clients give up after ten rounds: before that they are told in words that the approval is pending. */
const MAX_WAITS = 8;
const KEPT_MS = 600_000;

/** Under which the client answers for its user. */
export const CONFIRM = 'confirm';

/**
 * The answer while people have not answered. The state carries no right: the identical call redeems with or without it. `form` is asked of the
 * user of the call.
 */
export function waitFor(
  gate: Gate,
  id: RequestId,
  pending: Pending,
  intake: Intake,
  asked: Asked,
  form: JsonObject | null = null,
): string {
  const count = asked.round?.count ?? 0;
  // What a server has asked for in this call would not come back with a state alone.
  const plain = !/"(?:inputResponses|requestState)":/.test(intake.intent.params);
  const may = isModern(asked.connection) && readerOf(intake.intent.method) !== null;
  if (!may || !plain || count >= MAX_WAITS) return park(gate, id, pending);
  const left = { count, talk: null, close: () => undefined, review: pending.id };
  const requestState = gate.rounds.open(aboutOf(asked.caller, intake), null, left, KEPT_MS);
  const _meta = pendingMeta(pending, reviewReceipt(pending, gate.kid));
  const asks =
    form === null
      ? {}
      : { inputRequests: { [CONFIRM]: { method: 'elicitation/create', params: { mode: 'form', ...form } } } };
  return resultOf(id, { resultType: 'input_required', ...asks, requestState, _meta });
}
