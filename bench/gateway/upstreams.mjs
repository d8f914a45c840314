// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- upstreams`: does a server that is slow, dead or floods hold up the calls to other servers? The real gateway over HTTP, with
// durable receipts. Windows with the bad server at work and windows without it are interleaved; in those without, another process keeps a
// processor as busy as the bad server and its clients were, so that a busy machine is told from a busy gateway.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { bareHttp } from './clients.mjs';
import { echo, freePort, median, node, remove, sepal, setUp, start, until } from './stage.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const hostile = join(here, 'hostile.mjs');
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 8);
const WINDOW_MS = Number(process.env.BENCH_WINDOW_MS ?? 3000);
const EVERY_MS = Number(process.env.BENCH_EVERY_MS ?? 10);
const CONNECTIONS = 4;
const AIM = 1.1;
const WORK = {
  rule: 'allow good: agent:bench -> up/*\nallow bad: agent:bench -> bad/*',
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the bad server does, and how it is asked to. `calls` keeps so many calls at it, as fast as they end. */
const KINDS = [
  { name: 'stdio: answers after 5 s', tool: 'slow', calls: 16 },
  { name: 'stdio: never answers', tool: 'mute', calls: 16 },
  { name: 'stdio: floods progress', flood: 'progress' },
  { name: 'stdio: floods log messages', flood: 'log' },
  { name: 'stdio: floods list changes', flood: 'changes' },
  { name: 'stdio: floods questions', flood: 'questions' },
  { name: 'stdio: floods pings', flood: 'pings' },
  { name: 'stdio: floods lines that are no messages', flood: 'noise' },
  { name: 'stdio: floods answers to nothing', flood: 'answers' },
  { name: 'stdio: a line without end', flood: 'endless' },
  { name: 'stdio: log messages of 1 MB', flood: 'long' },
  { name: 'stdio: floods stderr', flood: 'stderr' },
  { name: 'stdio: answers of 10 MB', tool: 'big', calls: 1 },
  { name: 'HTTP: answers after 5 s', http: true, tool: 'slow', calls: 16 },
  { name: 'HTTP: never answers', http: true, tool: 'mute', calls: 16 },
  { name: 'HTTP: refuses connections', http: true, gone: 'killed', tool: 'echo', calls: 16 },
  { name: 'HTTP: hangs at connect', http: true, gone: 'stopped', tool: 'echo', calls: 16 },
  { name: 'HTTP: floods progress', http: true, flood: 'progress' },
  { name: 'HTTP: floods log messages', http: true, flood: 'log' },
  { name: 'HTTP: an event without end', http: true, flood: 'endless' },
  { name: 'HTTP: answers of 10 MB', http: true, tool: 'big', calls: 1 },
];
const only = process.env.BENCH_ONLY;
const kinds = KINDS.filter(({ name }) => only === undefined || name.includes(only));

/** The clients of the bad server, in a process of their own: what they cost is not the gateway's. */
async function beBad(url, token, { tool, calls, flood }) {
  const pool = new Pool(new URL(url).origin, { connections: 128, bodyTimeout: 0, headersTimeout: 0 });
  let id = 0;
  const call = async (name, text, drop) => {
    const params = { name: `bad__${name}`, arguments: { text }, _meta: { progressToken: 'p' } };
    const { body } = await pool.request({
      path: '/mcp',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method: 'tools/call', params }),
    });
    let bytes = 0;
    for await (const chunk of body) bytes += drop ? 0 : chunk.length;
    return bytes;
  };
  process.on('message', (what) => {
    if (what === 'end') process.exit(0);
    if (flood !== undefined) return void call('start', flood, true).catch(() => undefined);
    for (let i = 0; i < calls; i++)
      void (async () => {
        for (;;) {
          await call(tool, 'x', true).catch(() => undefined);
          // Clients that call again and again would be a load of their own.
          if (calls > 1) await sleep(1000);
        }
      })();
  });
  process.once('disconnect', () => process.exit(0));
  process.send('ready');
}

/** Processor seconds that a process and its children have used. */
function used(pid) {
  try {
    const parts = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return (Number(parts[11]) + Number(parts[12])) / 100;
  } catch {
    return 0;
  }
}
const children = (pid) =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
const isHostile = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('hostile.mjs');
  } catch {
    return false;
  }
};

/** Calls at a steady rate, whatever is still on its way: their latencies, from the moment at which each was due. */
async function others(clients) {
  const times = [];
  const all = [];
  const begin = performance.now();
  for (let i = 0; performance.now() - begin < WINDOW_MS; i++) {
    const due = begin + i * EVERY_MS;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    all.push(
      clients[i % clients.length].call('up__echo', { text: `call ${i}` }).then((result) => {
        if (result.content?.[0]?.text !== `call ${i}`) throw new Error(JSON.stringify(result).slice(0, 300));
        times.push(performance.now() - due);
      }),
    );
  }
  await Promise.all(all);
  return times;
}

const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
};

/** Keeps a processor busy for a part of the time. */
function busy(share) {
  const code = `const s=${share};const w=new Int32Array(new SharedArrayBuffer(4));for(;;){const e=performance.now()+10*s;while(performance.now()<e);Atomics.wait(w,0,0,Math.max(0.01,10*(1-s)));}`;
  return start(node, ['-e', code]);
}

async function one(kind) {
  const { http = false, gone } = kind;
  const port = await freePort();
  const server = http
    ? start(node, [hostile], { PORT: String(port), BACKLOG: gone === 'stopped' ? '1' : '511' })
    : null;
  if (http) {
    const probe = await until(() => bareHttp(`http://127.0.0.1:${port}/mcp`), 'the bad server');
    await probe.close();
  }
  const bad = http ? { url: `http://127.0.0.1:${port}/mcp` } : { command: node, args: [hostile] };
  const made = await setUp({ command: node, args: [echo] }, WORK, { bad: { ...bad, timeout: '6s' } });
  const gateway = start(node, [
    '--disallow-code-generation-from-strings',
    sepal,
    'gateway',
    '--config',
    made.config,
  ]);
  const url = `http://127.0.0.1:${made.port}/mcp`;
  const clients = [];
  for (let i = 0; i < CONNECTIONS; i++)
    clients.push(await until(() => bareHttp(url, made.token), 'the gateway'));
  await clients[0].call('bad__echo', { text: 'there' });
  const held = [];
  if (gone === 'killed') await server.stop();
  if (gone === 'stopped') {
    process.kill(server.pid, 'SIGSTOP');
    for (let i = 0; i < 8; i++) held.push(connect(port, '127.0.0.1').on('error', () => undefined));
  }
  for (let i = 0; i < 3; i++) await others(clients);
  const own = [];
  const control = [];
  let load = 0;
  const spent = { own: 0, control: 0 };
  let rss = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const worker = spawn(
      node,
      [fileURLToPath(import.meta.url), sepal, 'bad', url, made.token, JSON.stringify(kind)],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    worker.send('go');
    await sleep(2000);
    const cost = () => {
      const pids = [worker.pid, ...(server === null ? [] : [server.pid]), ...children(gateway.pid)];
      return pids
        .filter((pid) => pid === worker.pid || isHostile(pid))
        .reduce((sum, pid) => sum + used(pid), 0);
    };
    const before = cost();
    const at = performance.now();
    let of = used(gateway.pid);
    own.push(await others(clients));
    spent.own += used(gateway.pid) - of;
    load = ((cost() - before) * 1000) / (performance.now() - at);
    rss = Math.max(
      rss,
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]),
    );
    if (kind.flood !== undefined && !http)
      await Promise.race([clients[0].call('bad__stop', {}), sleep(8000)]);
    worker.send('end');
    await new Promise((resolve) => worker.once('exit', resolve));
    const process = load > 0.01 ? busy(Math.min(1, load)) : null;
    await sleep(300);
    of = used(gateway.pid);
    control.push(await others(clients));
    spent.control += used(gateway.pid) - of;
    await process?.stop();
  }
  for (const socket of held) socket.destroy();
  for (const client of clients) await client.close();
  if (gone === 'stopped') process.kill(server.pid, 'SIGCONT');
  await gateway.stop();
  await server?.stop();
  remove(made.dir);
  return { own, control, load, rss, spent };
}

async function main() {
  console.log(
    `${CONNECTIONS} connections call a good server, a call each ${EVERY_MS} ms: ${ROUNDS} windows of ${WINDOW_MS / 1000} s with the bad server at work and as many with an unrelated process as busy, interleaved.\n`,
  );
  console.log(
    '| the other server | p50 ms with, without | p99 ms with, without | p99 ratio of all | median of the windows’ ratios | processors that it and its clients use | processor time of the gateway with, without (s) | gateway MB |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  const worst = [];
  for (const kind of kinds) {
    const { own, control, load, rss, spent } = await one(kind);
    const [with_, without] = [own.flat(), control.flat()];
    const f = (value) => value.toFixed(1);
    const all = quantile(with_, 0.99) / quantile(without, 0.99);
    const ratios = own.map((window, i) => quantile(window, 0.99) / quantile(control[i], 0.99));
    worst.push({ name: kind.name, ratio: median(ratios) });
    console.log(
      `| ${kind.name} | ${f(quantile(with_, 0.5))}, ${f(quantile(without, 0.5))} | ${f(quantile(with_, 0.99))}, ${f(quantile(without, 0.99))} | ${all.toFixed(2)} | ${median(ratios).toFixed(2)} | ${load.toFixed(2)} | ${spent.own.toFixed(2)}, ${spent.control.toFixed(2)} | ${Math.round(rss / 1024)} |`,
    );
  }
  const over = worst.filter(({ ratio }) => ratio > AIM);
  const most = worst.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  console.log(
    `\n- ${over.length === 0 ? 'reached' : '**missed**'}: slow, dead or flooding servers leave others’ p99 within 10 % — measured ${most.ratio.toFixed(2)}× at most (${most.name}); over it ${over.length} of ${worst.length}`,
  );
}

if (process.argv[3] === 'bad') await beBad(process.argv[4], process.argv[5], JSON.parse(process.argv[6]));
else await main();
