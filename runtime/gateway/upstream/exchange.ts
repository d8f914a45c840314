// SPDX-License-Identifier: Apache-2.0
/**
 * Messages of one channel to a server: our own ids and progress tokens. Answers find their request by our id; a call whose answer is lost
 * fails as `unknown` and is never sent again.
 */
import { type Ended, Ending } from '../../ending.js';
import { Passing } from '../../passing.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import { parseStrict } from '../../verify/format/json.js';
import { answeredBy, readUpstream, type UpstreamMessage } from '../wire/answer.js';
import { together } from '../../log/files.js';
import { isLarge } from '../large/bound.js';
import { type HeardLarge, type Raw, textOf, type UpstreamSaid } from '../large/service.js';
import { headOf, lastOf } from '../wire/lines.js';
import { isObject, NOT_DONE } from '../wire/message.js';
import { errorOf, errorText, notificationOf, resultOf, resultText } from '../wire/reply.js';
import { SUBSCRIPTION_META } from '../modern/envelope.js';
import type { Talk } from '../modern/talk.js';
import { type Channel, type ChannelEvents, NotSent, Refused, type Said, sizeOf } from './channel.js';
import type { Slowed } from './meter.js';

const MAX_GIVEN = 1_000;
const MAX_ASKING = 64;
/** A call takes at most so many times its timeout, whatever its server says meanwhile. */
const MAX_TIMES = 10;
const MAX_TIMER_MS = 2_147_483_647;
/** Where in a text the id of an answer is looked for. */
const EDGE = 512;

export type Answer =
  | { readonly kind: 'result'; readonly raw: Raw; readonly value: unknown }
  | { readonly kind: 'error'; readonly raw: Raw; readonly message: string }
  /** It asks for input before it answers; the call has ended, or waits in `talk`. */
  | Asks
  | {
      readonly kind: 'failed';
      readonly status: 'not_sent' | 'unknown' | 'timeout' | 'cancelled';
      readonly why: string;
      /** It was refused before it could be answered. */
      readonly refused?: boolean;
    };

export interface Asks {
  readonly kind: 'asks';
  readonly raw: string;
  readonly requests: ReadonlyMap<string, InputRequest>;
  /** What the server wants to see again, as it is. */
  readonly state: string | null;
  /** The call itself, where it waits at the server. */
  readonly talk?: Talk;
}

export interface InputRequest {
  readonly method: string;
  readonly params: JsonObject;
}

/** What a hop tells its owner. */
export interface HopEvents {
  /** Reads a large message elsewhere; without it all are read here. */
  readonly read?: ((body: Said) => Promise<HeardLarge>) | undefined;
  /** The upstream asks for something (sampling, elicitation, roots …), and waits for one answer. */
  asked(question: Asking): void;
  /** `notifications/message`: raw text of its params, its level, and the call on whose stream it came. */
  logged(params: string, level: string, owner: object | null): void;
  /** Of tools or prompts. */
  listChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(params: { readonly uri: string; readonly raw: string }): void;
  /** It said something that has no place: no message, an answer to nothing, an unknown notification. */
  noise(why: string): void;
  /** It says so much that it is read slowly. */
  slowed(why: Slowed): void;
  /** Is anybody else called just now? */
  others?(): boolean;
  /** `detail` is for the operator only. */
  closed(detail: string): void;
}

export interface Asking {
  readonly method: string;
  readonly params: unknown;
  readonly answer: Answering;
  /** The call on whose stream it came, where that can be known. */
  readonly owner: object | null;
  /** When the upstream no longer wants to know. */
  readonly cancelled: Ended;
}

/** Each takes JSON text, but for `error`; only the first answer counts. */
export interface Answering {
  result(json: string): void;
  /** An error object as somebody else wrote it. */
  raw(json: string): void;
  error(code: number, message: string): void;
}

export interface CallOptions {
  readonly timeoutMs: number;
  /** When its client no longer wants to know. */
  readonly cancel: Ended;
  /** Called with the raw params of each progress notification, carrying the client's token. */
  readonly progress: (params: string) => void;
  /** What its client can do and the policy may grant; for servers that are told with each request. */
  readonly abilities: JsonObject;
  /** The least level of log messages that are wanted; null for none. */
  readonly logLevel: string | null;
  /** The pinned definition of the tool that is called. */
  readonly definition: JsonObject | null;
  /** What the call is known by to whom it belongs. */
  readonly owner: object;
}

interface Waiting {
  readonly settle: (answer: Answer) => void;
  /** Its time begins anew. */
  readonly touch: () => void;
  readonly progress: ((params: string) => void) | null;
  readonly owner: object | null;
}

/** How a request of our own is dressed for the revision that is spoken. */
export type Dress = (
  method: string,
  params: JsonObject,
) => { readonly params: JsonObject; readonly headers?: { readonly [name: string]: string } };

export interface State {
  readonly waiting: Passing<number, Waiting>;
  /** Requests that were given up lately: their answers come late and are no fault. */
  readonly given: Set<number>;
  /** Requests of the upstream that are not answered yet, by the JSON text of their id. */
  readonly asking: Map<string, Ending>;
  next: number;
  closed: string | null;
  channel: Channel | null;
  readonly events: HopEvents;
  dress: Dress;
  /** The stream of a request is ended by leaving it; nothing is sent to cancel it. */
  leaves: boolean;
  /** The server may send requests. */
  asks: boolean;
  /** Large messages that are being read. */
  readonly reading: Set<Promise<boolean>>;
  /** Calls in a row that ended without an answer, and without any word from the server meanwhile. */
  silent: number;
  /** When it may be asked again whether it is there. */
  nextProbe: number;
  /** Those who wait for a server to say what it honours of their listening, by the id of the request. */
  readonly acknowledged: Map<number, (honoured: JsonObject) => void>;
}

export function newState(events: HopEvents): State {
  return {
    waiting: new Passing(),
    given: new Set(),
    asking: new Map(),
    next: 1,
    closed: null,
    channel: null,
    events,
    dress: (_, params) => ({ params }),
    leaves: false,
    asks: true,
    silent: 0,
    nextProbe: 0,
    acknowledged: new Map(),
    reading: new Set(),
  };
}

export function channelEvents(state: State): ChannelEvents {
  return {
    message: (body, of) => {
      state.silent = 0;
      return heard(state, body, of);
    },
    noise: () => state.events.noise('output that is no message'),
    slowed: (why) => state.events.slowed(why),
    others: () => state.events.others?.() ?? false,
    awaited: () => state.waiting.size > 0,
    lost: (id, why) => lose(state, id, why),
    closed: (why, detail) => {
      if (state.closed !== null) return;
      state.closed = why;
      lose(state, null, why);
      for (const cancel of state.asking.values()) cancel.end();
      state.events.closed(detail);
    },
  };
}

function settle(state: State, id: number, answer: Answer): void {
  const waiting = state.waiting.get(id);
  state.waiting.delete(id);
  waiting?.settle(answer);
}

/** No answer comes any more, but for those that are being read. */
function lose(state: State, id: number | null, why: string): void {
  if (state.reading.size > 0) return void Promise.all(state.reading).then(() => lose(state, id, why));
  const ids = id === null ? [...state.waiting.keys()] : [id];
  for (const one of ids) settle(state, one, { kind: 'failed', status: 'unknown', why });
}

/** Is it an answer that is, or was, waited for? */
function heard(state: State, body: Said, of: number | null): boolean | Promise<boolean> {
  const { read } = state.events;
  if (read === undefined || !isLarge(sizeOf(body))) {
    const text = typeof body === 'string' ? body : together(body).toString('utf8');
    return receive(state, readUpstream(text), of, { head: text.slice(0, EDGE), tail: text.slice(-EDGE) });
  }
  const ends = endsOf(body);
  const waited = read(body).then(
    ({ message, head, tail }) => receive(state, message, of, { head, tail }),
    () => receive(state, { kind: 'noise', why: 'the gateway could not read it' }, of, ends),
  );
  const reading = waited.finally(() => state.reading.delete(reading));
  state.reading.add(reading);
  return waited;
}

/** First and last characters, where the id of an unusable answer may be found. */
interface Ends {
  readonly head: string;
  readonly tail: string;
}

const endsOf = (body: Said): Ends =>
  typeof body === 'string'
    ? { head: body.slice(0, EDGE), tail: body.slice(-EDGE) }
    : { head: headOf(body), tail: lastOf(body).toString('latin1') };

function receive(state: State, message: UpstreamSaid, of: number | null, { head, tail }: Ends): boolean {
  const owner = of === null ? null : (state.waiting.get(of)?.owner ?? null);
  switch (message.kind) {
    case 'result':
    case 'error':
      if (state.waiting.has(message.id)) {
        settle(state, message.id, message);
        return true;
      }
      if (typeof message.raw !== 'string') message.raw.putAway();
      if (state.given.delete(message.id)) return true;
      state.events.noise('an answer to nothing');
      return false;
    case 'request':
      if (state.asks) answerRequest(state, message, owner);
      else state.events.noise('a request, which this revision has not');
      return false;
    case 'notification':
      notified(state, message, owner);
      return false;
    case 'noise': {
      // Where it still can be seen which request this should have answered, that one need not wait for its timeout.
      const id = answeredBy(head, tail);
      const why = `its answer cannot be used: ${message.why}`;
      if (id !== null && state.waiting.has(id)) settle(state, id, { kind: 'failed', status: 'unknown', why });
      state.events.noise(message.why);
      return false;
    }
  }
}

/** `ping` is protocol; everything else is for the owner to answer. While it does, the calls that wait for the upstream go on waiting. */
function answerRequest(
  state: State,
  { id, method, params }: UpstreamMessage & { readonly kind: 'request' },
  owner: object | null,
): void {
  const parsed = JSON.parse(id) as string | number;
  const send = (text: string): void => {
    if (method !== 'ping' && !state.asking.delete(id)) return;
    for (const { touch } of state.waiting.values()) touch();
    state.channel?.send(text, null).catch(() => undefined);
  };
  if (method === 'ping') return send(resultOf(parsed, {}));
  if (state.asking.has(id)) return state.events.noise('a request under an id that is in use');
  const cancel = new Ending();
  state.asking.set(id, cancel);
  const answer: Answering = {
    result: (json) => send(resultText(parsed, json)),
    raw: (json) => send(errorText(parsed, json)),
    error: (code, message) => send(errorOf(parsed, code, message)),
  };
  if (state.asking.size > MAX_ASKING) {
    answer.error(NOT_DONE, 'too many requests at a time');
    return state.events.noise('too many requests at a time');
  }
  for (const { touch } of state.waiting.values()) touch();
  state.events.asked({ method, params, answer, owner, cancelled: cancel });
}

function notified(
  state: State,
  message: UpstreamMessage & { readonly kind: 'notification' },
  owner: object | null,
): void {
  const params = isObject(message.params) ? message.params : {};
  switch (message.method) {
    case 'notifications/cancelled':
      state.asking.get(JSON.stringify(params['requestId']) ?? '')?.end();
      return;
    case 'notifications/progress': {
      const token = params['progressToken'];
      if (typeof token === 'number') state.waiting.get(token)?.progress?.(message.raw);
      return;
    }
    case 'notifications/message':
      state.events.logged(message.raw, typeof params['level'] === 'string' ? params['level'] : 'info', owner);
      return;
    case 'notifications/subscriptions/acknowledged': {
      const id = isObject(params['_meta']) ? params['_meta'][SUBSCRIPTION_META] : undefined;
      if (typeof id === 'number' && isObject(params['notifications']))
        state.acknowledged.get(id)?.(params['notifications']);
      return;
    }
    case 'notifications/tools/list_changed':
    case 'notifications/prompts/list_changed':
      state.events.listChanged();
      return;
    case 'notifications/resources/list_changed':
      state.events.resourcesChanged();
      return;
    case 'notifications/resources/updated': {
      const { uri } = params;
      if (typeof uri === 'string') state.events.resourceUpdated({ uri, raw: message.raw });
      else state.events.noise('an update of no resource');
      return;
    }
    default:
      state.events.noise(`the notification ${message.method}`);
  }
}

/** Sends a request of our own and reads its result; throws when there is none. */
export async function ask(state: State, method: string, params: JsonObject, ms: number): Promise<JsonObject> {
  const id = state.next++;
  const dressed = state.dress(method, params);
  const text = JSON.stringify({ jsonrpc: '2.0', id, method, params: dressed.params });
  const answer = await send(state, id, text, {
    timeoutMs: ms,
    progress: null,
    ...(dressed.headers === undefined ? {} : { headers: dressed.headers }),
  });
  if (answer.kind === 'failed') {
    const why = `\`${method}\` failed: ${answer.why}`;
    throw answer.refused === true ? new Refused(why) : new NotSent(why);
  }
  if (answer.kind === 'error')
    throw new Refused(`\`${method}\` was refused: ${answer.message.slice(0, 200)}`);
  // Definitions are hashed: what is read here is read strictly or not at all.
  const parsed = parseStrict(await textOf(answer.raw), { size: 16 * 1024 * 1024, depth: 128, keys: 500_000 });
  if (!parsed.ok || !isObject(parsed.value)) {
    throw new NotSent(
      `the answer to \`${method}\` is not acceptable JSON${parsed.ok ? '' : `: ${parsed.error.message}`}`,
    );
  }
  return parsed.value;
}

export interface SendOptions {
  readonly timeoutMs: number;
  readonly cancel?: Ended;
  readonly progress: ((params: string) => void) | null;
  readonly owner?: object;
  readonly headers?: { readonly [name: string]: string };
}

/** Before anything was sent. */
export const CANCELLED: Answer = { kind: 'failed', status: 'not_sent', why: 'the client cancelled' };

export function send(
  state: State,
  id: number,
  text: string | Uint8Array,
  options: SendOptions,
): Promise<Answer> {
  return new Promise((resolve) => {
    const { channel } = state;
    if (state.closed !== null || channel === null) {
      return resolve({ kind: 'failed', status: 'not_sent', why: state.closed ?? 'not connected' });
    }
    if (options.cancel?.over === true) return resolve(CANCELLED);
    const stop = (status: 'timeout' | 'cancelled', why: string): void => {
      if (!state.waiting.has(id)) return;
      if (state.given.size >= MAX_GIVEN) state.given.clear();
      state.given.add(id);
      settle(state, id, { kind: 'failed', status, why });
      const cancelled = notificationOf('notifications/cancelled', { requestId: id, reason: why });
      if (!state.leaves) channel.send(cancelled, null).catch(() => undefined);
      channel.abandon(id);
    };
    const late = (): void => {
      state.silent++;
      stop('timeout', `no answer within ${Math.round(options.timeoutMs / 1000)} s`);
    };
    let timer = setTimeout(late, options.timeoutMs);
    // Progress and questions begin the time anew, but not for ever: a server could keep a call open as long as it likes.
    const last = performance.now() + Math.min(options.timeoutMs * MAX_TIMES, MAX_TIMER_MS);
    const touch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(late, Math.max(0, Math.min(options.timeoutMs, last - performance.now())));
    };
    let leave: () => void = () => undefined;
    const progress = options.progress;
    state.waiting.set(id, {
      settle: (answer) => {
        clearTimeout(timer);
        leave();
        resolve(answer);
      },
      touch,
      owner: options.owner ?? null,
      progress:
        progress === null
          ? null
          : (params) => {
              touch();
              progress(params);
            },
    });
    if (options.cancel !== undefined)
      leave = options.cancel.onEnd(() => stop('cancelled', 'the client cancelled'));
    channel.send(text, id, options.headers).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      const refused = error instanceof Refused;
      settle(state, id, {
        kind: 'failed',
        status: error instanceof NotSent ? 'not_sent' : 'unknown',
        why,
        refused,
      });
      if (error instanceof NotSent && !(error instanceof Refused) && error.constructor !== NotSent)
        channelEvents(state).closed(why, why);
    });
    return undefined;
  });
}
