// SPDX-License-Identifier: Apache-2.0
/** Which message leads where: housekeeping is answered here, actions are decided, everything else is denied with a receipt. */
import { Ending } from '../ending.js';
import { rootsChanged } from './asking.js';
import { call } from './call.js';
import { type Caller, sourceName, upstreamKey } from './caller.js';
import { type Connection, LOG_LEVELS, type Side } from './connection.js';
import { denyRequest } from './deny.js';
import { callable, pinnedList } from './discovery.js';
import type { Asked, Gate } from './gate.js';
import type { JsonObject } from '../verify/format/canonical.js';
import { dispatchModern } from './modern/dispatch.js';
import { isModern } from './modern/envelope.js';
import { readCompletion, readerOf, readPrompt, readResource } from './intake.js';
import {
  authorizationOffer,
  awaitDecision,
  EXTENSION,
  plainMethod,
  propose,
  receiptById,
} from './propose.js';
import { refuseInput } from './refuse.js';
import { resourceList, serversWith } from './resources.js';
import { subscribe, unsubscribe } from './subscriptions.js';
import { REVISIONS } from './upstream/legacy.js';
import {
  type ClientMessage,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  isObject,
  type RequestId,
  type RpcNotification,
  type RpcRequest,
} from './wire/message.js';
import { errorOf, type Outgoing, resultOf, resultText } from './wire/reply.js';

const MAX_RUNNING = 256;
const LOG_FAILED =
  'the receipt log cannot be written, so nothing is forwarded until the operator has restarted the gateway';

/** Handles one message of a client; the response's text, or null where none is due. Never rejects. */
export async function handle(
  gate: Gate,
  connection: Connection,
  message: ClientMessage,
  side: Side,
): Promise<Outgoing | null> {
  switch (message.kind) {
    case 'request':
      return request(gate, connection, message, side);
    case 'notification':
      await notification(gate, connection, message);
      return null;
    case 'response':
      if (connection.waiting.has(message.id)) {
        connection.waiting.get(message.id)?.(message);
        return null;
      }
      await gate.floods.record('refused_input', sourceName(connection.caller), 'an answer to nothing');
      return null;
    case 'refused':
      return refuseInput(gate, connection.caller, message.id, message.code, message.message);
  }
}

async function request(
  gate: Gate,
  connection: Connection,
  message: RpcRequest,
  side: Side,
): Promise<Outgoing | null> {
  const { id } = message;
  const { caller } = connection;
  if (connection.running.has(id))
    return refuseInput(gate, caller, id, INVALID_REQUEST, 'a request with this id is still running');
  if (connection.running.size >= MAX_RUNNING)
    return refuseInput(gate, caller, id, INVALID_REQUEST, `more than ${MAX_RUNNING} requests at a time`);
  const cancel = new Ending();
  connection.running.set(id, { cancel, side });
  try {
    const answer = await dispatch(gate, message, { caller, connection, side, cancel });
    // Who has cancelled expects no answer, and may use the id again.
    return cancel.over ? null : answer;
  } catch (error) {
    gate.say(
      `request ${message.method.slice(0, 60)} failed: ${error instanceof Error ? error.message : String(error)}`,
    );
    const broken = gate.log.failure() !== null;
    return errorOf(id, INTERNAL_ERROR, broken ? LOG_FAILED : 'the gateway could not handle this request');
  } finally {
    connection.running.delete(id);
  }
}

async function dispatch(gate: Gate, message: RpcRequest, asked: Asked): Promise<Outgoing | null> {
  const { id, method } = message;
  const { connection, caller } = asked;
  if (isModern(connection)) {
    const offer = (): JsonObject => offerFor(gate, caller);
    return dispatchModern(gate, message, asked, { offer, onward: (own, at) => relayedTo(gate, own, at) });
  }
  switch (method) {
    case 'initialize':
      return initialize(gate, id, message, connection);
    case 'ping':
      return resultOf(id, {});
  }
  if (connection.revision === null)
    return refuseInput(gate, caller, id, INVALID_REQUEST, 'send `initialize` first');
  // Only a server is given these, and a legacy client has none that it asked.
  const round = ['inputResponses', 'requestState'].find((member) => Object.hasOwn(message.params, member));
  if (round !== undefined && readerOf(method) !== null)
    return refuseInput(gate, caller, id, INVALID_PARAMS, `\`${round}\` is not part of this revision`);
  return relayedTo(gate, message, asked);
}

/** Methods that are an action, or a list of them: the same in both eras. */
async function relayedTo(gate: Gate, message: RpcRequest, asked: Asked): Promise<Outgoing | null> {
  const { id, params } = message;
  const method = plainMethod(message.method);
  const { connection, caller } = asked;
  if (!relayed(gate, method)) return denyRequest(gate, caller, message);
  switch (method) {
    case 'tools/list':
    case 'prompts/list':
      if (params['cursor'] !== undefined)
        return refuseInput(gate, caller, id, INVALID_PARAMS, 'the cursor is not one of ours');
      return resultText(id, await pinnedList(gate, caller, method === 'tools/list' ? 'tool' : 'prompt'));
    case 'resources/list':
    case 'resources/templates/list': {
      if (params['cursor'] !== undefined)
        return refuseInput(gate, caller, id, INVALID_PARAMS, 'the cursor is not one of ours');
      const list = method === 'resources/list' ? 'resources' : 'resourceTemplates';
      return resultOf(id, await resourceList(gate, caller, list));
    }
    case 'tools/call':
      return call(gate, id, params, asked);
    case 'prompts/get':
      return call(gate, id, params, asked, readPrompt);
    case 'resources/read':
      return call(gate, id, params, asked, readResource(method));
    case 'resources/subscribe':
      return subscribe(gate, id, params, asked);
    case 'resources/unsubscribe':
      return unsubscribe(gate, id, params, asked);
    case 'completion/complete':
      return call(gate, id, params, asked, readCompletion);
    case 'logging/setLevel':
      return setLevel(gate, id, message, connection, caller);
    case 'authorization/propose':
      return propose(gate, id, params, asked);
    case 'authorization/decide':
      return awaitDecision(gate, id, params, asked);
    case 'authorization/receipt':
      return receiptById(gate, id, params, asked);
    default:
      return denyRequest(gate, caller, message);
  }
}

/** Never a newer revision than the client asked for; an unknown one gets the newest that is not newer, or our oldest. */
async function initialize(
  gate: Gate,
  id: RequestId,
  { params }: RpcRequest,
  connection: Connection,
): Promise<string> {
  const { caller } = connection;
  if (connection.revision !== null)
    return refuseInput(gate, caller, id, INVALID_REQUEST, '`initialize` has been sent already');
  const wanted = params['protocolVersion'];
  if (typeof wanted !== 'string')
    return refuseInput(gate, caller, id, INVALID_PARAMS, '`protocolVersion` must be a string');
  connection.capabilities = isObject(params['capabilities']) ? params['capabilities'] : {};
  connection.revision = REVISIONS.find((revision) => revision <= wanted) ?? '2024-11-05';
  return resultOf(id, {
    protocolVersion: connection.revision,
    serverInfo: { name: 'sepal', version: gate.version },
    ...offerFor(gate, connection.caller),
  });
}

/** What the gateway can do for a caller, and what it says of itself. */
function offerFor(gate: Gate, caller: Caller): JsonObject {
  const own = { [EXTENSION]: authorizationOffer(gate.kid) };
  return {
    capabilities: { ...offers(gate), logging: {}, extensions: own, experimental: own },
    ...instructionsFor(gate, caller),
  };
}

/** What the servers tell models, as pinned; of those alone that some rule lets this caller use. */
function instructionsFor(gate: Gate, caller: Caller): { readonly instructions?: string } {
  const { instructions, pins } = gate.catalog();
  const told = [...gate.upstreams.keys()].flatMap((server) => {
    const own = instructions.get(server);
    const usable = [...(pins.tool.get(server)?.values() ?? [])].some((pin) =>
      callable(gate, caller, 'tool', pin),
    );
    if (own === undefined || !usable) return [];
    return [gate.upstreams.size === 1 ? own : `${server}:\n${own}`];
  });
  return told.length === 0 ? {} : { instructions: told.join('\n\n') };
}

/** What a server must be able to do for a method to be relayed. */
const NEEDS: ReadonlyMap<string, string> = new Map([
  ['prompts', 'prompts'],
  ['resources', 'resources'],
  ['completion', 'completions'],
]);

function relayed(gate: Gate, method: string): boolean {
  const ability = NEEDS.get(method.split('/')[0] ?? '');
  return ability === undefined || serversWith(gate, ability).length > 0;
}

/** What some server can do and we relay. */
function offers(gate: Gate): JsonObject {
  const some = (ability: string): boolean => serversWith(gate, ability).length > 0;
  return {
    tools: { listChanged: true },
    ...(some('prompts') ? { prompts: { listChanged: true } } : {}),
    ...(some('resources') ? { resources: { subscribe: true, listChanged: true } } : {}),
    ...(some('completions') ? { completions: {} } : {}),
  };
}

async function setLevel(
  gate: Gate,
  id: RequestId,
  { params }: RpcRequest,
  connection: Connection,
  caller: Caller,
): Promise<string> {
  const { level } = params;
  const index = typeof level === 'string' ? LOG_LEVELS.indexOf(level) : -1;
  if (index < 0 || typeof level !== 'string')
    return refuseInput(gate, caller, id, INVALID_PARAMS, `\`level\` is one of ${LOG_LEVELS.join(', ')}`);
  connection.logLevel = index;
  for (const upstream of gate.upstreams.values()) {
    if (upstream.config.perPrincipal) upstream.running(upstreamKey(caller))?.setLogLevel(level);
  }
  return resultOf(id, {});
}

async function notification(
  gate: Gate,
  connection: Connection,
  { method, params }: RpcNotification,
): Promise<void> {
  switch (method) {
    case 'notifications/roots/list_changed':
      return rootsChanged(gate, connection);
    case 'notifications/initialized':
    case 'notifications/progress':
      // Progress of a client belongs to a request of a server, which is put to it without a token.
      return;
    case 'notifications/cancelled': {
      const id = isObject(params) ? params['requestId'] : undefined;
      if (typeof id === 'string' || typeof id === 'number') connection.running.get(id)?.cancel.end();
      return;
    }
    default:
      await gate.floods.record('denied_method', sourceName(connection.caller), method);
  }
}
