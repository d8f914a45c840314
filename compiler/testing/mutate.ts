// SPDX-License-Identifier: Apache-2.0
/**
 * Mutation testing: do the tests of a policy notice when it is changed? A change that the prover shows to change no decision is not
 * counted, so the score is exact; for one that survives there is the question that a missing test would ask.
 */
import { differ, type Side } from '../analyze/differ.js';
import type { Question } from '../analyze/witness.js';
import type { PolicyIr } from '../ir.js';
import { mutants } from './mutants.js';
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

/** `sideOf` compiles and loads a changed policy. */
export async function mutate(
  subject: TestSubject,
  original: Side,
  load: (ir: PolicyIr) => Promise<{ readonly side: Side; readonly module: TestSubject['module'] }>,
): Promise<Mutation> {
  let killed = 0;
  let equivalent = 0;
  const survivors: Survivor[] = [];
  for (const { unit, change, ir } of mutants(subject.ir)) {
    const { side, module } = await load(ir);
    if (runTests({ ...subject, ir, module }).failed > 0) {
      killed++;
      continue;
    }
    const { equal, widened, tightened } = differ(original, side, unit);
    if (equal) {
      equivalent++;
      continue;
    }
    const changes = [...widened, ...tightened];
    const shown = changes.find(({ witness }) => witness !== null) ?? changes[0];
    survivors.push({
      unit,
      change,
      witness: shown?.witness ?? null,
      from: shown?.from ?? 'deny',
      to: shown?.to ?? 'deny',
    });
  }
  const survived = survivors.length;
  const counted = killed + survived;
  return { killed, survived, equivalent, score: counted === 0 ? 1 : killed / counted, survivors };
}
