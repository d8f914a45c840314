// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { prove, type Proof } from '../../compiler/analyze/prove.js';
import { testsOf } from '../../compiler/analyze/write-tests.js';
import { choice, defineCommand } from '../command.js';
import { compilePolicy, policyOrFail } from '../compiled.js';
import { EXIT } from '../exit-codes.js';
import { policyPath, shortPath } from '../project.js';
import { proofHost, questionLine } from '../proving.js';
import { type Io, paintEffect, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'prove [POLICY] [--write-tests] [--format human|json]',
  about:
    'Answers the `prove` statements of a policy for every call that can be made: proved, refuted with a question that shows it, or\nundecided with the reason. Exit 6 unless all are proved.',
  options: {
    'write-tests': {
      type: 'boolean',
      help: 'add a test to the policy for every question that refutes a statement',
    },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  takes: ['POLICY?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const path = policyPath(rest[0], io);
    const opened = await compilePolicy(path, io);
    const policy = policyOrFail(opened, io);
    const { ir, lock } = policy.compiled;
    const host = await proofHost(policy, path, io);
    const started = io.now();
    const { proofs } = prove({ ir, tools: lock.tools }, host);
    const took = io.now() - started;
    const said = proofs.map((proof) => ({ proof, statement: statementOf(proof, opened.sources) }));
    if (format === 'json') {
      const statements = said.map(({ proof: { status, witness, why, vacuous }, statement }) => ({
        statement,
        status,
        witness,
        why,
        ...(vacuous ? { vacuous } : {}),
      }));
      io.out(`${JSON.stringify({ version: 1, statements }, null, 2)}\n`);
    } else for (const { proof, statement } of said) io.out(human(proof, statement, io));
    if (proofs.length === 0) io.err('there are no `prove` statements: nothing was asked\n');
    else io.err(`${summary(proofs)} in ${took} ms\n`);
    if (values['write-tests']) {
      const { text, count } = testsOf(policy.source.text, said);
      if (count > 0) writeFileSync(path, text);
      io.err(`${count === 1 ? '1 test' : `${count} tests`} added to ${shortPath(path, io)}\n`);
    }
    return proofs.every(({ status }) => status === 'proved') ? EXIT.ok : EXIT.differs;
  },
});

/** The statement as written, on one line. */
function statementOf({ claim }: Proof, sources: ReadonlyMap<string, string>): string {
  const text = sources.get(claim.file)?.slice(claim.span.start, claim.span.end) ?? claim.kind;
  return text.replaceAll(/\s+/g, ' ').trim();
}

function human({ status, vacuous, witness, effect, why, help }: Proof, statement: string, io: Io): string {
  const lines = [`${status}: ${shown(statement)}`];
  if (vacuous) lines.push('  warning: nothing is in its scope: no call fits who, what and condition');
  if (witness !== null && effect !== null) {
    lines.push(`  ${paintEffect(io, effect)}: ${shown(questionLine(witness))}`);
  }
  if (why !== null) lines.push(`  why: ${shown(why)}`);
  if (help !== null) lines.push(`  help: ${shown(help)}`);
  return `${lines.join('\n')}\n`;
}

function summary(proofs: readonly Proof[]): string {
  const count = (status: Proof['status']): number => proofs.filter((proof) => proof.status === status).length;
  return `${count('proved')} proved, ${count('refuted')} refuted, ${count('undecided')} undecided`;
}
