// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- decide`: every engine at every size once a round, round after round, each in a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aim, figure, median, spread, table } from '../table.js';
import { ENGINES, type EngineName, isPeer } from './engines.js';
import { kindsTable } from './kinds-run.js';
import { PEERS_MISSING, peersInstalled } from './peers/load.js';
import { compileSepal, sepalInput } from './sepal.js';
import { loadWorkload } from './workload.js';

const SIZES = [10, 100, 1000, 10_000] as const;
/** What peers need for one decision at 10,000 rules is up to seconds: they are asked up to here. */
const PEER_SIZE = 1000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const BUDGET = process.env['BENCH_MS'] ?? '600';
const LIMIT = 'residualIndexed';
const worker = fileURLToPath(new URL('./worker.js', import.meta.url));
const engines = ENGINES.filter((name) => !isPeer(name) || peersInstalled());

const workload = await loadWorkload();
const { source, policy } = workload;
const scratch = mkdtempSync(join(tmpdir(), 'sepal-bench-decide-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
/** Without what follows the name of its two files. */
const bundleOf = (rules: number): string => join(scratch, String(rules));
for (const rules of SIZES) {
  const { js, manifest } = compileSepal(sepalInput(policy(rules)));
  writeFileSync(`${bundleOf(rules)}.js`, js);
  writeFileSync(`${bundleOf(rules)}.manifest.json`, JSON.stringify(manifest));
}

interface Measured {
  readonly micros: number;
  readonly ms: number;
  readonly cpuMs: number;
}
function measure(name: EngineName, rules: number, mode: 'warm' | 'strange' | 'first'): Measured {
  const args = ['--expose-gc', worker, name, String(rules), BUDGET, bundleOf(rules), mode];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(`${name} at ${rules} rules: ${child.stderr.slice(-2000)}`);
  return JSON.parse(child.stdout) as Measured;
}

const micros = new Map<string, number[]>();
const of = (name: EngineName, rules: number): number[] => {
  const key = `${name} ${rules}`;
  const known = micros.get(key) ?? [];
  micros.set(key, known);
  return known;
};
/** By number of rules. */
const strange = new Map<number, number[]>(SIZES.map((rules) => [rules, []]));
const firsts: Measured[] = [];

for (let round = 0; round < ROUNDS; round++) {
  for (const rules of SIZES) {
    for (const name of engines) {
      if (isPeer(name) && rules > PEER_SIZE) continue;
      of(name, rules).push(measure(name, rules, 'warm').micros);
    }
    strange.get(rules)?.push(measure('sepal', rules, 'strange').micros);
    process.stderr.write(`decide: round ${round + 1} of ${ROUNDS}, ${rules} rules\n`);
  }
  firsts.push(measure('sepal', 1000, 'first'));
}

/** Round by round, so that a slower minute of the machine touches both sides. */
const ratios = (values: readonly number[], to: readonly number[]): number =>
  median(values.map((value, i) => value / (to[i] ?? Number.NaN)));
const ratio = (name: EngineName, to: EngineName, rules: number): number =>
  ratios(of(name, rules), of(to, rules));

console.log(
  `µs of processor time a decision: median of ${ROUNDS} rounds (least–most), and the ratio to ${LIMIT} in the same rounds.`,
);
console.log(
  `Workload: ${source}.${peersInstalled() ? '' : ` Without casl, casbin, cel and json-rules-engine: ${PEERS_MISSING}.`}\n`,
);
const head = ['engine', ...SIZES.flatMap((rules) => [`${figure(rules)} rules`, '×'])];
const rows = engines.map((name) => [
  name,
  ...SIZES.flatMap((rules) =>
    of(name, rules).length === 0 ? ['', ''] : [spread(of(name, rules)), figure(ratio(name, LIMIT, rules))],
  ),
]);
console.log(`${table(head, rows)}\n`);

const worst = Math.max(...SIZES.map((rules) => ratio('sepal', LIMIT, rules)));
const growth = median(of('sepal', 10_000)) / median(of('sepal', 10));
const cedar = ratio('cedar-wasm', 'sepal', 1000);
const odds = SIZES.map((rules) => ratios(strange.get(rules) ?? [], of('sepal', rules)));
const lead = (name: EngineName): string => `${name} ${figure(ratio(name, 'sepal', PEER_SIZE))}×`;
console.log(aim(`at most 1.5× ${LIMIT} at every size`, worst <= 1.5, `${figure(worst)}× at worst`));
console.log(aim('growth from 10 to 10,000 rules at most 10×', growth <= 10, `${figure(growth)}×`));
console.log(aim('at 1,000 rules at least 1,000× faster than cedar-wasm', cedar >= 1000, `${figure(cedar)}×`));
console.log(
  aim(
    'principals never seen before within 3× of warm, at every size',
    Math.max(...odds) <= 3,
    `${odds.map(figure).join(' / ')}× at ${SIZES.map(figure).join(' / ')} rules`,
  ),
);
console.log(
  aim(
    'a compiled policy of 1,000 rules from file to first answer in at most 10 ms of processor time',
    median(firsts.map(({ cpuMs }) => cpuMs)) <= 10,
    `${spread(firsts.map(({ cpuMs }) => cpuMs))} ms (by the clock ${figure(median(firsts.map(({ ms }) => ms)))} ms)`,
  ),
);
const kinds = await kindsTable(workload);
console.log(
  aim(
    'a kind of statement that every call reaches costs at most 10× the policy without it, state kept or not',
    kinds.worst <= 10,
    `${figure(kinds.worst)}× at worst`,
  ),
);
if (peersInstalled()) {
  console.log(
    `\nAt 1,000 rules each needs, of what Sepal needs: ${engines.filter(isPeer).map(lead).join(', ')}.`,
  );
}
console.log(
  '\nWith one more statement of each kind, which every call reaches: what a decision costs, and one with the facts that it needs, its limits read, held and counted, of what it costs without.\n',
);
console.log(kinds.text);
