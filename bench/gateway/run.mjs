// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- gateway`: one call through the gateway (durable, signed receipts) against the same call made directly, over
// stdio and HTTP, by the same client. Rounds are interleaved: direct, gateway, direct, gateway …
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  fdatasync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareHttp, bareStdio, sdkHttp, sdkStdio } from './clients.mjs';

const here = dirname(fileURLToPath(import.meta.url));
/** The command to measure: what bench/run.mjs has just built, else what `npm run build` did. */
const sepal = process.argv[2] ?? join(here, '../../dist/cli/main.js');
const echo = join(here, 'echo.mjs');
const CALLS = Number(process.env.BENCH_CALLS ?? 400);
const WARM = 2500;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);

const servers = join(here, '../../node_modules/@modelcontextprotocol');

/** What is called: an upstream that does nothing, so that all that the gateway adds shows, and real servers. */
const ECHO = {
  rule: 'allow short: agent:bench -> up/echo when { size(args.text) < 100000 and not (args.text starts with "no") }',
  tool: 'echo',
  args: (i) => ({ text: `hello ${i}` }),
  answer: (i) => `hello ${i}`,
};
const EVERYTHING = {
  rule: 'allow short: agent:bench -> up/echo when { size(args.message) < 100000 and not (args.message starts with "no") }',
  tool: 'echo',
  args: (i) => ({ message: `hello ${i}` }),
  answer: (i) => `Echo: hello ${i}`,
};
const file = (folder) => ({
  rule: `allow read: agent:bench -> up/read_text_file when { args.path under ${JSON.stringify(folder)} }`,
  tool: 'read_text_file',
  args: () => ({ path: join(folder, 'note.txt') }),
  answer: () => 'a note\n',
});

const policyOf = ({ rule }) =>
  `sep 1\npolicy bench.gateway 1.0.0\ntools "sepal.lock"\n\n${rule}\ndeny evil: agent:evil-* -> up/*\n`;

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const cli = (cwd, ...args) =>
  execFileSync(process.execPath, [sepal, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' });

async function until(probe, what) {
  for (let i = 0; i < 100; i++) {
    try {
      return await probe();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${what} did not start`);
}

/** A folder with policy, config, keys, lock; `upstream` is an entry of mcpServers. */
async function setUp(upstream, work) {
  const dir = mkdtempSync(join(tmpdir(), 'sepal-bench-'));
  const port = await freePort();
  cli(tmpdir(), 'init', dir);
  const config = JSON.parse(readFileSync(join(dir, 'sepal.json'), 'utf8'));
  config.policy = 'bench.sep';
  config.mcpServers = { up: upstream };
  config.listen = {
    ...config.listen,
    http: `127.0.0.1:${port}`,
    limits: { perCredential: '100000000/1m', unauthenticated: '60/1m' },
  };
  config.identity = { ...config.identity, stdio: { principal: 'agent:bench', roles: [] } };
  writeFileSync(join(dir, 'sepal.json'), JSON.stringify(config, null, 2));
  writeFileSync(join(dir, 'bench.sep'), policyOf(work));
  cli(dir, 'tools', 'pull');
  const token = JSON.parse(cli(dir, 'token', 'create', '--principal', 'agent:bench', '--json')).token;
  return { dir, port, token, config: join(dir, 'sepal.json') };
}

/** The p50 of one round, in ms. Every answer is looked at: a refusal would be quick. */
async function p50(client, { tool, args, answer }) {
  const times = [];
  for (let i = 0; i < CALLS; i++) {
    const question = args(i);
    const start = performance.now();
    const result = await client.call(tool, question);
    times.push(performance.now() - start);
    if (result.isError === true || result.content[0].text !== answer(i))
      throw new Error(JSON.stringify(result));
  }
  return median(times);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

const rows = [];
const ms = (values) =>
  `${median(values).toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`;

/** What one durable write costs here, by itself: no gateway that forwards nothing before its receipt is on disk can be faster. */
async function flushAlone() {
  const fd = openSync(join(tmpdir(), `sepal-bench-${process.pid}`), 'w');
  const times = [];
  for (let i = 0; i < CALLS; i++) {
    const start = performance.now();
    writeSync(fd, Buffer.alloc(1000, i));
    await new Promise((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve())));
    times.push(performance.now() - start);
  }
  closeSync(fd);
  rmSync(join(tmpdir(), `sepal-bench-${process.pid}`));
  return median(times);
}
const flushes = [];

async function pair(label, work, direct, guarded, aim) {
  // A gateway runs for long: what is measured is code that is compiled.
  for (let i = 0; i * CALLS < WARM; i++) {
    await p50(direct, work);
    await p50(guarded, work);
  }
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) {
    rounds.push([await p50(direct, work), await p50(guarded, work)]);
    flushes.push(await flushAlone());
  }
  await direct.close();
  await guarded.close();
  const ratio = median(rounds.map(([d, g]) => g / d));
  const added = median(rounds.map(([d, g]) => g - d));
  const [d, g] = [rounds.map((round) => round[0]), rounds.map((round) => round[1])];
  rows.push({
    label,
    ratio,
    aim,
    line: `| ${label} | ${ms(d)} | ${ms(g)} | +${added.toFixed(3)} | ${ratio.toFixed(2)}× |`,
  });
}

const node = process.execPath;

async function overStdio(label, command, work, clients) {
  const { dir, config } = await setUp({ command: node, args: command }, work);
  const wrap = [node, sepal, 'wrap', '--config', config];
  for (const [name, client] of clients) {
    await pair(`stdio, ${label}, ${name}`, work, await client([node, ...command]), await client(wrap), 2.5);
  }
  rmSync(dir, { recursive: true, force: true });
}

/** `command` serves Streamable HTTP on PORT. */
async function overHttp(label, command, work, clients) {
  const upstreamPort = await freePort();
  const env = { ...process.env, PORT: String(upstreamPort) };
  const upstream = spawn(node, command, { stdio: 'ignore', env });
  const stop = () => upstream.kill();
  process.once('exit', stop);
  const url = `http://127.0.0.1:${upstreamPort}/mcp`;
  await (await until(() => bareHttp(url), 'the upstream')).close();
  const { dir, port, token, config } = await setUp({ url }, work);
  const gateway = spawn(node, [sepal, 'gateway', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  gateway.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4000)));
  const front = `http://127.0.0.1:${port}/mcp`;
  try {
    await (await until(() => bareHttp(front, token), 'the gateway')).close();
    for (const [name, client] of clients) {
      await pair(`HTTP, ${label}, ${name}`, work, await client(url), await client(front, token), 2);
    }
  } catch (error) {
    console.error(said);
    throw error;
  } finally {
    const ended = new Promise((resolve) => gateway.once('exit', resolve));
    gateway.kill();
    stop();
    await ended;
    rmSync(dir, { recursive: true, force: true });
  }
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sepal-bench-files-')));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'note.txt'), 'a note\n');
const [stdioSdk, stdioBare] = [
  ['SDK client', sdkStdio],
  ['bare client', bareStdio],
];
const [httpSdk, httpBare] = [
  ['SDK client', sdkHttp],
  ['bare client', bareHttp],
];
const filesystem = [join(servers, 'server-filesystem/dist/index.js'), folder];
const everything = [join(servers, 'server-everything/dist/index.js'), 'streamableHttp'];
await overStdio('server-filesystem', filesystem, file(folder), [stdioSdk]);
await overStdio('echo', [echo], ECHO, [stdioSdk, stdioBare]);
await overHttp('server-everything', everything, EVERYTHING, [httpSdk]);
await overHttp('echo', [echo, '--http'], ECHO, [httpSdk, httpBare]);

console.log(
  `p50 of one caller in ms: median of ${ROUNDS} interleaved rounds of ${CALLS} calls (least–most).\n`,
);
console.log('| transport, upstream, client | direct | gateway, durable receipts | added | ratio |');
console.log('| --- | ---: | ---: | ---: | ---: |');
for (const { line } of rows) console.log(line);
console.log(`| append 1 KB and fdatasync, alone | | ${ms(flushes)} | | |`);
console.log('');
for (const { label, ratio, aim } of rows) {
  const reached = ratio <= aim ? 'reached' : '**missed**';
  console.log(`- ${reached}: ${label}: at most ${aim}× — measured ${ratio.toFixed(2)}×`);
}
