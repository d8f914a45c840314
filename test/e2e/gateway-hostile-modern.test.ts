// SPDX-License-Identifier: Apache-2.0
// A server of 2026-07-28 that answers what it must not: nothing of it reaches a client, and each call has its receipt.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, type MemoryLog, pin, scratch, startGateway } from '../helpers/gateway.js';
import { MODERN, post } from '../helpers/modern.js';
import { allowAll, outcomes, until } from '../helpers/raw.js';

const form = { method: 'elicitation/create', params: { message: 'x', requestedSchema: { type: 'object' } } };
const page = (url: string) => ({ method: 'elicitation/create', params: { mode: 'url', message: 'x', url } });
const want = (more: object) => ({ resultType: 'input_required', ...more });
const all = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

/** What each tool answers as its result. */
const RESULTS: { readonly [tool: string]: unknown } = {
  good: { resultType: 'complete', content: [{ type: 'text', text: 'good' }] },
  odd: { resultType: 'task', task: {} },
  nothing: want({}),
  list: want({ inputRequests: [form] }),
  number: want({ inputRequests: { a: 7 } }),
  state: want({ inputRequests: { a: form }, requestState: { x: 1 } }),
  script: want({ inputRequests: { a: page('javascript:alert(1)') } }),
  file: want({ inputRequests: { a: page('file:///etc/passwd') } }),
  other: want({ inputRequests: { a: { method: 'tools/call', params: {} } } }),
  half: want({ inputRequests: { a: form, b: page('data:text/html,x') } }),
  many: want({ inputRequests: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, form])) }),
  asks: null,
};

let gateway: Gateway;
let log: MemoryLog;
let url: URL;
let listens = 0;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as {
      readonly id: number;
      readonly method: string;
      readonly params: { readonly name?: string };
    };
    answer(response, id, method, params.name ?? '');
  });
});

function answer(response: ServerResponse, id: number, method: string, name: string): void {
  const json = (body: object, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
  };
  const stream = (...messages: object[]) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(messages.map((one) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...one })}\n\n`).join(''));
  };
  switch (method) {
    case 'initialize':
      return json({ error: { code: -32022, message: 'no handshake here' } }, 400);
    case 'server/discover':
      return json({
        result: { supportedVersions: [MODERN], capabilities: { tools: { listChanged: true } } },
      });
    case 'tools/list':
      return json({
        result: {
          tools: [...Object.keys(RESULTS), 'mismatch'].map((tool) => ({
            name: tool,
            inputSchema: { type: 'object' },
          })),
        },
      });
    case 'subscriptions/listen':
      listens++;
      // News under another's id, news of what was not asked for, and an end at once.
      return stream(
        { method: 'notifications/resources/updated', params: { uri: 'file:///x' } },
        { id: 999, result: {} },
      );
    default:
      if (name === 'mismatch') return json({ error: { code: -32020, message: 'evil.example' } }, 400);
      if (name === 'asks')
        return stream(
          { id: 'srv', method: 'elicitation/create', params: form.params },
          { id, result: RESULTS['good'] as object },
        );
      return json({ result: RESULTS[name] });
  }
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = configOf(scratch(), {
    mcpServers: { m: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` } },
    identity: { anonymous: 'agent:raw' },
  });
  await pin(config);
  ({ gateway, log } = await startGateway(config, allowAll));
  const front = await gateway.serveHttp();
  url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
});

afterAll(async () => {
  await gateway?.close();
  server.closeAllConnections();
  server.close();
});

const call = (name: string) => post(url, 'tools/call', { name, arguments: {} }, { capabilities: all });

describe('a hostile server of 2026-07-28', () => {
  it.each([
    ['odd', 'of a kind that is not known', 'unknown'],
    ['nothing', 'it asks for nothing', 'unknown'],
    ['list', 'what it asks for cannot be read', 'unknown'],
    ['number', 'what it asks for cannot be read', 'unknown'],
    ['state', 'what it asks for cannot be read', 'unknown'],
    ['many', 'what it asks for cannot be read', 'unknown'],
    ['script', 'asks for input in the middle of the call', 'upstream_error'],
    ['file', 'asks for input in the middle of the call', 'upstream_error'],
    ['other', 'asks for input in the middle of the call', 'upstream_error'],
    ['half', 'asks for input in the middle of the call', 'upstream_error'],
    ['mismatch', 'it refuses the request of the gateway', 'not_sent'],
  ])('that answers `%s` is not believed: %s', async (name, words, status) => {
    const { reply, text } = await call(name);
    expect(reply.result).toMatchObject({ resultType: 'complete', isError: true });
    expect(reply.result?.content?.[0]?.text).toContain(words);
    expect(text).not.toMatch(/javascript:|file:\/\/\/etc|evil\.example|"inputRequests"/);
    expect((await outcomes(log)).at(-1)).toBe(status);
  });

  it('that sends a request of its own is not answered, and its result still comes', async () => {
    const { messages } = await call('asks');
    expect(messages).toHaveLength(1);
    expect(messages[0]?.result).toMatchObject({ content: [{ text: 'good' }] });
    await until(() => log.bodies.some((body) => body.event?.kind === 'refused_input'));
    expect(log.bodies.some((body) => body.event?.kind === 'refused_input')).toBe(true);
  });

  it('that ends each listening at once is listened to again, later each time', async () => {
    const before = listens;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(listens - before).toBeLessThan(3);
  });
});
