// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- analyze`: proofs, dead rules and a comparison of policies, by number of rules; and what patterns that are not
// anchored cost. Cold: each policy is analysed once, as a pipeline does it. Times are those of the processor,
// the collector's threads included, so that a busy machine measures the same.
import { differ, type Side } from '../../compiler/analyze/differ.js';
import { prove } from '../../compiler/analyze/prove.js';
import { coverTexts } from '../../compiler/analyze/text-cover.js';
import type { Input } from '../../compiler/compile.js';
import { globIr } from '../../compiler/glob.js';
import { argumentCheck } from '../../runtime/gateway/validate.js';
import type { JsonObject } from '../../runtime/verify/format/canonical.js';
import { compileSepal, loadSepal, sepalInput } from '../decide/sepal.js';
import { loadWorkload } from '../decide/workload.js';
import { aim, figure, table } from '../table.js';
import { mutation } from './mutation.js';
import { scriptsOf } from './smt.js';
import { contradicted, startZ3 } from './z3.js';

const SIZES = (process.env['BENCH_SIZES'] ?? '50,200,1000').split(',').map(Number);
const STATEMENTS = `
prove never allow on */admin_* unless principal has role lead
prove never allow for agent:guest-* on */delete_*
prove review on */* implies principal in agent:*
prove no rule dead
`;

const workload = await loadWorkload();

async function sideOf(input: Input): Promise<Side & { readonly steps: number }> {
  const compiled = compileSepal(input);
  const module = await loadSepal(compiled);
  const { ir, lock } = compiled;
  const checks = new Map(
    lock.tools.map((tool) => [
      `${tool.server}/${tool.name}`,
      argumentCheck({ name: tool.name, inputSchema: tool.inputSchema } as JsonObject),
    ]),
  );
  return {
    steps: compiled.steps,
    subject: { ir, tools: lock.tools },
    engine: {
      ir,
      fits: (server, tool, args) => checks.get(`${server}/${tool}`)?.(args as JsonObject) ?? null,
      decide: (request, facts) => module.decide(request, facts, 'call').effect,
    },
  };
}

/** The policy with one rule in ten changed. */
function edited(input: Input): Input {
  const lines = input.source.text.split('\n');
  const text = lines.map((line, i) => (i % 10 === 7 ? line.replace(/^allow /, 'deny ') : line)).join('\n');
  return { ...input, source: { ...input.source, text } };
}

const timed = <T>(run: () => T): readonly [number, T] => {
  const start = process.cpuUsage();
  const value = run();
  const { user, system } = process.cpuUsage(start);
  return [(user + system) / 1000, value];
};

async function timedLater<T>(run: () => Promise<T>): Promise<readonly [number, T]> {
  const start = process.cpuUsage();
  const value = await run();
  const { user, system } = process.cpuUsage(start);
  return [(user + system) / 1000, value];
}

const rows: { rules: number; prove: number; diff: number; said: string; changes: string; mb: number }[] = [];
for (const rules of SIZES) {
  const input = sepalInput(workload.policy(rules));
  const claimed = { ...input, source: { ...input.source, text: `${input.source.text}${STATEMENTS}` } };
  const { subject, engine, steps } = await sideOf(claimed);
  const [proving, { proofs, dead }] = timed(() => prove(subject, { engine, steps, open: () => 'none' }));
  const [old, now] = [await sideOf(input), await sideOf(edited(input))];
  const [diffing, found] = timed(() => differ(old, now));
  rows.push({
    rules,
    prove: proving,
    diff: diffing,
    said: `${proofs.map(({ status }) => status[0]).join('')}, ${dead.length} dead`,
    changes: `+${found.widened.length} −${found.tightened.length}`,
    mb: process.memoryUsage().rss / 2 ** 20,
  });
}
console.log(
  `Workload: ${workload.source}. Four statements (p proved, r refuted, u undecided), dead rules in the same walk. Processor time.\n`,
);
console.log(
  table(
    ['rules', 'prove + dead ms', 'diff ms', 'said', 'parts', 'RSS MB'],
    rows.map((row) => [
      figure(row.rules),
      figure(row.prove),
      figure(row.diff),
      row.said,
      row.changes,
      figure(row.mb),
    ]),
  ),
);
const at = (rules: number): (typeof rows)[number] | undefined => rows.find((row) => row.rules === rules);
const [middle, large] = [at(200), at(1000)];
if (middle)
  console.log(
    aim(
      '200 rules under 0.7 s',
      middle.prove + middle.diff < 700,
      `${figure(middle.prove)} and ${figure(middle.diff)} ms, ${figure(middle.prove + middle.diff)} together`,
    ),
  );
if (large)
  console.log(
    aim(
      '1,000 rules under 10 s, under 500 MB',
      large.prove + large.diff < 10_000 && large.mb < 500,
      `${figure(large.prove)} and ${figure(large.diff)} ms, ${figure(large.mb)} MB`,
    ),
  );

const [starting, z3] = await timedLater(startZ3);
console.log(
  `\nThe first three statements, by z3-solver over the same atoms, after a start of ${figure(starting)} ms. It gives no question that an engine can be asked, and no dead rules; \`prove\` finds both here, too. A second run: what is compiled just in time is.\n`,
);
const opinions: (readonly string[])[] = [];
for (const rules of SIZES) {
  const input = sepalInput(workload.policy(rules));
  const text = `${input.source.text}${STATEMENTS.replace('prove no rule dead\n', '')}`;
  const { subject, engine, steps } = await sideOf({ ...input, source: { ...input.source, text } });
  const host = { engine, steps, open: () => 'none' };
  const [proving, { proofs }] = timed(() => prove(subject, host));
  const [encoding, scripts] = timed(() => scriptsOf(subject));
  const [asking, found] = await timedLater(() => contradicted(z3, scripts, proofs.length));
  const agree = proofs.every(({ status }, i) => (status === 'proved') !== found[i]);
  opinions.push([figure(rules), figure(proving), figure(encoding), figure(asking), agree ? 'yes' : '**no**']);
}
console.log(table(['rules', 'prove ms', 'atoms and script ms', 'z3 ms', 'agree'], opinions));
await z3.close();

const MUTATED = 200;
const TESTS = 1_000;
if (SIZES.includes(MUTATED)) {
  const requests = workload.requests(MUTATED, TESTS);
  const run = await mutation(sepalInput(workload.policy(MUTATED)), requests, sideOf);
  const [took, { killed, survived, equivalent, score }] = await timedLater(run);
  console.log(
    `\n\`sepal test --mutate\` on ${MUTATED} rules with ${TESTS} questions as tests: ${killed + survived + equivalent} changed policies, the changed unit of each compiled, linked and tested; ${killed} noticed, ${survived} not (each with a question that would), ${equivalent} shown to change nothing; score ${(score * 100).toFixed(1)} %.\n`,
  );
  console.log(aim('mutation of 200 rules under a minute', took < 60_000, `${figure(took / 1000)} s`));
}

console.log(
  '\nPatterns `*word*` that are not anchored, on one field: each doubles the atoms, until the cap.\n',
);
const words = [
  'alpha',
  'bravo',
  'carol',
  'delta',
  'early',
  'found',
  'grape',
  'hotel',
  'india',
  'joker',
  'karma',
  'lemon',
  'mango',
];
console.log(
  table(
    ['patterns', 'ms', 'texts'],
    [2, 4, 6, 8, 9, 10, 12].map((count) => {
      const tests = words
        .slice(0, count)
        .map((word) => ({ kind: 'glob', glob: globIr(`*${word}*`), lower: false }) as const);
      const [ms, texts] = timed(() => coverTexts(tests));
      return [
        figure(count),
        figure(ms),
        texts === null ? 'capped: each pattern is taken as free' : figure(texts.length),
      ];
    }),
  ),
);
