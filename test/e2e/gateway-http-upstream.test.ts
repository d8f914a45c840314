// SPDX-License-Identifier: Apache-2.0
// Streamable HTTP upstreams: sessions, both kinds of answers, and everything that can go wrong on the way.
import { afterEach, describe, expect, it } from 'vitest';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { outcomes } from '../helpers/raw.js';
import { httpStub } from '../helpers/upstream-http.js';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function setUp(server: object = {}) {
  const stub = await httpStub();
  open.push(stub);
  const config = configOf(scratch(), {
    mcpServers: { web: { url: stub.url, headers: { Authorization: 'Bearer upstream-secret' }, ...server } },
    identity: { anonymous: 'agent:a' },
  });
  await pin(config);
  const { gateway, log, said } = await startGateway(
    config,
    policyOf(() => ({ effect: 'allow', rules: ['all'] })),
  );
  open.push(gateway);
  const front = await gateway.serveHttp();
  const client = new Client({ name: 'test', version: '1' });
  const headers = { cookie: 'mine=1', 'x-client': 'yes' };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${front.address.port}/mcp`), {
      requestInit: { headers },
    }),
  );
  open.push(client);
  const go = async () => {
    const result = await client.callTool({ name: 'go', arguments: {} });
    return { text: (result.content as { text: string }[])[0]?.text ?? '', isError: result.isError === true };
  };
  return { stub, go, outcomes: () => outcomes(log), log, said };
}

describe('an HTTP upstream', () => {
  it('reads JSON and event-stream answers in one session of its own', async () => {
    const { stub, go, outcomes } = await setUp();
    expect(await go()).toEqual({ text: 'json', isError: false });
    stub.mode = 'sse';
    expect(await go()).toEqual({ text: 'sse', isError: false });
    expect(await outcomes()).toEqual(['ok', 'ok']);
    const calls = stub.seen.filter(({ body }) => body.includes('tools/call'));
    expect(calls.map(({ headers }) => headers['mcp-session-id'])).toEqual(['s1', 's1']);
    expect(calls[0]?.headers['mcp-protocol-version']).toBe('2025-06-18');
  });

  it('copies no header of the client', async () => {
    const { stub, go } = await setUp();
    await go();
    for (const { headers } of stub.seen) {
      expect(headers.authorization).toBe('Bearer upstream-secret');
      expect(headers.cookie).toBeUndefined();
      expect(headers['x-client']).toBeUndefined();
    }
  });

  it('starts a new session when the old one has gone, and sends the call once', async () => {
    const { stub, go, outcomes } = await setUp();
    await go();
    stub.mode = 'gone';
    expect(await go()).toEqual({ text: 'json', isError: false });
    expect(await outcomes()).toEqual(['ok', 'ok']);
    expect(stub.seen.filter(({ body }) => body.includes('"initialize"'))).toHaveLength(3); // pin, first, again
  });

  it.each([
    ['redirect', 'not followed', 'not_sent'],
    ['broken', 'not known whether', 'unknown'],
    ['error500', 'not known whether', 'unknown'],
    ['html', 'not known whether', 'unknown'],
    ['endless', 'not known whether', 'unknown'],
  ] as const)('says what a %s answer means, and never repeats the call', async (mode, words, status) => {
    const { stub, go, outcomes } = await setUp();
    stub.mode = mode;
    const { text, isError } = await go();
    expect(isError).toBe(true);
    expect(text).toContain(words);
    expect(await outcomes()).toEqual([status]);
    expect(stub.seen.filter(({ body }) => body.includes('tools/call'))).toHaveLength(1);
    stub.mode = 'json';
    expect(await go()).toEqual({ text: 'json', isError: false });
  });

  it('is heard between calls: what it says has changed is not called any more', async () => {
    const { stub, go, outcomes } = await setUp();
    expect(await go()).toEqual({ text: 'json', isError: false });
    stub.description = 'goes elsewhere';
    for (let i = 0; i < 100 && !stub.push({ method: 'notifications/tools/list_changed' }); i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await expect(go()).rejects.toMatchObject({ code: -32602 });
    expect(await outcomes()).toEqual(['ok']);
    expect(stub.seen.filter(({ body }) => body.includes('tools/call'))).toHaveLength(1);
    expect(stub.seen.find(({ method }) => method === 'GET')?.headers['mcp-session-id']).toBe('s1');
  });

  it('says that a server does not listen, without its secret', async () => {
    const { stub, go, outcomes, said } = await setUp();
    await stub.close();
    const { text, isError } = await go();
    expect(isError).toBe(true);
    expect(text).toContain('ECONNREFUSED');
    expect(await outcomes()).toEqual(['not_sent']);
    expect(said.join() + text).not.toContain('upstream-secret');
  });
});
