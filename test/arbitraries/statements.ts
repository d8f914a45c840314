// SPDX-License-Identifier: Apache-2.0
// Statements about a policy.
import fc from 'fast-check';
import type { ClaimIr } from '../../compiler/analyze/claims.js';
import type { ExprIr, UnitIr, WhatIr, WhoIr } from '../../compiler/ir.js';
import { leavesOf } from '../../compiler/reference-eval.js';
import type { DecisionEffect } from '../../stdlib/abi.js';

/** Statements out of the parts of the policy itself: they are about where it decides. */
export function statementOf(units: readonly UnitIr[], rest: readonly number[]): ClaimIr {
  const pick = <T>(list: readonly T[], i: number): T | undefined =>
    list[(rest[i] ?? 0) % Math.max(1, list.length)];
  const conditions = units.flatMap((unit): readonly ExprIr[] =>
    unit.kind === 'rule' ? (unit.when === null ? [] : [unit.when]) : unit.cases.map((c) => c.when),
  );
  const exprs = [...conditions, ...conditions.flatMap(leavesOf)];
  const expr = pick(exprs, 0) ?? null;
  const negated = expr !== null && (rest[1] ?? 0) % 2 === 0 ? ({ op: 'not', operand: expr } as const) : expr;
  const use = (rest[2] ?? 0) % 4;
  const who: WhoIr | null = (rest[3] ?? 0) % 2 === 0 ? null : (pick(units, 4)?.who ?? null);
  const what: WhatIr = pick(units, 5)?.what ?? { include: [{ kind: 'every', toolsOnly: true }], except: [] };
  const effects = pick<readonly DecisionEffect[]>(
    [['allow'], ['review'], ['deny'], ['allow', 'review']],
    6,
  ) ?? ['allow'];
  return {
    kind: 'never',
    effects,
    who,
    what,
    when: use === 1 || use === 3 ? negated : null,
    unless: use === 2 || use === 3 ? negated : null,
    file: 'input.sep',
    span: { start: 0, end: 0 },
  };
}

/** What `statementOf` chooses by, so many times. */
export const statementNumbers = (count: number): fc.Arbitrary<readonly (readonly number[])[]> =>
  fc.array(fc.array(fc.nat(9_999), { minLength: 8, maxLength: 8 }), { minLength: count, maxLength: count });
