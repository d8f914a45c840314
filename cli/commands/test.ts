// SPDX-License-Identifier: Apache-2.0
import { testOf } from '../../compiler/analyze/write-tests.js';
import { emit } from '../../compiler/emit.js';
import { mutate, type Mutation, renderTests, runTests } from '../../compiler/testing/index.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { compilePolicy, type Policy, policyOrFail } from '../compiled.js';
import { policyPath } from '../project.js';
import { sideOf } from '../proving.js';
import { shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'test [POLICY] [--only TEXT] [--mutate] [--format human|json]',
  about:
    'Runs the tests that stand in a policy, against the compiled module. Exit 6 when one fails,\nor with --mutate when a change that makes a difference survives them all.',
  options: {
    only: { type: 'string', value: 'TEXT', help: 'only tests whose title contains this' },
    mutate: {
      type: 'boolean',
      help: 'change the policy in many small ways: which changes does no test notice?',
    },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  takes: ['POLICY?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const policy = policyOrFail(await compilePolicy(policyPath(rest[0], io), io), io);
    const { compiled, source, module, misfit, scan } = policy;
    const subject = {
      path: source.path,
      source: source.text,
      file: compiled.file,
      ir: compiled.ir,
      module,
      misfit,
      scan,
    };
    const report = runTests(subject, values.only ?? null);
    if (values.only !== undefined && report.tests.length === 0) {
      const titles = runTests(subject, null).tests.map((test) => JSON.stringify(test.title));
      throw new Failure(
        `no test has \`${values.only}\` in its title`,
        titles.length === 0 ? 'the policy has no tests' : `there are ${titles.join(', ')}`,
      );
    }
    const mutation = values.mutate && report.failed === 0 ? await mutationOf(policy, subject) : null;
    if (format === 'json') {
      io.out(`${JSON.stringify(mutation === null ? report : { ...report, mutation }, null, 2)}\n`);
    } else {
      io.out(renderTests(report, source.text));
      if (mutation !== null) io.out(survivorsOf(mutation));
    }
    if (values.mutate && report.failed > 0)
      io.err('a policy whose tests fail is not changed: mend it first\n');
    if (report.tests.length === 0) io.err('there are no tests: nothing is known about this policy\n');
    return report.failed > 0 || (mutation?.survived ?? 0) > 0 ? EXIT.differs : EXIT.ok;
  },
});

/** Each changed policy is compiled and loaded as any other. */
function mutationOf(policy: Policy, subject: Parameters<typeof mutate>[0]): Promise<Mutation> {
  const original = sideOf(policy);
  return mutate(subject, original, async (ir) => {
    const { js, steps } = emit(ir);
    const { module } = await loadPolicy(js, { ...policy.compiled.manifest, module: digest(js), steps });
    const decide: typeof original.engine.decide = (request, facts) =>
      module.decide(request, facts, 'call').effect;
    return {
      module,
      side: { subject: { ...original.subject, ir }, engine: { ...original.engine, ir, decide } },
    };
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
