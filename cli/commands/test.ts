// SPDX-License-Identifier: Apache-2.0
import { renderTests, runTests } from '../../compiler/testing/index.js';
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { compilePolicy, policyOrFail } from '../compiled.js';
import { policyPath } from '../project.js';

export const command = defineCommand({
  usage: 'test [POLICY] [--only TEXT] [--format human|json]',
  about: 'Runs the tests that stand in a policy, against the compiled module. Exit 6 when one fails.',
  options: {
    only: { type: 'string', value: 'TEXT', help: 'only tests whose title contains this' },
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
    if (format === 'json') io.out(`${JSON.stringify(report, null, 2)}\n`);
    else io.out(renderTests(report, source.text));
    if (report.tests.length === 0) io.err('there are no tests: nothing is known about this policy\n');
    return report.failed > 0 ? EXIT.differs : EXIT.ok;
  },
});
