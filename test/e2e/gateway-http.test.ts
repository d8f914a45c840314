// SPDX-License-Identifier: Apache-2.0
// The gateway between the real SDK client and real servers, over Streamable HTTP.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../runtime/config.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, type MemoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { outcomes } from '../helpers/raw.js';

const root = join(import.meta.dirname, '../..');
const server = (name: string) =>
  join(root, `node_modules/@modelcontextprotocol/server-${name}/dist/index.js`);
const RECEIPT = 'dev.sepal/receipt';

describe('real servers behind the HTTP front', () => {
  const dir = scratch();
  const files = join(dir, 'files');
  let config: Config;
  let gateway: Gateway;
  let log: MemoryLog;
  let client: Client;
  let url: URL;

  beforeAll(async () => {
    mkdirSync(files);
    writeFileSync(join(files, 'a.txt'), 'hello');
    config = configOf(dir, {
      mcpServers: {
        fs: { command: process.execPath, args: [server('filesystem'), files] },
        memory: {
          command: process.execPath,
          args: [server('memory')],
          env: { MEMORY_FILE_PATH: join(dir, 'memory.json') },
        },
      },
      identity: { anonymous: 'agent:tester' },
    });
    await pin(config);
    const module = policyOf(
      ({ intent }) =>
        intent.name.startsWith('read') || intent.server === 'memory'
          ? { effect: 'allow', rules: ['reads'] }
          : { effect: 'deny', rules: ['writes'], reason: 'Only drafts may be written' },
      (name) => name === 'delete_entities',
    );
    const started = await startGateway(config, module);
    ({ gateway, log } = started);
    const front = await gateway.serveHttp();
    url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
    client = new Client({ name: 'test', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(url));
  });

  afterAll(async () => {
    await client?.close();
    await gateway?.close();
  });

  it('announces itself, the SEP extension and no more than it relays', () => {
    const capabilities = client.getServerCapabilities();
    expect(Object.keys(capabilities ?? {}).sort()).toEqual([
      'experimental',
      'extensions',
      'logging',
      'resources',
      'tools',
    ]);
    expect(client.getServerVersion()?.name).toBe('sepal');
  });

  it('lists prefixed tools of both servers, without the hidden one, definitions otherwise as pinned', async () => {
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    expect(names).toContain('fs__read_text_file');
    expect(names).toContain('memory__read_graph');
    expect(names).not.toContain('memory__delete_entities');
    expect(tools.find((tool) => tool.name === 'fs__read_text_file')?.outputSchema).toBeDefined();
  });

  it('forwards an allowed call, with structured content, and writes decide before outcome', async () => {
    const before = log.bodies.length;
    const result = await client.callTool({
      name: 'fs__read_text_file',
      arguments: { path: join(files, 'a.txt') },
    });
    expect(result.structuredContent).toEqual({ content: 'hello' });
    const receipt = result._meta?.[RECEIPT] as { id: string; decision: string; seq: number; kid: string };
    expect(receipt).toMatchObject({ decision: 'allow', id: `test/log#${receipt.seq}` });
    await outcomes(log);
    const [decide, outcome] = log.bodies.slice(before);
    expect(decide).toMatchObject({
      type: 'decide',
      decision: { effect: 'allow', rules: ['reads'] },
      reads: ['/path'],
    });
    expect(decide?.intent).toMatchObject({ server: 'fs', name: 'read_text_file', args_count: 1 });
    expect(outcome).toMatchObject({ type: 'outcome', call: decide?.call, outcome: { status: 'ok' } });
    const kept = await log.openings(receipt.seq);
    expect(JSON.parse(kept?.intent ?? '')).toMatchObject({
      server: 'fs',
      params: { arguments: { path: join(files, 'a.txt') } },
    });
  });

  it('answers a denied call as a tool error with its reason, and forwards nothing', async () => {
    const result = await client.callTool({
      name: 'fs__write_file',
      arguments: { path: join(files, 'b.txt'), content: 'x' },
    });
    expect(result.isError).toBe(true);
    expect(result.content).toEqual([{ type: 'text', text: 'Denied: Only drafts may be written' }]);
    expect(result._meta?.[RECEIPT]).toMatchObject({ decision: 'deny' });
    expect(() => readFileSync(join(files, 'b.txt'))).toThrow();
  });

  it('denies arguments that do not fit the pinned schema, by default and with a receipt', async () => {
    const result = await client.callTool({ name: 'fs__read_text_file', arguments: { path: 7 } });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain('schema');
    expect(log.bodies.at(-1)).toMatchObject({
      type: 'decide',
      decision: { effect: 'deny', default: true, rules: [] },
    });
  });

  it('answers hidden and unknown tools alike but for the echoed name and the receipt', async () => {
    const failure = async (name: string) =>
      client.callTool({ name, arguments: {} }).then(
        () => null,
        (error: { code: number; message: string; data: unknown }) => error,
      );
    const [hidden, unknown] = [
      await failure('memory__delete_entities'),
      await failure('memory__no_such_tool'),
    ];
    const shape = (error: typeof hidden, name: string) => ({
      code: error?.code,
      message: error?.message.replace(name, 'X'),
      data: Object.keys((error?.data as { [key: string]: object } | undefined)?.[RECEIPT] ?? {}),
    });
    expect(shape(hidden, 'memory__delete_entities')).toEqual(shape(unknown, 'memory__no_such_tool'));
    expect(hidden).toMatchObject({ code: -32602 });
  });

  it('denies every other method with a receipt', async () => {
    const before = log.bodies.length;
    for (const request of [
      client.listPrompts(),
      client.getPrompt({ name: 'p' }),
      client.complete({ ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: '' } }),
    ]) {
      await expect(request).rejects.toMatchObject({ code: -32601 });
    }
    const kinds = log.bodies.slice(before).map((body) => [body.intent?.kind, body.decision?.effect]);
    expect(kinds).toEqual([
      ['prompt', 'deny'],
      ['prompt', 'deny'],
      ['completion', 'deny'],
    ]);
  });

  it('keeps the state of a stateful server within the principal', async () => {
    const entities = [{ name: 'n1', entityType: 't', observations: ['o'] }];
    await client.callTool({ name: 'memory__create_entities', arguments: { entities } });
    const graph = await client.callTool({ name: 'memory__read_graph', arguments: {} });
    expect(JSON.stringify(graph.structuredContent)).toContain('n1');
  });

  it('answers a proposal with the decision and forwards nothing', async () => {
    const post = async (method: string, params: object, session?: string) =>
      fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(session === undefined ? {} : { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      });
    const hello = await post('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    });
    const session = hello.headers.get('mcp-session-id') ?? '';
    const proposed = await (
      await post(
        'authorization/propose',
        { name: 'fs__read_text_file', arguments: { path: join(files, 'a.txt') } },
        session,
      )
    ).json();
    expect(proposed).toMatchObject({ result: { type: 'authorization/decide', decision: 'allow' } });
    expect(log.bodies.slice(-3).map((body) => body.type)).toEqual(['propose', 'decide', 'outcome']);
    expect(log.bodies.at(-1)).toMatchObject({ outcome: { status: 'not_sent' } });
  });

  it('refuses what is not addressed to it: host, origin, route, media type, size, session', async () => {
    const post = (
      headers: { [name: string]: string },
      body = '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      at: URL | string = url,
    ) =>
      fetch(at, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }).then(
        (r) => r.status,
      );
    expect(await post({ origin: 'http://evil.example' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ origin: 'http://localhost.evil.com' })).toBe(403);
    expect(await post({}, '{}', new URL('/other', url))).toBe(404);
    expect(await post({ 'content-type': 'text/plain' })).toBe(415);
    expect(await post({ 'content-type': 'Application/JSON; charset=utf-8' })).toBe(400);
    expect(await post({}, `"${'x'.repeat(9_000_000)}"`)).toBe(413);
    expect(await post({ 'mcp-session-id': 'nope' })).toBe(404);
    expect(await post({})).toBe(400);
    expect(await post({}, '[]')).toBe(400);
    expect(await post({}, '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')).toBe(400);
    expect((await fetch(url, { method: 'PUT' })).status).toBe(405);
  });
});
