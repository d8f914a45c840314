// SPDX-License-Identifier: Apache-2.0
/** Where the conditions of a file's rules stand in it: the IR forgets, the tree knows. */
import type { Expr, File, LetStatement, Span } from '../../grammar/tree.js';

export interface Place {
  readonly span: Span;
  /** Of the leaves of `and`, `or` and `not`, predicates written out, in order. */
  readonly leaves: readonly Span[];
}

/** By `RULE rule`, `BLOCK case 1`, `BLOCK otherwise`, `SCORE add 1`. */
export function leafSpans(file: File): ReadonlyMap<string, Place> {
  const lets = new Map(file.statements.flatMap((s) => (s.kind === 'let' ? [[s.name.text, s] as const] : [])));
  const places = new Map<string, Place>();
  for (const s of file.statements) {
    if (s.kind === 'rule' || s.kind === 'redact') {
      const exprs = s.clauses.flatMap((c) => (c.kind === 'when' || c.kind === 'unless' ? [c.expr] : []));
      places.set(`${s.name.text} rule`, {
        span: s.name.span,
        leaves: exprs.flatMap((e) => leavesIn(e, lets)),
      });
    } else if (s.kind === 'limit') places.set(`${s.name.text} rule`, { span: s.name.span, leaves: [] });
    else if (s.kind === 'decide') {
      s.cases.forEach((one, i) =>
        places.set(`${s.name.text} case ${i + 1}`, { span: one.span, leaves: leavesIn(one.when, lets) }),
      );
      if (s.otherwise !== null)
        places.set(`${s.name.text} otherwise`, { span: s.otherwise.span, leaves: [] });
    } else if (s.kind === 'score') {
      s.adds.forEach((add, i) => {
        const leaves = add.when === null ? [] : leavesIn(add.when, lets);
        places.set(`${s.name.text} add ${i + 1}`, { span: add.span, leaves });
      });
    }
  }
  return places;
}

/** Predicates are not recursive: the check has seen to that. */
function leavesIn(e: Expr, lets: ReadonlyMap<string, LetStatement>): readonly Span[] {
  if (e.kind === 'not') return leavesIn(e.operand, lets);
  if (e.kind === 'and' || e.kind === 'or') return [...leavesIn(e.left, lets), ...leavesIn(e.right, lets)];
  const named =
    e.kind === 'name' ? e.name.text : e.kind === 'call' ? e.callee.parts.map((p) => p.text).join('.') : null;
  const body = named === null ? undefined : lets.get(named)?.body;
  if (body !== undefined) return leavesIn(body, lets);
  return e.kind === 'bool' ? [] : [e.span];
}
