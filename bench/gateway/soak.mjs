// SPDX-License-Identifier: Apache-2.0
// `node bench/gateway/soak.mjs COMMAND [MINUTES]`, or `npm run soak` (one hour): a gateway under mixed traffic to two servers: short and long calls, denials, hostile text, clients that come and
// go, some without a word. Memory and open files are sampled; at the end they must be flat, and the log must verify. Linux only.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareHttp } from './clients.mjs';
import { echo, freePort, median, node, remove, sepal, setUp, start, until } from './stage.mjs';

const MINUTES = Number(process.argv[3] ?? 60);
const SAMPLE_MS = 5000;
const CLIENTS = Number(process.env.SOAK_CLIENTS ?? 8);
const PAUSE_MS = Number(process.env.SOAK_PAUSE_MS ?? 5);
const short = (server) =>
  `allow ${server}: agent:bench -> ${server}/echo when { size(args.text) < 200000 and not (args.text starts with "no") }`;
const WORK = { rule: ['up', 'web'].map(short).join('\n') };
const webPort = await freePort();
start(node, [echo, '--http'], { PORT: String(webPort) });
const web = { url: `http://127.0.0.1:${webPort}/mcp` };
await (await until(() => bareHttp(web.url), 'the server over HTTP')).close();
const { dir, port, token, config } = await setUp({ command: node, args: [echo] }, WORK, { web });
const gateway = start(node, [
  '--expose-gc',
  '--disallow-code-generation-from-strings',
  sepal,
  'gateway',
  '--config',
  config,
]);
const url = `http://127.0.0.1:${port}/mcp`;
await (await until(() => bareHttp(url, token), 'the gateway')).close();

const status = (name) =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1],
  );
const sample = () => ({ mb: status('VmRSS') / 1024, files: readdirSync(`/proc/${gateway.pid}/fd`).length });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const end = Date.now() + MINUTES * 60_000;
const counts = { calls: 0, denied: 0, refused: 0, clients: 0, broken: 0 };
const LONG = 'x'.repeat(100_000);

/** One call by its turn, to the server over stdio or to that over HTTP; what is expected of it is checked. */
async function one(client, i) {
  const text = i % 50 === 0 ? LONG : i % 7 === 0 ? `no ${i}` : `yes ${i}`;
  const result = await client.call(i % 2 === 0 ? 'up__echo' : 'web__echo', { text });
  counts.calls++;
  if (result.isError === true) counts.denied++;
  if ((result.isError === true) !== text.startsWith('no'))
    throw new Error(JSON.stringify(result).slice(0, 300));
}

/** Bytes that are no message, and a request that is left before it is answered. */
async function nuisance() {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: `Bearer ${token}`,
  };
  const odd = await fetch(url, { method: 'POST', headers, body: '{"jsonrpc":"2.0","id":1,"id":2}' });
  await odd.text();
  if (odd.status === 400) counts.refused++;
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
  await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(1) }).catch(
    () => counts.broken++,
  );
}

async function client() {
  while (Date.now() < end) {
    const own = await bareHttp(url, token);
    counts.clients++;
    for (let i = 1; i <= 500 && Date.now() < end; i++) {
      await one(own, i);
      if (i % 100 === 0) await nuisance();
      if (PAUSE_MS > 0) await pause(PAUSE_MS);
    }
    await own.close();
  }
}

const samples = [];
const sampling = (async () => {
  while (Date.now() < end) {
    samples.push(sample());
    await pause(SAMPLE_MS);
  }
})();
let failed = null;
await Promise.all([sampling, ...Array.from({ length: CLIENTS }, client)]).catch((error) => {
  failed = error;
  console.error(gateway.said());
});
await gateway.stop();
if (failed !== null) throw failed;

const third = Math.floor(samples.length / 3);
const [early, late] = [samples.slice(third, 2 * third), samples.slice(-third)];
const of = (list, name) => median(list.map((one) => one[name]));
const growth = of(late, 'mb') / of(early, 'mb');
const files = of(late, 'files') - of(early, 'files');
const verified = execFileSync(
  node,
  [sepal, 'verify', join(dir, '.sepal/log'), '--trust', join(dir, 'trust.json')],
  { encoding: 'utf8' },
);
console.log(`${MINUTES} minutes, ${CLIENTS} clients: ${JSON.stringify(counts)}`);
console.log(
  `memory: ${of(early, 'mb').toFixed(0)} MB in the second third, ${of(late, 'mb').toFixed(0)} MB in the last (${growth.toFixed(2)}×); most ${Math.max(...samples.map(({ mb }) => mb)).toFixed(0)} MB`,
);
console.log(`open files: ${of(early, 'files')} and ${of(late, 'files')}`);
console.log(verified.trim().split('\n').at(-1));
const flat = growth <= 1.1 && files <= 2;
console.log(flat ? '- reached: flat memory and descriptors' : '- **missed**: flat memory and descriptors');
remove(dir);
process.exit(flat ? 0 : 1);
