// SPDX-License-Identifier: Apache-2.0
/** A real MCP client that calls through the gateway, and what the receipts say about each call. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type Stage, Unexpected } from './stage.js';

export interface Called {
  readonly decision: string;
  /** The receipt's id. */
  readonly receipt: string;
  readonly seq: number;
  readonly rules: readonly string[];
  readonly call: string;
  readonly isError: boolean;
  readonly text: string;
}

export async function connect(url: string, token: string): Promise<Client> {
  const client = new Client({ name: 'sepal-quickstart', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  await client.connect(transport);
  return client;
}

/** One call; the rule is read from the receipt in the log, since the client is told no more than it needs. */
export async function call(
  client: Client,
  stage: Stage,
  name: string,
  args: { readonly [key: string]: unknown },
): Promise<Called> {
  const result = await client.callTool({ name, arguments: { ...args } });
  const receipt = result._meta?.['dev.sepal/receipt'] as
    | { readonly id?: unknown; readonly seq?: unknown }
    | undefined;
  if (typeof receipt?.id !== 'string' || typeof receipt.seq !== 'number') {
    throw new Unexpected(`the answer to ${name} carries no receipt: ${JSON.stringify(result)}`);
  }
  const body = await receiptBody(stage, receipt.seq);
  const content = Array.isArray(result.content)
    ? (result.content as readonly { readonly text?: unknown }[])
    : [];
  return {
    decision: body.decision?.effect ?? '',
    rules: body.decision?.rules ?? [],
    call: body.call ?? '',
    receipt: receipt.id,
    seq: receipt.seq,
    isError: result.isError === true,
    text: content.map((part) => (typeof part.text === 'string' ? part.text : '')).join(' '),
  };
}

export interface ReceiptBody {
  readonly type: string;
  readonly call?: string;
  readonly decision?: { readonly effect: string; readonly rules: readonly string[] };
  readonly outcome?: { readonly status: string };
}

export async function receiptBody(stage: Stage, seq: number): Promise<ReceiptBody> {
  const out = await stage.must(0, 'log', 'show', '--format', 'json', '--from', String(seq), '--limit', '1');
  return JSON.parse(out) as ReceiptBody;
}

/** Every receipt of one call, from the request to the outcome. */
export async function receiptsOf(stage: Stage, call: string): Promise<readonly ReceiptBody[]> {
  const out = await stage.must(0, 'log', 'show', '--format', 'json', '--call', call);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReceiptBody);
}
