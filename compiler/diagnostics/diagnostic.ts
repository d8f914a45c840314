// SPDX-License-Identifier: Apache-2.0
import type { Span } from '../../grammar/tree.js';
import { type Code, MESSAGES, type Severity } from './messages.js';

export type { Code, Severity, Span };

/** A place in a source, and what it has to do with the finding. */
export interface Label {
  readonly file: string;
  readonly span: Span;
  readonly text: string;
}
export interface Fix {
  readonly title: string;
  readonly edits: readonly { readonly file: string; readonly span: Span; readonly text: string }[];
  /** Does the policy mean the same afterwards? Others are for the author to decide. */
  readonly safe: boolean;
}

/** One finding: what is wrong (message), where (primary, labels), what to do (help, fixes), where to read more (url). */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly message: string;
  readonly primary: Label;
  readonly labels: readonly Label[];
  readonly help: string | null;
  readonly notes: readonly string[];
  /** The page of the code, from the root of the package. */
  readonly url: string;
  readonly fixes: readonly Fix[];
}

export interface Extra {
  /** Said at the primary place. */
  readonly label?: string;
  readonly labels?: readonly Label[];
  /** Replaces the table's help. */
  readonly help?: string | null;
  readonly notes?: readonly string[];
  readonly fixes?: readonly Fix[];
}

/** A diagnostic from the message table; `{name}` in its texts becomes `args.name`. */
export function diagnose(
  code: Code,
  file: string,
  span: Span,
  args: Readonly<Record<string, string>> = {},
  extra: Extra = {},
): Diagnostic {
  const { severity, message, help } = MESSAGES[code];
  return {
    code,
    severity,
    message: fill(message, args),
    primary: { file, span, text: extra.label ?? '' },
    labels: extra.labels ?? [],
    help: extra.help === undefined ? (help === null ? null : fill(help, args)) : extra.help,
    notes: extra.notes ?? [],
    url: `docs/errors/${code}.md`,
    fixes: extra.fixes ?? [],
  };
}

const PLACEHOLDER = /\{(\w+)\}/g;

function fill(template: string, args: Readonly<Record<string, string>>): string {
  return template.replace(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(args, name) ? (args[name] as string) : whole,
  );
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some((d) => d.severity === 'error');

/** By file, position and code: the order of every output. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...diagnostics].sort(
    ({ primary: a, code }, { primary: b, code: other }) =>
      order(a.file, b.file) || a.span.start - b.span.start || order(code, other),
  );
}
