// SPDX-License-Identifier: Apache-2.0
/**
 * What servers ask of clients (sampling, elicitation, roots): decided as a call of its own, for the caller whose call runs; put to that client
 * on the stream of that call, under an id of ours; its answer goes back to the server. Whatever stands in the way is a refusal at once, with a
 * receipt, so that no server waits for nothing.
 */
import { type Ended, Ending, isAnyOver, onFirst } from '../ending.js';
import type { ActionKind } from '../../stdlib/abi.js';
import { canonical, type JsonObject } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';
import { upstreamKey } from './caller.js';
import { checkedReply } from './client-answer.js';
import type { Connection } from './connection.js';
import { denyUpstream } from './deny.js';
import { visible } from './discovery.js';
import type { ActivePolicy, Active, Asked, Gate } from './gate.js';
import type { Intake } from './intake.js';
import type { Reservation } from '../decide/limits.js';
import type { Appended } from '../log/types.js';
import { type Judged, judge, record } from './judge.js';
import { defaultDeny, newCallId, outcomeDraft } from './record.js';
import type { Answering } from './upstream/exchange.js';
import { canonicalIntent, envelope } from './wire/intent.js';
import { isObject, METHOD_NOT_FOUND, NOT_DONE, type RpcResponse } from './wire/message.js';
import { notificationOf } from './wire/reply.js';

/** The methods, what kind of action each is, and which capability of the client it needs. */
const KINDS: ReadonlyMap<string, ActionKind & ('sampling' | 'elicitation' | 'roots')> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
]);

/** What the servers of this caller are told that it can do: what its client declared and the policy may grant. */
export function abilitiesFor(gate: Gate, { caller, capabilities }: Connection, server: string): JsonObject {
  const own = [...KINDS.values()].filter(
    (kind) => Object.hasOwn(capabilities, kind) && visible(gate, caller, { kind, server, name: '' }),
  );
  return Object.fromEntries(own.map((kind) => [kind, capabilities[kind] ?? {}]));
}

export interface Question {
  readonly server: string;
  readonly key: string;
  readonly method: string;
  readonly params: unknown;
  readonly answer: Answering;
  /** The call on whose stream it came, where that can be known. */
  readonly owner: object | null;
  /** Aborts when the server no longer wants to know. */
  readonly cancelled: Ended;
}

/** Never rejects. */
export async function ask(gate: Gate, question: Question): Promise<void> {
  const { server, key, method, params, answer } = question;
  try {
    const put = await putTo(gate, question);
    if (put === null) {
      answer.error(METHOD_NOT_FOUND, `\`${method.slice(0, 100)}\` is not allowed here`);
      await denyUpstream(gate, server, key, method, params);
    }
  } catch (error) {
    answer.error(NOT_DONE, 'the gateway could not handle this request');
    gate.say(
      `server \`${server}\`: ${method.slice(0, 60)}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Null where it cannot be put to anyone: the method, the client, its abilities, or the parameters are not fit for it. */
async function putTo(gate: Gate, question: Question): Promise<'done' | null> {
  const { server, method, answer } = question;
  const active = activeOf(gate, question);
  const strict = parseStrict(JSON.stringify(question.params ?? {}));
  if (active === null || !strict.ok || !isObject(strict.value)) return null;
  const { connection, side, over, talk } = active;
  const asked: Asked = { caller: connection.caller, connection, side, cancel: over };
  const put = await judgeQuestion(gate, { server, method, params: strict.value }, asked);
  if (put.kind === 'unfit') return null;
  if (put.kind === 'denied') {
    answer.error(NOT_DONE, put.sentence);
    return 'done';
  }
  const params = JSON.parse(put.params) as JsonObject;
  const reply =
    talk === null
      ? await askedOf(gate, put, asked, question.cancelled)
      : await talk.put({ method, params }, [over, question.cancelled]);
  const given = await checkedReply(gate, put, asked, reply);
  await closeQuestion(gate, put, reply, given === reply);
  if (given === null) answer.error(NOT_DONE, 'the answer of the client is withheld by policy');
  else if (typeof given === 'string') answer.error(NOT_DONE, 'the client did not answer');
  else if ('result' in given) answer.result(canonical(given.result));
  else answer.raw(canonical(given.error));
  return 'done';
}

/** A question that may be put to the client; its receipt is durable. */
export interface Put {
  readonly kind: 'put';
  readonly server: string;
  readonly method: string;
  /** JSON text, as decided. */
  readonly params: string;
  readonly call: string;
  readonly entry: Appended;
  readonly reservation: Reservation;
  readonly started: number;
  /** The question as it was decided, and the policy that decided. */
  readonly intake: Intake;
  readonly policy: ActivePolicy;
}

export type JudgedQuestion =
  | Put
  /** The client cannot be asked that, or no rule may let it be asked: no receipt of its own. */
  | { readonly kind: 'unfit' }
  | { readonly kind: 'denied'; readonly sentence: string };

/** Decides on what a server asks of the client of `asked`, as on a call of its own. */
export async function judgeQuestion(
  gate: Gate,
  {
    server,
    method,
    params,
  }: { readonly server: string; readonly method: string; readonly params: JsonObject },
  asked: Asked,
): Promise<JudgedQuestion> {
  const kind = KINDS.get(method);
  if (kind === undefined) return { kind: 'unfit' };
  if (
    !Object.hasOwn(abilitiesFor(gate, asked.connection, server), kind) ||
    !reachable(asked.connection, kind, params)
  )
    return { kind: 'unfit' };
  const { _meta: _, ...args } = params;
  const intent = canonicalIntent({ kind, method, server, name: '' }, args, args);
  const intake: Intake = {
    intent,
    beside: envelope({}),
    definition: null,
    barred: null,
    hidden: false,
    exposed: '',
  };
  const call = newCallId();
  const judged = unattended(await judge(gate, intake, asked));
  const entry = await record(gate, intake, asked, judged, { call, links: null, propose: null });
  const { reservation, decision } = judged;
  if (decision.effect !== 'allow') {
    await reservation.release(Date.parse(entry.time));
    const why = decision.reason ?? 'no rule of the policy allows this request';
    return { kind: 'denied', sentence: `Denied: ${why}.` };
  }
  const started = performance.now();
  return {
    kind: 'put',
    server,
    method,
    params: intent.params,
    call,
    entry,
    reservation,
    started,
    intake,
    policy: judged.policy,
  };
}

/** Writes down what became of a question; the text of an answer that was masked or withheld is not kept. */
export async function closeQuestion(gate: Gate, put: Put, reply: Reply, keep = true): Promise<void> {
  const { call, entry, reservation, started } = put;
  const at = Date.parse(entry.time);
  await (reply === 'not_sent' ? reservation.release(at) : reservation.commit(at));
  const status = typeof reply === 'string' ? reply : 'result' in reply ? 'ok' : 'upstream_error';
  const text = typeof reply === 'string' ? null : canonical('result' in reply ? reply.result : reply.error);
  const ms = Math.round(performance.now() - started);
  const { draft, openings } = await outcomeDraft(call, entry.leaf, { status, ms }, text, keep);
  await gate.log.append(draft, openings);
}

/** People cannot be asked about a request that a server waits for: that is a denial. */
function unattended(judged: Judged): Judged {
  if (judged.decision.effect !== 'review') return judged;
  const why = 'this asks for an approval, which a request of a server cannot wait for';
  return { ...judged, decision: defaultDeny(why, judged.decision.steps) };
}

/** A page that a person would open: the client can open pages, and it is one that a browser fetches, nothing that it would run. */
function reachable({ capabilities }: Connection, kind: ActionKind, { mode, url }: JsonObject): boolean {
  if (kind !== 'elicitation' || mode !== 'url') return true;
  const { elicitation } = capabilities;
  if (!isObject(elicitation) || !Object.hasOwn(elicitation, 'url')) return false;
  return typeof url === 'string' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/**
 * The call on whose stream it came; else that of the one client whose calls run in this process. With several clients it is not known for whom
 * the server asks.
 */
function activeOf(gate: Gate, { server, key, owner }: Question): Active | null {
  const running = [...gate.active.values()].filter((one) => one.server === server && one.key === key);
  if (owner !== null) return running.find((one) => one === owner) ?? null;
  const [only] = running;
  if (only === undefined || running.some((one) => one.connection !== only.connection)) return null;
  return running.at(-1) ?? only;
}

export type Reply = RpcResponse | 'not_sent' | 'cancelled' | 'timeout';

const NEVER: Ended = new Ending();

/** Puts it to a legacy client and waits, as long as its call runs and the server wants to know. */
export function askedOf(
  gate: Gate,
  { server, method, params }: Pick<Put, 'server' | 'method' | 'params'>,
  { connection, side, cancel }: Asked,
  cancelled: Ended = NEVER,
): Promise<Reply> {
  const id = `sepal-${++connection.asked}`;
  const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)},"params":${params}}`;
  return new Promise((resolve) => {
    const ends = [cancel, cancelled, side.gone];
    let leave = (): void => undefined;
    const settle = (reply: Reply): void => {
      clearTimeout(timer);
      connection.waiting.delete(id);
      leave();
      resolve(reply);
    };
    const withdraw = (reply: 'cancelled' | 'timeout'): void => {
      side.notify(notificationOf('notifications/cancelled', { requestId: id, reason: 'no longer needed' }));
      settle(reply);
    };
    const timer = setTimeout(
      () => withdraw('timeout'),
      gate.upstreams.get(server)?.config.timeoutMs ?? 120_000,
    );
    connection.waiting.set(id, settle);
    if (isAnyOver(ends) || !side.notify(text)) settle('not_sent');
    else leave = onFirst(ends, () => withdraw('cancelled'));
  });
}

/** The client's roots have changed: told to the servers that it may tell them to. */
export function rootsChanged(gate: Gate, connection: Connection): void {
  for (const [server, upstream] of gate.upstreams) {
    const hop = upstream.running(upstreamKey(connection.caller));
    if (hop !== null && Object.hasOwn(abilitiesFor(gate, connection, server), 'roots'))
      hop.tell('notifications/roots/list_changed');
  }
}
