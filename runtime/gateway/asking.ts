// SPDX-License-Identifier: Apache-2.0
/**
 * What servers ask of clients (sampling, elicitation, roots): decided as a call of its own, for the caller whose call runs; put to that client
 * on the stream of that call, under an id of ours; its answer goes back to the server. Whatever stands in the way is a refusal at once, with a
 * receipt, so that no server waits for nothing.
 */
import type { ActionKind } from '../../stdlib/abi.js';
import { canonical, type JsonObject } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';
import { upstreamKey } from './caller.js';
import type { Connection } from './connection.js';
import { denyUpstream } from './deny.js';
import { visible } from './discovery.js';
import type { Active, Gate } from './gate.js';
import type { Intake } from './intake.js';
import { type Judged, judge, record } from './judge.js';
import { defaultDeny, newCallId, outcomeDraft } from './record.js';
import type { Answering } from './upstream/hop.js';
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
  /** Aborts when the server no longer wants to know. */
  readonly cancelled: AbortSignal;
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
  const kind = KINDS.get(method);
  const active = onlyActive(gate, question);
  const strict = parseStrict(JSON.stringify(question.params ?? {}));
  if (kind === undefined || active === null || !strict.ok || !isObject(strict.value)) return null;
  const { connection, caller } = { connection: active.connection, caller: active.connection.caller };
  if (!Object.hasOwn(abilitiesFor(gate, connection, server), kind) || !reachable(kind, strict.value))
    return null;
  const { _meta: _, ...args } = strict.value;
  const intent = canonicalIntent({ kind, method, server, name: '' }, args, args);
  const intake: Intake = {
    intent,
    beside: envelope({}),
    definition: null,
    barred: null,
    hidden: false,
    exposed: '',
  };
  const asked = { caller, connection, side: active.side, cancel: active.over };
  const call = newCallId();
  const judged = unattended(await judge(gate, intake, asked));
  const entry = await record(gate, intake, asked, judged, { call, links: null, propose: null });
  if (judged.decision.effect !== 'allow') {
    await judged.reservation.release(Date.parse(entry.time));
    answer.error(
      NOT_DONE,
      `Denied: ${judged.decision.reason ?? 'no rule of the policy allows this request'}.`,
    );
    return 'done';
  }
  const at = Date.parse(entry.time);
  const started = performance.now();
  const reply = await fromClient(gate, active, question, intent.params);
  await (reply === 'not_sent' ? judged.reservation.release(at) : judged.reservation.commit(at));
  const status = typeof reply === 'string' ? reply : 'result' in reply ? 'ok' : 'upstream_error';
  const text = typeof reply === 'string' ? null : canonical('result' in reply ? reply.result : reply.error);
  const ms = Math.round(performance.now() - started);
  const { draft, openings } = outcomeDraft(call, entry.leaf, { status, ms }, text);
  await gate.log.append(draft, openings);
  if (typeof reply === 'string') answer.error(NOT_DONE, 'the client did not answer');
  else if ('result' in reply) answer.result(canonical(reply.result));
  else answer.raw(canonical(reply.error));
  return 'done';
}

/** People cannot be asked about a request that a server waits for: that is a denial. */
function unattended(judged: Judged): Judged {
  if (judged.decision.effect !== 'review') return judged;
  const why = 'this asks for an approval, which a request of a server cannot wait for';
  return { ...judged, decision: defaultDeny(why, judged.decision.steps) };
}

/** A page that a person would open must be one that a browser fetches, nothing that it would run. */
function reachable(kind: ActionKind, { mode, url }: JsonObject): boolean {
  if (kind !== 'elicitation' || mode !== 'url') return true;
  return typeof url === 'string' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** The one client whose call runs in this process; with several it is not known for whom the server asks. */
function onlyActive(gate: Gate, { server, key }: Question): Active | null {
  const running = [...gate.active].filter((one) => one.server === server && one.key === key);
  const [only] = running;
  if (only === undefined || running.some((one) => one.connection !== only.connection)) return null;
  return running.at(-1) ?? only;
}

type Reply = Exclude<RpcResponse, never> | 'not_sent' | 'cancelled' | 'timeout';

/** Puts it to the client and waits, as long as its call runs and the server wants to know. */
function fromClient(gate: Gate, active: Active, question: Question, params: string): Promise<Reply> {
  const { connection, side, over } = active;
  const { method, server, cancelled } = question;
  const id = `sepal-${++connection.asked}`;
  const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)},"params":${params}}`;
  return new Promise((resolve) => {
    const end = AbortSignal.any([over, cancelled, side.gone]);
    const settle = (reply: Reply): void => {
      clearTimeout(timer);
      connection.waiting.delete(id);
      end.removeEventListener('abort', stop);
      resolve(reply);
    };
    const withdraw = (reply: 'cancelled' | 'timeout'): void => {
      side.notify(notificationOf('notifications/cancelled', { requestId: id, reason: 'no longer needed' }));
      settle(reply);
    };
    const stop = (): void => withdraw('cancelled');
    const timer = setTimeout(
      () => withdraw('timeout'),
      gate.upstreams.get(server)?.config.timeoutMs ?? 120_000,
    );
    connection.waiting.set(id, settle);
    end.addEventListener('abort', stop, { once: true });
    if (end.aborted || !side.notify(text)) settle('not_sent');
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
