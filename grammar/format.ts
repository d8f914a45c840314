// SPDX-License-Identifier: Apache-2.0
/**
 * The canonical form of a policy: two spaces, at most 100 columns where clauses can break, comments kept. A comment inside a
 * statement moves before the line that it stands in. Formatting is idempotent and changes no tree.
 */
import { type Item, type Printed, printStatement } from './print-statement.js';
import { printDotted } from './print-expr.js';
import type { Comment, File } from './tree.js';

const WIDTH = 100;

/** `file` must have been parsed from `source` without faults. */
export function format(file: File, source: string): string {
  const out: string[] = [];
  const pending = [...file.comments];
  const items: Item[] = file.statements.map((s) => ({ span: s.span, print: () => printStatement(s) }));
  const header = headerItem(file);
  writeItems([...(header === null ? [] : [header]), ...items], pending, source, '', source.length, out);
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

function headerItem(file: File): Item | null {
  if (file.edition === null || file.name === null || file.version === null || file.header === null)
    return null;
  const policy = `policy ${printDotted(file.name)} ${file.version.text}${file.tighten ? ' tighten' : ''}`;
  const head = `sep ${file.edition.text}\n${policy}`;
  return { span: file.header, print: () => ({ head, clauses: [], body: null }) };
}

/** Writes items and, in their places, the comments that start before `end`; takes them from `pending`. */
function writeItems(
  items: readonly Item[],
  pending: Comment[],
  source: string,
  indent: string,
  end: number,
  out: string[],
): void {
  let previous = -1;
  const first = out.length;
  const blank = (start: number): void => {
    if (out.length > first && previous >= 0 && hasBlankLine(source, previous, start)) out.push('');
  };
  const comments = (before: number): void => {
    for (let next = pending[0]; next !== undefined && next.span.start < before; next = pending[0]) {
      pending.shift();
      blank(next.span.start);
      out.push(`${indent}//${next.text}`);
      previous = next.span.end;
    }
  };
  for (const item of items) {
    const printed = item.print();
    comments(printed.body === null ? item.span.end : item.span.start);
    blank(previous > item.span.start ? previous : item.span.start);
    if (printed.body === null) out.push(...lines(printed, indent));
    else {
      out.push(`${indent}${printed.head} {`);
      writeItems(printed.body, pending, source, `${indent}  `, item.span.end, out);
      out.push(`${indent}}`);
    }
    previous = item.span.end;
    const trailing = pending[0];
    if (trailing?.trailing && !source.slice(item.span.end, trailing.span.start).includes('\n')) {
      pending.shift();
      out[out.length - 1] += `  //${trailing.text}`;
      previous = trailing.span.end;
    }
  }
  comments(end);
}

function hasBlankLine(source: string, from: number, to: number): boolean {
  const between = source.slice(from, to);
  const firstBreak = between.indexOf('\n');
  return firstBreak >= 0 && between.indexOf('\n', firstBreak + 1) >= 0;
}

function lines(printed: Printed, indent: string): readonly string[] {
  const one = [printed.head, ...printed.clauses].join(' ');
  const head = printed.head.split('\n').map((l) => indent + l);
  if (indent.length + one.length <= WIDTH || printed.clauses.length === 0) {
    return one.split('\n').map((l) => indent + l);
  }
  return [...head, ...printed.clauses.map((clause) => `${indent}  ${clause}`)];
}
