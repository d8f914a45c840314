// SPDX-License-Identifier: Apache-2.0
/** Answers in the form of 2026-07-28: a result says what it is and that it is for this caller only. Every other byte stays. */
import { INVALID_PARAMS, NOT_FOUND } from '../wire/message.js';
import { members } from '../wire/spans.js';
import { HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION } from './envelope.js';

/** Results that a client may keep: how long, and for whom. */
const KEPT = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
/** Lists change with the policy, at any moment: nothing is kept without asking again. */
const TTL_MS = '0';

/** The text of a response to `method`. */
export function modernText(method: string, text: string): string {
  const found = members(text).find(({ key }) => key === 'result' || key === 'error');
  if (found === undefined) return text;
  const { start, end } = found.value;
  const own = text.slice(start, end);
  const head = text.slice(0, start);
  return head + (found.key === 'result' ? typed(method, own) : recoded(own)) + text.slice(end);
}

function typed(method: string, result: string): string {
  const type = members(result).find(({ key }) => key === 'resultType');
  const kind = type === undefined ? '"complete"' : result.slice(type.value.start, type.value.end);
  const named = setMember(result, 'resultType', kind);
  if (!KEPT.has(method) || kind !== '"complete"') return named;
  const lived = members(named).some(({ key }) => key === 'ttlMs') ? named : setMember(named, 'ttlMs', TTL_MS);
  return setMember(lived, 'cacheScope', '"private"');
}

/** The text of an object with one member set to other JSON text. */
export function setMember(object: string, key: string, json: string): string {
  const all = members(object);
  const [only] = all.filter((member) => member.key === key);
  if (only !== undefined) return object.slice(0, only.value.start) + json + object.slice(only.value.end);
  const open = object.indexOf('{');
  return `${object.slice(0, open + 1)}${JSON.stringify(key)}:${json}${all.length === 0 ? '' : ','}${object.slice(open + 1)}`;
}

/** What is not there is invalid parameters in this revision. */
function recoded(error: string): string {
  const code = members(error).find(({ key }) => key === 'code');
  if (code === undefined || error.slice(code.value.start, code.value.end) !== String(NOT_FOUND)) return error;
  return setMember(error, 'code', String(INVALID_PARAMS));
}

const STATUS: ReadonlyMap<number, number> = new Map([
  [-32601, 404],
  [-32700, 400],
  [-32600, 400],
  [HEADER_MISMATCH, 400],
  [MISSING_CAPABILITY, 400],
  [UNSUPPORTED_VERSION, 400],
]);

/** The HTTP status of a response; an error that some server answered has 200 but for those that the revision names. */
export function statusOf(text: string): number {
  const error = members(text).find(({ key }) => key === 'error');
  if (error === undefined) return 200;
  const code = members(text, error.value.start).find(({ key }) => key === 'code');
  return STATUS.get(code === undefined ? 0 : Number(text.slice(code.value.start, code.value.end))) ?? 200;
}
