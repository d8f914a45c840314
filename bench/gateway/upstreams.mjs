// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- upstreams`: does a server that is slow, dead or floods hold up the calls to other servers? The real gateway over HTTP, with
// durable receipts. Windows with the bad server at work and windows without it stand in pairs, now one first and now the other; in those without,
// another process keeps a processor as busy as the bad server and its clients were, so that a busy machine is told from a busy gateway. One row
// has no bad server at all: what it scores is what this machine scores by itself. Servers that eat the machine are measured once more in windows
// of their own, with clients that do the same past the gateway: nothing that the gateway does or leaves undone is in those.
// BENCH_ONLY="10 MB,stderr" chooses rows.
import { spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { bareHttp } from './clients.mjs';
import { echo, freePort, median, node, remove, sepal, setUp, start, until } from './stage.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const hostile = join(here, 'hostile.mjs');
/** Pairs of windows. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 12);
/** The p99 of a window is the sixth slowest call of 600: one hiccup of the machine is not it. */
const WINDOW_MS = Number(process.env.BENCH_WINDOW_MS ?? 3000);
const EVERY_MS = Number(process.env.BENCH_EVERY_MS ?? 5);
const SETTLE_MS = 400;
const CONNECTIONS = 4;
const AIM = 1.1;
/** Where nothing at all scores more than this, nothing can be told. */
const UNEVEN = 1.25;
const WORK = {
  rule: 'allow good: agent:bench -> up/*\nallow bad: agent:bench -> bad/*',
};
const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1.0.0' },
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the bad server does, and how it is asked to. `calls` keeps so many calls at it, as fast as they end; one that `eats` does so past the gateway as well. */
const CONTROL = 'nothing (control)';
const KINDS = [
  { name: CONTROL },
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
  { name: 'stdio: byte by byte', flood: 'crumbs' },
  { name: 'stdio: log messages of 1 MB', flood: 'long' },
  { name: 'stdio: floods stderr', flood: 'stderr', eats: true },
  { name: 'stdio: answers of 10 MB', tool: 'big', calls: 1, eats: true },
  { name: 'stdio: burns a processor', tool: 'burn', calls: 1, eats: true },
  { name: 'HTTP: answers after 5 s', http: true, tool: 'slow', calls: 16 },
  { name: 'HTTP: never answers', http: true, tool: 'mute', calls: 16 },
  { name: 'HTTP: refuses connections', http: true, gone: 'killed', tool: 'echo', calls: 16 },
  { name: 'HTTP: hangs at connect', http: true, gone: 'stopped', tool: 'echo', calls: 16 },
  { name: 'HTTP: floods progress', http: true, flood: 'progress' },
  { name: 'HTTP: floods log messages', http: true, flood: 'log' },
  { name: 'HTTP: an event without end', http: true, flood: 'endless' },
  { name: 'HTTP: byte by byte', http: true, flood: 'crumbs' },
  { name: 'HTTP: answers of 10 MB', http: true, tool: 'big', calls: 1, eats: true },
];
const only = process.env.BENCH_ONLY?.split(',');
const kinds = KINDS.filter(
  ({ name }) => only === undefined || name === CONTROL || only.some((part) => name.includes(part)),
);

/** The clients of the bad server, in a process of their own: what they cost is not the gateway's. They call between `go` and `rest`. */
async function beBad(url, token, { tool, calls = 0, flood, past }) {
  const pool = new Pool(new URL(url).origin, { connections: 128, bodyTimeout: 0, headersTimeout: 0 });
  let id = 0;
  let session;
  let working = new AbortController();
  const post = async (method, params, signal) => {
    const { statusCode, headers, body } = await pool.request({
      path: '/mcp',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }),
      signal,
    });
    // A gateway that refuses them would look like one that nothing holds up.
    if (statusCode !== 200) throw new Error(`the clients of the bad server are refused: HTTP ${statusCode}`);
    session ??= headers['mcp-session-id'];
    for await (const _ of body);
  };
  /** Until the window is over: what is aborted then is no fault. */
  const call = (name, text, signal) => {
    const params = { name: `bad__${name}`, arguments: { text }, _meta: { progressToken: 'p' } };
    return post('tools/call', params, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
  };
  // One after the other: sixteen that call in the same instant are a burst, and it is not the server that makes it.
  const caller = async (i, signal) => {
    await sleep((i * 1000) / calls);
    while (!signal.aborted) {
      await call(tool, 'x', signal);
      // Clients that call again and again would be a load of their own.
      if (calls > 1 && !signal.aborted) await sleep(1000);
    }
  };
  await post('initialize', HELLO, null);
  process.on('message', (what) => {
    if (what === 'rest') return working.abort();
    working = new AbortController();
    if (what === 'past') return void beside(past, { tool, flood }, working.signal);
    setMaxListeners(calls + 1, working.signal);
    if (flood !== undefined) return void call('start', flood, working.signal);
    for (let i = 0; i < calls; i++) void caller(i, working.signal);
  });
  process.once('disconnect', () => process.exit(0));
  process.send('ready');
}

/** The same without a gateway between: one server, and one who asks it without a pause and throws away what it says. */
async function beside(url, { tool, flood }, signal) {
  const ask = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: tool ?? 'start', arguments: { text: flood ?? 'x' } },
  };
  if (url !== undefined) {
    const pool = new Pool(new URL(url).origin);
    const headers = { 'content-type': 'application/json' };
    const asked = { path: '/mcp', method: 'POST', headers, body: JSON.stringify(ask), signal };
    try {
      while (!signal.aborted) for await (const _ of (await pool.request(asked)).body);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return pool.destroy();
  }
  // In a session of its own, as the gateway starts its servers: Linux shares processors out by sessions, too.
  const server = spawn(node, [hostile], { stdio: 'pipe', detached: true });
  signal.addEventListener('abort', () => server.kill('SIGKILL'));
  server.stdin.on('error', () => undefined);
  const next = () => server.stdin.write(`${JSON.stringify(ask)}\n`);
  server.stdout.on('data', (chunk) => {
    if (flood === undefined && chunk.includes(10)) next();
  });
  server.stderr.resume();
  next();
}

/** Processor seconds that a process and its children have used. */
function used(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce(
      (sum, task) =>
        sum + Number.parseInt(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1'), 10) / 1e9,
      0,
    );
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

/** Reads how many milliseconds the gateway's own thread has been running: what others do on the machine is not in it. */
function ownTime(pid) {
  const fd = openSync(`/proc/${pid}/task/${pid}/schedstat`, 'r');
  const bytes = Buffer.alloc(64);
  return () => Number.parseInt(bytes.latin1Slice(0, readSync(fd, bytes, 0, bytes.length, 0)), 10) / 1e6;
}

/**
 * Calls at a steady rate, whatever is still on its way: their latencies, from the moment at which each was due, and how long the gateway's
 * thread ran meanwhile, for this call or before it came to it.
 */
async function others(clients, own) {
  const times = [];
  const all = [];
  const begin = performance.now();
  for (let i = 0; performance.now() - begin < WINDOW_MS; i++) {
    const due = begin + i * EVERY_MS;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    const before = own();
    all.push(
      clients[i % clients.length].call('up__echo', { text: `call ${i}` }).then((result) => {
        if (result.content?.[0]?.text !== `call ${i}`) throw new Error(JSON.stringify(result).slice(0, 300));
        times.push({ ms: performance.now() - due, ran: own() - before });
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

/** Keeps processors busy: so many, and a part of the time of one more; in sessions of their own, as servers over stdio are. */
function busy(load, apart) {
  const code = `const s=${Math.min(1, load)};const w=new Int32Array(new SharedArrayBuffer(4));for(;;){const e=performance.now()+10*s;while(performance.now()<e);Atomics.wait(w,0,0,Math.max(0.01,10*(1-s)));}`;
  const first = start(node, ['-e', code], {}, apart);
  const more = load > 1.01 ? busy(load - 1, apart) : { stop: async () => {} };
  return { stop: () => Promise.all([first.stop(), more.stop()]) };
}

/** The gateway before a good and a bad server, its clients, and the clients of the bad one. */
async function stage(kind) {
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
  const worker = spawn(
    node,
    [
      fileURLToPath(import.meta.url),
      sepal,
      'bad',
      url,
      made.token,
      JSON.stringify({ ...kind, past: bad.url }),
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  worker.once('exit', (code) => {
    if (code !== 0) process.exit(1);
  });
  await new Promise((resolve) => worker.once('message', resolve));
  const held = [];
  if (gone === 'killed') await server.stop();
  if (gone === 'stopped') {
    process.kill(server.pid, 'SIGSTOP');
    for (let i = 0; i < 8; i++) held.push(connect(port, '127.0.0.1').on('error', () => undefined));
  }
  return {
    gateway,
    clients,
    worker,
    /** Processor seconds of the bad server and its clients so far. */
    cost: () =>
      [
        worker.pid,
        ...(server === null ? [] : [server.pid]),
        ...children(gateway.pid).filter(isHostile),
      ].reduce((sum, pid) => sum + used(pid), 0),
    rest: async () => {
      worker.send('rest');
      if (kind.flood !== undefined && !http)
        await Promise.race([clients[0].call('bad__stop', {}), sleep(8000)]);
    },
    end: async () => {
      worker.disconnect();
      for (const socket of held) socket.destroy();
      for (const client of clients) await client.close();
      if (gone === 'stopped') process.kill(server.pid, 'SIGCONT');
      await gateway.stop();
      await server?.stop();
      remove(made.dir);
    },
  };
}

async function one(kind) {
  const { gateway, clients, worker, cost, rest, end } = await stage(kind);
  const own = ownTime(gateway.pid);
  for (let i = 0; i < 3; i++) await others(clients, own);
  const [with_, without, past, loads] = [[], [], [], []];
  const spent = { with_: 0, without: 0, past: 0 };
  let rss = 0;
  const measure = async (into, what) => {
    const before = used(gateway.pid);
    into.push(await others(clients, own));
    spent[what] += used(gateway.pid) - before;
  };
  const bad = async () => {
    worker.send('go');
    await sleep(SETTLE_MS);
    const [before, at] = [cost(), performance.now()];
    await measure(with_, 'with_');
    loads.push(((cost() - before) * 1000) / (performance.now() - at));
    const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
    rss = Math.max(rss, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]));
    await rest();
    await sleep(SETTLE_MS);
  };
  const other = async () => {
    const load = median(loads);
    const process = load > 0.02 ? busy(load, kind.http !== true) : null;
    await sleep(SETTLE_MS);
    await measure(without, 'without');
    await process?.stop();
  };
  const beside = async () => {
    worker.send('past');
    await sleep(SETTLE_MS);
    await measure(past, 'past');
    worker.send('rest');
    await sleep(SETTLE_MS);
  };
  // A server may say some things at once before it is held back, and V8 compiles what reads them: what is asked is how it goes on.
  for (let i = 0; i < 2; i++) await bad();
  with_.length = 0;
  spent.with_ = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) await bad();
    await other();
    if (round % 2 === 1) await bad();
    if (kind.eats === true) await beside();
  }
  await end();
  return { with_, without, past, load: median(loads), rss, spent };
}

/**
 * What paired ratios come to, and what that lies between in 19 of 20 cases: the median of the means (of logarithms) of all pairs of ratios, and
 * the order of those (Hodges and Lehmann 1963, by Wilcoxon's signed ranks). A pair that the machine spoilt counts for little, as with a plain
 * median, and the others tell more.
 */
function between(ratios) {
  const logs = ratios.map(Math.log);
  const means = logs.flatMap((a, i) => logs.slice(i).map((b) => (a + b) / 2)).sort((a, b) => a - b);
  const at = outside(ratios.length);
  return { low: Math.exp(means[at]), middle: Math.exp(median(means)), high: Math.exp(means.at(-1 - at)) };
}

/** How many of the means may be left out at each end: the most whose sums of ranks come by chance in 1 of 40 cases at most. */
function outside(n) {
  let ways = [1];
  for (let rank = 1; rank <= n; rank++)
    ways = Array.from({ length: ways.length + rank }, (_, sum) => (ways[sum] ?? 0) + (ways[sum - rank] ?? 0));
  let [chance, at] = [0, 0];
  while ((chance += ways[at] / 2 ** n) <= 0.025) at++;
  return Math.max(0, at - 1);
}

/** Over, by more than where there is no bad server at all; within; or not to be told apart from that. */
function verdictOf({ low, middle }, control) {
  if (middle <= AIM) return 'within';
  return low > AIM && middle > control.high ? 'over' : 'not told';
}

async function main() {
  console.log(
    `${CONNECTIONS} connections call a good server, a call each ${EVERY_MS} ms: ${ROUNDS} pairs of windows of ${WINDOW_MS / 1000} s, with the bad server at work and with an unrelated process as busy. Ratios: of the p99 of a window with the bad server to that of the window beside it, their middle (Hodges–Lehmann), and what it lies between in 19 of 20 cases.\n`,
  );
  console.log(
    '| the other server | p50 ms with, without | p99 ms with, without | p99 ratio of pairs | | the same past the gateway | p99 of the time (ms) that the gateway’s thread ran during a call, with, without | ratio of pairs | processor time of the gateway with, without (s) | processors that the server and its clients use | gateway MB |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const rows = [];
  let limit = null;
  for (const kind of kinds) {
    const { with_, without, past, load, rss, spent } = await one(kind);
    const both = (what, q) =>
      [with_, without]
        .map((all) =>
          quantile(
            all.flat().map((each) => each[what]),
            q,
          ).toFixed(1),
        )
        .join(', ');
    const of = (window, what) =>
      quantile(
        window.map((each) => each[what]),
        0.99,
      );
    const paired = (windows, what) =>
      between(windows.map((window, i) => of(window, what) / of(without[i], what)));
    const pairs = (what) => paired(with_, what);
    const shown = ({ low, middle, high }) => `${middle.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
    const [found, ran] = [pairs('ms'), pairs('ran')];
    const control = past.length === 0 ? null : paired(past, 'ms');
    limit ??= found;
    const verdict = kind.name === CONTROL ? '' : verdictOf(found, limit);
    if (kind.name !== CONTROL) rows.push({ name: kind.name, ...found, verdict, control });
    console.log(
      `| ${kind.name} | ${both('ms', 0.5)} | ${both('ms', 0.99)} | ${shown(found)} | ${verdict} | ${control === null ? '' : shown(control)} | ${both('ran', 0.99)} | ${shown(ran)} | ${spent.with_.toFixed(2)}, ${spent.without.toFixed(2)} | ${load.toFixed(2)} | ${Math.round(rss / 1024)} |`,
    );
  }
  const of = (verdict) => rows.filter((row) => row.verdict === verdict).length;
  const most = rows.reduce((a, b) => (b.middle > a.middle ? b : a));
  const even = limit.high <= UNEVEN && limit.low >= 1 / UNEVEN;
  const eaters = rows.filter(({ control }) => control !== null);
  const past =
    eaters.length === 0
      ? ''
      : `; the same past the gateway ${eaters.map(({ name, control }) => `${control.middle.toFixed(2)}× (${name})`).join(', ')}`;
  const measured = `of ${rows.length} over ${of('over')}, within ${of('within')}, not told ${of('not told')}; ${most.middle.toFixed(2)}× at most (${most.name}), where nothing scores ${limit.middle.toFixed(2)}× (${limit.low.toFixed(2)}–${limit.high.toFixed(2)})${past}`;
  const reached = of('over') === 0 && even ? 'reached' : '**missed**';
  const doubt = even ? '' : '; too uneven a machine to tell';
  console.log(
    `\n- ${reached}: slow, dead or flooding servers leave others’ p99 within 10 % — measured ${measured}${doubt}`,
  );
}

if (process.argv[3] === 'bad') await beBad(process.argv[4], process.argv[5], JSON.parse(process.argv[6]));
else await main();
