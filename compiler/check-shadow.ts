// SPDX-License-Identifier: Apache-2.0
/** `shadow until DATE`, and what `delegation strict` asks of grants. */
import type * as tree from '../grammar/tree.js';
import { type Scope, toolsIn, whatIr } from './scope.js';

/** The date of a rule in the shadow; past it the policy must be changed. */
export function shadowIr(scope: Scope, until: tree.DateLit, rule: tree.Name): string {
  if (until.text < scope.today) {
    scope.report('SEP3023', until.span, { name: rule.text, until: until.text, today: scope.today });
  }
  return until.text;
}

type Grant = tree.RuleStatement | tree.DecideStatement;

/** Under `delegation strict` a call for a user needs a grant to the user: one to agents only never passes it. */
export function lintDelegation(scope: Scope, statements: readonly tree.Statement[]): void {
  const grants = statements.filter(
    (s): s is Grant =>
      (s.kind === 'rule' && (s.effect === 'allow' || s.effect === 'review')) ||
      (s.kind === 'decide' && [...s.cases.map((c) => c.outcome), s.otherwise].some(isGrant)),
  );
  const others = grants.filter((s) => !agentsOnly(scope, s.who));
  const quiet: Scope = { ...scope, report: () => {}, tally: { errors: 0, terms: 0 } };
  const covered = (s: Grant): ReadonlySet<unknown> => new Set(toolsIn(quiet, whatIr(quiet, s.what, false)));
  for (const s of grants) {
    if (!agentsOnly(scope, s.who)) continue;
    const tools = covered(s);
    const helped = others.some(
      (other) => tools.size === 0 || [...covered(other)].some((tool) => tools.has(tool)),
    );
    if (!helped) scope.report('SEP4011', s.name.span, { name: s.name.text });
  }
}

const isGrant = (o: tree.Outcome | null): boolean => o?.effect === 'allow' || o?.effect === 'review';

function agentsOnly(scope: Scope, who: tree.Who | null, depth = 0): boolean {
  if (who === null || who.include.length === 0) return false;
  return who.include.every((term) => {
    if (term.kind === 'principal') return term.type === 'agent';
    const set = term.kind === 'name' ? scope.names.get(term.name.text) : undefined;
    return set?.kind === 'principals' && depth < 8 && agentsOnly(scope, set.who, depth + 1);
  });
}
