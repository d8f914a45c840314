// SPDX-License-Identifier: Apache-2.0
// Whole processes: `sepal check` of a small file beside a bare node, and of 1,000 rules from a cold start.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const command = process.argv[2] ?? join(here, '../../dist/cli/main.js');
const ROUNDS = Number(process.env.BENCH_COLD ?? 15);
const dir = mkdtempSync(join(tmpdir(), 'sepal-bench-cold-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));

const small = join(here, '../../examples/filesystem/policy.sep');
const { text, lock } = JSON.parse(
  process.argv[3] === undefined ? '{}' : (await import('node:fs')).readFileSync(process.argv[3], 'utf8'),
);
if (text !== undefined) {
  writeFileSync(join(dir, 'large.sep'), text);
  writeFileSync(join(dir, 'sepal.lock'), lock);
}

/** The same command where nothing is kept of its code, as npm installs it. */
const fresh = join(dir, 'fresh/cli/main.js');
cpSync(dirname(command), dirname(fresh), {
  recursive: true,
  filter: (path) => !path.endsWith('quick.cache'),
});

function seconds(args) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0)
    throw new Error(`${args.join(' ')} ended with ${status}: ${stderr.toString().slice(-500)}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const runs = {
  'bare node': ['-e', '0'],
  'sepal --version': [command, '--version'],
  'sepal check, a small file': [command, 'check', small],
  'the same, nothing kept': [fresh, 'check', small],
  ...(text === undefined
    ? {}
    : { 'sepal build, 1,000 rules': [command, 'build', join(dir, 'large.sep'), '--out', dir] }),
};
const times = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
for (let i = 0; i < ROUNDS; i++)
  for (const [name, args] of Object.entries(runs)) times[name].push(seconds(args));
console.log(
  JSON.stringify(
    Object.fromEntries(
      Object.entries(times).map(([name, all]) => [
        name,
        {
          median: median(all),
          least: Math.min(...all),
          ratios: median(all.map((one, i) => one / times['bare node'][i])),
        },
      ]),
    ),
  ),
);
