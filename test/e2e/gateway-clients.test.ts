// SPDX-License-Identifier: Apache-2.0
// The real command between the real SDK client and real servers from npm, on both fronts and over both kinds of upstream. What the policy
// allows comes back as it does without a gateway.
import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginLog } from '../../cli/log-keys.js';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import { listPending, sendVerdict, showPending } from '../../runtime/control/calls.js';
import { type Config, readConfig } from '../../runtime/config.js';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import { verify } from '../../runtime/verify/index.js';
import { pin, scratch } from '../helpers/gateway.js';
import { bundleCommand, type Running, runGateway } from '../helpers/gateway-process.js';

const root = join(import.meta.dirname, '../..');
const server = (name: string) =>
  join(root, `node_modules/@modelcontextprotocol/server-${name}/dist/index.js`);
const eve = createApproverKey('eve');
const { token, entry } = createToken({ principal: 'agent:local' }, randomBytes);
const dir = scratch();
const files = join(dir, 'files');
const RECEIPT = 'dev.sepal/receipt';

const POLICY = `sep 1
policy clients.test 1.0.0
tools "sepal.lock"
role lead
fact files: path from config.files
fact drafts: path from config.drafts
allow reading: agent:* -> fs/read_text_file, fs/list_directory when { args.path under files }
allow drafting: agent:* -> fs/write_file when { args.path under drafts }
deny elsewhere: agent:* -> fs/write_file unless { args.path under drafts } because "Only drafts may be written"
review moving: agent:* -> fs/move_file by role:lead timeout 15m
allow remembering: agent:* -> memory/*
allow anything: agent:* -> everything/*, web/*
deny environment: agent:* -> everything/get-env, web/get-env
`;

let command: Awaited<ReturnType<typeof bundleCommand>>;
let web: ChildProcess;
let gateway: Running;
let config: Config;
let trust: string;
const open: { close(): Promise<unknown> }[] = [];

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function connected(transport: StdioClientTransport | StreamableHTTPClientTransport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  open.push(client);
  return client;
}

beforeAll(async () => {
  command = await bundleCommand();
  mkdirSync(join(files, 'drafts'), { recursive: true });
  writeFileSync(join(files, 'a.txt'), 'hello');
  const port = await freePort();
  web = spawn(process.execPath, [server('everything'), 'streamableHttp'], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port) },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  for (let i = 0; i < 200; i++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const stdio = (name: string, ...args: string[]) => ({
    command: process.execPath,
    args: [server(name), ...args],
  });
  const file = {
    policy: 'policy.sep',
    mcpServers: {
      fs: stdio('filesystem', files),
      memory: { ...stdio('memory'), env: { MEMORY_FILE_PATH: join(dir, 'memory.json') } },
      everything: stdio('everything'),
      web: { url },
    },
    listen: { http: '127.0.0.1:0' },
    identity: { tokens: 'tokens.json', stdio: { principal: 'agent:local' } },
    approvers: [{ id: 'user:eve', roles: ['lead'], key: eve.vkey }],
    approvals: { holdSeconds: 30 },
    receipts: { origin: 'clients.test/log' },
    config: { files, drafts: join(files, 'drafts') },
  };
  writeFileSync(join(dir, 'sepal.json'), JSON.stringify(file));
  writeFileSync(join(dir, 'policy.sep'), POLICY);
  writeFileSync(join(dir, 'tokens.json'), printTokens([entry]), { mode: 0o600 });
  const read = readConfig(JSON.stringify(file), join(dir, 'sepal.json'), {});
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  config = read.config;
  await pin(config);
  mkdirSync(join(dir, '.sepal'), { mode: 0o700 });
  trust = join(dir, 'trust.json');
  await beginLog(config.receipts, trust);
  gateway = await runGateway(command.file, { dir });
  expect(gateway.url, gateway.stderr()).not.toBeNull();
});

afterAll(async () => {
  for (const one of open.splice(0)) await one.close().catch(() => undefined);
  gateway?.child.kill('SIGTERM');
  await gateway?.ended;
  web?.kill('SIGKILL');
  command?.remove();
  rmSync(dir, { recursive: true, force: true });
});

const wrap = (...args: string[]) =>
  connected(
    new StdioClientTransport({
      command: process.execPath,
      args: [command.file, 'wrap', '--config', join(dir, 'sepal.json'), ...args],
      stderr: 'ignore',
      env: { PATH: process.env['PATH'] ?? '', HOME: dir },
    }),
  );

const fronts = {
  'listen.http': () =>
    connected(
      new StreamableHTTPClientTransport(new URL(gateway.url ?? ''), {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      }),
    ),
  wrap: () => wrap('--instance', `t${randomBytes(4).toString('hex')}`),
};

async function approveNext(): Promise<void> {
  const sockets = (): readonly string[] =>
    readdirSync(join(dir, '.sepal')).flatMap((name) =>
      name.endsWith('.sock') ? [join(dir, '.sepal', name)] : [],
    );
  for (let i = 0; i < 400; i++) {
    for (const socket of sockets()) {
      const [pending] = await listPending(socket).catch(() => []);
      if (pending === undefined) continue;
      const shown = await showPending(socket, pending.id);
      await sendVerdict(socket, signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, 'approve'));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('nothing to approve');
}

/** A result without what the gateway adds. */
function bare(result: { readonly _meta?: { readonly [key: string]: unknown } | undefined }): object {
  const { _meta, ...rest } = result;
  const kept = Object.entries(_meta ?? {}).filter(([key]) => key !== RECEIPT);
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

/** Of the log that the receipt of a result stands in. */
function originOf(meta: { readonly [key: string]: unknown } | undefined): string {
  const receipt = meta?.[RECEIPT] as { readonly id: string } | undefined;
  return receipt?.id.split('#')[0] ?? '';
}

describe.each(Object.entries(fronts))('real servers behind %s', (_front, connect) => {
  let client: Client;
  beforeAll(async () => {
    client = await connect();
  });

  it('list what the policy may grant, under prefixed names, from the lock', async () => {
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['fs__read_text_file', 'memory__read_graph', 'web__echo']));
    expect(names).not.toContain('everything__get-env');
    expect(names).not.toContain('fs__edit_file');
  });

  it('answer what is allowed, deny what is not with its reason, and forward what a person approved', async () => {
    const read = await client.callTool({
      name: 'fs__read_text_file',
      arguments: { path: join(files, 'a.txt') },
    });
    expect(read).toMatchObject({
      structuredContent: { content: 'hello' },
      _meta: { [RECEIPT]: { decision: 'allow' } },
    });
    const path = join(files, '..', 'sepal.json');
    expect(await client.callTool({ name: 'fs__read_text_file', arguments: { path } })).toMatchObject({
      isError: true,
    });
    const written = await client.callTool({
      name: 'fs__write_file',
      arguments: { path: join(files, 'b.txt'), content: 'x' },
    });
    expect(written.content).toEqual([{ type: 'text', text: 'Denied: Only drafts may be written' }]);
    const [source, destination] = [
      join(files, 'drafts', 'm'),
      join(files, 'drafts', `n-${randomBytes(4).toString('hex')}`),
    ];
    await client.callTool({ name: 'fs__write_file', arguments: { path: source, content: 'x' } });
    const [moved] = await Promise.all([
      client.callTool({ name: 'fs__move_file', arguments: { source, destination } }),
      approveNext(),
    ]);
    expect(moved.isError, JSON.stringify(moved)).toBeFalsy();
    expect([existsSync(source), existsSync(destination)]).toEqual([false, true]);
  });

  it('keep their state within one principal', async () => {
    const name = randomBytes(4).toString('hex');
    const entities = [{ name, entityType: 't', observations: [] }];
    await client.callTool({ name: 'memory__create_entities', arguments: { entities } });
    expect(JSON.stringify(await client.callTool({ name: 'memory__read_graph', arguments: {} }))).toContain(
      name,
    );
  });

  it.each(['everything', 'web'])('answer through %s as they do directly', async (upstream) => {
    const direct = await connected(
      new StdioClientTransport({ command: process.execPath, args: [server('everything')], stderr: 'ignore' }),
    );
    const calls: readonly (readonly [string, { readonly [key: string]: unknown }])[] = [
      ['echo', { message: 'é\u2028😀' }],
      ['get-sum', { a: 1.5, b: 2 }],
      ['get-annotated-message', { messageType: 'error', includeImage: true }],
      ['get-resource-links', { count: 3 }],
      ['get-structured-content', { location: 'Chicago' }],
      ['get-tiny-image', {}],
    ];
    for (const [name, args] of calls) {
      const through = await client.callTool({ name: `${upstream}__${name}`, arguments: args });
      expect(bare(through), name).toEqual(bare(await direct.callTool({ name, arguments: args })));
    }
    const seen: number[] = [];
    await client.callTool(
      { name: `${upstream}__trigger-long-running-operation`, arguments: { duration: 0.6, steps: 3 } },
      undefined,
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    // The SDK loses a notification that arrives together with the answer.
    expect([
      [1, 2],
      [1, 2, 3],
    ]).toContainEqual(seen);
    await expect(client.callTool({ name: `${upstream}__get-env`, arguments: {} })).rejects.toMatchObject({
      code: -32602,
    });
  });
});

it('one server in front of one client, by `wrap --name`, with a log of its own that verifies', async () => {
  const client = await wrap('--name', 'fs', '--', process.execPath, server('filesystem'), files);
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toContain('read_text_file');
  expect(names.some((name) => name.includes('__'))).toBe(false);
  const read = await client.callTool({ name: 'read_text_file', arguments: { path: join(files, 'a.txt') } });
  expect(read.structuredContent).toEqual({ content: 'hello' });
  await client.close();
  const own = join(dir, '.sepal/logs/fs');
  for (let i = 0; i < 100 && existsSync(join(own, 'lock')); i++) await new Promise((r) => setTimeout(r, 50));
  const report = await verify(own, { trust: readFileSync(join(dir, 'trust.fs.json'), 'utf8') });
  expect(report.result, JSON.stringify(report.properties)).toBe('pass');
});

it('wraps of one name at the same time take numbered logs, and the next one takes the first again', async () => {
  const start = () => wrap('--instance', 'twin');
  const [one, two] = [await start(), await start()];
  const path = join(files, 'a.txt');
  for (const client of [one, two]) {
    const read = await client.callTool({ name: 'fs__read_text_file', arguments: { path } });
    expect(read.isError).toBeFalsy();
  }
  const origins = [one, two].map(async (client) => {
    const { _meta } = await client.callTool({ name: 'fs__read_text_file', arguments: { path } });
    return originOf(_meta);
  });
  expect(new Set(await Promise.all(origins))).toEqual(
    new Set(['clients.test/log/twin', 'clients.test/log/twin-2']),
  );
  await Promise.all([one.close(), two.close()]);
  // Their processes end in order, which takes them a moment.
  let origin = '';
  for (let i = 0; i < 20 && origin !== 'clients.test/log/twin'; i++) {
    const again = await start();
    const { _meta } = await again.callTool({ name: 'fs__read_text_file', arguments: { path } });
    origin = originOf(_meta);
    await again.close();
  }
  expect(origin).toBe('clients.test/log/twin');
});

it('a dead server hides nobody else’s tools, and its own calls say what is wrong', async () => {
  const client = await fronts['listen.http']();
  web.kill('SIGKILL');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['web__echo', 'fs__read_text_file']));
  const dead = await client.callTool({ name: 'web__echo', arguments: { message: 'x' } });
  expect(dead).toMatchObject({ isError: true });
  expect(JSON.stringify(dead.content)).toMatch(
    /did not answer: .*(ECONNREFUSED|UND_ERR|cannot be reached|broke)/,
  );
  const alive = await client.callTool({ name: 'everything__echo', arguments: { message: 'x' } });
  expect(alive.isError).toBeFalsy();
});

it('its receipts verify', async () => {
  gateway.child.kill('SIGTERM');
  expect(await gateway.ended).toBe(0);
  const report = await verify(config.receipts.dir, { trust: readFileSync(trust, 'utf8') });
  expect(report.result, JSON.stringify(report.properties)).toBe('pass');
  expect(report.entries).toBeGreaterThan(30);
});
