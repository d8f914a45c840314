// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Subject } from '../../compiler/analyze/actions.js';
import { type Certificate, certificateOf, FORMAT } from '../../compiler/analyze/certificate.js';
import { checkCertificate } from '../../compiler/analyze/check-certificate.js';
import { prove, type Proof } from '../../compiler/analyze/prove.js';
import { testsOf } from '../../compiler/analyze/write-tests.js';
import { choice, defineCommand } from '../command.js';
import { compilePolicy, policyOrFail } from '../compiled.js';
import type { PolicyIr } from '../../compiler/ir.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { readText } from '../files.js';
import { policyPath, shortPath } from '../sources.js';
import { proofHost, questionLine } from '../proving.js';
import { type Io, paintEffect, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'prove [POLICY] [--write-tests] [--certificate FILE] [--check FILE] [--format human|json]',
  about:
    'Answers the `prove` statements of a policy for every call that can be made: proved, refuted with a question that shows it, or\nundecided with the reason. Exit 6 unless all are proved.',
  options: {
    'write-tests': {
      type: 'boolean',
      help: 'add a test to the policy for every question that refutes a statement',
    },
    certificate: {
      type: 'string',
      value: 'FILE',
      help: 'write what was proved, with the parts that it rests on',
    },
    check: {
      type: 'string',
      value: 'FILE',
      help: 'check a certificate against the policy, without the prover',
    },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  takes: ['POLICY?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const path = await policyPath(rest[0], io);
    const opened = await compilePolicy(path, io);
    const policy = policyOrFail(opened, io);
    const { ir, lock } = policy.compiled;
    if (values.check !== undefined) return checkWritten(values.check, ir, io);
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
    if (values.certificate !== undefined) write(values.certificate, { ir, tools: lock.tools }, proofs, io);
    if (values['write-tests']) {
      const { text, count } = testsOf(policy.source.text, said);
      if (count > 0) writeFileSync(path, text);
      io.err(`${count === 1 ? '1 test' : `${count} tests`} added to ${shortPath(path, io)}\n`);
    }
    return proofs.every(({ status }) => status === 'proved') ? EXIT.ok : EXIT.differs;
  },
});

function write(file: string, subject: Subject, proofs: readonly Proof[], io: Io): void {
  const proved = proofs.flatMap(({ status, claim }, i) =>
    status === 'proved' && claim.kind === 'never' ? [i] : [],
  );
  const certificate = certificateOf(subject, proved);
  if (certificate === null) {
    throw new Failure(
      'the proof has too many parts to be written down',
      'prove it where it is needed instead',
    );
  }
  writeFileSync(resolve(io.cwd, file), `${JSON.stringify(certificate)}\n`);
  const count = proved.length === 1 ? '1 statement' : `${proved.length} statements`;
  io.err(`${count} written to ${shortPath(resolve(io.cwd, file), io)}\n`);
}

function checkWritten(file: string, ir: PolicyIr, io: Io): ExitCode {
  const parsed = parseStrict(
    readText(resolve(io.cwd, file), 'write one with `sepal prove --certificate FILE`'),
    LIMITS,
  );
  const wrong = (what: string): never => {
    throw new Failure(`${file}: ${what}`, 'write it again with `sepal prove --certificate FILE`');
  };
  if (!parsed.ok) return wrong(`it is not JSON: ${parsed.error.message}`);
  const shape = CERTIFICATE.safeParse(parsed.value);
  if (!shape.success) return wrong('it is not a certificate of this release');
  const { questions, faults } = checkCertificate(shape.data as Certificate, ir, Math.random);
  for (const fault of faults) io.out(`fault: ${shown(fault)}\n`);
  io.err(`${questions} questions asked, ${faults.length} faults\n`);
  return faults.length === 0 ? EXIT.ok : EXIT.differs;
}

const LIMITS = { size: 256 * 1024 * 1024, depth: 32, keys: 10_000_000 };
const ATOMS = z.record(z.string(), z.array(z.int()));
const CERTIFICATE = z.object({
  format: z.literal(FORMAT),
  policy: z.object({ name: z.string(), version: z.string() }),
  proved: z.array(z.int()),
  classes: z.array(
    z.object({
      actions: z.array(z.object({ kind: z.string(), server: z.string(), name: z.string() })),
      fields: z.record(z.string(), z.array(z.array(z.array(z.unknown())))),
      cells: z.array(z.object({ at: ATOMS, decision: z.string() })),
    }),
  ),
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
