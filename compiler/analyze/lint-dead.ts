// SPDX-License-Identifier: Apache-2.0
/** Rules that decide nothing as warnings, with what covers them. */
import type { File } from '../../grammar/tree.js';
import { type Diagnostic, diagnose, type Label } from '../diagnostics/diagnostic.js';
import type { Span, UnitIr } from '../ir.js';
import type { Subject } from './actions.js';
import { NO_CLAIMS } from './claims.js';
import type { Dead } from './dead.js';
import { idleLimits } from './idle-limits.js';
import { survey } from './survey.js';

/**
 * What decides nothing, in the file itself. A rule of an instance is said at its `instance`. Of a module only grants that this
 * policy denies are said, at its `import`: all else is said where the module is checked itself.
 */
export function deadRules(subject: Subject, path: string, file: File): readonly Diagnostic[] {
  const dead = survey(subject, NO_CLAIMS, null).dead.found();
  const named = new Set(dead.map(({ unit }) => unit));
  const idle = idleLimits(subject.ir).filter(({ unit }) => !named.has(unit));
  return [...dead, ...idle].flatMap((one) => {
    const made = diagnosticOf(one, path, file);
    return made === null ? [] : [made];
  });
}

interface Place {
  readonly kind: 'own' | 'instance' | 'import';
  readonly span: Span;
}

/** Where a unit stands in the file, or what brings it there. */
function placeOf(unit: UnitIr, { statements }: File): Place | null {
  const dot = unit.name.indexOf('.');
  if (dot < 0) return { kind: 'own', span: headOf(unit) };
  const name = unit.name.slice(0, dot);
  for (const s of statements) {
    if (s.kind === 'instance' && s.name.text === name) return { kind: s.kind, span: s.span };
    if (s.kind !== 'import') continue;
    const alias = s.alias?.text ?? s.policy.text.slice(s.policy.text.lastIndexOf('.') + 1);
    if (alias === name) return { kind: s.kind, span: s.span };
  }
  return null;
}

function diagnosticOf({ unit, part, span, why, by }: Dead, path: string, file: File): Diagnostic | null {
  const place = placeOf(unit, file);
  if (place === null || (place.kind === 'import' && why !== 'denied')) return null;
  const labels = by.flatMap((other): readonly Label[] => {
    const at = placeOf(other, file);
    return at === null ? [] : [{ file: path, span: at.span, text: labelOf(other, why) }];
  });
  const name = unit.name;
  const covers = by.map((other) => `\`${other.name}\``).join(', ');
  const at = place.kind !== 'own' || part === null || part < 0 ? place.span : span;
  switch (why) {
    case 'never holds':
      return diagnose('SEP4012', path, at, { what: `\`${name}\` can never apply` });
    case 'never reached': {
      const which = part === null || part < 0 ? '`otherwise`' : `case ${part + 1}`;
      return diagnose('SEP4012', path, at, { what: `${which} of \`${name}\` is never reached` });
    }
    case 'denied':
      return diagnose('SEP4013', path, at, { name, covers }, { labels });
    case 'covered':
      return diagnose('SEP4014', path, at, { name, covers }, { labels });
  }
}

function labelOf(other: UnitIr, why: Dead['why']): string {
  const asks = other.kind === 'rule' && (other.effect === 'escalate' || other.effect === 'review');
  return `\`${other.name}\` ${why !== 'covered' ? 'denies this' : asks ? 'asks the same people for it' : 'denies this'}`;
}

/** The start of the statement, so that the frame shows a short mark. */
const headOf = ({ kind, span, ...unit }: UnitIr): Span => {
  const words = kind === 'rule' && 'effect' in unit ? unit.effect : 'decide';
  return { start: span.start, end: Math.min(span.end, span.start + words.length + 1 + unit.name.length) };
};
