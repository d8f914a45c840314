// SPDX-License-Identifier: Apache-2.0
// Duties of an MCP gateway that no other file has a test for; docs/gateway.md has the table of all.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, scratch, startGateway } from '../helpers/gateway.js';
import { allowAll, outcomes, Raw, until } from '../helpers/raw.js';

const helper = (name: string): string => join(import.meta.dirname, `../helpers/${name}.mjs`);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function behind(servers: object, extra: object = {}): Promise<Gateway & { readonly log: unknown[] }> {
  const config = configOf(scratch(), {
    mcpServers: servers,
    identity: { anonymous: 'agent:raw', stdio: { principal: 'agent:raw' } },
    ...extra,
  });
  await pin(config);
  const { gateway, log } = await startGateway(config, allowAll);
  closing.push(() => gateway.close());
  return Object.assign(gateway, { log: log.bodies, outcomes: () => outcomes(log) });
}

async function duties(extra: object = {}) {
  const file = join(scratch(), 'asked');
  const gateway = await behind({
    d: { command: process.execPath, args: [helper('duties'), file], ...extra },
  });
  const client = new Raw(gateway);
  const hello = await client.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {} });
  const asked = () =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { method: string; params?: { [key: string]: unknown } });
  const count = (method: string) => asked().filter((message) => message.method === method).length;
  return { gateway, client, hello, asked, count };
}

describe('a session', () => {
  it('never speaks a newer revision than its client asked for, whatever the server behind speaks', async () => {
    const { gateway } = await duties();
    const spoken = async (wanted: string): Promise<unknown> => {
      const params = { protocolVersion: wanted, capabilities: {} };
      return (await new Raw(gateway).ask('initialize', params)).result?.['protocolVersion'];
    };
    for (const revision of ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])
      expect(await spoken(revision)).toBe(revision);
    expect(await spoken('2025-09-01')).toBe('2025-06-18');
    expect(await spoken('2024-10-07')).toBe('2024-11-05');
    expect(await spoken('2099-01-01')).toBe('2025-11-25');
  });

  it('offers no tasks, though the server does, and takes no call as one', async () => {
    const { client, hello, count } = await duties();
    expect(hello.result?.['capabilities']).not.toHaveProperty('tasks');
    expect((await client.ask('tasks/list', {})).error?.code).toBe(-32601);
    const task = await client.ask('tools/call', { name: 'log', arguments: {}, task: { ttl: 1 } });
    expect(task.error?.message).toContain('tasks are not supported');
    expect([count('tasks/list'), count('tools/call')]).toEqual([0, 0]);
  });

  it('has lists of one page: a cursor is none of ours', async () => {
    const { client } = await duties();
    for (const method of ['tools/list', 'resources/list', 'resources/templates/list']) {
      expect((await client.ask(method, {})).result).not.toHaveProperty('nextCursor');
      expect((await client.ask(method, { cursor: 'x' })).error?.code).toBe(-32602);
    }
  });

  it('sets the level of its log messages, at the server too', async () => {
    const { client, asked } = await duties();
    await client.call('log');
    expect(client.notifications('notifications/message').map(({ params }) => params?.['level'])).toEqual([
      'error',
    ]);
    expect((await client.ask('logging/setLevel', { level: 'loud' })).error?.code).toBe(-32602);
    await client.ask('logging/setLevel', { level: 'debug' });
    await client.call('log');
    await until(() => asked().some(({ method }) => method === 'logging/setLevel'));
    expect(asked().find(({ method }) => method === 'logging/setLevel')?.params).toEqual({ level: 'debug' });
    expect(client.notifications('notifications/message')).toHaveLength(3);
  });
});

describe('progress', () => {
  it('after the answer, or for nobody, goes nowhere', async () => {
    const { client } = await duties();
    await Promise.all([
      client.call('late', {}, { progressToken: 'a' }),
      client.call('late', {}, { progressToken: 7 }),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const tokens = client
      .notifications('notifications/progress')
      .map(({ params }) => params?.['progressToken']);
    expect(new Set(tokens)).toEqual(new Set(['a', 7]));
    expect(tokens).toHaveLength(2);
  });

  it('does not keep a call open for ever', async () => {
    const { client } = await duties({ timeout: '300ms' });
    const { result } = await client.call('forever', {}, { progressToken: 'p' });
    expect(result?.content?.[0]?.text).toContain('no answer within');
    expect(client.notifications('notifications/progress').length).toBeGreaterThan(5);
  });
});

describe('a subscription', () => {
  it('outlives the process that it was made at', async () => {
    const { client, count } = await duties();
    await client.ask('resources/subscribe', { uri: 'note://a' });
    await client.call('update');
    await until(() => client.notifications('notifications/resources/updated').length === 1);
    await client.call('crash');
    // Nobody calls: the server is started again for the one who listens.
    await until(() => count('resources/subscribe') === 2);
    await client.call('update');
    await until(() => client.notifications('notifications/resources/updated').length === 2);
    expect(client.notifications('notifications/resources/updated')).toHaveLength(2);
    await client.ask('resources/unsubscribe', { uri: 'note://a' });
    expect(count('resources/unsubscribe')).toBe(1);
  });

  it('keeps its server from ending for idleness', async () => {
    const { client, count } = await duties({ idle: '150ms' });
    await client.ask('resources/subscribe', { uri: 'note://a' });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await client.call('update');
    expect(count('initialize')).toBe(2);
    await client.ask('resources/unsubscribe', { uri: 'note://a' });
  });
});

describe('an HTTP server that asks', () => {
  it('two clients of one principal at once is answered by the one whose call it is', async () => {
    const child: ChildProcess = spawn(process.execPath, [helper('conformance-server'), '0']);
    closing.push(() => child.kill('SIGKILL'));
    const port = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (text) => resolve(String(text).trim())),
    );
    const gateway = await behind({ web: { url: `http://127.0.0.1:${port}/mcp` } });
    const front = await gateway.serveHttp();
    const url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
    const answered = ['Alice', 'Bob'].map(async (name) => {
      const client = new Client({ name, version: '1' }, { capabilities: { elicitation: {} } });
      client.setRequestHandler(ElicitRequestSchema, async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { action: 'accept', content: { username: name, email: 'x@example.com' } };
      });
      await client.connect(new StreamableHTTPClientTransport(url));
      const result = await client.callTool({ name: 'test_elicitation', arguments: { message: name } });
      await client.close();
      return JSON.stringify(result.content);
    });
    const [alice, bob] = await Promise.all(answered);
    expect([alice, bob]).toEqual([expect.stringContaining('Alice'), expect.stringContaining('Bob')]);
  });
});

describe('the HTTP front', () => {
  it('offers no streams to resume and none of the old transport', async () => {
    const { gateway } = await duties();
    const front = await gateway.serveHttp();
    const base = `http://127.0.0.1:${front.address.port}`;
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const send = (more: object, body: object) =>
      fetch(`${base}/mcp`, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });
    const opened = await send(
      {},
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {} },
      },
    );
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    const params = { name: 'late', arguments: {}, _meta: { progressToken: 1 } };
    const streamed = await send(session, { jsonrpc: '2.0', id: 2, method: 'tools/call', params });
    const text = await streamed.text();
    expect(streamed.headers.get('x-accel-buffering')).toBe('no');
    expect(text).toContain('notifications/progress');
    expect(text).not.toMatch(/^id:/m);
    const leave = new AbortController();
    const again = await fetch(`${base}/mcp`, {
      headers: { accept: 'text/event-stream', 'last-event-id': '1', ...session },
      signal: leave.signal,
    });
    expect(again.status).toBe(200);
    leave.abort();
    for (const path of ['/sse', '/messages?sessionId=1', '/authorize', '/register', '/token'])
      expect((await fetch(base + path, { method: 'POST', headers, body: '{}' })).status).toBe(404);
  });

  it('relays no challenge of a server: it would send the client’s browser to somebody else', async () => {
    let allowed = true;
    const web = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as {
          readonly id?: number;
          readonly method?: string;
        };
        if (!allowed) {
          const challenge = 'Bearer resource_metadata="https://evil.example/x"';
          return response.writeHead(401, { 'www-authenticate': challenge }).end();
        }
        if (id === undefined) return response.writeHead(202).end();
        const results: { [method: string]: object } = {
          initialize: {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {} },
            serverInfo: { name: 'w', version: '1' },
          },
          'tools/list': { tools: [{ name: 'go', inputSchema: { type: 'object' } }] },
        };
        response.writeHead(200, { 'content-type': 'application/json' });
        return response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method ?? ''] ?? {} }));
      });
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    closing.push(
      () => web.closeAllConnections(),
      () => web.close(),
    );
    const gateway = await behind({
      w: { url: `http://127.0.0.1:${(web.address() as AddressInfo).port}/mcp` },
    });
    const client = new Raw(gateway);
    await client.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {} });
    allowed = false;
    const { result } = await client.call('go');
    expect(result?.isError).toBe(true);
    expect(JSON.stringify(client.lines)).not.toContain('evil.example');
    expect(result?.content?.[0]?.text).toContain('HTTP 401');
  });
});
