// SPDX-License-Identifier: Apache-2.0
/**
 * `subscriptions/listen` at a server: one request for everything that we want to hear. It is sent anew when the wanted resources change, and
 * when its stream has ended.
 */
import { Ending } from '../../ending.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import { type Answer, send, type State } from './exchange.js';
import { isObject } from '../wire/message.js';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
const ACKNOWLEDGED_MS = 10_000;
const FOR_EVER_MS = 2_147_483_647;

export interface Ear {
  /** Wants to hear of a resource as well; answers as `resources/subscribe` does. */
  follow(uri: string): Promise<Answer>;
  leave(uri: string): Promise<void>;
  /** Requests that wait for nothing but news. */
  open(): number;
}

interface Listening {
  readonly stop: Ending;
  /** What the server honours; null when it did not say so. */
  readonly honoured: Promise<JsonObject | null>;
}

/** Begins to listen, where the server has something to tell. */
export function ear(state: State, capabilities: JsonObject): Ear {
  const tells = (ability: string, member: string): boolean => {
    const own = capabilities[ability];
    return isObject(own) && own[member] === true;
  };
  const changes = {
    ...(tells('tools', 'listChanged') ? { toolsListChanged: true } : {}),
    ...(tells('prompts', 'listChanged') ? { promptsListChanged: true } : {}),
    ...(tells('resources', 'listChanged') ? { resourcesListChanged: true } : {}),
  };
  const followed = new Set<string>();
  let open = 0;
  let current: Listening | null = null;
  let delay = FIRST_RETRY_MS;
  const wanted = (): JsonObject => ({
    ...changes,
    ...(followed.size === 0 ? {} : { resourceSubscriptions: [...followed] }),
  });
  const begin = (): Listening | null => {
    const before = current;
    current = null;
    if (Object.keys(wanted()).length > 0) current = start();
    // The old one ends once the new one hears: nothing is missed in between.
    if (current === null) before?.stop.end();
    else void current.honoured.then(() => before?.stop.end());
    return current;
  };
  const start = (): Listening => {
    const id = state.next++;
    const stop = new Ending();
    const { params, headers = {} } = state.dress('subscriptions/listen', { notifications: wanted() });
    const text = JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params });
    const honoured = new Promise<JsonObject | null>((resolve) => {
      const late = setTimeout(() => resolve(null), ACKNOWLEDGED_MS);
      late.unref();
      state.acknowledged.set(id, (own) => {
        clearTimeout(late);
        delay = FIRST_RETRY_MS;
        resolve(own);
      });
      open++;
      void send(state, id, text, {
        timeoutMs: FOR_EVER_MS,
        cancel: stop,
        progress: null,
        headers,
      }).then((answer) => {
        open--;
        clearTimeout(late);
        state.acknowledged.delete(id);
        resolve(null);
        ended(own, answer);
      });
    });
    const own: Listening = { stop, honoured };
    return own;
  };
  const ended = (own: Listening, answer: Answer): void => {
    if (current !== own || state.closed !== null) return;
    current = null;
    // It has no such request: then it tells nothing, and lists are read again from time to time.
    if (answer.kind === 'error') return;
    setTimeout(() => {
      if (current === null && state.closed === null) begin();
    }, delay).unref();
    delay = Math.min(delay * 2, LAST_RETRY_MS);
  };
  begin();
  return {
    async follow(uri) {
      followed.add(uri);
      const honoured = await begin()?.honoured;
      const uris = honoured?.['resourceSubscriptions'];
      if (Array.isArray(uris) && uris.includes(uri)) return { kind: 'result', raw: '{}', value: {} };
      followed.delete(uri);
      const message = 'the server does not tell of this resource';
      return { kind: 'error', raw: JSON.stringify({ code: -32602, message }), message };
    },
    async leave(uri) {
      if (followed.delete(uri)) begin();
    },
    open: () => open,
  };
}
