// SPDX-License-Identifier: Apache-2.0
/** `prove` and `assume`: their sets and conditions are checked as those of rules. */
import type * as tree from '../grammar/tree.js';
import type { DecisionEffect } from '../stdlib/abi.js';
import type { Claiming } from './analyze/claims.js';
import { assertNever } from './assert.js';
import { checkCondition, type Env } from './check-expr.js';
import type { ExprIr, WhatIr } from './ir.js';
import { checkActs, type Scope, whatIr, whoIr } from './scope.js';

type Claim = tree.ProveStatement['claim'];
type Effects = Extract<Claim, { kind: 'never' }>['effects'];
type EnvOf = (what: WhatIr) => Env;

const everything = (toolsOnly: boolean): WhatIr => ({ include: [{ kind: 'every', toolsOnly }], except: [] });

/** `readsTool`: does the condition read `tool` or `args`? */
export function checkClaim(
  scope: Scope,
  s: tree.ProveStatement | tree.AssumeStatement,
  found: Claiming,
  envOf: EnvOf,
  readsTool: (e: ExprIr) => boolean,
): void {
  if (s.kind === 'assume') {
    const expr = checkCondition(envOf(everything(false)), s.expr);
    if (expr !== null) found.assumptions.push(expr);
    return;
  }
  const { claim } = s;
  const at = { file: scope.file, span: s.span };
  switch (claim.kind) {
    case 'noRuleDead':
      found.claims.push({ kind: 'noRuleDead', ...at });
      return;
    case 'notWider':
      found.claims.push({ kind: 'notWider', than: claim.than.value, ...at });
      return;
    case 'cost':
      found.claims.push({ kind: 'cost', steps: Number(claim.steps.text), ...at });
      return;
    case 'never':
    case 'implies': {
      if (claim.what !== null) checkActs(scope, claim.what, false);
      const written = claim.what === null ? everything(false) : whatIr(scope, claim.what, false);
      const [when, unless] = claim.kind === 'never' ? [claim.when, claim.unless] : [null, claim.expr];
      const condition = (e: tree.Expr | null): ExprIr | null => e && checkCondition(envOf(written), e);
      const [whenIr, unlessIr] = [condition(when), condition(unless)];
      const reads = [whenIr, unlessIr].some((e) => e !== null && readsTool(e));
      const what =
        claim.what === null ? everything(reads) : reads ? whatIr(scope, claim.what, true) : written;
      const who = claim.who === null ? null : whoIr(scope, claim.who);
      const effects = effectsOf(claim.effects);
      found.claims.push({ kind: 'never', effects, who, what, when: whenIr, unless: unlessIr, ...at });
      return;
    }
    default:
      assertNever(claim);
  }
}

/** An escalation ends in a review. */
function effectsOf(effects: Effects): readonly DecisionEffect[] {
  return [...new Set(effects.map(({ value }) => (value === 'escalate' ? 'review' : value)))];
}
