// SPDX-License-Identifier: Apache-2.0
/** A server of 2026-07-28: no handshake, everything that it must know stands in each request, and one request listens for the rest. */
import type { JsonObject } from '../../verify/format/canonical.js';
import { parseStrict } from '../../verify/format/json.js';
import {
  CAPABILITIES_META,
  CLIENT_META,
  HEADER_MISMATCH,
  LEVEL_META,
  MODERN,
  SERVER_META,
  UNSUPPORTED_VERSION,
  VERSION_META,
} from '../modern/envelope.js';
import { headersFor } from '../modern/headers.js';
import { replaceMember } from '../wire/answer.js';
import { messageOf } from '../wire/intent.js';
import { textOf } from '../large/service.js';
import { isObject } from '../wire/message.js';
import { silence } from './alive.js';
import { type Channel, NotSent } from './channel.js';
import {
  type Answer,
  ask,
  CANCELLED,
  channelEvents,
  type InputRequest,
  send,
  type State,
} from './exchange.js';
import type { Hop } from './hop.js';
import { made } from './made.js';
import { listAll, PROMPTS, RESOURCES, TEMPLATES, TOOLS } from './lists.js';
import { ear } from './listening.js';

/** A legacy server over stdio may say nothing at all; over HTTP silence means that nobody is there. */
const PROBE_MS = { stdio: 2_000, http: 10_000 };
const MAY_ASK = new Set(['tools/call', 'prompts/get', 'resources/read']);
const MAX_ASKED = 64;
const MAX_STATE = 256 * 1024;

/** Asks what the server is; rejects when it is not one of this era. */
export async function openModern(state: State, channel: Channel, version: string): Promise<Hop> {
  const clientInfo = { name: 'sepal', version };
  const { dress, leaves, asks } = state;
  state.asks = false;
  state.leaves = channel.kind === 'http';
  state.dress = (method, params) => ({
    params: {
      ...params,
      _meta: { [VERSION_META]: MODERN, [CLIENT_META]: clientInfo, [CAPABILITIES_META]: {} },
    },
    headers: headersFor(MODERN, method, params, null),
  });
  try {
    const found = await ask(state, 'server/discover', {}, PROBE_MS[channel.kind]);
    const versions = found['supportedVersions'];
    if (!Array.isArray(versions) || !versions.includes(MODERN))
      throw new NotSent(`the server does not speak revision ${MODERN}`);
    return modernHop(state, channel, found, clientInfo);
  } catch (error) {
    Object.assign(state, { dress, leaves, asks });
    throw error;
  }
}

function modernHop(state: State, channel: Channel, found: JsonObject, clientInfo: JsonObject): Hop {
  const { capabilities, instructions, _meta: meta, serverInfo } = found;
  const info = isObject(meta) && isObject(meta[SERVER_META]) ? meta[SERVER_META] : serverInfo;
  const can = (ability: string): boolean => isObject(capabilities) && Object.hasOwn(capabilities, ability);
  const listening = ear(state, isObject(capabilities) ? capabilities : {});
  return {
    era: 'modern',
    info: isObject(info) ? info : {},
    protocol: MODERN,
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : null,
    async call(intent, beside, options) {
      const { timeoutMs, cancel, owner, definition } = options;
      if (cancel.over) return CANCELLED;
      if (intent.method === 'resources/subscribe') return listening.follow(intent.name);
      const silent = silence(state, 'server/discover');
      if (silent !== null) return silent;
      const id = state.next++;
      const token = JSON.stringify(beside.progressToken);
      const progress = (params: string): void => {
        const own = replaceMember(params, 'progressToken', token);
        if (own !== null) options.progress(own);
      };
      const { name, args } = intent;
      const text = messageOf(intent, id, beside, envelopeOf(clientInfo, options));
      const answer = await send(state, id, typeof text === 'string' ? text : await made(text), {
        timeoutMs,
        cancel,
        owner,
        headers: headersFor(MODERN, intent.method, { name, uri: name, arguments: args }, definition),
        progress: beside.progressToken === null ? null : progress,
      });
      return read(answer, intent.method);
    },
    tools: async () => (can('tools') ? listAll(state, TOOLS) : []),
    prompts: async () => (can('prompts') ? listAll(state, PROMPTS) : []),
    resources: (list) => listAll(state, list === 'resources' ? RESOURCES : TEMPLATES),
    subscribe: async (uri) => void (await listening.follow(uri)),
    unsubscribe: (uri) => listening.leave(uri),
    // Said with each request; and it has no requests of its own that roots could matter to.
    setLogLevel: () => undefined,
    tell: () => undefined,
    running: () => state.waiting.size - listening.open(),
    alive: () => state.closed === null,
    close: async () => {
      channelEvents(state).closed('closed', 'closed');
      await channel.close();
    },
  };
}

/** Members of `_meta` as JSON text. */
function envelopeOf(
  clientInfo: JsonObject,
  { abilities, logLevel }: { readonly abilities: JsonObject; readonly logLevel: string | null },
): readonly string[] {
  const member = (key: string, value: unknown): string => `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  return [
    member(VERSION_META, MODERN),
    member(CLIENT_META, clientInfo),
    member(CAPABILITIES_META, abilities),
    ...(logLevel === null ? [] : [member(LEVEL_META, logLevel)]),
  ];
}

const unusable = (why: string): Answer => ({ kind: 'failed', status: 'unknown', why });

/** A result is what it says that it is; one of a kind that is not known is none. */
async function read(answer: Answer, method: string): Promise<Answer> {
  if (answer.kind === 'error') return ours(answer);
  if (answer.kind !== 'result') return answer;
  const { resultType = 'complete' } = answer.value as { readonly resultType?: unknown };
  if (resultType === 'complete') return answer;
  if (resultType !== 'input_required' || !MAY_ASK.has(method))
    return unusable('its answer is of a kind that is not known here');
  const raw = await textOf(answer.raw);
  const strict = parseStrict(raw);
  if (!strict.ok || !isObject(strict.value)) return unusable('its answer is not acceptable JSON');
  const { inputRequests = {}, requestState } = strict.value;
  const requests = isObject(inputRequests) ? readRequests(inputRequests) : null;
  const state = requestState ?? null;
  if (requests === null || (state !== null && (typeof state !== 'string' || state.length > MAX_STATE)))
    return unusable('what it asks for cannot be read');
  if (requests.size === 0 && state === null) return unusable('it asks for nothing');
  return { kind: 'asks', raw, requests, state };
}

function readRequests(requests: JsonObject): ReadonlyMap<string, InputRequest> | null {
  const found = new Map<string, InputRequest>();
  for (const [key, request] of Object.entries(requests)) {
    if (!isObject(request) || typeof request['method'] !== 'string' || found.size >= MAX_ASKED) return null;
    const { method, params = {} } = request;
    if (!isObject(params)) return null;
    found.set(key, { method, params });
  }
  return found;
}

/** What a server says of our envelope or headers is about this hop, and the call did not run. */
async function ours(answer: Answer & { readonly kind: 'error' }): Promise<Answer> {
  const { code } = JSON.parse(await textOf(answer.raw)) as { readonly code?: unknown };
  if (code !== HEADER_MISMATCH && code !== UNSUPPORTED_VERSION) return answer;
  return { kind: 'failed', status: 'not_sent', why: `it refuses the request of the gateway (${code})` };
}
