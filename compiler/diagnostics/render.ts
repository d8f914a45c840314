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
  let line = 1;
  let start = 0;
  for (let next = source.indexOf('\n'); next >= 0 && next < at; next = source.indexOf('\n', next + 1)) {
    line++;
    start = next + 1;
  }
  return { line, column: at - start + 1, offset: at };
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
  const source = sources.get(d.file);
  const at = source === undefined ? null : position(source, d.span.start);
  const frames =
    source === undefined
      ? []
      : [...frame(source, d.span, '', at?.line ?? 1), ...d.labels.flatMap((l) => labelled(l, sources))];
  return [
    `${paint(`${d.severity}[${d.code}]`, d.severity)}: ${safe(d.message)}`,
    `${paint('  -->', 'dim')} ${d.file}${at === null ? '' : `:${at.line}:${at.column}`}`,
    ...frames,
    ...(d.help === null ? [] : [`${paint('   = help:', 'dim')} ${safe(d.help)}`]),
    ...d.notes.map((note) => `${paint('   = note:', 'dim')} ${safe(note)}`),
    ...d.fixes.map((fix) => `${paint('   = fix:', 'dim')} ${safe(fix.title)}`),
    `${paint('   = see:', 'dim')} sepal explain ${d.code}`,
    '',
  ].join('\n');
}

function labelled(label: Label, sources: Sources): readonly string[] {
  const source = sources.get(label.file);
  if (source === undefined) return [];
  const at = position(source, label.span.start);
  return [`  ::: ${label.file}:${at.line}:${at.column}`, ...frame(source, label.span, label.text, at.line)];
}

const WIDTH = 140;

function frame(source: string, span: Span, text: string, line: number): readonly string[] {
  const start = source.lastIndexOf('\n', Math.max(0, span.start - 1)) + 1;
  const lineStart = source[span.start] === '\n' && start > span.start ? span.start : start;
  const end = source.indexOf('\n', span.start);
  const whole = source.slice(lineStart, end < 0 ? source.length : end);
  const number = String(line);
  const gutter = ' '.repeat(number.length);
  const column = span.start - lineStart;
  const shift = column > WIDTH - 20 ? column - 20 : 0;
  const shown = safe(whole.slice(shift, shift + WIDTH).replaceAll('\t', ' '));
  const length = Math.max(1, Math.min(span.end, lineStart + whole.length) - span.start);
  const marks = '^'.repeat(Math.min(length, WIDTH - (column - shift)));
  return [
    ` ${gutter} |`,
    ` ${number} | ${shown}`,
    ` ${gutter} | ${' '.repeat(column - shift)}${marks}${text === '' ? '' : ` ${safe(text)}`}`,
  ];
}

/** Control and bidi characters shown as escapes: a policy must not steer the terminal. */
function safe(text: string): string {
  let out = '';
  for (const c of text) {
    const p = c.codePointAt(0) ?? 0;
    const hidden =
      p < 0x20 || (p >= 0x7f && p < 0xa0) || (p >= 0x200b && p <= 0x200f) || (p >= 0x2028 && p <= 0x206f);
    out += hidden ? `\\u{${p.toString(16)}}` : c;
  }
  return out;
}

/** One line each: `file:line:col: error SEP3001: message (help)`. */
export function renderPlain(diagnostics: readonly Diagnostic[], sources: Sources): string {
  return sortDiagnostics(diagnostics)
    .map((d) => {
      const source = sources.get(d.file);
      const at = source === undefined ? '' : positionText(position(source, d.span.start));
      return `${d.file}${at}: ${d.severity} ${d.code}: ${safe(d.message)}${d.help === null ? '' : ` (${safe(d.help)})`}\n`;
    })
    .join('');
}
const positionText = (at: Position): string => `:${at.line}:${at.column}`;

/** The shape that scripts read (docs/interface: `check --format json`). */
export function renderJson(diagnostics: readonly Diagnostic[], sources: Sources): string {
  const list = sortDiagnostics(diagnostics).map((d) => {
    const source = sources.get(d.file) ?? '';
    return {
      code: d.code,
      severity: d.severity,
      message: d.message,
      file: d.file,
      start: position(source, d.span.start),
      end: position(source, d.span.end),
      help: d.help,
      notes: d.notes,
      fixes: d.fixes.map((fix) => ({
        title: fix.title,
        edits: fix.edits.map((edit) => ({
          file: edit.file,
          start: position(sources.get(edit.file) ?? '', edit.span.start),
          end: position(sources.get(edit.file) ?? '', edit.span.end),
          text: edit.text,
        })),
      })),
    };
  });
  return `${JSON.stringify({ version: 1, diagnostics: list }, null, 2)}\n`;
}
