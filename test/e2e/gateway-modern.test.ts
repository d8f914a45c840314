// SPDX-License-Identifier: Apache-2.0
// Revision 2026-07-28 at the front: requests that stand for themselves, beside sessions on the same endpoint.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client as Modern, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, type MemoryLog, pin, policyOf, repin, scratch, startGateway } from '../helpers/gateway.js';
import { envelope, hear, MODERN, post } from '../helpers/modern.js';
import { outcomes, Raw, stub, until } from '../helpers/raw.js';

const dir = scratch();
const notes = join(dir, 'notes');
const root = join(import.meta.dirname, '../..');
const everything = join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
let gateway: Gateway;
let log: MemoryLog;
let url: URL;
let config: ReturnType<typeof configOf>;

beforeAll(async () => {
  config = configOf(dir, {
    mcpServers: {
      s: { command: process.execPath, args: [stub, 'drift', notes] },
      all: { command: process.execPath, args: [everything] },
    },
    names: 'never',
    identity: { anonymous: 'agent:raw', stdio: { principal: 'agent:raw' } },
  });
  await pin(config, (server, tool) => server === 's' || !['echo', 'env'].includes(tool));
  const module = policyOf(
    ({ intent }) =>
      intent.name === 'fail'
        ? { effect: 'deny', rules: ['no'], reason: 'Never' }
        : { effect: 'allow', rules: ['all'] },
    (name) => name === 'secret',
  );
  ({ gateway, log } = await startGateway(config, module));
  const front = await gateway.serveHttp();
  url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
});

afterAll(async () => {
  await gateway?.close();
});

describe('a request of 2026-07-28', () => {
  it('is answered without a session, typed, and for this caller only', async () => {
    const { status, reply } = await post(url, 'server/discover');
    expect(status).toBe(200);
    expect(reply.result).toMatchObject({
      resultType: 'complete',
      supportedVersions: [MODERN],
      cacheScope: 'private',
      ttlMs: 0,
      capabilities: { tools: { listChanged: true }, extensions: { 'dev.sepal/authorization': {} } },
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'sepal' } },
    });
    for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])
      expect((await post(url, method)).reply.result).toMatchObject({ cacheScope: 'private', ttlMs: 0 });
    const called = await post(url, 'tools/call', { name: 'echo', arguments: { text: 'hi' } });
    expect(called.reply.result).toMatchObject({ resultType: 'complete', content: [{ text: 'hi' }] });
    // The envelope is ours to make anew: the server behind, of the other era, sees none of it.
    expect(JSON.stringify(called.reply.result)).not.toContain('clientCapabilities');
  });

  it('must say what its headers say, else nothing is forwarded', async () => {
    const call = { name: 'echo', arguments: { text: 'x' } };
    const before = log.bodies.filter((body) => body.type === 'decide').length;
    const wrong: { [header: string]: string | null }[] = [
      { 'mcp-name': 'env' },
      { 'mcp-name': null },
      { 'mcp-name': 'ECHO' },
      { 'mcp-name': '=?base64?!!?=' },
      { 'mcp-method': 'tools/list' },
      { 'mcp-method': null },
      { 'mcp-protocol-version': null },
      { 'mcp-protocol-version': '2025-11-25' },
    ];
    for (const headers of wrong) {
      const { status, reply } = await post(url, 'tools/call', call, { headers });
      expect([status, reply.error?.code, JSON.stringify(headers)]).toEqual([
        400,
        -32020,
        JSON.stringify(headers),
      ]);
    }
    expect(log.bodies.filter((body) => body.type === 'decide')).toHaveLength(before);
    const encoded = `=?base64?${Buffer.from('echo').toString('base64')}?=`;
    for (const headers of [{ 'mcp-name': encoded }, { 'mcp-name': '  echo ' }])
      expect((await post(url, 'tools/call', call, { headers })).status).toBe(200);
  });

  it('says what it lacks by the code of the revision', async () => {
    const version = 'io.modelcontextprotocol/protocolVersion';
    const capabilities = 'io.modelcontextprotocol/clientCapabilities';
    const cases = [
      [{ meta: { [capabilities]: null } }, 400, -32602],
      [{ meta: { [version]: null } }, 400, -32602],
      [{ meta: { [version]: '2099-01-01' }, headers: { 'mcp-protocol-version': '2099-01-01' } }, 400, -32022],
      [{ meta: { [version]: '2099-01-01' } }, 400, -32020],
      [{ meta: { 'io.modelcontextprotocol/clientInfo': null } }, 200, undefined],
    ] as const;
    for (const [sent, status, code] of cases) {
      const posted = await post(url, 'tools/list', {}, sent);
      expect([posted.status, posted.reply.error?.code]).toEqual([status, code]);
    }
    const data = (await post(url, 'tools/list', {}, cases[2][0])).reply.error?.data;
    expect(data).toEqual({ supported: [MODERN], requested: '2099-01-01' });
  });

  it('finds nothing of the other era, and 404 for what nobody knows', async () => {
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'un/known']) {
      const { status, reply } = await post(url, method, {}, { id: 'x7' });
      expect([status, reply.error?.code, reply.id]).toEqual([404, -32601, 'x7']);
    }
    const missing = await post(url, 'resources/read', { uri: 'demo://resource/none/there' });
    expect(missing.reply.error?.code).toBe(-32602);
  });

  it('is decided as any other: denied, hidden and absent', async () => {
    const denied = await post(url, 'tools/call', { name: 'fail', arguments: {} });
    expect(denied.reply.result).toMatchObject({ resultType: 'complete', isError: true });
    const codes = ['secret', 'nothing'].map(async (name) => {
      const { reply } = await post(url, 'tools/call', { name, arguments: {} });
      return [reply.error?.code, reply.error?.message.replace(name, '')];
    });
    const [hidden, absent] = await Promise.all(codes);
    expect(hidden).toEqual(absent);
  });

  it('hears progress, and log messages only at the level that it asks for', async () => {
    const token = { progressToken: 'p' };
    const { messages } = await post(url, 'tools/call', { name: 'progress' }, { meta: token });
    const progress = messages.filter((message) => message.method === 'notifications/progress');
    expect(progress.map((message) => message.params?.['progressToken'])).toEqual(['p', 'p']);
    expect((await post(url, 'tools/call', { name: 'log' })).messages).toHaveLength(1);
    const level = { 'io.modelcontextprotocol/logLevel': 'warning' };
    const logged = await post(url, 'tools/call', { name: 'log' }, { meta: level });
    expect(logged.messages.map((message) => message.params?.['level'])).toEqual(['warning', undefined]);
  });

  it('is cancelled when its client leaves, and the receipt says so', async () => {
    const leave = new AbortController();
    const gone = post(url, 'tools/call', { name: 'hang' }, { signal: leave.signal }).catch(() => 'left');
    await until(() => log.bodies.some((body) => body.intent?.name === 'hang'));
    leave.abort();
    expect(await gone).toBe('left');
    await until(() => log.bodies.some((body) => body.outcome?.status === 'cancelled'));
    expect((await outcomes(log)).at(-1)).toBe('cancelled');
  });
});

describe('both eras', () => {
  it('speak at the same endpoint, to real clients of each', async () => {
    const legacy = new Client({ name: 'old', version: '1' });
    await legacy.connect(new StreamableHTTPClientTransport(url));
    const modern = new Modern(
      { name: 'new', version: '1' },
      { versionNegotiation: { mode: { pin: MODERN } } },
    );
    await modern.connect(new ModernHttp(url));
    const fallback = new Modern({ name: 'plain', version: '1' });
    await fallback.connect(new ModernHttp(url));
    const call = { name: 'echo', arguments: { text: 'same' } };
    for (const client of [legacy, modern, fallback]) {
      expect((await client.callTool(call)).content).toEqual([{ type: 'text', text: 'same' }]);
      expect((await client.listTools()).tools.length).toBeGreaterThan(5);
    }
    await Promise.all([legacy.close(), modern.close(), fallback.close()]);
  });

  it('speak on one pair of streams, each request for itself', async () => {
    const client = new Raw(gateway);
    const _meta = envelope();
    const modern = await client.ask('tools/call', { name: 'echo', arguments: { text: 'a' }, _meta });
    expect(modern.result).toMatchObject({ resultType: 'complete', content: [{ text: 'a' }] });
    const early = await client.ask('tools/list', {});
    expect(early.error?.message).toContain('initialize');
    await client.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {} });
    const legacy = await client.ask('tools/call', { name: 'echo', arguments: { text: 'b' } });
    expect(legacy.result).toMatchObject({ content: [{ text: 'b' }] });
    expect(legacy.result).not.toHaveProperty('resultType');
    expect((await client.ask('ping', { _meta })).error?.code).toBe(-32601);
    client.send({
      jsonrpc: '2.0',
      id: 'c',
      method: 'tools/call',
      params: { name: 'hang', arguments: {}, _meta },
    });
    const cancelled = () => log.bodies.filter((body) => body.outcome?.status === 'cancelled').length;
    const before = cancelled();
    await until(() => log.bodies.filter((body) => body.intent?.name === 'hang').length === 2);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'c' } });
    await until(() => cancelled() > before);
    expect(cancelled()).toBe(before + 1);
    client.end();
  });
});

describe('subscriptions/listen', () => {
  it('acknowledges first what is honoured, and carries its id on everything', async () => {
    const heard = await hear(url, { toolsListChanged: true, nonsense: true }, 2, async () => {
      writeFileSync(`${notes}.version`, '2');
      await post(url, 'tools/call', { name: 'many_changes' });
    });
    expect(heard.map((message) => message.method)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/tools/list_changed',
    ]);
    expect(heard[0]?.params?.['notifications']).toEqual({ toolsListChanged: true });
    for (const message of heard)
      expect(message.params).toMatchObject({ _meta: { 'io.modelcontextprotocol/subscriptionId': 'l1' } });
  });

  it('sends no kind that was not asked for', async () => {
    const heard = await hear(url, { promptsListChanged: true }, 2, async () => {
      writeFileSync(`${notes}.version`, '1');
      await post(url, 'tools/call', { name: 'many_changes' });
      await new Promise((resolve) => setTimeout(resolve, 700));
      repin(config, 'prompts', 'all', 'simple-prompt', { description: 'another' });
      await gateway.reload();
    });
    expect(heard.map((message) => message.method)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/prompts/list_changed',
    ]);
  });

  it('of nothing ends at once, of a resource is decided as a subscription', async () => {
    expect(await hear(url, {}, 5)).toMatchObject([
      { method: 'notifications/subscriptions/acknowledged' },
      { id: 'l1', result: { resultType: 'complete' } },
    ]);
    const uri = 'demo://resource/static/document/features.md';
    const [acknowledged] = await hear(url, { resourceSubscriptions: [uri, 'not a uri'] }, 1);
    expect(acknowledged?.params?.['notifications']).toEqual({ resourceSubscriptions: [uri] });
    const decided = log.bodies.filter((body) => body.intent?.method === 'resources/subscribe');
    expect(decided.map((body) => body.intent?.name)).toContain(uri);
  });
});
