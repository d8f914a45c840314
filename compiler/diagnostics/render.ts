// SPDX-License-Identifier: Apache-2.0
/**
 * Diagnostics as people and programs read them. Order in a terminal: `error[SEP3001]: message`, `--> file:line:col`, the frame
 * with its labels, then help, notes and the link.
 */
import { type Diagnostic, type Label, type Span, sortDiagnostics } from './diagnostic.js';

export type Sources = ReadonlyMap<string, string>;
export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly offset: number;
}

export function position(source: string, offset: number): Position {
  const at = Math.min(Math.max(offset, 0), source.length);
  const starts = lineStarts(source);
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: at - (starts[low] ?? 0) + 1, offset: at };
}

/** Of the text that was asked about last: many places of one text are asked about, one after the other. */
let lines: { readonly source: string; readonly starts: readonly number[] } = { source: '', starts: [0] };
function lineStarts(source: string): readonly number[] {
  if (lines.source === source) return lines.starts;
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  lines = { source, starts };
  return starts;
}

const COLOURS = { error: '\u001b[1;31m', warning: '\u001b[1;33m', dim: '\u001b[36m', off: '\u001b[0m' };

export function renderHuman(diagnostics: readonly Diagnostic[], sources: Sources, colour = false): string {
  return sortDiagnostics(diagnostics)
    .map((d) => human(d, sources, colour))
    .join('\n');
}

function human(d: Diagnostic, sources: Sources, colour: boolean): string {
  const paint = (text: string, c: keyof typeof COLOURS): string =>
    colour ? `${COLOURS[c]}${text}${COLOURS.off}` : text;
  const tail = (name: string, text: string): string => `${paint(`   = ${name}:`, 'dim')} ${visible(text)}`;
  return [
    `${paint(`${d.severity}[${d.code}]`, d.severity)}: ${visible(d.message)}`,
    ...place(paint('  -->', 'dim'), d.primary, sources),
    ...d.labels.flatMap((label) => place(paint('  :::', 'dim'), label, sources)),
    ...(d.help === null ? [] : [tail('help', d.help)]),
    ...d.notes.map((note) => tail('note', note)),
    ...d.fixes.filter((fix) => fix.title !== d.help).map((fix) => tail('fix', fix.title)),
    tail('see', `sepal explain ${d.code}`),
    '',
  ].join('\n');
}

function place(arrow: string, label: Label, sources: Sources): readonly string[] {
  const source = sources.get(label.file);
  if (source === undefined) return [`${arrow} ${visible(label.file)}`];
  const at = position(source, label.span.start);
  return [`${arrow} ${visible(label.file)}:${at.line}:${at.column}`, ...frame(source, label, at)];
}

/** Columns of a terminal that a frame may take. */
const WIDTH = 120;
const LEAD = 40;

function frame(source: string, { span, text }: Label, at: Position): readonly string[] {
  const start = at.offset - (at.column - 1);
  const newline = source.indexOf('\n', start);
  const end = newline < 0 ? source.length : newline;
  const line = source.slice(start, source[end - 1] === '\r' ? end - 1 : end);
  const from = at.column - 1;
  const to = Math.max(from, Math.min(span.end - start, line.length));
  const cut = line.length > WIDTH && from > WIDTH - LEAD ? from - LEAD : 0;
  const before = `${cut > 0 ? '…' : ''}${visible(line.slice(cut, from))}`;
  const marked = visible(line.slice(from, to));
  const room = Math.max(1, WIDTH - width(before));
  const shown = `${before}${marked}${visible(line.slice(to))}`;
  const marks = '^'.repeat(Math.max(1, Math.min(width(marked), room)));
  const last = lastLine(source, span, end);
  const gutter = ' '.repeat(String(last?.number ?? at.line).length);
  const label = text === '' ? '' : ` ${visible(text)}`;
  const first = ' '.repeat(gutter.length - String(at.line).length);
  const head = [
    ` ${gutter} |`,
    ` ${first}${at.line} | ${clip(shown, WIDTH)}`,
    ` ${gutter} | ${' '.repeat(width(before))}${marks}${last === null ? label : ''}`,
  ];
  if (last === null) return head;
  const between = last.number > at.line + 1 ? [` ${gutter} | …`] : [];
  const under = `${' '.repeat(width(last.indent))}${'^'.repeat(Math.min(WIDTH, width(last.marked)))}`;
  return [
    ...head,
    ...between,
    ` ${last.number} | ${clip(`${last.indent}${last.marked}${last.rest}`, WIDTH)}`,
    ` ${gutter} | ${under}${label}`,
  ];
}

interface LastLine {
  readonly number: number;
  readonly indent: string;
  readonly marked: string;
  readonly rest: string;
}

/** Where a span ends on a later line than it starts: that line, without the blanks before it. */
function lastLine(source: string, span: Span, firstEnd: number): LastLine | null {
  const spanned = source.slice(span.start, Math.min(span.end, source.length)).trimEnd();
  const to = span.start + spanned.length;
  if (to <= firstEnd) return null;
  const { line, column } = position(source, to);
  const start = to - (column - 1);
  const text = source.slice(start, to);
  const newline = source.indexOf('\n', to);
  const rest = source.slice(to, newline < 0 ? source.length : newline).trimEnd();
  const indent = text.slice(0, text.length - text.trimStart().length);
  const marked = text.slice(indent.length);
  return { number: line, indent: visible(indent), marked: visible(marked), rest: visible(rest) };
}

function clip(text: string, columns: number): string {
  let used = 0;
  let out = '';
  for (const c of text) {
    used += charWidth(c);
    if (used > columns) return `${out}…`;
    out += c;
  }
  return out;
}

function width(text: string): number {
  let columns = 0;
  for (const c of text) columns += charWidth(c);
  return columns;
}

/** Columns of a character: none for combining marks, two for East Asian wide ones and emoji. */
function charWidth(c: string): number {
  const p = c.codePointAt(0) ?? 0;
  if (p < 0x300) return 1;
  if (/^\p{M}$/u.test(c)) return 0;
  const wide =
    (p >= 0x1100 && p <= 0x115f) ||
    (p >= 0x2e80 && p <= 0xa4cf) ||
    (p >= 0xac00 && p <= 0xd7a3) ||
    (p >= 0xf900 && p <= 0xfaff) ||
    (p >= 0xfe30 && p <= 0xfe6f) ||
    (p >= 0xff00 && p <= 0xff60) ||
    (p >= 0xffe0 && p <= 0xffe6) ||
    (p >= 0x1f300 && p <= 0x1faff) ||
    (p >= 0x20000 && p <= 0x3fffd);
  return wide ? 2 : 1;
}

/** Control, bidi and invisible characters shown as escapes: a policy must not steer the terminal. Tabs become a blank. */
export function visible(text: string): string {
  let out = '';
  for (const c of text) {
    const p = c.codePointAt(0) ?? 0;
    out += c === '\t' ? ' ' : hidden(p) ? `\\u{${p.toString(16)}}` : c;
  }
  return out;
}

function hidden(p: number): boolean {
  return (
    p < 0x20 ||
    (p >= 0x7f && p < 0xa0) ||
    p === 0xad ||
    p === 0x61c ||
    (p >= 0x200b && p <= 0x200f) ||
    (p >= 0x2028 && p <= 0x202e) ||
    (p >= 0x2060 && p <= 0x206f) ||
    (p >= 0xd800 && p <= 0xdfff) ||
    p === 0xfeff ||
    (p >= 0xfff9 && p <= 0xfffb) ||
    (p >= 0xe0000 && p <= 0xe0fff)
  );
}

/** JSON in which no character is hidden: the text may be read in a terminal, and parses to the same value. */
export function json(value: unknown): string {
  let out = '';
  for (const c of JSON.stringify(value, null, 2))
    out += c === '\n' || !hidden(c.codePointAt(0) ?? 0) ? c : escaped(c);
  return `${out}\n`;
}

const escaped = (c: string): string =>
  c
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** One line each: `file:line:col: error SEP3001: message (help)`. */
export function renderPlain(diagnostics: readonly Diagnostic[], sources: Sources): string {
  return sortDiagnostics(diagnostics)
    .map((d) => {
      const source = sources.get(d.primary.file);
      const at = source === undefined ? null : position(source, d.primary.span.start);
      const where = at === null ? '' : `:${at.line}:${at.column}`;
      const help = d.help === null ? '' : ` (${visible(d.help)})`;
      return `${visible(d.primary.file)}${where}: ${d.severity} ${d.code}: ${visible(d.message)}${help}\n`;
    })
    .join('');
}

/** The shape that scripts read (docs/interface: `check --format json`). */
export function renderJson(diagnostics: readonly Diagnostic[], sources: Sources): string {
  const range = (file: string, span: Span) => {
    const source = sources.get(file) ?? '';
    return { file, start: position(source, span.start), end: position(source, span.end) };
  };
  const list = sortDiagnostics(diagnostics).map((d) => ({
    code: d.code,
    severity: d.severity,
    message: d.message,
    ...range(d.primary.file, d.primary.span),
    help: d.help,
    fixes: d.fixes.map(({ title, edits, safe: keeps }) => ({
      title,
      safe: keeps,
      edits: edits.map((edit) => ({ ...range(edit.file, edit.span), text: edit.text })),
    })),
    labels: d.labels.map((label) => ({ ...range(label.file, label.span), text: label.text })),
    notes: d.notes,
    url: d.url,
  }));
  return json({ version: 1, diagnostics: list });
}
