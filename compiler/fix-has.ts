// SPDX-License-Identifier: Apache-2.0
/** The fix of an optional argument that is read without `has`: the test in front of the comparison that reads it. */
import type { Expr, File, Span, Statement } from '../grammar/tree.js';
import type { Diagnostic } from './diagnostics/diagnostic.js';

/** The diagnostics of the file at `path`, those of that code with their fix. */
export function withHas(
  diagnostics: readonly Diagnostic[],
  file: File,
  path: string,
  source: string,
): readonly Diagnostic[] {
  if (!diagnostics.some((d) => d.code === 'SEP3002')) return diagnostics;
  const conditions = file.statements.flatMap(conditionsOf).flatMap(leaves);
  return diagnostics.map((d) => {
    const { span } = d.primary;
    if (d.code !== 'SEP3002' || d.primary.file !== path || d.fixes.length > 0) return d;
    const reader = readerOf(conditions, span);
    if (reader === null) return d;
    const [read, whole] = [span, reader.span].map(({ start, end }) => source.slice(start, end));
    const text = `(has(${read}) and ${whole})`;
    // Whether the rule is to hold without the argument is for the author to say.
    const fix = {
      title: `test \`has(${read})\` first`,
      edits: [{ file: path, span: reader.span, text }],
      safe: false,
    };
    return { ...d, fixes: [fix] };
  });
}

/** The innermost condition that reads it; null outside of conditions, as in a sum. */
const readerOf = (conditions: readonly Expr[], read: Span): Expr | null =>
  conditions
    .filter(({ span }) => span.start <= read.start && read.end <= span.end)
    .reduce<Expr | null>((least, e) => (least === null || length(e) < length(least) ? e : least), null);

/** What is true or false in its own right: the leaves of `and`, `or` and `not`, those of what quantifiers say too. */
function leaves(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case 'and':
    case 'or':
      return [...leaves(e.left), ...leaves(e.right)];
    case 'not':
      return leaves(e.operand);
    case 'quantifier':
      return [e, ...leaves(e.body)];
    default:
      return [e];
  }
}

const length = ({ span }: Expr): number => span.end - span.start;

function conditionsOf(s: Statement): readonly Expr[] {
  switch (s.kind) {
    case 'rule':
    case 'redact':
      return s.clauses.flatMap((c) => (c.kind === 'when' || c.kind === 'unless' ? [c.expr] : []));
    case 'decide':
      return s.cases.map((one) => one.when);
    case 'let':
      return [s.body];
    case 'score':
      return s.adds.flatMap((add) => add.when ?? []);
    case 'template':
      return s.body.flatMap(conditionsOf);
    default:
      return [];
  }
}
