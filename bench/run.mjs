// SPDX-License-Identifier: Apache-2.0
// `npm run bench [-- decide|compile|editor|analyze|gateway|upstreams|receipts|start|scan|large|verify …]`: builds what is needed and prints every table in markdown.
// With `--record` it also writes what it printed to docs/measured.md, and each aim with what was measured to the README.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildCommand, COMMAND_ENTRIES } from '../scripts/script.mjs';
import { record } from './record.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
/** Inside node_modules, so that the bundles find the packages that stay outside of them; of this run alone. */
const out = join(root, `node_modules/.cache/sepal-bench-${process.pid}`);
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** What only benches import. */
const DEVELOPMENT = ['@cedar-policy/cedar-wasm', 'tinybench', 'z3-solver'];

const BENCHES = {
  decide: { title: 'Decisions', entry: 'decide/run.ts' },
  compile: { title: 'Compiling', entry: 'compile/run.ts', command: join(out, 'cli/main.js') },
  editor: { title: 'Answers in an editor', entry: 'editor/run.ts' },
  analyze: { title: 'Proofs', entry: 'analyze/run.ts' },
  gateway: {
    title: 'One call through the gateway',
    script: 'gateway/run.mjs',
    command: join(out, 'cli/main.js'),
  },
  proxies: {
    title: 'Beside other proxies',
    script: 'gateway/proxies.mjs',
    command: join(out, 'cli/main.js'),
  },
  upstreams: {
    title: 'Bad servers beside a good one',
    script: 'gateway/upstreams.mjs',
    command: join(out, 'cli/main.js'),
    // Room for what it notes down: a collection in the clients would look like a call that waits.
    flags: ['--max-semi-space-size=64'],
  },
  receipts: { title: 'Signed, durable receipts', entry: 'receipts/append.ts' },
  start: { title: 'Starting with many receipts', entry: 'receipts/start.ts' },
  scan: { title: 'The scanner', entry: 'scan/run.ts' },
  large: {
    title: 'Large arguments while others call',
    script: 'scan/large.mjs',
    command: join(out, 'cli/main.js'),
  },
  verify: { title: 'Verifying receipts', script: 'receipts/verify.mjs' },
  page: { title: 'Verifying in a browser', script: 'receipts/page.mjs' },
};

const asked = process.argv.slice(2);
const recording = asked.includes('--record');
const wanted = asked.filter((name) => name !== '--record');
const unknown = wanted.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`there is no bench ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const chosen = Object.entries(BENCHES).filter(([name]) => wanted.length === 0 || wanted.includes(name));

await buildAll();
console.log(machine());
for (const [name, { title, entry, script, command, flags = [] }] of chosen) {
  console.log(`\n### ${title} (\`npm run bench -- ${name}\`)\n`);
  const file = script === undefined ? join(out, entry.replace(/\.ts$/, '.js')) : join(here, script);
  const conditions = machine();
  const printed = await run(process.execPath, [...flags, file, ...(command === undefined ? [] : [command])]);
  if (recording) record(root, Object.keys(BENCHES), { name, title, conditions, printed });
}

async function buildAll() {
  const entries = chosen.flatMap(([, { entry }]) => (entry === undefined ? [] : [join(here, entry)]));
  if (entries.length > 0) await bundle([...entries, join(here, 'decide/worker.ts')], here);
  // The command as it ships (scripts/build.mjs), beside dist/ and not in it: a bench leaves no trace there.
  if (chosen.some(([, { command }]) => command !== undefined))
    await buildCommand(
      out,
      await bundle(
        [
          'cli/compile-thread.ts',
          'runtime/scan/worker.ts',
          'runtime/gateway/large/worker.ts',
          ...COMMAND_ENTRIES,
        ].map((file) => join(root, file)),
        root,
      ),
    );
}

async function bundle(entryPoints, outbase) {
  const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const external = [...Object.keys(dependencies).filter((name) => name !== 'chevrotain'), ...DEVELOPMENT];
  const shared = {
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: external.flatMap((name) => [name, `${name}/*`]),
    define: {
      SEPAL_VERSION: JSON.stringify(version),
      SEPAL_COMPILER: JSON.stringify(`sha256:${'0'.repeat(64)}`),
    },
    logLevel: 'warning',
  };
  await build({
    ...shared,
    entryPoints,
    outbase,
    outdir: out,
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    format: 'esm',
  });
  return shared;
}

/** Runs it to its end, shows what it prints, and gives that back; its own failure ends everything. */
async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['inherit', 'pipe', 'inherit'] });
  const pieces = [];
  child.stdout.on('data', (piece) => {
    pieces.push(piece);
    process.stdout.write(piece);
  });
  const [status, signal] = await once(child, 'close');
  if (status === 0) return Buffer.concat(pieces).toString();
  console.error(`${command} ${args.join(' ')} ended with ${signal ?? status}`);
  return process.exit(1);
}

function machine() {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `Machine: ${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${memory} GiB, ${type()} ${release()}, Node ${process.version}.`,
    `Logs on ${filesystem(process.env.BENCH_DIR ?? tmpdir())}. ${new Date().toISOString().slice(0, 10)}. Load average at the start: ${(loadavg()[0] ?? 0).toFixed(1)}.`,
  ].join('\n');
}

/** The type of the filesystem that durable writes go to. */
function filesystem(folder) {
  const { status, stdout } = spawnSync('df', ['-PT', folder], { encoding: 'utf8' });
  const kind = status === 0 ? stdout.trim().split('\n').at(-1)?.split(/\s+/)[1] : undefined;
  return kind ?? 'an unknown filesystem';
}
