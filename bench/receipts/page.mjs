// SPDX-License-Identifier: Apache-2.0
// How long the auditor page takes to verify a log in Debian's Chromium, every signature checked, and how long the command takes for the same.
//   node bench/receipts/page.mjs [entries] [rounds]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { buildPage } from '../../scripts/page.mjs';

const root = resolve(import.meta.dirname, '../..');
const size = Number(process.argv[2] ?? 10_000);
const rounds = Number(process.argv[3] ?? 3);
const scratch = mkdtempSync(join(tmpdir(), 'sepal-bench-page-'));

try {
  const outfile = join(scratch, 'bench.mjs');
  await build({
    absWorkingDir: root,
    stdin: {
      contents: `export * from './test/arbitraries/log.ts'; export { Browser, chromium } from './test/helpers/chromium.ts';
        export { verify } from './runtime/verify/index.ts';`,
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['ws'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    outfile,
  });
  const { TestLog, Browser, chromium, verify } = await import(pathToFileURL(outfile).href);
  if (chromium === null) console.log('Not measured: there is no Chromium (apt-get install chromium).');
  else await measure({ TestLog, Browser, verify });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function measure({ TestLog, Browser, verify }) {
  const log = new TestLog().begin();
  for (let i = 0; log.size < size; i++) log.call(`call ${i}`, i % 4 === 0 ? 'deny' : 'allow');
  log.checkpoint();
  const page = join(scratch, 'auditor.html');
  await buildPage(root, { SEPAL_VERSION: '"bench"', SEPAL_COMPILER: `"sha256:${'0'.repeat(64)}"` }, page);
  const files = written(log);
  const seconds = [];
  for (let i = 0; i < rounds; i++) {
    const browser = await Browser.open(`file://${page}`);
    try {
      const from = performance.now();
      await browser.giveFiles('files', files);
      await browser.until('!document.getElementById("result").hidden');
      seconds.push((performance.now() - from) / 1000);
      const verdict = String(await browser.ask('document.getElementById("verdict").textContent'));
      if (!verdict.includes(`PASS ${log.size}`)) throw new Error(verdict);
    } finally {
      await browser.close();
    }
  }
  const from = performance.now();
  const report = await verify(join(scratch, 'log'), { trust: log.trust });
  const command = (performance.now() - from) / 1000;
  if (report.result !== 'pass') throw new Error(JSON.stringify(report));
  seconds.sort((a, b) => a - b);
  const median = seconds[rounds >> 1];
  console.log('| what | entries | seconds |\n| --- | ---: | ---: |');
  console.log(
    `| the page, in Chromium | ${log.size} | ${median.toFixed(2)} (${seconds[0].toFixed(2)}–${seconds.at(-1).toFixed(2)}) |`,
  );
  console.log(`| the command, in this process | ${log.size} | ${command.toFixed(2)} |`);
  console.log(
    `\n- ${median < 5 ? 'reached' : '**missed**'}: the page verifies 10,000 entries in less than 5 s — measured ${median.toFixed(2)} s`,
  );
}

function written(log) {
  const folder = join(scratch, 'log');
  mkdirSync(join(folder, 'entries'), { recursive: true });
  const paths = {
    'entries/000000.log': Buffer.concat(log.entries),
    checkpoints: log.checkpointFile(),
    'trust.json': log.trust,
  };
  return Object.entries(paths).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
}
