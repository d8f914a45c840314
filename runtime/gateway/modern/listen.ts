// SPDX-License-Identifier: Apache-2.0
/**
 * `subscriptions/listen`: one request whose stream carries what belongs to no other request. The first message says what is honoured; each one
 * carries the id of the request; a kind that was not asked for is never sent. It ends with the client, its credential or the gateway.
 */
import { firstOf } from '../../ending.js';
import type { JsonObject } from '../../verify/format/canonical.js';
import { callerKey } from '../caller.js';
import type { Connection } from '../connection.js';
import type { Asked, Gate } from '../gate.js';
import { refuseInput } from '../refuse.js';
import { serversWith } from '../resources.js';
import { leaveAll, subscribe } from '../subscriptions.js';
import { INVALID_PARAMS, INVALID_REQUEST, isObject, type RequestId } from '../wire/message.js';
import { notificationOf, resultOf } from '../wire/reply.js';
import { SUBSCRIPTION_META } from './envelope.js';

const MAX_PER_CALLER = 100;
const MAX_TIMER_MS = 2_147_483_647;
const CHANGES: ReadonlyMap<string, string> = new Map([
  ['toolsListChanged', 'notifications/tools/list_changed'],
  ['promptsListChanged', 'notifications/prompts/list_changed'],
  ['resourcesListChanged', 'notifications/resources/list_changed'],
]);
const UPDATED = 'notifications/resources/updated';

export async function listen(
  gate: Gate,
  id: RequestId,
  { notifications }: JsonObject,
  asked: Asked,
): Promise<string | null> {
  const { connection, caller, side } = asked;
  const refused = (code: number, why: string): Promise<string> => refuseInput(gate, caller, id, code, why);
  if (!isObject(notifications)) return refused(INVALID_PARAMS, '`notifications` must be an object');
  const own = [...gate.listening].filter((other) => callerKey(other.caller) === callerKey(caller));
  if (own.length >= MAX_PER_CALLER) return refused(INVALID_REQUEST, `more than ${MAX_PER_CALLER} listeners`);
  const honoured = await honour(gate, id, notifications, asked);
  const end = (): string => resultOf(id, { _meta: { [SUBSCRIPTION_META]: id } });
  const stamped = (method: string, params: JsonObject): string =>
    notificationOf(method, { ...params, _meta: { [SUBSCRIPTION_META]: id } });
  if (!side.notify(stamped('notifications/subscriptions/acknowledged', { notifications: honoured })))
    return refused(INVALID_REQUEST, 'accept text/event-stream, on which this is answered');
  if (Object.keys(honoured).length === 0) return end();
  const wanted = new Set([...CHANGES].flatMap(([name, method]) => (honoured[name] === true ? [method] : [])));
  if (honoured['resourceSubscriptions'] !== undefined) wanted.add(UPDATED);
  connection.push = (text) => {
    const { method, params } = JSON.parse(text) as { readonly method: string; readonly params?: JsonObject };
    if (wanted.has(method)) side.notify(stamped(method, params ?? {}));
  };
  gate.listening.add(connection);
  try {
    await over(gate, asked);
  } finally {
    gate.listening.delete(connection);
    await leaveAll(gate, connection);
  }
  return asked.cancel.over || side.gone.over ? null : end();
}

/** What is asked for, can be had here and, for a resource, is allowed. */
async function honour(gate: Gate, id: RequestId, wanted: JsonObject, asked: Asked): Promise<JsonObject> {
  const can: { readonly [name: string]: boolean } = {
    toolsListChanged: true,
    promptsListChanged: serversWith(gate, 'prompts').length > 0,
    resourcesListChanged: serversWith(gate, 'resources').length > 0,
  };
  const changes = [...CHANGES.keys()].filter((name) => wanted[name] === true && can[name] === true);
  const uris = Array.isArray(wanted['resourceSubscriptions']) ? wanted['resourceSubscriptions'] : [];
  const followed: string[] = [];
  for (const uri of new Set(uris)) {
    if (typeof uri !== 'string') continue;
    const answer = await subscribe(gate, id, { uri }, asked);
    if (typeof answer === 'string' && Object.hasOwn(JSON.parse(answer) as object, 'result'))
      followed.push(uri);
  }
  return {
    ...Object.fromEntries(changes.map((name) => [name, true])),
    ...(followed.length === 0 ? {} : { resourceSubscriptions: followed }),
  };
}

/** Resolves when nobody listens any more, or nobody may. */
function over(gate: Gate, { cancel, side, caller }: Asked): Promise<void> {
  const { expires } = caller.identity;
  const left = expires === null ? MAX_TIMER_MS : Math.max(0, expires - gate.now());
  return firstOf([cancel, side.gone, gate.stopping], Math.min(left, MAX_TIMER_MS));
}

/** Those who listen with a credential that no longer holds. */
export function revokedListeners(gate: Gate): readonly Connection[] {
  return [...gate.listening].filter(({ caller }) => !gate.admits(caller));
}
