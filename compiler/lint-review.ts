// SPDX-License-Identifier: Apache-2.0
/**
 * A `review` grants: it lets those whom nothing else lets call a tool at all. Who writes one for everybody beside narrower grants
 * of the same tools mostly meant `escalate`, which asks about calls that something else allows.
 */
import { type Diagnostic, diagnose, type Label } from './diagnostics/diagnostic.js';
import { globIr, matchesGlob } from './glob.js';
import type { PolicyIr, RuleIr, UnitIr, WhatIr, WhoIr, WhoTermIr } from './ir.js';
import { inWhat } from './reference-sets.js';
import { whoWords } from './words.js';

/** In the file itself; `source` is its text. */
export function wideReviews(ir: PolicyIr, file: string, source: string): readonly Diagnostic[] {
  const own = ir.units.filter((unit) => !unit.name.includes('.'));
  const reviews = own.filter((unit): unit is RuleIr => unit.kind === 'rule' && unit.effect === 'review');
  if (reviews.length === 0) return [];
  const reach = new Map<WhatIr, ReadonlySet<number>>();
  const toolsOf = ({ what }: UnitIr): ReadonlySet<number> => {
    const known =
      reach.get(what) ??
      new Set(ir.tools.flatMap((tool, i) => (inWhat(what, 'tool', tool.server, tool.name) ? [i] : [])));
    reach.set(what, known);
    return known;
  };
  const grants = own.filter(allows).map((unit) => ({ unit, terms: termsOf(unit.who) }));
  return reviews.flatMap((review) => {
    const wide = termsOf(review.who);
    const tools = toolsOf(review);
    const narrower = grants.filter(
      ({ unit, terms }) =>
        terms.length > 0 &&
        terms.every((term) => wide.some((one) => isWider(one, term))) &&
        overlaps(tools, toolsOf(unit)),
    );
    return narrower.length === 0
      ? []
      : [
          finding(
            review,
            narrower.map(({ unit }) => unit),
            file,
            source,
          ),
        ];
  });
}

function finding(review: RuleIr, narrower: readonly UnitIr[], file: string, source: string): Diagnostic {
  const start = source.indexOf('review', review.span.start);
  const span = { start, end: start + 'review'.length };
  const labels = narrower.slice(0, 3).map(
    (unit): Label => ({
      file,
      span: headOf(unit),
      text: `\`${unit.name}\` grants some of it to ${whoWords(unit.who)} alone`,
    }),
  );
  const fix = { title: 'did you mean `escalate`?', edits: [{ file, span, text: 'escalate' }], safe: false };
  return diagnose(
    'SEP4015',
    file,
    span,
    { name: review.name, who: whoWords(review.who) },
    { labels, fixes: [fix] },
  );
}

/** The first words of the statement. */
const headOf = ({ span, name }: UnitIr): Label['span'] => ({
  start: span.start,
  end: Math.min(span.end, span.start + name.length + 'allow '.length),
});

const allows = (unit: UnitIr): boolean =>
  unit.kind === 'rule'
    ? unit.effect === 'allow'
    : [...unit.cases.map((one) => one.outcome), unit.otherwise].some(
        (outcome) => outcome?.effect === 'allow',
      );

const overlaps = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean =>
  [...b].some((tool) => a.has(tool));

const termsOf = (who: WhoIr): readonly WhoTermIr[] =>
  who.include.flatMap((term) => (term.kind === 'set' ? termsOf(term.who) : [term]));

/** Does `wide` cover everybody in `narrow`, and others? */
function isWider(wide: WhoTermIr, narrow: WhoTermIr): boolean {
  if (wide.kind === 'any') return narrow.kind !== 'any';
  if (wide.kind !== 'principal' || narrow.kind !== 'principal') return false;
  const covers = (a: string, b: string): boolean => matchesGlob(globIr(a), b.replaceAll('*', '\u0001'));
  return covers(wide.glob.text, narrow.glob.text) && !covers(narrow.glob.text, wide.glob.text);
}
