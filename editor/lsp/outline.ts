// SPDX-License-Identifier: Apache-2.0
/** A policy at a glance: its statements by name, what can be folded, and the tests that can be run. */
import type * as tree from '../../grammar/tree.js';
import type { Reading } from './reading.js';

export interface Entry {
  readonly name: string;
  /** The first words of the statement. */
  readonly detail: string;
  readonly kind: tree.Statement['kind'];
  /** In the text. */
  readonly span: tree.Span;
  readonly selection: tree.Span;
  readonly children: readonly Entry[];
}

export const outline = (reading: Reading): readonly Entry[] =>
  reading.file.statements.map((s) => entryOf(reading, s)).sort((a, b) => a.span.start - b.span.start);

function entryOf(reading: Reading, s: tree.Statement): Entry {
  const selection = 'name' in s ? s.name.span : { start: s.span.start, end: s.span.start + s.kind.length };
  return {
    name: titleOf(s),
    detail: s.kind === 'rule' ? s.effect : s.kind,
    kind: s.kind,
    span: reading.place(s.span),
    selection: reading.place({ start: selection.start, end: Math.min(selection.end, s.span.end) }),
    children: s.kind === 'template' ? s.body.map((inner) => entryOf(reading, inner)) : [],
  };
}

function titleOf(s: tree.Statement): string {
  switch (s.kind) {
    case 'import':
      return s.policy.text;
    case 'tools':
      return s.path.value;
    case 'role':
      return s.roles.map(({ name }) => name.text).join(', ');
    case 'test':
      return s.title.value;
    case 'example':
      return s.rule.text;
    case 'assume':
    case 'prove':
    case 'delegation':
      return s.kind;
    default:
      return s.name.text;
  }
}

/** A test as it is named when it is run. */
export interface Runnable {
  readonly title: string;
  readonly span: tree.Span;
}

export const runnables = (reading: Reading): readonly Runnable[] =>
  outline(reading).flatMap(({ kind, name, span }) =>
    kind === 'test'
      ? [{ title: name, span }]
      : kind === 'example'
        ? [{ title: `example ${name}`, span }]
        : [],
  );

/** Statements of several lines, and runs of comments, by offsets. */
export function folds(reading: Reading): readonly (tree.Span & { readonly comment: boolean })[] {
  const { text } = reading;
  const statements = reading.file.statements.flatMap((s) => foldsOf(reading, s));
  const comments: (tree.Span & { readonly comment: boolean })[] = [];
  for (const run of text.matchAll(/^[ \t]*\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)+/gm)) {
    comments.push({ start: run.index, end: run.index + run[0].length, comment: true });
  }
  return [...statements, ...comments].filter(({ start, end }) => text.slice(start, end).includes('\n'));
}

function foldsOf(
  reading: Reading,
  s: tree.Statement,
): readonly (tree.Span & { readonly comment: boolean })[] {
  const inner = s.kind === 'template' ? s.body.flatMap((each) => foldsOf(reading, each)) : [];
  return [{ ...reading.place(s.span), comment: false }, ...inner];
}
