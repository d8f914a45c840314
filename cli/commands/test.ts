// SPDX-License-Identifier: Apache-2.0
import { dirname, join, resolve } from 'node:path';
import { testOf } from '../../compiler/analyze/write-tests.js';
import { mutate, type Mutation, runTests } from '../../compiler/testing/index.js';
import type { CompiledModule } from '../../stdlib/abi.js';
import { choice, defineCommand, type Input } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Failure, why } from '../failure.js';
import { exists, replaceFile } from '../files.js';
import { compilePolicy } from '../compiled.js';
import { policyPaths, shortPath } from '../sources.js';
import { sideOf } from '../proving.js';
import { type Io, shown } from '../terminal.js';
import { leastPercent, printed, printedCoverage, type Tested, testPolicy, together } from '../testing.js';
import { watchAndRun } from '../watching.js';

const OPTIONS = {
  filter: {
    type: 'string',
    value: 'TEXT',
    multiple: true,
    help: 'only tests whose title contains this (may be given again)',
  },
  mutate: {
    type: 'boolean',
    help: 'change the policy in many small ways: which changes does no test notice?',
  },
  coverage: {
    type: 'boolean',
    help: 'which rules, cases and conditions the tests exercise: each condition deciding while true and while false (MC/DC)',
  },
  'coverage-format': {
    type: 'string',
    value: 'FORMAT',
    help: 'text (default, on stdout), lcov or json (into a file)',
  },
  'coverage-out': {
    type: 'string',
    value: 'FILE',
    help: 'where to write it (default lcov.info or coverage.json)',
  },
  'coverage-min': {
    type: 'string',
    value: 'PERCENT',
    help: 'exit 6 where a policy is covered less; measures coverage',
  },
  watch: {
    type: 'boolean',
    help: 'run again whenever the policy, a module or the lock changes, until Ctrl-C',
  },
  format: { type: 'string', value: 'FORMAT', help: 'human (default), json or junit' },
} as const;

export const command = defineCommand({
  usage:
    'test [POLICY...] [--filter TEXT] [--mutate] [--coverage [--coverage-min N]] [--watch] [--format human|json|junit]',
  about:
    'Runs the tests that stand in policies, against the compiled modules. Exit 6 when one fails, when coverage is below its minimum,\nor with --mutate when a change that makes a difference survives them all.',
  options: OPTIONS,
  takes: ['POLICY...'],
  run: async ({ values, rest }, io) => {
    if (!values.watch) return await runOnce(values, rest, io);
    const ended = new AbortController();
    process.once('SIGINT', () => ended.abort());
    const watching = (files: readonly string[]): void => {
      const names = files.map((file) => shortPath(file, io)).join(', ');
      io.err(`${new Date(io.now()).toISOString().slice(11, 19)} watching ${names}; Ctrl-C ends it\n`);
    };
    await watchAndRun(() => watchedRound(values, rest, io), watching, ended.signal);
    return EXIT.ok;
  },
});

type Given = Input<typeof OPTIONS>['values'];

async function runOnce(values: Given, rest: readonly string[], io: Io): Promise<ExitCode> {
  const format = choice('format', values.format, ['human', 'json', 'junit']);
  const least = minimumOf(values['coverage-min']);
  const coverage = values.coverage || least !== null || values['coverage-format'] !== undefined;
  const all: Tested[] = [];
  for (const path of await policyPaths(rest, io))
    all.push(await testPolicy(path, { filter: values.filter, coverage }, io));
  const report = together(all);
  if (values.filter.length > 0 && report.tests.length === 0) throw nothingFits(values.filter, all);
  const mutation = values.mutate && report.failed === 0 ? await mutationOf(all) : null;
  const result = printed(all, format);
  if (mutation === null || format !== 'json') io.out(result);
  else io.out(`${JSON.stringify({ ...(JSON.parse(result) as object), mutation }, null, 2)}\n`);
  if (mutation !== null && format === 'human') io.out(survivorsOf(mutation));
  if (coverage) sayCoverage(values, all, format, io);
  if (values.mutate && report.failed > 0) io.err('a policy whose tests fail is not changed: mend it first\n');
  if (report.tests.length === 0) io.err('there are no tests: nothing is known about this policy\n');
  const short = least !== null && leastPercent(all) < least;
  if (short) io.err(`coverage is ${leastPercent(all)} %, and ${least} % are wanted\n`);
  return report.failed > 0 || short || (mutation?.survived ?? 0) > 0 ? EXIT.differs : EXIT.ok;
}

function minimumOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const percent = /^\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (percent <= 100) return percent;
  throw new Failure(`\`--coverage-min ${text}\` is not a percentage`, 'write a number from 0 to 100');
}

function nothingFits(filter: readonly string[], all: readonly Tested[]): Failure {
  const titles = all.flatMap(({ subject }) =>
    runTests(subject).tests.map((test) => JSON.stringify(test.title)),
  );
  return new Failure(
    `no test has ${filter.map((text) => `\`${text}\``).join(' or ')} in its title`,
    titles.length === 0 ? 'there are no tests' : `there are ${titles.join(', ')}`,
  );
}

/** Text goes where people read: to stdout below the results, or to stderr where stdout is for a program. */
function sayCoverage(values: Given, all: readonly Tested[], format: string, io: Io): void {
  const as = choice('coverage-format', values['coverage-format'], ['text', 'lcov', 'json']);
  const text = printedCoverage(all, as);
  const out = values['coverage-out'] ?? { text: null, lcov: 'lcov.info', json: 'coverage.json' }[as];
  if (out !== null) {
    replaceFile(resolve(io.cwd, out), text);
    io.err(`wrote ${out}\n`);
  } else if (format === 'human') io.out(text);
  else io.err(text);
}

/** One run under `--watch`: what is broken is said, and waited for. The files that were read. */
async function watchedRound(values: Given, rest: readonly string[], io: Io): Promise<readonly string[]> {
  io.out(io.colour ? '\u001b[2J\u001b[3J\u001b[H' : '\n');
  try {
    await runOnce(values, rest, io);
  } catch (error) {
    io.err(`error: ${why(error)}\n`);
    if (error instanceof Failure && error.help !== null) io.err(`  = help: ${error.help}\n`);
  }
  return await filesOf(rest, io);
}

/** The policies with their modules and locks, also of those that do not compile. */
async function filesOf(rest: readonly string[], io: Io): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of await policyPaths(rest, io)) {
    // The lock may not be there yet.
    files.push(path, join(dirname(path), 'sepal.lock'));
    if (!exists(path)) continue;
    const { sources } = await compilePolicy(path, io);
    files.push(...[...sources.keys()].map((name) => resolve(io.cwd, name)));
  }
  return [...new Set(files)];
}

/** Changed units are compiled and linked as any other. */
async function mutationOf([only, second]: readonly Tested[]): Promise<Mutation | null> {
  if (only === undefined) return null;
  if (second !== undefined) throw new Failure('--mutate takes one policy', 'name the policy to change');
  return await mutate(only.subject, sideOf(only.policy), async (js) => {
    const url = `data:text/javascript;base64,${Buffer.from(js).toString('base64')}`;
    return (await import(url)) as CompiledModule;
  });
}

function survivorsOf({ killed, survived, equivalent, score, survivors }: Mutation): string {
  const lines = survivors.map(({ unit, change, witness, from, to }) => {
    const said = `survived: ${unit}: ${change}`;
    if (witness === null) return `${shown(said)}\n  it may change nothing, but that could not be shown\n`;
    const test = testOf(`${unit}: ${change}`, witness, from as 'allow' | 'review' | 'deny');
    const indented = test.trimEnd().replaceAll(/^/gm, '  ');
    return `${shown(said)}\n  ${from} would become ${to}; a test that notices:\n${indented}\n`;
  });
  const percent = Math.floor(score * 1000) / 10;
  return `${lines.join('')}mutation: ${killed} killed, ${survived} survived, ${equivalent} equivalent (not counted): ${percent} %\n`;
}
