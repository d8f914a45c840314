// SPDX-License-Identifier: Apache-2.0
/**
 * Mutation testing: do the tests of a policy notice when it is changed? A change that the prover shows to change no decision is not
 * counted, so the score is exact; for one that survives there is the question that a missing test would ask.
 */
import { differences, type Side } from '../analyze/differ.js';
import type { Question } from '../analyze/witness.js';
import type { ExampleStatement, TestStatement } from '../../grammar/tree.js';
import type { CompiledModule, PolicyModule } from '../../stdlib/abi.js';
import type { PolicyIr, UnitIr } from '../ir.js';
import { inWhat } from '../reference-sets.js';
import { mutants } from './mutants.js';
import { relinker } from './relink.js';
import { runTests } from './run.js';
import type { TestSubject } from './types.js';

export interface Survivor {
  readonly unit: string;
  readonly change: string;
  /** Null where it may make no difference, but that could not be shown. */
  readonly witness: Question | null;
  readonly from: string;
  readonly to: string;
}
export interface Mutation {
  readonly killed: number;
  readonly survived: number;
  readonly equivalent: number;
  /** Of the changes that make a difference, the part that some test notices: 0 to 1. */
  readonly score: number;
  readonly survivors: readonly Survivor[];
}

/** `load` evaluates the text of a compiled module. */
export async function mutate(
  subject: TestSubject,
  original: Side,
  load: (js: string) => Promise<CompiledModule>,
): Promise<Mutation> {
  const relink = await relinker(subject.ir, load);
  const tests = subject.file.statements.filter((s) => s.kind === 'test' || s.kind === 'example');
  const compare = differences(original);
  let killed = 0;
  let equivalent = 0;
  const survivors: Survivor[] = [];
  for (const { unit, change, ir } of mutants(subject.ir)) {
    const units = [subject.ir, ir].map((policy) => policy.units.find(({ name }) => name === unit) ?? null);
    const module = await relink(unit, units[1] ?? null);
    if (isNoticed({ ...subject, ir, module }, tests, units)) {
      killed++;
      continue;
    }
    const found = compare(sideOf(original, ir, module), unit);
    if (found === 'equal') equivalent++;
    else survivors.push({ unit, change, ...(found ?? { witness: null, from: 'deny', to: 'deny' }) });
  }
  const survived = survivors.length;
  const counted = killed + survived;
  return { killed, survived, equivalent, score: counted === 0 ? 1 : killed / counted, survivors };
}

function sideOf({ subject, engine }: Side, ir: PolicyIr, module: PolicyModule): Side {
  const decide: Side['engine']['decide'] = (request, facts) => module.decide(request, facts, 'call').effect;
  return { subject: { ...subject, ir }, engine: { ...engine, ir, decide } };
}

/** Only tests with a question that the unit speaks of, before or after the change, can tell. */
function isNoticed(
  subject: TestSubject,
  tests: readonly (TestStatement | ExampleStatement)[],
  units: readonly (UnitIr | null)[],
): boolean {
  const concerns = (test: TestStatement | ExampleStatement): boolean =>
    test.steps.some(
      (step) =>
        step.kind === 'question' &&
        units.some(
          (unit) =>
            unit !== null &&
            inWhat(unit.what, step.action.act, step.action.server.text, step.action.name?.text ?? ''),
        ),
    );
  return tests.some(
    (test) =>
      concerns(test) && runTests({ ...subject, file: { ...subject.file, statements: [test] } }).failed > 0,
  );
}
