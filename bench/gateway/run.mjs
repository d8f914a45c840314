// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- gateway`: one call through the gateway (durable, signed receipts) against the same call made directly, over
// stdio and HTTP, by the same client. Rounds are interleaved: direct, gateway, direct, gateway …
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareHttp, bareStdio, sdkHttp, sdkStdio } from './clients.mjs';
import { echo, freePort, median, node, receiptAlone, remove, sepal, setUp, start, until } from './stage.mjs';

const here = dirname(fileURLToPath(import.meta.url));
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

const rows = [];
const ms = (values) =>
  `${median(values).toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`;

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
    flushes.push(await receiptAlone(CALLS));
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

async function overStdio(label, command, work, clients) {
  const { dir, config } = await setUp({ command: node, args: command }, work);
  const wrap = [node, sepal, 'wrap', '--config', config];
  for (const [name, client] of clients) {
    await pair(`stdio, ${label}, ${name}`, work, await client([node, ...command]), await client(wrap), 2.5);
  }
  remove(dir);
}

/** `command` serves Streamable HTTP on PORT. */
async function overHttp(label, command, work, clients) {
  const upstreamPort = await freePort();
  const upstream = start(node, command, { PORT: String(upstreamPort) });
  const url = `http://127.0.0.1:${upstreamPort}/mcp`;
  await (await until(() => bareHttp(url), 'the upstream')).close();
  const { dir, port, token, config } = await setUp({ url }, work);
  const gateway = start(node, [sepal, 'gateway', '--config', config]);
  const front = `http://127.0.0.1:${port}/mcp`;
  try {
    await (await until(() => bareHttp(front, token), 'the gateway')).close();
    for (const [name, client] of clients) {
      await pair(`HTTP, ${label}, ${name}`, work, await client(url), await client(front, token), 2);
    }
  } catch (error) {
    console.error(gateway.said());
    throw error;
  } finally {
    await gateway.stop();
    await upstream.stop();
    remove(dir);
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
console.log(`| 1 KB signed, written and fdatasync, alone | | ${ms(flushes)} | | |`);
console.log('');
for (const { label, ratio, aim } of rows) {
  const reached = ratio <= aim ? 'reached' : '**missed**';
  console.log(`- ${reached}: ${label}: at most ${aim}× — measured ${ratio.toFixed(2)}×`);
}
