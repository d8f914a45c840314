// SPDX-License-Identifier: Apache-2.0
// Entries per second of the verifier, by checkpoint and by signature, next to the raw costs of the same entries in the same run.
//   node bench/receipts/verify.mjs [entries] [rounds]
import { createPublicKey, hash, verify as nodeVerify } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const repository = resolve(import.meta.dirname, '../..');
const size = Number(process.argv[2] ?? 50_000);
const rounds = Number(process.argv[3] ?? 7);
const scratch = mkdtempSync(join(tmpdir(), 'sepal-bench-verify-'));

const shown = (rate) => Math.round(rate).toLocaleString('en');

try {
  const { TestLog, verify, canonical, parseStrict } = await bundled();
  const log = grown(TestLog);
  const folder = written(log);
  const bytes = log.entries.reduce((sum, entry) => sum + entry.length, 0);
  console.log(
    `${log.size.toLocaleString('en')} entries of ${Math.round(bytes / log.size)} bytes on average; median of ${rounds} rounds (least–most).\n`,
  );
  const rows = [
    [
      'verify by checkpoint',
      log.size,
      () => checked(verify, folder, log, { signatures: 'checkpoint' }, 'incomplete'),
    ],
    ['verify by signature (node:crypto)', log.size, () => checked(verify, folder, log, {}, 'pass')],
    [
      'raw: SHA-256 of the entry',
      log.size,
      () => log.entries.forEach((entry) => hash('sha256', entry, 'buffer')),
    ],
    ['raw: strict parse of the body', log.size, () => log.texts.forEach((text) => parseStrict(text))],
    ['raw: JSON.parse of the body', log.size, () => log.texts.forEach((text) => JSON.parse(text))],
    ['raw: canonical form of the body', log.size, () => log.values.forEach((value) => canonical(value))],
    ['raw: Ed25519 verify (node:crypto)', 5_000, () => signatures(log, 5_000)],
  ];
  log.texts = log.entries.map((entry) => entry.toString().split('\n')[1]);
  log.values = log.texts.map((text) => parseStrict(text).value);
  console.log('| what | entries a second of processor time | entries a second by the clock |');
  console.log('| --- | ---: | ---: |');
  const medians = [];
  for (const [name, count, run] of rows) {
    const { cpu, clock } = await measured(count, run);
    medians.push({ cpu: middle(cpu), clock: middle(clock) });
    console.log(`| ${name} | ${spread(cpu)} | ${spread(clock)} |`);
  }
  const byCheckpoint = medians[0].cpu;
  const [bySignature, raw] = [medians[1], medians.at(-1)];
  const reached = byCheckpoint >= 45_000 ? 'reached' : '**missed**';
  console.log(
    `\n- ${reached}: by checkpoint at least 45,000 entries a second — measured ${shown(byCheckpoint)}`,
  );
  const share = (of) => Math.round((bySignature[of] / raw[of]) * 100);
  const beside = 'with the canonical form, chain, tree and lives of calls checked beside';
  console.log(
    `- ${share('cpu') >= 90 ? 'reached' : '**missed**'}: by signature at least 90 % of the raw signature checks, in processor time — measured ${share('cpu')} %, ${beside}`,
  );
  console.log(
    `- ${share('clock') >= 90 ? 'reached' : '**missed**'}: by signature at least 90 % of the raw signature checks of one thread, by the clock — measured ${share('clock')} %, ${beside}`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Entries a second in each round, ascending; a round before is not counted. */
async function measured(count, run) {
  await run();
  const [cpu, clock] = [[], []];
  for (let i = 0; i < rounds; i++) {
    const [start, began] = [process.cpuUsage(), performance.now()];
    await run();
    const { user, system } = process.cpuUsage(start);
    cpu.push(count / ((user + system) / 1e6));
    clock.push(count / ((performance.now() - began) / 1000));
  }
  const ascending = (rates) => rates.sort((a, b) => a - b);
  return { cpu: ascending(cpu), clock: ascending(clock) };
}

function middle(rates) {
  return rates[Math.floor(rounds / 2)];
}

function spread(rates) {
  return `${shown(middle(rates))} (${shown(rates[0])}–${shown(rates.at(-1))})`;
}

async function checked(verify, folder, log, options, expected) {
  const report = await verify(folder, { trust: log.trust, ...options });
  if (report.result !== expected || report.entries !== log.size)
    throw new Error(JSON.stringify(report, null, 1));
}

function signatures(log, count) {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), log.epoch.key]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  for (const entry of log.entries.slice(0, count)) {
    const text = entry.subarray(0, entry.indexOf('\n\n') + 1);
    const signature = Buffer.from(entry.toString().trimEnd().split(' ').at(-1), 'base64').subarray(4);
    if (!nodeVerify(null, text, key, signature)) throw new Error('a signature does not verify');
  }
}

function grown(TestLog) {
  const log = new TestLog().begin();
  for (let i = 0; log.size < size; i++) {
    log.call(`call ${i}`, i % 4 === 0 ? 'deny' : 'allow');
    if (i % 500 === 499) log.checkpoint();
  }
  log.checkpoint();
  return log;
}

function written(log) {
  const folder = join(scratch, 'log');
  mkdirSync(join(folder, 'entries'), { recursive: true });
  writeFileSync(join(folder, 'entries', '000000.log'), Buffer.concat(log.entries));
  writeFileSync(join(folder, 'checkpoints'), log.checkpointFile());
  return folder;
}

/** The verifier and the test log builder in one module, from source. */
async function bundled() {
  const outfile = join(scratch, 'bench.mjs');
  await build({
    absWorkingDir: repository,
    stdin: {
      contents: `export * from './test/arbitraries/log.ts'; export { verify } from './runtime/verify/index.ts';
        export { canonical, parseStrict } from './runtime/verify/format/index.ts';`,
      resolveDir: repository,
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    outfile,
  });
  return import(pathToFileURL(outfile).href);
}
