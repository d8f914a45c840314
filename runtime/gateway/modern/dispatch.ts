// SPDX-License-Identifier: Apache-2.0
/** Requests of revision 2026-07-28: each stands for itself. Checked against its headers, then the same path as in the legacy era. */
import type { JsonObject } from '../../verify/format/canonical.js';
import type { Asked, Gate } from '../gate.js';
import { type Read, readerOf } from '../intake.js';
import { refuseInput } from '../refuse.js';
import { pinned } from '../discovery.js';
import { METHOD_NOT_FOUND, type RpcRequest } from '../wire/message.js';
import { errorOf, type Outgoing, resultOf } from '../wire/reply.js';
import { envelopeFault, type Fault, MODERN, SERVER_META } from './envelope.js';
import { headerFault } from './headers.js';
import { goesOn } from './input.js';
import { listen } from './listen.js';
import { modernText } from './reply.js';

/** Methods of the legacy era that this one no longer has. */
const GONE = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
]);

/** Where the request goes on: to the methods that both eras have. */
export type Onward = (message: RpcRequest, asked: Asked) => Promise<Outgoing | null>;

/** What a client that asks `server/discover` learns, but for what is the same for each method. */
export type Offer = () => JsonObject;

export async function dispatchModern(
  gate: Gate,
  message: RpcRequest,
  asked: Asked,
  { offer, onward }: { readonly offer: Offer; readonly onward: Onward },
): Promise<Outgoing | null> {
  const { id, method, params } = message;
  const fault = faultOf(gate, message, asked);
  if (fault !== null) {
    const text = await refuseInput(gate, asked.caller, id, fault.code, fault.message);
    return fault.data === undefined ? text : errorOf(id, fault.code, fault.message, fault.data);
  }
  if (GONE.has(method))
    return refuseInput(
      gate,
      asked.caller,
      id,
      METHOD_NOT_FOUND,
      `\`${method}\` is not part of revision ${MODERN}`,
    );
  const answer = await answered();
  return typeof answer === 'string' ? modernText(method, answer) : answer;

  function answered(): Promise<Outgoing | null> {
    switch (method) {
      case 'server/discover': {
        const _meta = { [SERVER_META]: { name: 'sepal', version: gate.version } };
        return Promise.resolve(resultOf(id, { supportedVersions: [MODERN], ...offer(), _meta }));
      }
      case 'subscriptions/listen':
        return listen(gate, id, params, asked);
      default: {
        const reader = readerOf(method);
        if (reader === null) return onward(message, asked);
        const read = async (own: JsonObject): Promise<Read> => reader(gate, asked.caller, own);
        return goesOn(gate, message, asked, { read, onward });
      }
    }
  }
}

function faultOf(gate: Gate, { method, params }: RpcRequest, { side }: Asked): Fault | null {
  const { headers } = side;
  const wrong = envelopeFault(params);
  if (headers === undefined) return wrong;
  // A version that body and headers agree on and that is not spoken is that; else what they disagree on comes first.
  const { name } = params;
  const called = method === 'tools/call' && typeof name === 'string';
  const place = called ? gate.catalog().names.tool.find(name) : undefined;
  const definition = place === undefined ? null : (pinned(gate, place)?.pin.definition ?? null);
  if (wrong !== null && wrong.data === undefined) return wrong;
  return headerFault(headers, method, params, definition) ?? wrong;
}
