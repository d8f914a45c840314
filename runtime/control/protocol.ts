// SPDX-License-Identifier: Apache-2.0
/**
 * The language of the control socket: one JSON object a line, answered by one JSON object a line, in order.
 *
 * ```
 * → {"v":1,"id":1,"method":"approvals.list","params":{}}
 * ← {"v":1,"id":1,"result":[…]}
 * ← {"v":1,"id":1,"error":{"code":"unknown_pending","message":"…","help":"…"}}
 * ```
 */
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { parseStrict } from '../verify/format/json.js';

export const CONTROL_VERSION = 1;

/** Bytes of one line. A request is small; an answer may hold the arguments of a call. */
export const MAX_REQUEST = 1024 * 1024;
export const MAX_RESPONSE = 64 * 1024 * 1024;

export interface ControlRequest {
  readonly id: number;
  readonly method: string;
  readonly params: JsonObject;
}

/** Answers one method; a ControlError is passed on, anything else is told to the operator and reported as internal. */
export type ControlHandler = (params: JsonObject) => JsonValue | Promise<JsonValue>;

/** A refusal that the other end may read: what is wrong and what to do. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: string;
  readonly help: string;
  constructor(code: string, message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** Reads one request line; throws a ControlError. */
export function readRequest(line: Uint8Array): ControlRequest {
  const parsed = parseStrict(line, { size: MAX_REQUEST, depth: 16, keys: 10_000 });
  if (!parsed.ok)
    throw new ControlError(
      'parse',
      `the request is not JSON: ${parsed.error.message}`,
      'send one JSON object a line',
    );
  const request = object(parsed.value);
  if (request === null)
    throw new ControlError(
      'request',
      'the request is not an object',
      'send {"v":1,"id":…,"method":…,"params":{…}}',
    );
  if (request['v'] !== CONTROL_VERSION) {
    throw new ControlError(
      'version',
      `the gateway speaks version ${CONTROL_VERSION} of the control protocol`,
      'use the same release of sepal at both ends',
    );
  }
  const { id, method } = request;
  const params = object(request['params'] ?? Object.create(null));
  const stranger = Object.keys(request).find((key) => !['v', 'id', 'method', 'params'].includes(key));
  if (stranger !== undefined)
    throw new ControlError(
      'request',
      `unknown member ${JSON.stringify(stranger)}`,
      'send v, id, method and params',
    );
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || typeof method !== 'string' || params === null) {
    throw new ControlError(
      'request',
      'the id must be an integer, the method a string and the params an object',
      'see docs/control',
    );
  }
  return { id, method, params };
}

export function printResult(id: number, result: JsonValue): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, id, result })}\n`;
}

/** `id` is null when the request could not be read. */
export function printError(id: number | null, error: ControlError): string {
  const { code, message, help } = error;
  return `${JSON.stringify({ v: CONTROL_VERSION, id, error: { code, message, help } })}\n`;
}

/** Reads one answer line to request `id`; throws the ControlError that it carries. */
export function readResponse(line: Uint8Array, id: number): JsonValue {
  const parsed = parseStrict(line, { size: MAX_RESPONSE, depth: 128, keys: 10_000_000 });
  const response = parsed.ok ? object(parsed.value) : null;
  if (response === null || response['v'] !== CONTROL_VERSION) throw garbled();
  const error = object(response['error']);
  if (error !== null)
    throw new ControlError(text(error['code']), text(error['message']), text(error['help']));
  if (response['id'] !== id || response['result'] === undefined) throw garbled();
  return response['result'];
}

function garbled(): ControlError {
  return new ControlError(
    'protocol',
    'the answer of the gateway cannot be read',
    'use the same release of sepal at both ends',
  );
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function object(value: JsonValue | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}
