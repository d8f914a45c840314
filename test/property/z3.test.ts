// SPDX-License-Identifier: Apache-2.0
// A second opinion: z3 answers the same statements about the same random policies over the prover's atoms, with how rules combine
// written down anew (bench/analyze/smt.ts). What is proved must have no model, and all else must have one.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prove } from '../../compiler/analyze/prove.js';
import { scriptsOf } from '../../bench/analyze/smt.js';
import { contradicted, startZ3, type Z3 } from '../../bench/analyze/z3.js';
import { statementNumbers, statementOf } from '../arbitraries/statements.js';
import { soundPolicy } from '../arbitraries/sound-policy.js';
import { sideOf } from '../helpers/analysis.js';

const PER_POLICY = 10;
const RUNS = process.env['SEPAL_LONG'] === undefined ? 20 : 1_000;

describe('z3', () => {
  let z3: Z3;
  beforeAll(async () => {
    z3 = await startZ3();
  }, 60_000);
  afterAll(() => z3.close());

  it(`agrees on ${RUNS * PER_POLICY} statements`, { timeout: 4 * 3_600_000 }, async () => {
    const tally = { unsat: 0, sat: 0, scripts: 0 };
    await fc.assert(
      fc.asyncProperty(soundPolicy, statementNumbers(PER_POLICY), async (text, rests) => {
        const { subject, engine, steps } = sideOf(text);
        const claims = rests.map((rest) => statementOf(subject.ir.units, rest));
        const claimed = { ...subject, ir: { ...subject.ir, claims: { claims, assumptions: [] } } };
        const { proofs } = prove(claimed, { engine, steps, open: () => 'no other' });
        const scripts = scriptsOf(claimed);
        const found = await contradicted(z3, scripts, claims.length);
        tally.scripts += scripts.length;
        for (const [i, { status, claim }] of proofs.entries()) {
          const sat = found[i] === true;
          tally[sat ? 'sat' : 'unsat']++;
          if ((status === 'proved') === sat) expect({ text, claim, status, sat }).toBeUndefined();
        }
      }),
      { numRuns: RUNS, seed: 11 },
    );
    process.stdout.write(`z3: ${JSON.stringify(tally)}\n`);
    expect(Math.min(tally.sat, tally.unsat)).toBeGreaterThan(RUNS);
  });
});
