// SPDX-License-Identifier: Apache-2.0
/** A server of the legacy era: a handshake first, then one session for everything. */
import type { JsonObject } from '../../verify/format/canonical.js';
import { replaceMember } from '../wire/answer.js';
import { messageOf } from '../wire/intent.js';
import { isObject } from '../wire/message.js';
import { notificationOf } from '../wire/reply.js';
import { MODERN } from '../modern/envelope.js';
import { silence } from './alive.js';
import { type Channel, NotSent, Refused } from './channel.js';
import { ask, CANCELLED, channelEvents, send, type State } from './exchange.js';
import type { Hop } from './hop.js';
import { made } from './made.js';
import { listAll, PROMPTS, RESOURCES, TEMPLATES, TOOLS } from './lists.js';

/** Revisions of the legacy era that we speak, newest first. */
export const REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
const HANDSHAKE_MS = 30_000;
const LIST_MS = 30_000;

/** Shakes hands, declaring `abilities` of the client. */
export async function openLegacy(
  state: State,
  channel: Channel,
  version: string,
  abilities: JsonObject,
): Promise<Hop> {
  const clientInfo = { name: 'sepal', version };
  const params = { protocolVersion: REVISIONS[0], capabilities: abilities, clientInfo };
  const hello = await ask(state, 'initialize', params, HANDSHAKE_MS);
  const agreed = hello['protocolVersion'];
  const protocol = typeof agreed === 'string' ? agreed : 'none';
  if (!(REVISIONS as readonly string[]).includes(protocol)) {
    const why = `the server speaks revision ${protocol.slice(0, 40)}, which this release does not`;
    throw protocol === MODERN ? new Refused(why) : new NotSent(why);
  }
  channel.negotiated(protocol);
  await channel.send('{"jsonrpc":"2.0","method":"notifications/initialized"}', null);
  channel.listen();
  return legacyHop(state, channel, hello, protocol);
}

/** The hop once both sides have agreed on `protocol`. */
function legacyHop(state: State, channel: Channel, hello: JsonObject, protocol: string): Hop {
  const [info, capabilities, instructions] = [
    hello['serverInfo'],
    hello['capabilities'],
    hello['instructions'],
  ];
  const can = (ability: string): boolean => isObject(capabilities) && Object.hasOwn(capabilities, ability);
  return {
    era: 'legacy',
    info: isObject(info) ? info : {},
    protocol,
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : null,
    async call(intent, beside, options) {
      if (options.cancel.over) return CANCELLED;
      const silent = silence(state, 'ping');
      if (silent !== null) return silent;
      const id = state.next++;
      const token = JSON.stringify(beside.progressToken);
      const progress = (params: string): void => {
        const own = replaceMember(params, 'progressToken', token);
        if (own !== null) options.progress(own);
      };
      const { timeoutMs, cancel, owner } = options;
      const text = messageOf(intent, id, beside);
      return send(state, id, typeof text === 'string' ? text : await made(text), {
        timeoutMs,
        cancel,
        owner,
        progress: beside.progressToken === null ? null : progress,
      });
    },
    tools: async () => (can('tools') ? listAll(state, TOOLS) : []),
    prompts: async () => (can('prompts') ? listAll(state, PROMPTS) : []),
    resources: (list) => listAll(state, list === 'resources' ? RESOURCES : TEMPLATES),
    subscribe: async (uri) => void (await ask(state, 'resources/subscribe', { uri }, LIST_MS)),
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
