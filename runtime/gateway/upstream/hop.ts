// SPDX-License-Identifier: Apache-2.0
/**
 * One MCP client hop over a channel: its own handshake, its own ids and progress tokens. Answers find their request by our id;
 * a call whose answer is lost fails as `unknown` and is never sent again.
 */
import type { JsonObject } from '../../verify/format/canonical.js';
import { parseStrict } from '../../verify/format/json.js';
import { answeredBy, readUpstream, replaceMember, type UpstreamMessage } from '../wire/answer.js';
import { type CanonicalIntent, type Envelope, forwardText } from '../wire/intent.js';
import { isObject, NOT_DONE } from '../wire/message.js';
import { errorOf, errorText, notificationOf, resultOf, resultText } from '../wire/reply.js';
import { type Channel, type ChannelEvents, NotSent, type OpenChannel } from './channel.js';

/** Revisions of the legacy era that we speak, newest first. */
export const REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
const HANDSHAKE_MS = 30_000;
const LIST_MS = 30_000;
const MAX_PAGES = 100;
const MAX_GIVEN = 1_000;
const MAX_ASKING = 64;
/** Where in a text the id of an answer is looked for. */
const EDGE = 512;
const MAX_LISTED = 5_000;

export type Answer =
  | { readonly kind: 'result'; readonly raw: string; readonly value: unknown }
  | { readonly kind: 'error'; readonly raw: string; readonly message: string }
  | {
      readonly kind: 'failed';
      readonly status: 'not_sent' | 'unknown' | 'timeout' | 'cancelled';
      readonly why: string;
    };

/** What a hop tells its owner. */
export interface HopEvents {
  /** The upstream asks for something (sampling, elicitation, roots …), and waits for one answer. */
  asked(question: Asking): void;
  /** `notifications/message`: raw text of its params and its level. */
  logged(params: string, level: string): void;
  /** Of tools or prompts. */
  listChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(params: { readonly uri: string; readonly raw: string }): void;
  /** It said something that has no place: no message, an answer to nothing, an unknown notification. */
  noise(why: string): void;
  /** `detail` is for the operator only. */
  closed(detail: string): void;
}

export interface Asking {
  readonly method: string;
  readonly params: unknown;
  readonly answer: Answering;
  /** Aborts when the upstream no longer wants to know. */
  readonly cancelled: AbortSignal;
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
  readonly signal: AbortSignal;
  /** Called with the raw params of each progress notification, carrying the client's token. */
  readonly progress: (params: string) => void;
}

interface Waiting {
  readonly settle: (answer: Answer) => void;
  /** Its time begins anew. */
  readonly touch: () => void;
  readonly progress: ((params: string) => void) | null;
}

export interface Hop {
  readonly info: JsonObject;
  readonly protocol: string;
  readonly capabilities: JsonObject;
  readonly instructions: string | null;
  call(intent: CanonicalIntent, beside: Envelope, options: CallOptions): Promise<Answer>;
  /** Every page of `tools/list`; none where the server has no tools. */
  tools(): Promise<readonly JsonObject[]>;
  /** Every page of `prompts/list`; none where the server has no prompts. */
  prompts(): Promise<readonly JsonObject[]>;
  resources(list: 'resources' | 'resourceTemplates'): Promise<readonly JsonObject[]>;
  /** No longer wants to hear of a resource. */
  unsubscribe(uri: string): Promise<void>;
  setLogLevel(level: string): void;
  /** Sends a notification without parameters. */
  tell(method: string): void;
  running(): number;
  alive(): boolean;
  /** Why the hop is gone, once it is. */
  close(): Promise<void>;
}

/** Opens the channel and shakes hands, declaring `abilities` of the client; rejects with an Error that says what failed. */
export async function openHop(
  open: OpenChannel,
  version: string,
  events: HopEvents,
  abilities: JsonObject,
): Promise<Hop> {
  const state: State = {
    waiting: new Map(),
    given: new Set(),
    asking: new Map(),
    next: 1,
    closed: null,
    channel: null,
    events,
  };
  const channel = await open(channelEvents(state));
  state.channel = channel;
  try {
    const hello = await ask(
      state,
      'initialize',
      {
        protocolVersion: REVISIONS[0],
        capabilities: abilities,
        clientInfo: { name: 'sepal', version },
      },
      HANDSHAKE_MS,
    );
    const agreed = hello['protocolVersion'];
    const protocol = typeof agreed === 'string' ? agreed : 'none';
    if (!(REVISIONS as readonly string[]).includes(protocol)) {
      throw new NotSent(`the server speaks revision ${protocol.slice(0, 40)}, which this release does not`);
    }
    channel.negotiated(protocol);
    await channel.send('{"jsonrpc":"2.0","method":"notifications/initialized"}', null);
    channel.listen();
    return hopOf(state, channel, hello, protocol);
  } catch (error) {
    await channel.close();
    throw error;
  }
}

interface State {
  readonly waiting: Map<number, Waiting>;
  /** Requests that were given up lately: their answers come late and are no fault. */
  readonly given: Set<number>;
  /** Requests of the upstream that are not answered yet, by the JSON text of their id. */
  readonly asking: Map<string, AbortController>;
  next: number;
  closed: string | null;
  channel: Channel | null;
  readonly events: HopEvents;
}

function channelEvents(state: State): ChannelEvents {
  return {
    message: (text) => receive(state, readUpstream(text), text),
    noise: () => state.events.noise('output that is no message'),
    lost: (id, why) => {
      const ids = id === null ? [...state.waiting.keys()] : [id];
      for (const one of ids) settle(state, one, { kind: 'failed', status: 'unknown', why });
    },
    closed: (why, detail) => {
      if (state.closed !== null) return;
      state.closed = why;
      for (const id of state.waiting.keys()) settle(state, id, { kind: 'failed', status: 'unknown', why });
      for (const cancel of state.asking.values()) cancel.abort();
      state.events.closed(detail);
    },
  };
}

function settle(state: State, id: number, answer: Answer): void {
  const waiting = state.waiting.get(id);
  state.waiting.delete(id);
  waiting?.settle(answer);
}

function receive(state: State, message: UpstreamMessage, text: string): void {
  switch (message.kind) {
    case 'result':
    case 'error':
      if (state.waiting.has(message.id)) return settle(state, message.id, message);
      if (!state.given.delete(message.id)) state.events.noise('an answer to nothing');
      return;
    case 'request':
      return answerRequest(state, message.id, message.method, message.params);
    case 'notification':
      return notified(state, message);
    case 'noise': {
      // Where it still can be seen which request this should have answered, that one need not wait for its timeout.
      const id = answeredBy(text.slice(0, EDGE), text.slice(-EDGE));
      const why = `its answer cannot be used: ${message.why}`;
      if (id !== null && state.waiting.has(id)) settle(state, id, { kind: 'failed', status: 'unknown', why });
      state.events.noise(message.why);
    }
  }
}

/** `ping` is protocol; everything else is for the owner to answer. While it does, the calls that wait for the upstream go on waiting. */
function answerRequest(state: State, id: string, method: string, params: unknown): void {
  const parsed = JSON.parse(id) as string | number;
  const send = (text: string): void => {
    if (method !== 'ping' && !state.asking.delete(id)) return;
    for (const { touch } of state.waiting.values()) touch();
    state.channel?.send(text, null).catch(() => undefined);
  };
  if (method === 'ping') return send(resultOf(parsed, {}));
  if (state.asking.has(id)) return state.events.noise('a request under an id that is in use');
  const cancel = new AbortController();
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
  state.events.asked({ method, params, answer, cancelled: cancel.signal });
}

function notified(state: State, message: UpstreamMessage & { readonly kind: 'notification' }): void {
  const params = isObject(message.params) ? message.params : {};
  switch (message.method) {
    case 'notifications/cancelled':
      state.asking.get(JSON.stringify(params['requestId']) ?? '')?.abort();
      return;
    case 'notifications/progress': {
      const token = params['progressToken'];
      if (typeof token === 'number') state.waiting.get(token)?.progress?.(message.raw);
      return;
    }
    case 'notifications/message':
      state.events.logged(message.raw, typeof params['level'] === 'string' ? params['level'] : 'info');
      return;
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
async function ask(state: State, method: string, params: unknown, ms: number): Promise<JsonObject> {
  const id = state.next++;
  const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
  const answer = await send(state, id, text, {
    timeoutMs: ms,
    signal: new AbortController().signal,
    progress: null,
  });
  if (answer.kind === 'failed') throw new NotSent(`\`${method}\` failed: ${answer.why}`);
  if (answer.kind === 'error')
    throw new NotSent(`\`${method}\` was refused: ${answer.message.slice(0, 200)}`);
  // Definitions are hashed: what is read here is read strictly or not at all.
  const parsed = parseStrict(answer.raw, { size: 16 * 1024 * 1024, depth: 128, keys: 500_000 });
  if (!parsed.ok || !isObject(parsed.value)) {
    throw new NotSent(
      `the answer to \`${method}\` is not acceptable JSON${parsed.ok ? '' : `: ${parsed.error.message}`}`,
    );
  }
  return parsed.value;
}

interface SendOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly progress: ((params: string) => void) | null;
}

function send(state: State, id: number, text: string, options: SendOptions): Promise<Answer> {
  return new Promise((resolve) => {
    const { channel } = state;
    if (state.closed !== null || channel === null) {
      return resolve({ kind: 'failed', status: 'not_sent', why: state.closed ?? 'not connected' });
    }
    const stop = (status: 'timeout' | 'cancelled', why: string): void => {
      if (!state.waiting.has(id)) return;
      if (state.given.size >= MAX_GIVEN) state.given.clear();
      state.given.add(id);
      settle(state, id, { kind: 'failed', status, why });
      channel
        .send(notificationOf('notifications/cancelled', { requestId: id, reason: why }), null)
        .catch(() => undefined);
      channel.abandon(id);
    };
    const late = (): void => stop('timeout', `no answer within ${Math.round(options.timeoutMs / 1000)} s`);
    let timer = setTimeout(late, options.timeoutMs);
    const touch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(late, options.timeoutMs);
    };
    const cancel = (): void => stop('cancelled', 'the client cancelled');
    const progress = options.progress;
    state.waiting.set(id, {
      settle: (answer) => {
        clearTimeout(timer);
        options.signal.removeEventListener('abort', cancel);
        resolve(answer);
      },
      touch,
      progress:
        progress === null
          ? null
          : (params) => {
              touch();
              progress(params);
            },
    });
    options.signal.addEventListener('abort', cancel, { once: true });
    channel.send(text, id).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      settle(state, id, { kind: 'failed', status: error instanceof NotSent ? 'not_sent' : 'unknown', why });
      if (error instanceof NotSent && error.constructor !== NotSent) channelEvents(state).closed(why, why);
    });
    return undefined;
  });
}

function hopOf(state: State, channel: Channel, hello: JsonObject, protocol: string): Hop {
  const [info, capabilities, instructions] = [
    hello['serverInfo'],
    hello['capabilities'],
    hello['instructions'],
  ];
  const can = (ability: string): boolean => isObject(capabilities) && Object.hasOwn(capabilities, ability);
  return {
    info: isObject(info) ? info : {},
    protocol,
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : null,
    call(intent, beside, options) {
      if (options.signal.aborted)
        return Promise.resolve({ kind: 'failed', status: 'not_sent', why: 'the client cancelled' });
      const id = state.next++;
      const token = JSON.stringify(beside.progressToken);
      const progress = (params: string): void => {
        const own = replaceMember(params, 'progressToken', token);
        if (own !== null) options.progress(own);
      };
      return send(state, id, forwardText(intent, id, beside), {
        ...options,
        progress: beside.progressToken === null ? null : progress,
      });
    },
    tools: async () => (can('tools') ? listAll(state, TOOLS) : []),
    prompts: async () => (can('prompts') ? listAll(state, PROMPTS) : []),
    resources: (list) => listAll(state, list === 'resources' ? RESOURCES : TEMPLATES),
    unsubscribe: async (uri) => void (await ask(state, 'resources/unsubscribe', { uri }, LIST_MS)),
    setLogLevel: (level) => {
      if (can('logging')) ask(state, 'logging/setLevel', { level }, LIST_MS).catch(() => undefined);
    },
    tell: (method) => {
      channel.send(notificationOf(method, undefined), null).catch(() => undefined);
    },
    running: () => state.waiting.size,
    alive: () => state.closed === null,
    close: async () => {
      channelEvents(state).closed('closed', 'closed');
      await channel.close();
    },
  };
}

interface Listing {
  readonly method: string;
  /** Of the result. */
  readonly member: string;
  /** What tells its entries apart. */
  readonly key: string;
  /** One of them, in words. */
  readonly of: string;
}

const TOOLS: Listing = { method: 'tools/list', member: 'tools', key: 'name', of: 'tool' };
const PROMPTS: Listing = { method: 'prompts/list', member: 'prompts', key: 'name', of: 'prompt' };
const RESOURCES: Listing = { method: 'resources/list', member: 'resources', key: 'uri', of: 'resource' };
const TEMPLATES: Listing = {
  method: 'resources/templates/list',
  member: 'resourceTemplates',
  key: 'uriTemplate',
  of: 'template',
};

/** Walks all pages; a repeated cursor, too many pages or entries, and entries without a name are errors. */
async function listAll(state: State, { method, member, key, of }: Listing): Promise<readonly JsonObject[]> {
  const found = new Map<string, JsonObject>();
  const cursors = new Set<string>();
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const result: JsonObject = await ask(state, method, cursor === null ? {} : { cursor }, LIST_MS);
    const entries = Array.isArray(result[member]) ? result[member] : [];
    for (const entry of entries) {
      const name = isObject(entry) ? entry[key] : undefined;
      if (!isObject(entry) || typeof name !== 'string')
        throw new NotSent(`a ${of} without a name in \`${method}\``);
      if (found.has(name))
        throw new NotSent(`the ${of} \`${name.slice(0, 100)}\` stands twice in \`${method}\``);
      if (found.size >= MAX_LISTED) throw new NotSent(`more than ${MAX_LISTED} entries in \`${method}\``);
      found.set(name, entry);
    }
    const next: unknown = result['nextCursor'];
    if (typeof next !== 'string') return [...found.values()];
    if (cursors.has(next)) throw new NotSent(`\`${method}\` repeats a cursor`);
    cursors.add(next);
    cursor = next;
  }
  throw new NotSent(`more than ${MAX_PAGES} pages in \`${method}\``);
}
