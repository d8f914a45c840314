// SPDX-License-Identifier: Apache-2.0
/** A client's bytes as one JSON-RPC message, or why they are refused. Stricter than JSON-RPC: no batch, no null id, no key variants. */
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';
import { type JsonLimits, parseStrict } from '../../verify/format/json.js';

export type RequestId = string | number;

export interface RpcRequest {
  readonly kind: 'request';
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
}

export interface RpcNotification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonObject;
}

export type RpcResponse = { readonly kind: 'response'; readonly id: RequestId } & (
  | { readonly result: JsonObject }
  | { readonly error: JsonObject }
);

export interface RpcRefusal {
  readonly kind: 'refused';
  /** The id to answer under, where one could be read. */
  readonly id: RequestId | null;
  readonly code: number;
  readonly message: string;
}

export type ClientMessage = RpcRequest | RpcNotification | RpcResponse | RpcRefusal;

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** MCP: there is no such resource. */
export const NOT_FOUND = -32002;
/** Ours, outside of the range that JSON-RPC reserves: denied, pending, or not known whether it was done. */
export const NOT_DONE = -31001;

const MEMBERS = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];
const PARAMS = ['name', 'arguments', '_meta', 'uri', 'cursor'];
const MAX_NAME = 512;

/** What one message of a client may be: room for a file, and no more values than can be read without holding up others. */
export const MESSAGE_LIMITS: JsonLimits = {
  size: 8 * 1024 * 1024,
  depth: 64,
  keys: 10_000,
  values: 200_000,
};

/** Reads one message; never throws. */
export function readMessage(bytes: string | Uint8Array, limits: JsonLimits): ClientMessage {
  const parsed = parseStrict(bytes, limits);
  if (!parsed.ok)
    return refuse(null, PARSE_ERROR, `the message is not acceptable JSON: ${parsed.error.message}`);
  const value = parsed.value;
  if (Array.isArray(value))
    return refuse(null, INVALID_REQUEST, 'batches are not accepted; send one message at a time');
  if (!isObject(value)) return refuse(null, INVALID_REQUEST, 'a message is a JSON object');
  return classify(value);
}

function classify(message: JsonObject): ClientMessage {
  const id = message['id'];
  const known = isId(id) ? id : null;
  const variant = caseVariant(message, MEMBERS);
  if (variant !== null)
    return refuse(known, INVALID_REQUEST, `the key \`${variant}\` differs from a known one only by case`);
  if (message['jsonrpc'] !== '2.0') return refuse(known, INVALID_REQUEST, '`jsonrpc` must be "2.0"');
  const hasId = Object.hasOwn(message, 'id');
  if (hasId && known === null) return refuse(null, INVALID_REQUEST, '`id` must be a string or an integer');
  if (!Object.hasOwn(message, 'method')) return response(message, known);
  const { method, params = {} } = message;
  if (typeof method !== 'string' || method === '' || method.length > MAX_NAME) {
    return refuse(known, INVALID_REQUEST, '`method` must be a short, non-empty string');
  }
  if (Object.hasOwn(message, 'result') || Object.hasOwn(message, 'error')) {
    return refuse(known, INVALID_REQUEST, 'a message is a request or a response, not both');
  }
  if (!isObject(params)) return refuse(known, INVALID_PARAMS, '`params` must be an object');
  const odd = caseVariant(params, PARAMS);
  if (odd !== null)
    return refuse(
      known,
      INVALID_PARAMS,
      `the key \`${odd}\` in \`params\` differs from a known one only by case`,
    );
  return known === null
    ? { kind: 'notification', method, params }
    : { kind: 'request', id: known, method, params };
}

function response(message: JsonObject, id: RequestId | null): ClientMessage {
  const answers = Number(Object.hasOwn(message, 'result')) + Number(Object.hasOwn(message, 'error'));
  if (id === null || answers !== 1)
    return refuse(id, INVALID_REQUEST, 'neither a request, a notification nor a response');
  const { result, error } = message;
  if (isObject(result)) return { kind: 'response', id, result };
  if (isObject(error)) return { kind: 'response', id, error };
  return refuse(id, INVALID_REQUEST, '`result` or `error` must be an object');
}

const refuse = (id: RequestId | null, code: number, message: string): RpcRefusal => ({
  kind: 'refused',
  id,
  code,
  message,
});

const isId = (value: JsonValue | undefined): value is RequestId =>
  (typeof value === 'string' && value.length <= MAX_NAME) ||
  (typeof value === 'number' && Number.isSafeInteger(value));

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** A key that equals a known one but for case: some servers would read it as that one. */
function caseVariant(value: JsonObject, known: readonly string[]): string | null {
  for (const key of Object.keys(value)) {
    if (key.length <= 16 && !known.includes(key) && known.includes(key.toLowerCase())) return key;
  }
  return null;
}
