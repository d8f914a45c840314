// SPDX-License-Identifier: Apache-2.0
// One call through the gateway (durable, signed receipts) against the same call made directly, over stdio and HTTP.
// Rounds are interleaved; the table shows medians of the rounds' p50 and the ratio to direct in the same run.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { httpClient, stdioClient } from './clients.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const sepal = join(here, '../../dist/cli/main.js');
const echo = join(here, 'echo.mjs');
const CALLS = Number(process.env.BENCH_CALLS ?? 400);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);

const POLICY = `sep 1
policy bench.echo 1.0.0
tools "sepal.lock"

allow short: agent:bench -> up/echo when { size(args.text) < 100000 and not (args.text starts with "no") }
deny  evil: agent:evil-* -> up/*
`;

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
async function setUp(upstream) {
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
  writeFileSync(join(dir, 'bench.sep'), POLICY);
  cli(dir, 'tools', 'pull');
  const token = JSON.parse(cli(dir, 'token', 'create', '--principal', 'agent:bench', '--json')).token;
  return { dir, port, token, config: join(dir, 'sepal.json') };
}

async function p50(client) {
  const times = [];
  for (let i = 0; i < CALLS; i++) {
    const start = performance.now();
    await client.call('echo', { text: `hello ${i}` });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1];
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function pair(label, direct, guarded) {
  await p50(direct);
  await p50(guarded);
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push([await p50(direct), await p50(guarded)]);
  const d = median(rounds.map((r) => r[0]));
  const g = median(rounds.map((r) => r[1]));
  const ratio = median(rounds.map((r) => r[1] / r[0]));
  console.log(
    `| ${label} | ${d.toFixed(3)} ms | ${g.toFixed(3)} ms | +${(g - d).toFixed(3)} ms | ${ratio.toFixed(2)}x |`,
  );
}

const node = process.execPath;
console.log('| one caller, p50 | direct | gateway, durable receipts | added | ratio |');
console.log('| --- | ---: | ---: | ---: | ---: |');

const stdio = await setUp({ command: node, args: [echo] });
const directStdio = await stdioClient([node, echo]);
const guardedStdio = await stdioClient([node, sepal, 'wrap', '--config', stdio.config]);
await pair('stdio', directStdio, guardedStdio);
directStdio.close();
guardedStdio.close();
rmSync(stdio.dir, { recursive: true, force: true });

const upstreamPort = await freePort();
const upstream = spawn(node, [echo, '--http', String(upstreamPort)], { stdio: 'inherit' });
const url = `http://127.0.0.1:${upstreamPort}/mcp`;
const directHttp = await until(() => httpClient(url), 'the upstream');
const http = await setUp({ url });
const gateway = spawn(node, [sepal, 'gateway', '--config', http.config], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const guardedHttp = await until(
  () => httpClient(`http://127.0.0.1:${http.port}/mcp`, http.token),
  'the gateway',
);
await pair('HTTP', directHttp, guardedHttp);
await directHttp.close();
await guardedHttp.close();
gateway.kill();
upstream.kill();
rmSync(http.dir, { recursive: true, force: true });
