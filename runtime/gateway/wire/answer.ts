// SPDX-License-Identifier: Apache-2.0
/** An upstream's text as a message whose parts can be passed on byte for byte. It is hostile input, read but never rewritten. */
import { members, type Member } from './spans.js';

export type UpstreamMessage =
  | { readonly kind: 'result'; readonly id: number; readonly raw: string; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly raw: string; readonly message: string }
  | { readonly kind: 'request'; readonly id: string; readonly method: string; readonly params: unknown }
  | { readonly kind: 'notification'; readonly method: string; readonly params: unknown; readonly raw: string }
  | { readonly kind: 'noise'; readonly why: string };

/** Reads one message; anything that is none is `noise`. `id` of a request is JSON text, to be echoed. */
export function readUpstream(text: string): UpstreamMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return noise('not JSON');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return noise('not a JSON object');
  const parts = new Map<string, Member>();
  for (const member of members(text)) {
    if (parts.has(member.key)) return noise('a key stands twice');
    parts.set(member.key, member);
  }
  return classify(text, parts, new Map(Object.entries(value)));
}

function classify(
  text: string,
  parts: ReadonlyMap<string, Member>,
  value: ReadonlyMap<string, unknown>,
): UpstreamMessage {
  if (value.get('jsonrpc') !== '2.0') return noise('not a JSON-RPC 2.0 message');
  const raw = (key: string): string => {
    const span = parts.get(key)?.value;
    return span === undefined ? '' : text.slice(span.start, span.end);
  };
  const [id, method] = [value.get('id'), value.get('method')];
  if (typeof method === 'string') {
    const params = value.get('params');
    if (typeof id === 'string' || typeof id === 'number')
      return { kind: 'request', id: raw('id'), method, params };
    return parts.has('id')
      ? noise('a request with an unusable id')
      : { kind: 'notification', method, params, raw: raw('params') };
  }
  if (typeof id !== 'number') return noise('an answer with an unknown id');
  if (parts.has('result') === parts.has('error')) return noise('neither a result nor an error');
  if (parts.has('result')) return result(id, raw('result'), value.get('result'));
  const error = value.get('error') as { readonly message?: unknown } | null;
  if (error === null || typeof error !== 'object') return noise('an error that is not an object');
  return {
    kind: 'error',
    id,
    raw: raw('error'),
    message: typeof error.message === 'string' ? error.message : '',
  };
}

function result(id: number, raw: string, value: unknown): UpstreamMessage {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return noise('a result that is not an object');
  const keys = members(raw).map((member) => member.key);
  return new Set(keys).size === keys.length
    ? { kind: 'result', id, raw, value }
    : noise('a key stands twice in the result');
}

const noise = (why: string): UpstreamMessage => ({ kind: 'noise', why });

/** The text of `params` with one top-level member replaced by other JSON text; null when it has no such member. */
export function replaceMember(params: string, key: string, json: string): string | null {
  const found = members(params).filter((member) => member.key === key);
  const [only] = found;
  if (only === undefined || found.length !== 1) return null;
  return params.slice(0, only.value.start) + json + params.slice(only.value.end);
}

/** The id of the request that an unusable answer belongs to, found at its start or end; null when it is not to be seen. */
export function answeredBy(head: string, tail: string): number | null {
  const found =
    /"id" ?: ?(\d{1,15}) ?[,}]/.exec(head.slice(0, 80)) ??
    /"id" ?: ?(\d{1,15})(?: ?, ?"jsonrpc" ?: ?"2\.0")? ?\}\s*$/.exec(tail.slice(-80));
  return found === null ? null : Number(found[1]);
}
