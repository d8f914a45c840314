// SPDX-License-Identifier: Apache-2.0
// Watching a policy changes nothing: with each condition replaced by the value that the observer worked out for it, a policy decides
// as before, and what "deciding" says of a condition is what happens when that condition alone has the other value.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ExprIr, PolicyIr } from '../../compiler/ir.js';
import { decide } from '../../compiler/reference.js';
import { evaluate, type Truth } from '../../compiler/reference-eval.js';
import { leavesOf, Observer, valueOf } from '../../compiler/testing/coverage.js';
import { parse } from '../../grammar/parse.js';
import type { Facts, Request } from '../../stdlib/abi.js';
import { facts, policy, request } from '../arbitraries/policy.js';

const RUNS = process.env['SEPAL_LONG'] === undefined ? 150 : 4000;
const PHASES = ['call', 'list', 'result'] as const;
const NO_FILE = parse('sep 1\npolicy acme.case 1.0.0\n').file;

const settled = (value: Truth): ExprIr => ({
  op: 'const',
  type: { kind: 'bool' },
  value: value === 'unknown' ? { kind: 'null' } : { kind: 'bool', value },
});

/** The policy with each condition worked out for one question; `turn` changes the value of one leaf of it. */
function worked(ir: PolicyIr, asked: Request, known: Facts): PolicyIr {
  const world = { policy: ir, request: asked, facts: known };
  const value = (when: ExprIr): ExprIr =>
    settled(
      valueOf(
        when,
        leavesOf(when).map((leaf) => evaluate(leaf, world)),
      ),
    );
  const units = ir.units.map((unit) =>
    unit.kind === 'rule'
      ? { ...unit, when: unit.when === null ? null : value(unit.when) }
      : { ...unit, cases: unit.cases.map((one) => ({ ...one, when: value(one.when) })) },
  );
  return { ...ir, units };
}

it('a watched policy decides as it does unwatched', () => {
  let [observed, deciding] = [0, 0];
  fc.assert(
    fc.property(
      policy,
      fc.array(fc.tuple(request, facts), { minLength: 6, maxLength: 6 }),
      (ir, questions) => {
        const observer = new Observer(ir, NO_FILE);
        for (const [asked, known] of questions) {
          for (const phase of PHASES) {
            const before = decide(ir, asked, known, phase);
            observer.observe(asked, known, phase);
            expect(decide(ir, asked, known, phase)).toEqual(before);
            // Under delegation the user's conditions have values of their own.
            if (ir.delegation === 'strict') continue;
            const after = decide(worked(ir, asked, known), asked, known, phase);
            expect([after.effect, after.rules, after.default, after.masks]).toEqual([
              before.effect,
              before.rules,
              before.default,
              before.masks,
            ]);
          }
        }
        for (const { conditions, held, asked } of observer.report().parts) {
          expect(held).toBeLessThanOrEqual(asked);
          for (const one of conditions) {
            expect(one.true + one.false + one.unknown).toBe(asked);
            expect(one.decidingTrue).toBeLessThanOrEqual(one.true);
            expect(one.decidingFalse).toBeLessThanOrEqual(one.false);
            observed++;
            if (one.decidingTrue + one.decidingFalse > 0) deciding++;
          }
        }
      },
    ),
    { numRuns: RUNS },
  );
  expect(observed).toBeGreaterThan(RUNS);
  expect(deciding).toBeGreaterThan(RUNS / 10);
});

it('a condition whose value is known has it whatever its unknown leaves turn out to be', () => {
  const truth = fc.constantFrom<Truth>(true, false, 'unknown');
  const leaf = fc.nat({ max: 3 }).map((n): ExprIr => ({ op: 'has', path: [`a${n}`] }));
  const { tree } = fc.letrec<{ tree: ExprIr }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      tie('tree').map((operand): ExprIr => ({ op: 'not', operand })),
      fc
        .tuple(
          fc.constantFrom('and' as const, 'or' as const),
          fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
        )
        .map(([op, operands]): ExprIr => ({ op, operands })),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.infiniteStream(truth), (when, values) => {
      const leaves = leavesOf(when).map(() => values.next().value as Truth);
      const value = valueOf(when, leaves);
      const ways = leaves.reduce<readonly (readonly Truth[])[]>(
        (all, one) =>
          all.flatMap((way) =>
            one === 'unknown'
              ? [
                  [...way, true],
                  [...way, false],
                ]
              : [[...way, one]],
          ),
        [[]],
      );
      if (ways.length > 64) return;
      const outcomes = new Set(ways.map((way) => valueOf(when, way)));
      if (value !== 'unknown') expect([...outcomes]).toEqual([value]);
      else expect(leaves).toContain('unknown');
    }),
    { numRuns: RUNS * 4 },
  );
});
