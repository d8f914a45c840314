// SPDX-License-Identifier: Apache-2.0
// A client of revision 2026-07-28 that writes its requests by hand, so that they can be wrong.
import { encode } from '../../runtime/gateway/modern/headers.js';
import type { Reply } from './raw.js';

export const MODERN = '2026-07-28';

export interface Posted {
  readonly status: number;
  /** Every message of the answer, the response last. */
  readonly messages: readonly Reply[];
  readonly reply: Reply;
  readonly text: string;
}

export interface Sent {
  readonly capabilities?: object;
  /** In place of the headers that belong to the body; null leaves one out. */
  readonly headers?: { readonly [name: string]: string | null };
  /** In place of the envelope's members; null leaves one out. */
  readonly meta?: { readonly [name: string]: unknown };
  readonly id?: unknown;
  readonly signal?: AbortSignal;
}

export const envelope = (capabilities: object = {}): { [name: string]: unknown } => ({
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': capabilities,
});

const without = (all: { [name: string]: unknown }): { [name: string]: unknown } =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));

/** The request as `fetch` takes it. */
export function modernRequest(method: string, params: { readonly [key: string]: unknown }, sent: Sent = {}) {
  const name = params['name'] ?? params['uri'];
  const named = ['tools/call', 'prompts/get', 'resources/read'].includes(method) && typeof name === 'string';
  const headers = without({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
    ...(named ? { 'mcp-name': encode(name) } : {}),
    ...sent.headers,
  });
  const _meta = without({ ...envelope(sent.capabilities), ...sent.meta });
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: sent.id ?? 1,
    method,
    params: { ...params, ...(Object.keys(_meta).length === 0 ? {} : { _meta }) },
  });
  return { method: 'POST', headers: headers as { [name: string]: string }, body };
}

export async function post(
  url: URL | string,
  method: string,
  params: { readonly [key: string]: unknown } = {},
  sent: Sent = {},
): Promise<Posted> {
  const response = await fetch(url, {
    ...modernRequest(method, params, sent),
    ...(sent.signal === undefined ? {} : { signal: sent.signal }),
  });
  const text = await response.text();
  const sse = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const parts = sse
    ? text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
    : [text];
  const messages = parts.filter((part) => part !== '').map((part) => JSON.parse(part) as Reply);
  return { status: response.status, messages, reply: messages.at(-1) ?? {}, text };
}

/** Reads `subscriptions/listen` until `enough` messages are there, then leaves. */
export async function hear(
  url: URL | string,
  notifications: object,
  enough: number,
  meanwhile: () => Promise<unknown> = async () => undefined,
  sent: Sent = {},
): Promise<readonly Reply[]> {
  const leave = new AbortController();
  const late = setTimeout(() => leave.abort(), 15_000);
  const request = modernRequest('subscriptions/listen', { notifications }, { id: 'l1', ...sent });
  const response = await fetch(url, { ...request, signal: leave.signal });
  const found: Reply[] = [];
  let rest = '';
  let told = false;
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) found.push(JSON.parse(line.slice(6)) as Reply);
      if (!told && found.length > 0) {
        told = true;
        await meanwhile();
      }
      if (found.length >= enough) break;
    }
  } catch {
    // The time is over.
  }
  clearTimeout(late);
  leave.abort();
  return found;
}
