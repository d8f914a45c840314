// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- proxies`: the same calls to the same echo server directly, through a hop of bytes, through the gateway (policy,
// durable signed receipts) and through other proxies, by the same bare clients. Rounds are interleaved.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareHttp, bareStdio } from './clients.mjs';
import { echo, freePort, median, node, receiptAlone, remove, sepal, setUp, start, until } from './stage.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const hop = join(here, 'hop.mjs');
const peers = join(here, '../peers/node_modules');
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CALLS = Number(process.env.BENCH_CALLS ?? 300);
const WARM = Number(process.env.BENCH_WARM ?? 1500);
const WORK = {
  rule: 'allow short: agent:bench -> up/echo when { size(args.text) < 200000 and not (args.text starts with "no") }',
};
const SMALL = 'hello';
const LARGE = 'x'.repeat(100_000);
const PACE_MS = 5;
/**
 * What is measured of each path: [text of a call, callers at once, what is printed, the time from call to call]. At a pace all paths get as
 * many calls a second; without one each gets as many as it answers, and the processes behind a quick one stay in the processor's caches.
 */
const LOADS = [
  ['1 caller, small: p50 ms', SMALL, 1, 'p50'],
  [`1 caller, small, a call each ${PACE_MS} ms: p50 ms`, SMALL, 1, 'p50', PACE_MS],
  ['16 callers, small: calls/s', SMALL, 16, 'rate'],
  ['1 caller, 100 KB: p50 ms', LARGE, 1, 'p50'],
  ['16 callers, 100 KB: calls/s', LARGE, 16, 'rate'],
];

/** Every answer is looked at: a refusal would be quick. */
async function load(client, text, callers, calls, pace = 0) {
  const times = [];
  let left = calls;
  const began = performance.now();
  const caller = async () => {
    while (left-- > 0) {
      const wait = began + (calls - left - 1) * pace - performance.now();
      if (pace > 0 && wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const start = performance.now();
      const result = await client.call('echo', { text });
      times.push(performance.now() - start);
      if (result.isError === true || result.content[0].text !== text)
        throw new Error(JSON.stringify(result).slice(0, 500));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { p50: median(times), rate: (calls / (performance.now() - began)) * 1000 };
}

/** Measures all paths, and a durable receipt by itself in each round, whose p50s it gives. */
async function measure(paths) {
  const receipts = [];
  for (const { client } of paths) {
    await load(client, SMALL, 1, WARM);
    await load(client, SMALL, 16, WARM);
    await load(client, LARGE, 4, WARM / 20);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [label, text, callers, of, pace] of LOADS) {
      for (const path of paths) {
        const calls = text === LARGE ? CALLS / 3 : callers * CALLS * 0.25 + CALLS * 0.75;
        const measured = await load(path.client, text, callers, Math.round(calls), pace);
        path.measured[label] ??= [];
        path.measured[label].push(measured[of]);
      }
    }
    receipts.push(await receiptAlone(200));
    process.stderr.write(`proxies: round ${round + 1} of ${ROUNDS}\n`);
  }
  return receipts;
}

const path = (name, client, close = async () => {}) => ({ name, client, close, measured: {} });

/** A server on a port of its own, asked over HTTP. */
async function served(name, command, token, env = {}, port) {
  const own = port ?? (await freePort());
  const running = start(
    command[0],
    command.slice(1).map((arg) => (arg === 'PORT' ? String(own) : arg)),
    {
      PORT: String(own),
      ...env,
    },
  );
  try {
    const url = `http://127.0.0.1:${own}/mcp`;
    const client = await until(() => bareHttp(url, token), name);
    return { ...path(name, client, running.stop), url, pid: running.pid };
  } catch (error) {
    console.error(running.said());
    await running.stop();
    throw error;
  }
}

/** The gateway in front of one upstream over HTTP. */
async function gateway(name, upstream) {
  const { dir, port, token, config } = await setUp(upstream, WORK);
  const made = await served(name, [node, sepal, 'gateway', '--config', config], token, {}, port);
  return {
    ...made,
    close: async () => {
      await made.close();
      remove(dir);
    },
  };
}

async function overHttp() {
  const direct = await served('direct', [node, echo, '--http']);
  const raw = await served('raw hop', [node, hop, 'raw', 'http', direct.url]);
  const ours = await gateway('Sepal', { url: direct.url });
  const typed = await served('typed SDK proxy', [node, hop, 'typed', 'http', direct.url]);
  return [direct, raw, ours, typed];
}

/** In front of a stdio server, over HTTP: what mcp-proxy and supergateway do. */
async function overHttpToStdio() {
  const command = [node, echo];
  const ours = await gateway('Sepal', { command: node, args: [echo], perPrincipal: false });
  if (!existsSync(peers)) return [ours];
  const bin = (name) => join(peers, '.bin', name);
  const proxy = await served('mcp-proxy', [
    node,
    bin('mcp-proxy'),
    '--host=127.0.0.1',
    '--port',
    'PORT',
    '--server=stream',
    '--',
    ...command,
  ]);
  const superGateway = await served('supergateway', [
    node,
    bin('supergateway'),
    '--stdio',
    command.join(' '),
    '--outputTransport',
    'streamableHttp',
    '--stateful',
    '--port',
    'PORT',
    '--logLevel',
    'none',
  ]);
  return [ours, proxy, superGateway];
}

async function overStdio() {
  const command = [node, echo];
  const { dir, config } = await setUp({ command: node, args: [echo] }, WORK);
  const over = async (name, argv, close) => path(name, await bareStdio(argv), close);
  return [
    await over('direct', command),
    await over('raw hop', [node, hop, 'raw', 'stdio', ...command]),
    await over('Sepal', [node, sepal, 'wrap', '--config', config], async () => remove(dir)),
    await over('typed SDK proxy', [node, hop, 'typed', 'stdio', ...command]),
  ];
}

const shown = (values) => {
  const figure = (value) => value.toLocaleString('en', { maximumSignificantDigits: 3 });
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
};
/** Round by round, so that a slower minute of the machine touches both sides. */
const ratio = (a, b, label) => median(a.measured[label].map((value, i) => value / b.measured[label][i]));
const aims = [];
const aim = (what, reached, measured) =>
  aims.push(`- ${reached ? 'reached' : '**missed**'}: ${what} — measured ${measured}`);
const [ALONE, PACED] = LOADS.map(([label]) => label);

async function bench(title, open, judge) {
  const paths = await open();
  const residents = paths.flatMap(({ name, pid }) =>
    name === 'Sepal' && pid !== undefined ? [residentMb(pid)] : [],
  );
  const receipts = await measure(paths);
  console.log(`\n#### ${title}\n`);
  console.log(`| path | ${LOADS.map(([label]) => label).join(' | ')} |`);
  console.log(`| --- | ${LOADS.map(() => '---:').join(' | ')} |`);
  for (const { name, measured } of paths)
    console.log(`| ${name} | ${LOADS.map(([label]) => shown(measured[label])).join(' | ')} |`);
  console.log(
    `| 1 KB signed, written and fdatasync, alone | ${shown(receipts)} |${' |'.repeat(LOADS.length - 1)}`,
  );
  judge(Object.fromEntries(paths.map((one) => [one.name, one])), { resident: residents[0], receipts });
  for (const { client, close } of paths) {
    await client.close();
    await close();
  }
}

/** Megabytes of memory that a process holds now; Linux only. */
function residentMb(pid) {
  if (!existsSync(`/proc/${pid}/status`)) return undefined;
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
}

function againstHop(transport, most) {
  return (paths, { resident, receipts }) => {
    const { Sepal: ours, 'raw hop': raw, 'typed SDK proxy': typed } = paths;
    const times = ratio(ours, raw, ALONE);
    const addedAt = (label) => median(ours.measured[label].map((value, i) => value - raw.measured[label][i]));
    const added = addedAt(ALONE);
    // A hop that looks at nothing and a durable receipt: nobody who forwards nothing before its receipt is on the disk is faster.
    const least = median(receipts.map((value, i) => 1 + value / raw.measured[ALONE][i]));
    aim(
      `${transport}: p50 at most ${most}× the raw hop`,
      times <= most,
      `${times.toFixed(2)}×, where the hop and one durable receipt by themselves are ${least.toFixed(2)}×; ${ratio(ours, raw, PACED).toFixed(2)}× at a call each ${PACE_MS} ms`,
    );
    aim(
      `${transport}: policy and durable receipt add at most 0.7 ms of p50`,
      added <= 0.7,
      `+${added.toFixed(3)} ms; +${addedAt(PACED).toFixed(3)} ms at a call each ${PACE_MS} ms`,
    );
    const lead = ratio(ours, typed, ALONE);
    const paced = `${ratio(ours, typed, PACED).toFixed(2)}× at a call each ${PACE_MS} ms`;
    aim(`${transport}: below a typed SDK proxy`, lead < 1, `${lead.toFixed(2)}× its p50; ${paced}`);
    if (resident !== undefined)
      aim('memory before the first call below 120 MB', resident < 120, `${resident.toFixed(0)} MB`);
  };
}

console.log(
  `Medians of ${ROUNDS} interleaved rounds (least–most), bare clients, an SDK echo server behind each path. Only Sepal decides and writes receipts.`,
);
await bench('Streamable HTTP in front of Streamable HTTP', overHttp, againstHop('HTTP', 1.5));
await bench('Streamable HTTP in front of stdio', overHttpToStdio, (paths) => {
  for (const name of ['mcp-proxy', 'supergateway']) {
    const peer = paths[name];
    if (peer === undefined) continue;
    const lead = ratio(paths.Sepal, peer, ALONE);
    aim(`HTTP in front of stdio: below ${name}`, lead < 1, `${lead.toFixed(2)}× its p50`);
  }
});
await bench('stdio', overStdio, againstHop('stdio', 2));
if (!existsSync(peers))
  console.log('\nWithout mcp-proxy and supergateway: `npm ci --ignore-scripts --prefix bench/peers`.');
console.log(`\n${aims.join('\n')}`);
