// SPDX-License-Identifier: Apache-2.0
/**
 * A server wants input before it answers. Each thing that it asks for is decided as a request of its own; then a modern client is sent away with
 * the questions, and a legacy one is asked on the stream of its call. Whatever comes back is a new request, decided anew.
 */
import { askedOf, closeQuestion, judgeQuestion, type Put, type Reply } from '../asking.js';
import { attestSelf } from '../confirm.js';
import { checkedReply } from '../client-answer.js';
import type { Admitted } from '../forward.js';
import type { Asked, Gate } from '../gate.js';
import type { Read } from '../intake.js';
import { receiptMeta } from '../record.js';
import { malformed, refuseEnded, refuseInput } from '../refuse.js';
import type { Asks } from '../upstream/exchange.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import { INVALID_PARAMS, isObject, type RpcRequest } from '../wire/message.js';
import { type Outgoing, resultText, withMeta } from '../wire/reply.js';
import { isModern } from './envelope.js';
import { setMember } from './reply.js';
import { aboutOf, type Round } from './rounds.js';
import { CONFIRM } from './waiting.js';

const MAX_ROUNDS = 32;
const KEPT_MS = 600_000;

export type Wanted =
  /** Nobody may be asked that; `method` is what it was. */
  | { readonly kind: 'refused'; readonly method: string }
  | { readonly kind: 'answer'; readonly text: string }
  /** The client has answered: parameters for the request that is made again. */
  | { readonly kind: 'again'; readonly more: JsonObject };

export async function wantInput(gate: Gate, admitted: Admitted, asks: Asks): Promise<Wanted> {
  const { asked, intake } = admitted;
  const [first] = asks.requests.values();
  const refused: Wanted = { kind: 'refused', method: first?.method ?? 'input_required' };
  const count = asked.round?.count ?? 0;
  if (count >= MAX_ROUNDS) {
    asks.talk?.abandon();
    return refused;
  }
  if (!isModern(asked.connection)) return askLegacy(gate, admitted, asks, refused);
  const open =
    asks.talk === undefined
      ? await judgeAll(gate, intake.intent.server, asks, asked)
      : new Map<string, Put>();
  if (open === null) return refused;
  const close = (answers: JsonObject | null): void => {
    for (const [key, put] of open) {
      const answer = answers?.[key];
      const reply = isObject(answer)
        ? ({ kind: 'response', id: key, result: answer } as const)
        : answers === null
          ? 'timeout'
          : 'cancelled';
      void closed(gate, put, reply);
    }
  };
  const forMs =
    asks.talk === undefined
      ? KEPT_MS
      : (gate.upstreams.get(intake.intent.server)?.config.timeoutMs ?? KEPT_MS);
  const left = { count, talk: asks.talk ?? null, close };
  const state = gate.rounds.open(aboutOf(asked.caller, intake), asks.state, left, forMs);
  const raw = withMeta(asks.raw, receiptMeta(admitted.entry, 'allow'));
  return {
    kind: 'answer',
    text: resultText(admitted.id, setMember(raw, 'requestState', JSON.stringify(state))),
  };
}

/** Nobody waits for this outcome. */
function closed(gate: Gate, put: Put, reply: Reply): Promise<void> {
  const written = closeQuestion(gate, put, reply)
    .catch((error: unknown) =>
      gate.say(`the outcome of ${put.entry.id} could not be written: ${String(error)}`),
    )
    .finally(() => gate.settling.delete(written));
  gate.settling.add(written);
  return written;
}

/** All of them or none: half an answer is not what the server asked for. */
async function judgeAll(
  gate: Gate,
  server: string,
  { requests }: Asks,
  asked: Asked,
): Promise<ReadonlyMap<string, Put> | null> {
  const open = new Map<string, Put>();
  for (const [key, { method, params }] of requests) {
    const judged = await judgeQuestion(gate, { server, method, params }, asked);
    if (judged.kind !== 'put') {
      for (const put of open.values()) await closeQuestion(gate, put, 'not_sent');
      return null;
    }
    open.set(key, judged);
  }
  return open;
}

async function askLegacy(
  gate: Gate,
  { intake, asked }: Admitted,
  asks: Asks,
  refused: Wanted,
): Promise<Wanted> {
  const { server } = intake.intent;
  const open = await judgeAll(gate, server, asks, asked);
  if (open === null) return refused;
  const replies = await Promise.all(
    [...open].map(async ([key, put]) => {
      const reply = await askedOf(gate, put, asked);
      const given = await checkedReply(gate, put, asked, reply);
      await closeQuestion(gate, put, reply, given === reply);
      return [
        key,
        given !== null && typeof given === 'object' && 'result' in given ? given.result : null,
      ] as const;
    }),
  );
  if (replies.some(([, result]) => result === null)) return refused;
  const state = asks.state === null ? {} : { requestState: asks.state };
  return { kind: 'again', more: { inputResponses: Object.fromEntries(replies) as JsonObject, ...state } };
}

/** The user of the call was asked: what they said is written down before the call is decided again. The answer, where it ends the call. */
async function heardSelf(
  gate: Gate,
  id: RpcRequest['id'],
  asked: Asked,
  { review, answers }: Round,
): Promise<string | null> {
  const pending = gate.approvals.list().find((one) => one.id === review);
  const answer = Object.hasOwn(answers, CONFIRM) ? answers[CONFIRM] : undefined;
  if (pending === undefined || !isObject(answer)) return null;
  const said = await attestSelf(gate, pending, asked, { kind: 'response', id: CONFIRM, result: answer });
  return said === 'deny' ? refuseEnded(gate, id, pending, 'denied') : null;
}

/** A request that may carry answers and a state; `read` reads its parameters, `onward` is where it goes. */
export async function goesOn(
  gate: Gate,
  message: RpcRequest,
  asked: Asked,
  {
    read,
    onward,
  }: {
    readonly read: (params: JsonObject) => Promise<Read>;
    readonly onward: (message: RpcRequest, asked: Asked) => Promise<Outgoing | null>;
  },
): Promise<Outgoing | null> {
  const { inputResponses, requestState, ...base } = message.params;
  const { id } = message;
  if (inputResponses !== undefined && !isObject(inputResponses))
    return malformed(gate, id, asked, '`inputResponses` must be an object');
  if (requestState === undefined) return onward(message, asked);
  const intake = await read(base);
  if ('malformed' in intake) return malformed(gate, id, asked, intake.malformed);
  const about = aboutOf(asked.caller, intake);
  const answers = inputResponses ?? {};
  const found = typeof requestState === 'string' ? gate.rounds.take(requestState, about, answers) : null;
  if (found === null || found === 'lost') {
    const why =
      found === 'lost'
        ? 'the gateway was started again since it gave this `requestState`: make the request again without it'
        : 'the `requestState` is not good for this request: it was changed, used, is too old, or belongs to another';
    return refuseInput(gate, asked.caller, id, INVALID_PARAMS, why);
  }
  const { round, state } = found;
  if (round.review !== undefined) {
    const ended = await heardSelf(gate, id, asked, round);
    return ended ?? onward({ ...message, params: base }, { ...asked, round });
  }
  const params = {
    ...base,
    ...(inputResponses === undefined ? {} : { inputResponses }),
    ...(state === null ? {} : { requestState: state }),
  };
  let resumed = false;
  const talk = round.talk === null ? null : { ...round.talk, resume: resume(round.talk) };
  const text = await onward({ ...message, params }, { ...asked, round: { ...round, talk } });
  // Denied this time: the call that waited is not wanted any more.
  if (!resumed) round.talk?.abandon();
  return text;

  function resume(own: NonNullable<typeof round.talk>): typeof own.resume {
    return (by, given) => {
      resumed = true;
      return own.resume(by, given);
    };
  }
}
