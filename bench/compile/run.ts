// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- compile`: from text to module, to loaded policy, by number of rules. Linear means: the time a rule stays.
import { Bench } from 'tinybench';
import { compileSepal, loadSepal, sepalInput } from '../decide/sepal.js';
import { loadWorkload } from '../decide/workload.js';
import { aim, figure, table } from '../table.js';

const SIZES = [10, 100, 1000, 10_000] as const;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);

const workload = await loadWorkload();
/** Milliseconds of processor time: on a machine that does other work as well, the clock would measure that work. */
const now = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const bench = new Bench({
  now,
  time: 0,
  iterations: ROUNDS,
  warmupTime: 0,
  warmupIterations: 2,
  throws: true,
});
const rows: { rules: number; text: number; js: number; loadMs: number }[] = [];
for (const rules of SIZES) {
  const input = sepalInput(workload.policy(rules));
  const { js, manifest } = compileSepal(input);
  const start = now();
  await loadSepal({ js, manifest });
  rows.push({ rules, text: input.source.text.length, js: js.length, loadMs: now() - start });
  bench.add(String(rules), () => void compileSepal(input));
}
await bench.run();

const statistics = bench.tasks.map(({ name, result }) => {
  if (result.state !== 'completed') throw new Error(`compiling ${name} rules ended as ${result.state}`);
  return result.latency;
});
const perRule = (i: number): number => ((statistics[i]?.p50 ?? Number.NaN) / (rows[i]?.rules ?? 1)) * 1000;
console.log(
  `Text to module, in processor time: median of ${ROUNDS} rounds (least–most) in one warm process. Workload: ${workload.source}.\n`,
);
console.log(
  table(
    ['rules', 'source KB', 'module KB', 'compile ms', 'µs a rule', 'load ms, once'],
    rows.map(({ rules, text, js, loadMs }, i) => {
      const { p50, min, max } = statistics[i] ?? { p50: Number.NaN, min: Number.NaN, max: Number.NaN };
      return [
        figure(rules),
        figure(text / 1024),
        figure(js / 1024),
        `${figure(p50)} (${figure(min)}–${figure(max)})`,
        figure(perRule(i)),
        figure(loadMs),
      ];
    }),
  ),
);
const growth = perRule(3) / perRule(2);
console.log(
  `\n${aim('compile time grows at most 1.5× a rule from 1,000 to 10,000 rules', growth <= 1.5, `${figure(growth)}×`)}`,
);
