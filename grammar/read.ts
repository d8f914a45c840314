// SPDX-License-Identifier: Apache-2.0
/** Text to tree. Never throws: every syntax error is a fault with a span and an expectation in the author's words. */
import type { SyntaxFault } from './engine.js';
import { describe, splitMessage } from './expectations.js';
import { guardSource, MAX_FAULTS } from './guards.js';
import { visible } from './literals.js';
import { SepalParser } from './parser.js';
import { type Aside, scan } from './scan.js';
import type { Token } from './token.js';
import * as t from './tokens.js';
import type { Comment, Fault, File, Span } from './tree.js';

export interface ParseResult {
  /** Only statements that were read whole. */
  readonly file: File;
  /** Sorted by position. */
  readonly faults: readonly Fault[];
}

/** Text to tree; the way to get one is handed on where only some callers need mistakes explained. */
export type Parse = (source: string) => ParseResult;

let correct: SepalParser | undefined;

/** Reads a text without syntax errors; null where it has one, for which `parse` has the words. */
export function readCorrect(source: string): ParseResult | null {
  correct ??= new SepalParser(null, null);
  return readWith(correct, source);
}

/** Null only where the parser is one that explains no syntax errors. */
export function readWith(parser: SepalParser, source: string): ParseResult | null {
  const guarded = guardSource(source);
  if (guarded.some((fault) => fault.code === 'SEP1009')) return { file: emptyFile(source), faults: guarded };
  const { tokens, ...asides } = scan(source);
  const edition = withoutEdition(tokens, source);
  if (edition !== null) return { file: emptyFile(source), faults: sorted([...guarded, edition]) };
  const stray = strayText(asides.stray, guarded);
  const reading = parser.run(tokens, source);
  if (reading === null) return null;
  const { file, faults, errors } = reading;
  const first = [...guarded, ...stray, ...tokens.flatMap(malformed).slice(0, MAX_FAULTS), ...faults];
  const said = placesOf(first, stray, source);
  const all = [...first, ...errors.map(syntaxFault).filter((fault) => !said(fault.span.start))];
  const comments = asides.comments.map((comment) => commentOf(comment, source));
  return {
    file: { ...file, comments },
    faults: sorted(all.map((fault) => inside(fault, source))).slice(0, MAX_FAULTS),
  };
}

function emptyFile(source: string): File {
  const span = { start: 0, end: source.length };
  const nothing = { edition: null, name: null, version: null, tighten: false, header: null } as const;
  return { ...nothing, statements: [], comments: [], span };
}

function commentOf(token: Aside, source: string): Comment {
  const start = token.startOffset;
  const lineStart = source.lastIndexOf('\n', start - 1) + 1;
  return {
    text: token.image.slice(2).trimEnd(),
    trailing: source.slice(lineStart, start).trim() !== '',
    span: { start, end: start + token.image.length },
  };
}

/** Characters that start nothing, without those of which the guards spoke already. */
function strayText(stray: readonly Aside[], said: readonly Fault[]): readonly Fault[] {
  const places = new Set(said.map((fault) => fault.span.start));
  return stray
    .filter(({ startOffset }) => !places.has(startOffset))
    .slice(0, MAX_FAULTS)
    .map(({ image, startOffset: start }) => ({
      code: 'SEP1001',
      args: { found: visible(image, 2), instead: INSTEAD.get(image) ?? '' },
      span: { start, end: start + image.length },
    }));
}

/** What authors mean who come from elsewhere. */
const INSTEAD = new Map([
  ['&&', ': write `and`'],
  ['||', ': write `or`'],
  ['!', ': write `not`'],
  [';', ': a statement ends where the next one starts'],
  ['#', ': comments start with `//`'],
  ["'", ': strings stand in double quotes'],
  ['“', ': strings stand in straight double quotes'],
  ['”', ': strings stand in straight double quotes'],
  ['/', ': a tool is `server/name` without spaces, a comment starts with `//`'],
]);

/** Tokens that stand for malformed literals. */
function malformed(token: Token): readonly Fault[] {
  const span = spanOf(token);
  if (token.tokenType === t.OpenString) return [{ code: 'SEP1003', args: {}, span }];
  if (token.tokenType !== t.BadNumber) return [];
  const args = { found: visible(token.image, 40), expected: 'a number, duration, time or date' };
  return [{ code: 'SEP1005', args, span }];
}

/** Nothing is known of the syntax of another edition, or of a file without one. */
function withoutEdition([first, edition]: readonly Token[], source: string): Fault | null {
  const fault = (found: string, span: Span): Fault => ({ code: 'SEP1010', args: { found }, span });
  const at = source.trimEnd().length;
  if (first === undefined) return fault(describe(first), { start: at, end: at });
  if (first.image !== 'sep') return fault(describe(first), spanOf(first));
  if (edition?.tokenType !== t.Int || edition.image === '1') return null;
  return fault(`\`sep ${visible(edition.image, 20)}\``, spanOf(edition));
}

const spanOf = ({ startOffset, image }: Token): Span => ({
  start: startOffset,
  end: startOffset + image.length,
});

function syntaxFault(error: SyntaxFault): Fault {
  const { expected, found } = splitMessage(error.message);
  const start = error.token.startOffset;
  return {
    code: 'SEP1002',
    args: { expected, found },
    span: { start, end: start + error.token.image.length },
  };
}

/** The end of the file and tokens that recovery made up have no place: they stand after the last text. */
function inside(fault: Fault, source: string): Fault {
  const { start, end } = fault.span;
  if (Number.isInteger(start) && Number.isInteger(end)) return fault;
  const last = source.trimEnd().length;
  return { ...fault, span: { start: last, end: last } };
}

/** Malformed text is one mistake, not two: what the parser says of it, or of what follows stray characters, is not told. */
function placesOf(first: readonly Fault[], stray: readonly Fault[], source: string): (at: number) => boolean {
  const behind = new Set(
    stray.map(({ span }) => {
      NEXT_TEXT.lastIndex = span.end;
      return NEXT_TEXT.test(source) ? NEXT_TEXT.lastIndex : source.length;
    }),
  );
  return (at) =>
    behind.has(at) ||
    first.some(({ span }) => span.start <= at && at < Math.max(span.end, span.start + 1)) ||
    (!Number.isInteger(at) && behind.has(source.length));
}
const NEXT_TEXT = /\s*/y;

const sorted = (faults: readonly Fault[]): readonly Fault[] =>
  [...faults].sort((a, b) => a.span.start - b.span.start || (a.code < b.code ? -1 : 1));
