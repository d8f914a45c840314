// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- compile`: each phase by number of rules in one warm process, then whole processes from a cold start. Linear means:
// the time a rule stays.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { compileSepal, loadSepal, sepalInput } from '../decide/sepal.js';
import { loadWorkload } from '../decide/workload.js';
import { findUp } from '../paths.js';
import { aim, figure, table } from '../table.js';
import { phasesInput, phasesOf } from './phases.js';

const SIZES = [100, 1000, 10_000] as const;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const workload = await loadWorkload();

/** Milliseconds of processor time: on a machine that does other work as well, the clock would measure that work. */
const now = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

interface Row {
  readonly rules: number;
  readonly characters: number;
  readonly ms: ReadonlyMap<string, { readonly p50: number; readonly min: number; readonly max: number }>;
}

async function rowOf(rules: number): Promise<Row> {
  const input = phasesInput(workload, rules);
  const bench = new Bench({
    now,
    time: 0,
    iterations: ROUNDS,
    warmupTime: 0,
    // As many rules at each size: twice a hundred rules warm nothing up.
    warmupIterations: Math.max(2, Math.ceil(5000 / rules)),
    throws: true,
  });
  for (const { name, run } of await phasesOf(input)) bench.add(name, () => void run(input));
  await bench.run();
  const ms = new Map(
    bench.tasks.map(({ name, result }) => {
      if (result.state !== 'completed') throw new Error(`${name} of ${rules} rules ended as ${result.state}`);
      return [name, result.latency] as const;
    }),
  );
  return { rules, characters: input.source.text.length, ms };
}

const rows: Row[] = [];
for (const rules of SIZES) {
  rows.push(await rowOf(rules));
  process.stderr.write(`compile: ${rules} rules\n`);
}
const p50 = (row: Row | undefined, phase: string): number => row?.ms.get(phase)?.p50 ?? Number.NaN;
const mbPerSecond = (row: Row): number => row.characters / 1e6 / (p50(row, 'parse') / 1000);
/** How the time of a rule grows from 1,000 to 10,000 rules. */
const growth = (phase: string): number => p50(rows[2], phase) / p50(rows[1], phase) / 10;

console.log(
  `Processor time in ms: median of ${ROUNDS} rounds (least–most) in one warm process; each policy has a test of four questions for each ten rules. Workload: ${workload.source}.\n`,
);
const PHASES = ['parse', 'check', 'compile', 'test'] as const;
console.log(
  table(
    [
      'rules',
      'source KB',
      'parse MB/s',
      ...PHASES.map((phase) => (phase === 'compile' ? 'check and emit' : phase)),
    ],
    rows.map((row) => [
      figure(row.rules),
      figure(row.characters / 1024),
      figure(mbPerSecond(row)),
      ...PHASES.map((phase) => {
        const {
          p50: middle,
          min,
          max,
        } = row.ms.get(phase) ?? { p50: Number.NaN, min: Number.NaN, max: Number.NaN };
        return `${figure(middle)} (${figure(min)}–${figure(max)})`;
      }),
    ]),
  ),
);

const thousand = sepalInput(workload.policy(1000));
const { js, manifest } = compileSepal(thousand);
const start = now();
await loadSepal({ js, manifest });
console.log(
  `\nThe module of 1,000 rules has ${figure(js.length / 1024)} KB; its first load took ${figure(now() - start)} ms of processor time.`,
);

const cold = coldStarts();
console.log(
  `\nWhole processes, seconds by the clock: ${Object.entries(cold)
    .map(([name, { median }]) => `${name} ${median.toFixed(3)}`)
    .join(', ')}.\n`,
);

const worst = Math.min(...rows.map(mbPerSecond));
console.log(aim('parse at least 5 MB/s warm', worst >= 5, `${figure(worst)} MB/s at worst`));
for (const phase of PHASES) {
  const times = growth(phase);
  console.log(
    aim(
      `${phase}: the time of a rule grows at most 1.5× from 1,000 to 10,000 rules`,
      times <= 1.5,
      `${figure(times)}×`,
    ),
  );
}
const small = cold['sepal check, a small file']?.ratios ?? Number.NaN;
console.log(aim('`sepal check` of a small file at most 2× a bare node', small <= 2, `${figure(small)}×`));
const large = cold['sepal build, 1,000 rules']?.median ?? Number.NaN;
console.log(
  aim('1,000 rules checked and emitted in under a second of a cold process', large < 1, `${figure(large)} s`),
);

type Cold = { readonly [name: string]: { readonly median: number; readonly ratios: number } };

function coldStarts(): Cold {
  const dir = mkdtempSync(join(tmpdir(), 'sepal-bench-compile-'));
  try {
    const file = join(dir, 'policy.json');
    const lock = thousand.readLock?.('sepal.lock');
    writeFileSync(file, JSON.stringify({ text: thousand.source.text, lock: lock?.text ?? '' }));
    const args = [join(findUp('package.json'), 'bench/compile/cold.mjs'), process.argv[2] ?? '', file];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Cold;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
