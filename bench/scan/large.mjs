// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- large`: do calls with 5 MB of arguments, all of them scanned, hold up the calls of others? The real gateway over HTTP,
// with durable receipts; one connection sends the large calls, others small ones at a steady rate. Windows with and without are interleaved,
// and a third kind has another process as busy as the large calls make the machine, so that a busy processor is told from a busy gateway.
// A second table, in processor time and so the same on a busy machine, says how long the gateway's own thread is held up without a pause.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareHttp } from '../gateway/clients.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const sepal = process.argv[2] ?? join(here, '../../dist/cli/main.js');
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 8);
const WINDOW_MS = Number(process.env.BENCH_WINDOW_MS ?? 5000);
const EVERY_MS = 10;
const CONNECTIONS = 4;
const MEGABYTES = 5;
const ONE = 'one large call';
const BUSY = 'another process as busy, once';
const DIRECT = 'the same, and the large call made to its server directly';

const POLICY = `sep 1
policy bench.large 1.0.0
tools "sepal.lock"

allow small: agent:bench -> small/take
allow large: agent:bench -> large/take
deny leaving: any -> */* when { has_secrets(args) or injection_score(args) >= 0.8 }
`;

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

async function until(probe) {
  for (let i = 0; i < 600; i++) {
    try {
      return await probe();
    } catch {
      await sleep(100);
    }
  }
  throw new Error('a server did not start');
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const stops = [];
const children = [];
process.once('exit', () => {
  for (const stop of stops.reverse()) stop();
});
/** The folder last, once who writes there has gone. */
const end = async () => {
  const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children) child.kill();
  await Promise.all(ended);
  process.exit(0);
};

function start(args, env = {}) {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  stops.push(() => child.kill('SIGKILL'));
  return child;
}

async function upstream() {
  const port = await freePort();
  start([join(here, 'upstream.mjs')], { PORT: String(port) });
  const url = `http://127.0.0.1:${port}/mcp`;
  await (await until(() => bareHttp(url))).close();
  return url;
}

async function gateway() {
  const dir = mkdtempSync(join(tmpdir(), 'sepal-bench-large-'));
  stops.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const cli = (...args) =>
    execFileSync(process.execPath, [sepal, ...args], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
  const port = await freePort();
  cli('init', dir);
  const file = join(dir, 'sepal.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.policy = 'bench.sep';
  config.mcpServers = { small: { url: await upstream() }, large: { url: await upstream() } };
  config.listen = { ...config.listen, http: `127.0.0.1:${port}`, limits: { perCredential: '100000000/1m' } };
  writeFileSync(file, JSON.stringify(config, null, 2));
  writeFileSync(join(dir, 'bench.sep'), POLICY);
  cli('tools', 'pull');
  const { token } = JSON.parse(cli('token', 'create', '--principal', 'agent:bench', '--json'));
  const pieces = join(dir, 'pieces.json');
  const probe = ['--import', join(here, 'pieces.mjs')];
  const child = start([...probe, sepal, 'gateway', '--config', file], { PIECES: pieces });
  const url = `http://127.0.0.1:${port}/mcp`;
  await (await until(() => bareHttp(url, token))).close();
  return { url, token, server: config.mcpServers.large.url, pieces: () => piecesOf(child, pieces) };
}

/** What the gateway's own thread did since it was asked last (pieces.mjs). */
async function piecesOf(child, file) {
  rmSync(file, { force: true });
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  process.kill(Number(children.trim().split(' ')[0] || child.pid), 'SIGUSR2');
  while (!existsSync(file)) await sleep(20);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Small calls at a steady rate, whatever is still on its way, for the length of a window: their latencies. */
async function others(clients) {
  const times = [];
  const running = [];
  const begin = performance.now();
  for (let i = 0; performance.now() - begin < WINDOW_MS; i++) {
    const due = begin + i * EVERY_MS;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    const client = clients[i % clients.length];
    // From the moment at which it was due: a queue that the wait made is part of the wait.
    running.push(
      client.call('small__take', { text: `call ${i}` }).then(() => times.push(performance.now() - due)),
    );
  }
  await Promise.all(running);
  return times;
}

const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
};
const median = (values) => quantile(values, 0.5);

if (process.argv[3] === 'others') {
  const [url, token] = process.argv.slice(4);
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => bareHttp(url, token)));
  process.on('message', () => void others(clients).then((times) => process.send(times)));
  process.send('ready');
} else await main();

async function main() {
  const { url, token, server, pieces } = await gateway();
  const asker = spawn(process.execPath, [fileURLToPath(import.meta.url), sepal, 'others', url, token], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  stops.push(() => asker.kill());
  const next = () => new Promise((resolve) => asker.once('message', resolve));
  await next();
  const large = await bareHttp(url, token);
  const direct = await bareHttp(server);
  const line =
    'The report of the third quarter says that revenue grew in every region, and that costs stayed flat.\n';
  const text = line.repeat(Math.ceil((MEGABYTES * 1e6) / line.length)).slice(0, MEGABYTES * 1e6);
  const took = [];
  const call = async () => {
    const begin = performance.now();
    const answer = await large.call('large__take', { text });
    if (answer.content[0].text !== String(text.length)) throw new Error(JSON.stringify(answer).slice(0, 300));
    took.push(performance.now() - begin);
  };
  const window = async (during) => {
    let over = false;
    const times = next().then((got) => ((over = true), got));
    asker.send('go');
    await during(() => over);
    return times;
  };
  const busy = async () => {
    // As long as a scan takes a core.
    const child = spawn(process.execPath, [
      '-e',
      `const end=Date.now()+${Math.round(median(took))};while(Date.now()<end);`,
    ]);
    await new Promise((resolve) => child.once('exit', resolve));
  };
  const kinds = {
    'no large call': async () => undefined,
    [ONE]: async () => {
      await sleep(WINDOW_MS / 3);
      await call();
    },
    [BUSY]: async () => {
      await sleep(WINDOW_MS / 3);
      await busy();
    },
    // What client and server of the large call need by themselves, which the others wait for as well where processors are few.
    [DIRECT]: async () => {
      await sleep(WINDOW_MS / 3);
      await direct.call('take', { text });
      await busy();
    },
    'large calls without a pause': async (over) => {
      while (!over()) await call();
    },
    'another process as busy, without a pause': async (over) => {
      while (!over()) await busy();
    },
  };
  for (let i = 0; i < 6; i++) await call();
  await window(kinds['no large call']);
  const rounds = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let i = 0; i < ROUNDS; i++)
    for (const [name, during] of Object.entries(kinds)) rounds[name].push(await window(during));
  const base = rounds['no large call'];
  console.log(
    `${MEGABYTES} MB in one argument took ${median(took).toFixed(0)} ms each, ${took.length} times, all scanned.`,
  );
  console.log(
    `Others: ${CONNECTIONS} connections, a call each ${EVERY_MS} ms, ${ROUNDS} windows of ${WINDOW_MS / 1000} s of each kind, interleaved.\n`,
  );
  console.log(
    '| meanwhile | p50 ms | p99 ms, median of the windows | p99 against no large call, median of the ratios | p99 of all | slowest |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
  const against = (windows) => median(windows.map((w, i) => quantile(w, 0.99) / quantile(base[i], 0.99)));
  for (const [name, windows] of Object.entries(rounds)) {
    const all = windows.flat();
    const ratio = against(windows);
    console.log(
      `| ${name} | ${quantile(all, 0.5).toFixed(2)} | ${median(windows.map((w) => quantile(w, 0.99))).toFixed(2)} | ${ratio.toFixed(2)}× | ${quantile(all, 0.99).toFixed(2)} | ${Math.max(...all).toFixed(1)} |`,
    );
  }
  await printPieces(pieces, [
    ['a small call', 50, () => large.call('small__take', { text: 'small' })],
    [`${MEGABYTES} MB in one argument`, 10, call],
  ]);
  const [own, beside, past] = [ONE, BUSY, DIRECT].map((name) => against(rounds[name]));
  console.log(
    `\n- ${own <= 1.1 ? 'reached' : '**missed**'}: one call with ${MEGABYTES} MB leaves the p99 of others within 10 % — measured ${own.toFixed(2)}×, where another busy process alone gives ${beside.toFixed(2)}×, and that with the same call made past the gateway ${past.toFixed(2)}×`,
  );
  await end();
}

async function printPieces(pieces, kinds) {
  console.log("\n| on the gateway's own thread, processor time | ms a call | longest piece, ms | the next |");
  console.log('| --- | ---: | ---: | ---: |');
  for (const [name, times, work] of kinds) {
    await work();
    await sleep(300);
    await pieces();
    for (let i = 0; i < times; i++) await work();
    await sleep(200);
    const { total, pieces: all } = await pieces();
    const [first = 0, ...rest] = all.sort((a, b) => b - a);
    const next = rest.slice(0, 4).map((ms) => ms.toFixed(1));
    console.log(`| ${name} | ${(total / times).toFixed(1)} | ${first.toFixed(1)} | ${next.join(', ')} |`);
  }
}
