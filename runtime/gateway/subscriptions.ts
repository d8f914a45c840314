// SPDX-License-Identifier: Apache-2.0
/** Who wants to hear of which resource. Subscribing is decided as reading is; one process may serve several connections of a principal. */
import type { JsonObject } from '../verify/format/canonical.js';
import { abilitiesFor } from './asking.js';
import { call } from './call.js';
import { upstreamKey } from './caller.js';
import type { Connection } from './connection.js';
import type { Asked, Gate } from './gate.js';
import { type Reader, readResource } from './intake.js';
import { visible } from './discovery.js';
import { isModern } from './modern/envelope.js';
import { refuseInput } from './refuse.js';
import type { Hop } from './upstream/hop.js';
import { uriFault } from './resources.js';
import { INVALID_PARAMS, type RequestId } from './wire/message.js';
import { type Outgoing, resultOf } from './wire/reply.js';

const MAX_SUBSCRIPTIONS = 1_000;

export async function subscribe(
  gate: Gate,
  id: RequestId,
  params: JsonObject,
  asked: Asked,
): Promise<Outgoing | null> {
  const { subscriptions } = asked.connection;
  if (subscriptions.size >= MAX_SUBSCRIPTIONS)
    return refuseInput(
      gate,
      asked.caller,
      id,
      INVALID_PARAMS,
      `more than ${MAX_SUBSCRIPTIONS} subscriptions`,
    );
  let place: { readonly uri: string; readonly server: string } | null = null;
  const read: Reader = async (at, caller, own) => {
    const intake = await readResource('resources/subscribe')(at, caller, own);
    if ('intent' in intake) place = { uri: intake.intent.name, server: intake.intent.server };
    return intake;
  };
  const answer = await call(gate, id, params, asked, read);
  const { uri, server } = place ?? { uri: '', server: '' };
  if (typeof answer === 'string' && server !== '' && Object.hasOwn(JSON.parse(answer) as object, 'result'))
    subscriptions.set(uri, server);
  return answer;
}

/** Ends something only: not decided. The server is told once nobody of this principal listens any more. */
export async function unsubscribe(
  gate: Gate,
  id: RequestId,
  { uri }: JsonObject,
  { caller, connection }: Asked,
): Promise<string> {
  const fault = uriFault(uri);
  if (fault !== null || typeof uri !== 'string')
    return refuseInput(gate, caller, id, INVALID_PARAMS, fault ?? '`uri` must be a string');
  const server = connection.subscriptions.get(uri);
  connection.subscriptions.delete(uri);
  if (server !== undefined) await leave(gate, connection, server, uri);
  return resultOf(id, {});
}

/** Ends what a connection still listens to. */
export async function leaveAll(gate: Gate, connection: Connection): Promise<void> {
  const left = [...connection.subscriptions];
  connection.subscriptions.clear();
  for (const [uri, server] of left) await leave(gate, connection, server, uri);
}

async function leave(gate: Gate, connection: Connection, server: string, uri: string): Promise<void> {
  const upstream = gate.upstreams.get(server);
  const key = upstreamKey(connection.caller);
  const others = [...gate.connections()].some(
    (other) =>
      other.subscriptions.get(uri) === server &&
      upstream?.key(upstreamKey(other.caller)) === upstream?.key(key),
  );
  if (others) return;
  await upstream
    ?.running(key)
    ?.unsubscribe(uri)
    .catch((error: unknown) => gate.say(`server \`${server}\`: ${String(error)}`));
}

/** Those who want to hear of resources from the process that `key` names. */
export function listenersOf(gate: Gate, server: string, key: string): readonly Connection[] {
  const upstream = gate.upstreams.get(server);
  return [...gate.connections()].filter(
    ({ caller, subscriptions }) =>
      [...subscriptions.values()].includes(server) && upstream?.key(upstreamKey(caller)) === key,
  );
}

/** A server that begins again has forgotten who listens. */
export function renew(gate: Gate, server: string, key: string, hop: Hop): void {
  const uris = listenersOf(gate, server, key).flatMap(({ caller, subscriptions }) =>
    [...subscriptions].flatMap(([uri, at]) =>
      at === server && visible(gate, caller, { kind: 'resource', server, name: uri }) ? [uri] : [],
    ),
  );
  for (const uri of new Set(uris))
    hop.subscribe(uri).catch((error: unknown) => gate.say(`server \`${server}\`: ${String(error)}`));
}

const REVIVE_MS = 1_000;
const LAST_REVIVE_MS = 60_000;

/** Starts a server again that has ended while somebody listens; without listeners it is started by the next call. */
export function revive(gate: Gate, server: string, key: string, after = REVIVE_MS): void {
  const timer = setTimeout(() => {
    const [one] = listenersOf(gate, server, key);
    if (one === undefined || gate.stopping.over) return;
    const want = isModern(one) ? 'modern' : 'legacy';
    gate.upstreams
      .get(server)
      ?.hop(upstreamKey(one.caller), abilitiesFor(gate, one, server), want)
      .catch(() => revive(gate, server, key, Math.min(after * 2, LAST_REVIVE_MS)));
  }, after);
  timer.unref();
}
