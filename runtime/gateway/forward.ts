// SPDX-License-Identifier: Apache-2.0
/** An admitted call on its way: to the upstream once, its outcome into the log, the answer back to the client. */
import type { Appended } from '../log/types.js';
import type { OutcomeBody } from '../verify/format/body.js';
import { abilitiesFor } from './asking.js';
import { upstreamKey } from './caller.js';
import { denyAsked } from './deny.js';
import { Ending } from '../ending.js';
import { LOG_LEVELS } from './connection.js';
import { drifted, pinned } from './discovery.js';
import { newsOf } from './news.js';
import { isModern } from './modern/envelope.js';
import { wantInput } from './modern/input.js';
import type { Round } from './modern/rounds.js';
import { newTalk, type Talk } from './modern/talk.js';
import type { JsonObject } from '../verify/format/canonical.js';
import type { Reservation } from '../decide/limits.js';
import { type Checked, checkAnswer } from './answer.js';
import type { Active, ActivePolicy, Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import type { Raw } from './large/service.js';
import { outcomeDraft, receiptMeta } from './record.js';
import { NotSent } from './upstream/channel.js';
import type { Answer, Asks } from './upstream/exchange.js';
import type { Upstream } from './upstream/supervise.js';
import { isObject, type RequestId } from './wire/message.js';
import { notDone } from './refuse.js';
import { awaitRelease } from './release.js';
import { errorText, type Outgoing, RECEIPT_META, resultText, withMeta } from './wire/reply.js';

export interface Admitted {
  readonly id: RequestId;
  readonly intake: Intake;
  readonly asked: Asked;
  /** The call's id in the log. */
  readonly call: string;
  /** The decide(allow) entry, durable. */
  readonly entry: Appended;
  readonly reservation: Reservation;
  /** The policy that admitted it, which decides on its answer as well. */
  readonly policy: ActivePolicy;
  /** It redeems an approval: it is sent only while the client is there. */
  readonly redeems: boolean;
  /** Makes the request anew with what its server asked for. */
  readonly again: (more: JsonObject, round: Round) => Promise<Outgoing | null>;
}

/** The response's text; null when the client has cancelled and expects none. */
export async function forward(gate: Gate, admitted: Admitted): Promise<Outgoing | null> {
  const { intake, asked, reservation } = admitted;
  const started = performance.now();
  const gone = admitted.redeems && (asked.side.gone.over || asked.cancel.over);
  const answer = gone
    ? notSent('the client has gone')
    : await send(gate, carrying(intake, admitted.entry), asked);
  const unsent = answer.kind === 'failed' && answer.status === 'not_sent';
  const at = Date.parse(admitted.entry.time);
  await (unsent ? reservation.release(at) : reservation.commit(at));
  const ms = Math.round(performance.now() - started);
  if (answer.kind === 'asks') return input(gate, admitted, answer, ms);
  const wanted = answer.kind === 'result' ? wantedInput(answer.value) : null;
  // Decided before its outcome is written: with the outcome the life of the call ends.
  const checked = wanted === null ? await checkAnswer(gate, admitted, answer) : null;
  const keep = checked === null || checked.kind === 'as_it_is';
  const written = settle(gate, admitted, answer, { status: statusOf(answer), ms }, keep);
  try {
    return await answered(gate, admitted, answer, wanted, checked);
  } finally {
    const given = checked?.kind === 'masked' ? [answer, checked] : [answer];
    for (const one of given)
      if ('raw' in one && typeof one.raw !== 'string') void written.finally(one.raw.putAway);
  }
}

async function answered(
  gate: Gate,
  admitted: Admitted,
  answer: Ended,
  wanted: string | null,
  checked: Checked | null,
): Promise<Outgoing | null> {
  const { intake, asked } = admitted;
  if (checked?.kind === 'held') return awaitRelease(gate, admitted.id, intake, asked, checked.pending);
  if (checked?.kind === 'withheld') {
    const meta = { [RECEIPT_META]: receiptMeta(checked.entry, 'deny') };
    return notDone(admitted.id, intake.intent.kind, checked.sentence, meta);
  }
  if (wanted === null)
    return reply(gate, admitted, checked?.kind === 'masked' ? withRaw(answer, checked.raw) : answer);
  return refuseQuestion(gate, admitted, wanted);
}

/** The server wants input first: it is put to the client, or refused with the call. */
async function input(gate: Gate, admitted: Admitted, answer: Asks, ms: number): Promise<Outgoing | null> {
  const wanted = await wantInput(gate, admitted, answer);
  const status = wanted.kind === 'refused' ? 'upstream_error' : 'ok';
  void settle(gate, admitted, answer, { status, ms }, true);
  switch (wanted.kind) {
    case 'refused':
      return refuseQuestion(gate, admitted, wanted.method);
    case 'answer':
      return wanted.text;
    case 'again': {
      const count = (admitted.asked.round?.count ?? 0) + 1;
      return admitted.again(wanted.more, { count, talk: null, answers: {} });
    }
  }
}

async function refuseQuestion(gate: Gate, admitted: Admitted, method: string): Promise<string> {
  const { asked, intake } = admitted;
  const { server } = intake.intent;
  await denyAsked(gate, asked.caller, server, method, {});
  const sentence = `The server \`${server}\` asks for input in the middle of the call, which is not allowed here.`;
  const meta = { [RECEIPT_META]: receiptMeta(admitted.entry, 'allow') };
  return notDone(admitted.id, intake.intent.kind, sentence, meta);
}

const withRaw = (answer: Ended, raw: Raw): Ended => (answer.kind === 'failed' ? answer : { ...answer, raw });

/** The upstream gets the receipt of the decision, so that it can say later what it was asked and by whose leave. */
function carrying(intake: Intake, entry: Appended): Intake {
  const { progressToken, traceparent, tracestate, decision } = intake.beside;
  const receipt = JSON.stringify(receiptMeta(entry, 'allow'));
  return { ...intake, beside: { progressToken, traceparent, tracestate, decision, receipt } };
}

/** A result that asks for input (2026-07-28) is a request of the server: the method that it asks for first, or null. */
function wantedInput(value: unknown): string | null {
  const { resultType, inputRequests } = value as {
    readonly resultType?: unknown;
    readonly inputRequests?: unknown;
  };
  if (resultType !== 'input_required') return null;
  const [first] = isObject(inputRequests) ? Object.values(inputRequests) : [];
  const method = isObject(first) ? first['method'] : undefined;
  return typeof method === 'string' ? method : 'input_required';
}

/**
 * The outcome entry. The answer does not wait for it, and it waits for the next group commit: a crash leaves the outcome unknown,
 * which the next start writes.
 */
function settle(
  gate: Gate,
  { call, entry }: Admitted,
  answer: Answer,
  outcome: { readonly status: OutcomeBody['status']; readonly ms: number },
  keep: boolean,
): Promise<unknown> {
  const written = gate.idle
    .turn()
    .then(async () => {
      const text = answer.kind === 'failed' ? null : answer.raw;
      const made = await outcomeDraft(call, entry.leaf, outcome, text, keep).catch(() => null);
      // What came of it is not known where its text is lost.
      const lost = { status: 'unknown', ms: outcome.ms } as const;
      const { draft, openings } = made ?? (await outcomeDraft(call, entry.leaf, lost, null));
      return gate.log.append(draft, openings, 'soon');
    })
    .catch((error: unknown) => gate.say(`the outcome of ${entry.id} could not be written: ${String(error)}`))
    .finally(() => gate.settling.delete(written));
  gate.settling.add(written);
  return written;
}

const notSent = (why: string): Ended => ({ kind: 'failed', status: 'not_sent', why });

/** A modern client may be sent away with questions of a server that waits; when it is back, its call is the one that waits. */
function send(gate: Gate, intake: Intake, asked: Asked): Promise<Answer> {
  const { round } = asked;
  if (round !== undefined && round.talk !== null) return round.talk.resume(asked, round.answers);
  if (!isModern(asked.connection)) return run(gate, intake, asked, null);
  const talk = newTalk();
  const running = run(gate, intake, { ...asked, side: talk.side, cancel: talk.cancel }, talk);
  return talk.begin(running, asked);
}

async function run(gate: Gate, intake: Intake, asked: Asked, talk: Talk | null): Promise<Answer> {
  const { intent } = intake;
  const upstream = gate.upstreams.get(intent.server);
  if (upstream === undefined) return notSent('there is no such server');
  const key = upstreamKey(asked.caller);
  const over = new Ending();
  const active: Active = {
    server: intent.server,
    key: upstream.key(key),
    connection: asked.connection,
    side: asked.side,
    news: newsOf(gate, intake, asked),
    over,
    talk,
  };
  gate.active.set(over, active);
  try {
    const first = await attempt(gate, upstream, active, intake, asked);
    // Sent again only where it surely did not leave because the old session or process was gone.
    const again =
      first.answer.kind === 'failed' &&
      first.answer.status === 'not_sent' &&
      first.stale &&
      !asked.cancel.over;
    return again ? (await attempt(gate, upstream, active, intake, asked)).answer : first.answer;
  } catch (error) {
    if (error instanceof NotSent) return notSent(error.message);
    throw error;
  } finally {
    gate.active.delete(over);
    over.end();
  }
}

async function attempt(
  gate: Gate,
  upstream: Upstream,
  active: Active,
  intake: Intake,
  asked: Asked,
): Promise<{ readonly answer: Answer; readonly stale: boolean }> {
  const { connection, caller } = asked;
  const abilities = abilitiesFor(gate, connection, upstream.server);
  const hop = await upstream.hop(upstreamKey(caller), abilities, isModern(connection) ? 'modern' : 'legacy');
  const { kind } = intake.intent;
  if ((kind === 'tool' || kind === 'prompt') && drifted(gate, asked.caller, kind, intake.intent)) {
    const why = 'its definition is not the pinned one; the operator has to accept it (`sepal tools diff`)';
    return { answer: { kind: 'failed', status: 'not_sent', why }, stale: false };
  }
  const answer = await hop.call(intake.intent, intake.beside, {
    timeoutMs: upstream.config.timeoutMs,
    cancel: asked.cancel,
    abilities,
    logLevel: LOG_LEVELS[connection.logLevel] ?? null,
    definition: kind === 'tool' ? (pinned(gate, intake.intent)?.pin.definition ?? null) : null,
    owner: active,
    progress: (params) => active.news.tell('notifications/progress', params),
  });
  await active.news.settled();
  return { answer, stale: !hop.alive() };
}

/** An answer that asks for nothing. */
type Ended = Exclude<Answer, Asks>;

function statusOf(answer: Ended): OutcomeBody['status'] {
  if (answer.kind === 'failed') return answer.status;
  if (answer.kind === 'error' || wantedInput(answer.value) !== null) return 'upstream_error';
  return (answer.value as { readonly isError?: unknown }).isError === true ? 'tool_error' : 'ok';
}

async function reply(
  gate: Gate,
  { id, intake, asked, entry }: Admitted,
  answer: Ended,
): Promise<Outgoing | null> {
  const receipt = receiptMeta(entry, 'allow');
  if (answer.kind !== 'failed') {
    const { kind, raw } = answer;
    if (typeof raw === 'string')
      return kind === 'error' ? errorText(id, raw) : resultText(id, withMeta(raw, receipt));
    const modern = isModern(asked.connection) ? intake.intent.method : null;
    return raw.reply({ id, kind, receipt, modern }).catch(() => {
      const sentence = `The call was made, and the answer of the server \`${intake.intent.server}\` is lost.`;
      return notDone(id, intake.intent.kind, sentence, { [RECEIPT_META]: receipt });
    });
  }
  if (asked.cancel.over) return null;
  const lost =
    answer.status === 'not_sent'
      ? 'the call was not sent'
      : 'it is not known whether the call ran, and it is not repeated';
  gate.say(`${entry.id}: ${intake.intent.server}/${intake.intent.name}: ${answer.why}`);
  const sentence = `The server \`${intake.intent.server}\` did not answer: ${answer.why}; ${lost}.`;
  return notDone(id, intake.intent.kind, sentence, { [RECEIPT_META]: receipt });
}
