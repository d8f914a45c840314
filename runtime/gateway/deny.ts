// SPDX-License-Identifier: Apache-2.0
/** Methods that this release does not relay, from clients and from upstreams: refused, each with a receipt, floods as counts. */
import type { ActionKind } from '../../stdlib/abi.js';
import type { Appended } from '../log/types.js';
import type { JsonObject } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';
import { type Caller, callerKey, sourceName } from './caller.js';
import type { Gate } from './gate.js';
import { decideDraft, defaultDeny, newCallId, receiptMeta } from './record.js';
import { canonicalIntent } from './wire/intent.js';
import { isObject, METHOD_NOT_FOUND, type RpcRequest } from './wire/message.js';
import { errorOf, RECEIPT_META } from './wire/reply.js';

const REASON = 'no server here offers this, or it is not relayed';
const MAX_NAME = 256;
/** What can stand in a receipt as a method; anything else is foreign text, counted under its beginning. */
const METHOD = /^[\w.$/-]{1,128}$/;

/** What kind of action a method is, and where its name stands; null for methods that are no action of the policy language. */
function actionOf(
  method: string,
  params: JsonObject,
): { readonly kind: ActionKind; readonly name: string } | null {
  const text = (value: unknown): string =>
    typeof value === 'string' && value.length <= MAX_NAME ? value : '';
  const [family] = method.split('/');
  switch (family) {
    case 'resources':
      return { kind: 'resource', name: text(params['uri']) };
    case 'prompts':
      return { kind: 'prompt', name: text(params['name']) };
    case 'completion': {
      const ref = params['ref'];
      return { kind: 'completion', name: isObject(ref) ? text(ref['name'] ?? ref['uri']) : '' };
    }
    case 'sampling':
      return { kind: 'sampling', name: '' };
    case 'elicitation':
      return { kind: 'elicitation', name: '' };
    case 'roots':
      return { kind: 'roots', name: '' };
    default:
      return null;
  }
}

/** Writes the denial down; null when it was only counted. */
export async function denyAsked(
  gate: Gate,
  caller: Caller,
  server: string,
  method: string,
  params: JsonObject,
): Promise<Appended | null> {
  const source = server === '' ? sourceName(caller) : `${server} for ${sourceName(caller)}`;
  const action = METHOD.test(method) ? actionOf(method, params) : null;
  const counted = gate.denials.take(`${server} ${callerKey(caller)}`) > 0;
  if (action === null || counted) return gate.floods.record('denied_method', source, method);
  const intent = canonicalIntent({ ...action, method, server }, {}, params);
  const { draft, openings } = await decideDraft({
    call: newCallId(),
    caller,
    intent,
    definition: null,
    trace: null,
    policy: gate.policy().ref,
    decision: defaultDeny(REASON),
    facts: {},
    reads: [],
    counts: [],
    expires: null,
    links: null,
    propose: null,
  });
  return gate.log.append(draft, openings);
}

/** A client's request for anything but tools. */
export async function denyRequest(gate: Gate, caller: Caller, request: RpcRequest): Promise<string> {
  const entry = await denyAsked(gate, caller, '', request.method, request.params);
  const data = entry === null ? undefined : { [RECEIPT_META]: receiptMeta(entry, 'deny') };
  return errorOf(
    request.id,
    METHOD_NOT_FOUND,
    `\`${request.method.slice(0, 100)}\` is not available here`,
    data,
  );
}

/**
 * An upstream asked its client for something; the hop has refused it already. The receipt names the caller whose call was running,
 * where only one was.
 */
export async function denyUpstream(
  gate: Gate,
  server: string,
  key: string,
  method: string,
  params: unknown,
): Promise<void> {
  const running = [...gate.active.values()].filter((one) => one.server === server && one.key === key);
  const callers = new Map(running.map((one) => [callerKey(one.connection.caller), one.connection.caller]));
  const [only] = callers.values();
  if (only === undefined || callers.size !== 1) {
    await gate.floods.record('denied_method', server, method);
    return;
  }
  // An upstream's parameters are foreign text: what the strict parser refuses is not written down.
  const strict = parseStrict(JSON.stringify(params ?? {}));
  await denyAsked(gate, only, server, method, strict.ok && isObject(strict.value) ? strict.value : {});
}
