// SPDX-License-Identifier: Apache-2.0
// Tokens, claims, sessions and limits at the HTTP front.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createToken, printTokens, type TokenSpec } from '../../runtime/decide/tokens.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, policyOf, repin, scratch, startGateway } from '../helpers/gateway.js';

const stub = join(import.meta.dirname, '../helpers/upstream.mjs');
const module = policyOf(({ principal, intent }) =>
  principal === 'agent:a' && intent.name === 'echo'
    ? { effect: 'allow', rules: ['a'] }
    : { effect: 'deny', default: true },
);
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp(specs: readonly TokenSpec[], listen: object = {}, server: object = {}) {
  const dir = scratch();
  const made = specs.map((spec) => createToken(spec, randomBytes));
  writeFileSync(join(dir, 'tokens.json'), printTokens(made.map(({ entry }) => entry)), { mode: 0o600 });
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [stub], ...server } },
    identity: { tokens: 'tokens.json' },
    listen: { http: '127.0.0.1:0', ...listen },
  });
  await pin(config);
  const { gateway, log } = await startGateway(config, module);
  open.push(gateway);
  const front = await gateway.serveHttp();
  const url = `http://127.0.0.1:${front.address.port}/mcp`;
  const send = (method: string, headers: { [name: string]: string }, body?: unknown) =>
    fetch(url, {
      method,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const hello = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
  };
  const bearer = (i: number) => ({ authorization: `Bearer ${made[i]?.token ?? ''}` });
  const connect = async (i: number, more: { [name: string]: string } = {}) => {
    const headers = { ...bearer(i), ...more };
    const response = await send('POST', headers, hello);
    return { ...headers, 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
  };
  const call = (headers: { [name: string]: string }, name = 'echo') =>
    send('POST', headers, {
      jsonrpc: '2.0',
      id: 5,
      method: 'tools/call',
      params: { name, arguments: { text: 'hi' } },
    });
  return { gateway, log, url, send, hello, bearer, connect, call, made, config };
}

describe('credentials', () => {
  it('refuses no token and a wrong one with a challenge, and writes it down without the token', async () => {
    const { send, hello, log } = await setUp([{ principal: 'agent:a' }]);
    const bare = await send('POST', {}, hello);
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toContain('Bearer');
    const wrong = await send('POST', { authorization: `Bearer sepal_${'x'.repeat(43)}` }, hello);
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toContain('invalid_token');
    const text = JSON.stringify(log.bodies);
    expect(text).toContain('failed_authentication');
    expect(text).not.toContain('xxxxx');
    for (const method of ['GET', 'DELETE', 'PUT']) expect((await send(method, {})).status).toBe(401);
  });

  it('decides by the token’s principal, whatever else the request says', async () => {
    const { connect, call, log } = await setUp([{ principal: 'agent:a' }, { principal: 'agent:b' }]);
    expect(await (await call(await connect(0))).json()).toMatchObject({
      result: { content: [{ text: 'hi' }] },
    });
    expect(await (await call(await connect(1))).json()).toMatchObject({ result: { isError: true } });
    expect(log.bodies.at(-1)?.principal).toMatchObject({ id: 'agent:b', auth: { method: 'token' } });
  });

  it('honours X-Agent-Principal only where the token covers it; else 403 with a receipt', async () => {
    const { connect, call, send, bearer, hello, log } = await setUp([
      { principal: 'agent:b', actAs: ['agent:a'] },
      { principal: 'agent:b' },
    ]);
    const covered = await connect(0, { 'x-agent-principal': 'agent:a' });
    expect(await (await call(covered)).json()).toMatchObject({ result: { content: [{ text: 'hi' }] } });
    const refused = await send('POST', { ...bearer(1), 'x-agent-principal': 'agent:a' }, hello);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ receipt: `test/log#${log.bodies.length - 1}` });
    expect(log.bodies.at(-1)?.event?.kind).toBe('failed_authentication');
  });

  it('binds MCP sessions to their caller on every verb', async () => {
    const { connect, call, send, bearer } = await setUp([{ principal: 'agent:a' }, { principal: 'agent:a' }]);
    const own = await connect(0);
    const stolen = { ...bearer(1), 'mcp-session-id': own['mcp-session-id'] };
    expect((await call(stolen)).status).toBe(404);
    expect((await send('GET', stolen)).status).toBe(404);
    expect((await send('DELETE', stolen)).status).toBe(404);
    expect((await call(own)).status).toBe(200);
    expect((await send('DELETE', own)).status).toBe(200);
    expect((await call(own)).status).toBe(404);
  });

  it('ends a revoked token at once, on a live session too', async () => {
    const { connect, call, gateway } = await setUp([{ principal: 'agent:a' }]);
    const own = await connect(0);
    expect((await call(own)).status).toBe(200);
    gateway.tokens.replace([]);
    expect((await call(own)).status).toBe(401);
  });

  it('tightens by the token’s ceiling, in the list too', async () => {
    const { connect, call, send } = await setUp([{ principal: 'agent:a', ceiling: { actions: ['s/raw'] } }]);
    const own = await connect(0);
    expect(await (await call(own)).json()).toMatchObject({ error: { code: -32602 } });
    const list = (await (
      await send('POST', own, { jsonrpc: '2.0', id: 1, method: 'tools/list' })
    ).json()) as { result: { tools: { name: string }[] } };
    expect(list.result.tools.map((tool) => tool.name)).toEqual(['raw']);
  });

  it('limits failures by source and calls by credential', async () => {
    const { connect, call, send, hello } = await setUp([{ principal: 'agent:a' }], {
      limits: { perCredential: '5/1h', unauthenticated: '3/1h' },
    });
    const own = await connect(0);
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await call(own)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    for (let i = 0; i < 3; i++) expect((await send('POST', {}, hello)).status).toBe(401);
    const limited = await send('POST', {}, hello);
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('gives each principal a process of its own, up to the cap', async () => {
    const specs = ['agent:a', 'agent:b', 'agent:a'].map((principal) => ({ principal, actAs: ['agent:a'] }));
    const { connect, call } = await setUp(specs, {}, { maxProcesses: 1 });
    expect(await (await call(await connect(0))).json()).toMatchObject({
      result: { content: [{ text: 'hi' }] },
    });
    expect(await (await call(await connect(2))).json()).toMatchObject({
      result: { content: [{ text: 'hi' }] },
    });
    expect(await (await call(await connect(1, { 'x-agent-principal': 'agent:a' }))).json()).toMatchObject({
      result: { content: [{ text: 'hi' }] },
    });
  });
});

describe('the HTTP front', () => {
  it('says that the port is in use', async () => {
    const blocker = createServer();
    const port = await new Promise<number>((resolve) =>
      blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port)),
    );
    const dir = scratch();
    const config = configOf(dir, {
      mcpServers: { s: { command: process.execPath, args: [stub] } },
      listen: { http: `127.0.0.1:${port}` },
      identity: { anonymous: 'agent:a' },
    });
    await pin(config);
    const { gateway } = await startGateway(config, module);
    open.push(gateway);
    await expect(gateway.serveHttp()).rejects.toThrow(
      `127.0.0.1:${port} is in use by another process; stop it or change \`listen.http\``,
    );
    blocker.close();
  });

  it('streams progress before the answer and answers plain JSON otherwise', async () => {
    const { connect, send } = await setUp([{ principal: 'agent:a' }]);
    const own = await connect(0);
    const ask = (params: object) =>
      send('POST', own, { jsonrpc: '2.0', id: 5, method: 'tools/call', params });
    const plain = await ask({ name: 'echo', arguments: { text: 'x' } });
    expect(plain.headers.get('content-type')).toBe('application/json');
    const denied = await ask({ name: 'progress', arguments: {}, _meta: { progressToken: 1 } });
    expect(denied.headers.get('content-type')).toBe('application/json');
  });

  it('refuses a header that stands twice and a revision that it does not speak', async () => {
    const { connect, send } = await setUp([{ principal: 'agent:a' }]);
    const own = await connect(0);
    expect(
      (
        await send(
          'POST',
          { ...own, 'mcp-protocol-version': '2026-07-28' },
          { jsonrpc: '2.0', id: 1, method: 'ping' },
        )
      ).status,
    ).toBe(400);
    expect(
      (
        await send(
          'POST',
          { ...own, 'mcp-protocol-version': '2025-06-18' },
          { jsonrpc: '2.0', id: 1, method: 'ping' },
        )
      ).status,
    ).toBe(200);
  });

  it('tells open streams that the list changed', async () => {
    const { connect, send, gateway, config } = await setUp([{ principal: 'agent:a' }]);
    const own = await connect(0);
    const stream = await send('GET', own);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect((await send('GET', own)).status).toBe(409);
    repin(config, 'tools', 's', 'echo', { description: 'another' });
    await gateway.reload();
    const reader = stream.body?.getReader();
    const chunk = await reader?.read();
    expect(Buffer.from(chunk?.value ?? []).toString()).toContain('notifications/tools/list_changed');
    await reader?.cancel();
  });
});
