// SPDX-License-Identifier: Apache-2.0
/** Dead rules as warnings, with what covers them. */
import { type Diagnostic, diagnose, type Label } from '../diagnostics/diagnostic.js';
import type { UnitIr } from '../ir.js';
import type { Subject } from './actions.js';
import { NO_CLAIMS } from './claims.js';
import type { Dead } from './dead.js';
import { survey } from './survey.js';

/** What decides nothing, in the file itself: modules and instances are said where they are written. */
export function deadRules(subject: Subject, file: string): readonly Diagnostic[] {
  const own = (unit: UnitIr): boolean => !unit.name.includes('.');
  return survey(subject, NO_CLAIMS, null)
    .dead.found()
    .filter(({ unit }) => own(unit))
    .map((dead) => diagnosticOf(dead, file, own));
}

function diagnosticOf(
  { unit, part, span, why, by }: Dead,
  file: string,
  own: (unit: UnitIr) => boolean,
): Diagnostic {
  const labels = by
    .filter(own)
    .map((other): Label => ({ file, span: headOf(other), text: `\`${other.name}\` denies this` }));
  const name = unit.name;
  const covers = by.map((other) => `\`${other.name}\``).join(', ');
  const at = part === null || part < 0 ? headOf(unit) : span;
  switch (why) {
    case 'never holds':
      return diagnose('SEP4012', file, at, { what: `\`${name}\` can never apply` });
    case 'never reached': {
      const which = part === null || part < 0 ? '`otherwise`' : `case ${part + 1}`;
      return diagnose('SEP4012', file, at, { what: `${which} of \`${name}\` is never reached` });
    }
    case 'denied':
      return diagnose('SEP4013', file, at, { name, covers }, { labels });
    case 'covered':
      return diagnose('SEP4014', file, at, { name, covers }, { labels });
  }
}

/** The start of the statement, so that the frame shows a short mark. */
const headOf = ({ kind, span, ...unit }: UnitIr): Diagnostic['primary']['span'] => {
  const words = kind === 'rule' && 'effect' in unit ? unit.effect : 'decide';
  return { start: span.start, end: Math.min(span.end, span.start + words.length + 1 + unit.name.length) };
};
