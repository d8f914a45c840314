// SPDX-License-Identifier: Apache-2.0
/**
 * The canonical form of a policy: two spaces, at most 100 columns where clauses and conditions can break, every comment kept. A
 * comment between clauses, operands or terms stays there; one inside such a line moves before it. Formatting is idempotent and
 * changes no tree.
 */
import { printDotted } from './print-expr.js';
import { type Item, type Line, type Piece, type Printed, printStatement } from './print-statement.js';
import type { Comment, File, Span } from './tree.js';

const WIDTH = 100;

/** `file` must have been parsed from `source` without faults. */
export function format(file: File, source: string): string {
  const statements = file.statements.map((s) => ({ span: s.span, print: () => printStatement(s) }));
  const writer = new Writer(file.comments, source);
  writer.items([...headerItems(file), ...statements], '', source.length);
  return writer.text();
}

function headerItems({ edition, name, version, tighten, header }: File): readonly Item[] {
  if (edition === null || name === null || version === null || header === null) return [];
  const one = (text: string, span: Span): Item => {
    const printed = { pieces: [{ text, span, parts: null }], body: null };
    return { span, print: () => printed };
  };
  return [
    one(`sep ${edition.text}`, { start: header.start, end: edition.span.end }),
    one(`policy ${printDotted(name)} ${version.text}${tighten ? ' tighten' : ''}`, {
      start: name.span.start,
      end: header.end,
    }),
  ];
}

interface Row extends Line {
  readonly indent: string;
  /** Of comments before the row. */
  readonly inner: string;
}

class Writer {
  private readonly out: string[] = [];
  private readonly comments: readonly Comment[];
  private readonly source: string;
  /** The first comment that is not written yet. */
  private next = 0;
  /** Where the source text ends that was written last; -1 at the start of a block. */
  private previous = -1;

  constructor(comments: readonly Comment[], source: string) {
    this.comments = comments;
    this.source = source;
  }

  text(): string {
    return this.out.length === 0 ? '' : `${this.out.join('\n')}\n`;
  }

  /** Items and, in their places, the comments that start before `end`. */
  items(items: readonly Item[], indent: string, end: number): void {
    this.previous = -1;
    items.forEach((item, i) => {
      const printed = item.print();
      const [head] = printed.pieces;
      if (head === undefined) return;
      this.standing(headEnd(head), indent);
      this.blank(Math.max(this.previous, item.span.start));
      if (printed.body === null)
        this.rows(layout(printed, indent, this.commentsBefore(item.span.end)), item.span.end);
      else this.body(head, printed.body, indent, item.span.end);
      this.previous = item.span.end;
      this.trailing(items[i + 1]?.span.start ?? end);
    });
    this.standing(end, indent);
  }

  private body(head: Piece, body: readonly Item[], indent: string, end: number): void {
    this.out.push(`${indent}${head.text} {`);
    this.previous = head.span.end;
    if (this.comments[this.next]?.trailing)
      this.trailing(body[0]?.span.start ?? end, Number.POSITIVE_INFINITY);
    this.items(body, `${indent}  `, end);
    this.out.push(`${indent}}`);
  }

  /** The rows of one item; a comment goes after the row that it trails, else before the row that follows it. */
  private rows(rows: readonly Row[], end: number): void {
    rows.forEach((row, i) => {
      let trails = i > 0;
      for (
        let c = this.comments[this.next];
        c !== undefined && c.span.start < Math.min(row.span.end, end);
      ) {
        trails &&= c.trailing && c.span.start < row.span.start;
        if (trails) this.append(c);
        else this.out.push(`${row.inner}//${c.text}`);
        trails = false;
        c = this.comments[++this.next];
      }
      this.out.push(row.indent + row.text);
    });
  }

  /** Comments on lines of their own, those that start before `before`. */
  private standing(before: number, indent: string): void {
    for (let c = this.comments[this.next]; c !== undefined && c.span.start < before; ) {
      this.blank(c.span.start);
      this.out.push(`${indent}//${c.text}`);
      this.previous = c.span.end;
      c = this.comments[++this.next];
    }
  }

  /** The comment behind what was written last, on its line of the source. */
  private trailing(before: number, lineEnd = lineEndAt(this.source, this.previous)): void {
    const comment = this.comments[this.next];
    if (comment === undefined || comment.span.start >= Math.min(before, lineEnd)) return;
    this.append(comment);
    this.next++;
    this.previous = comment.span.end;
  }

  private append(comment: Comment): void {
    this.out.push(`${this.out.pop() ?? ''}  //${comment.text}`);
  }

  private commentsBefore(end: number): readonly Comment[] {
    const found: Comment[] = [];
    for (let i = this.next; ; i++) {
      const comment = this.comments[i];
      if (comment === undefined || comment.span.start >= end) return found;
      found.push(comment);
    }
  }

  /** One blank line where the source has any. */
  private blank(start: number): void {
    if (this.previous >= 0 && BLANK_LINE.test(this.source.slice(this.previous, start))) this.out.push('');
  }
}

const BLANK_LINE = /\n[ \t\r]*\n/;

function lineEndAt(source: string, at: number): number {
  const end = source.indexOf('\n', at);
  return end < 0 ? source.length : end;
}

/** Up to where a comment stands inside the first line, and moves before it. */
const headEnd = (head: Piece): number => head.parts?.open.span.end ?? head.span.end;

const row = (line: Line, indent: string, inner = indent): Row => ({ ...line, indent, inner });

/** The rows of an item without a body: one, if it fits and no comment stands between its pieces. */
function layout({ pieces }: Printed, indent: string, inside: readonly Comment[]): readonly Row[] {
  const text = pieces.map((piece) => piece.text).join(' ');
  const [first] = pieces;
  if (first === undefined) return [];
  if (inside.length === 0 && indent.length + text.length <= WIDTH) {
    return [row({ text, span: first.span }, indent)];
  }
  return pieces.flatMap((piece, i) => pieceRows(piece, i === 0 ? indent : `${indent}  `, inside));
}

function pieceRows(piece: Piece, indent: string, inside: readonly Comment[]): readonly Row[] {
  const { parts, span } = piece;
  const holds = inside.some((c) => span.start <= c.span.start && c.span.start < span.end);
  const wide = indent.length + piece.text.length > WIDTH && (parts?.lines.length ?? 0) > 1;
  if (parts === null || !(holds || wide)) return [row(piece, indent)];
  const inner = `${indent}  `;
  return [
    row(parts.open, indent),
    ...parts.lines.map((part) => row(part, inner)),
    ...(parts.close === null ? [] : [row(parts.close, indent, inner)]),
  ];
}
