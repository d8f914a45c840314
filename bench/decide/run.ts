// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- decide`: every engine at every size once a round, round after round, each in a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aim, figure, median, spread, table } from '../table.js';
import { ENGINES, type EngineName } from './engines.js';
import { compileSepal, sepalInput } from './sepal.js';
import { loadWorkload } from './workload.js';

const SIZES = [10, 100, 1000, 10_000] as const;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const BUDGET = process.env['BENCH_MS'] ?? '600';
const LIMIT = 'residualIndexed';
const worker = fileURLToPath(new URL('./worker.js', import.meta.url));

const micros = new Map<string, number[]>();
const of = (name: EngineName, rules: number): number[] => {
  const key = `${name} ${rules}`;
  const known = micros.get(key) ?? [];
  micros.set(key, known);
  return known;
};

const { source, policy } = await loadWorkload();
const scratch = mkdtempSync(join(tmpdir(), 'sepal-bench-decide-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const bundleOf = (rules: number): string => join(scratch, `${rules}.json`);
for (const rules of SIZES) {
  const { js, manifest } = compileSepal(sepalInput(policy(rules)));
  writeFileSync(bundleOf(rules), JSON.stringify({ js, manifest }));
}

for (let round = 0; round < ROUNDS; round++) {
  for (const rules of SIZES) {
    for (const name of ENGINES) {
      const args = ['--expose-gc', worker, name, String(rules), BUDGET, bundleOf(rules)];
      const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (child.status !== 0) throw new Error(`${name} at ${rules} rules: ${child.stderr.slice(-2000)}`);
      of(name, rules).push((JSON.parse(child.stdout) as { readonly micros: number }).micros);
    }
    process.stderr.write(`decide: round ${round + 1} of ${ROUNDS}, ${rules} rules\n`);
  }
}

/** Round by round, so that a slower minute of the machine touches both sides. */
const ratio = (name: EngineName, to: EngineName, rules: number): number =>
  median(of(name, rules).map((value, i) => value / (of(to, rules)[i] ?? Number.NaN)));

console.log(
  `µs of processor time a decision: median of ${ROUNDS} rounds (least–most), and the ratio to ${LIMIT} in the same rounds.`,
);
console.log(`Workload: ${source}.\n`);
const head = ['engine', ...SIZES.flatMap((rules) => [`${figure(rules)} rules`, '×'])];
const rows = ENGINES.map((name) => [
  name,
  ...SIZES.flatMap((rules) => [spread(of(name, rules)), figure(ratio(name, LIMIT, rules))]),
]);
console.log(`${table(head, rows)}\n`);

const worst = Math.max(...SIZES.map((rules) => ratio('sepal', LIMIT, rules)));
const growth = median(of('sepal', 10_000)) / median(of('sepal', 10));
const cedar = ratio('cedar-wasm', 'sepal', 1000);
console.log(aim(`at most 2× ${LIMIT} at every size`, worst <= 2, `${figure(worst)}× at worst`));
console.log(aim('growth from 10 to 10,000 rules at most 10×', growth <= 10, `${figure(growth)}×`));
console.log(aim('at 1,000 rules at least 1,000× faster than cedar-wasm', cedar >= 1000, `${figure(cedar)}×`));
