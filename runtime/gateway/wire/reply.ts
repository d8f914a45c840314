// SPDX-License-Identifier: Apache-2.0
/** Texts that the gateway sends to clients: its own results and errors, and an upstream's answer with only id and `_meta` respliced. */
import type { RequestId } from './message.js';
import { members } from './spans.js';

/** Name of our member in `_meta`, and the prefix that no upstream may use there. */
export const RECEIPT_META = 'dev.sepal/receipt';
const OWN_PREFIX = 'dev.sepal/';

/** What a client learns of the receipt (docs/gateway, SEP): ids and hashes only. */
export interface ReceiptMeta {
  readonly id: string;
  readonly hash: string;
  readonly decision: 'allow' | 'review' | 'deny';
  readonly seq: number;
  readonly kid: string;
}

export interface ReviewMeta {
  readonly decision: 'review';
  readonly approvalId: string;
  readonly retryAfterMs: number;
}

/** A response: JSON text, or the bytes of a large one, with the HTTP status that the revision of 2026-07-28 gives it. */
export type Outgoing =
  | string
  | {
      readonly bytes: Uint8Array;
      readonly status: number;
      /** The bytes have gone out: their memory may be used again. */
      readonly done?: () => void;
    };

/** A response whose result is already JSON text. */
export function resultText(id: RequestId, result: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
}

export function resultOf(id: RequestId, result: unknown): string {
  return resultText(id, JSON.stringify(result));
}

/** A protocol error; `data` is left out when undefined. */
export function errorOf(id: RequestId | null, code: number, message: string, data?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } });
}

/** A response whose error object is already JSON text. */
export function errorText(id: RequestId, error: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${error}}`;
}

export function notificationOf(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

/** A tool result that is a refusal or a pending answer: `isError`, one plain sentence, the receipt in `_meta`. */
export function toolRefusal(
  id: RequestId,
  sentence: string,
  meta: { readonly [key: string]: unknown },
): string {
  return resultOf(id, { content: [{ type: 'text', text: sentence }], isError: true, _meta: meta });
}

/**
 * The text of a result with our receipt in its `_meta`; every other byte stays. Members of the upstream's `_meta` that
 * pretend to be ours are dropped.
 */
export function withMeta(result: string, receipt: ReceiptMeta): string {
  const own = `${JSON.stringify(RECEIPT_META)}:${JSON.stringify(receipt)}`;
  const meta = members(result).find((member) => member.key === '_meta');
  if (meta === undefined) {
    const open = result.indexOf('{');
    const empty = members(result).length === 0;
    return `${result.slice(0, open + 1)}"_meta":{${own}}${empty ? '' : ','}${result.slice(open + 1)}`;
  }
  const { start, end } = meta.value;
  const kept = members(result, start)
    .filter((member) => !member.key.toLowerCase().startsWith(OWN_PREFIX))
    .map((member) => result.slice(member.at, member.value.end));
  return `${result.slice(0, start)}{${[...kept, own].join(',')}}${result.slice(end)}`;
}
