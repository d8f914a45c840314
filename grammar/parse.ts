// SPDX-License-Identifier: Apache-2.0
/** Text to tree. Never throws: every syntax error is a fault with a span and an expectation in the author's words. */
import type { ILexingResult, IRecognitionException, IToken } from 'chevrotain';
import { describe, splitMessage } from './expectations.js';
import { guardSource, MAX_FAULTS } from './guards.js';
import { visible } from './literals.js';
import { SepalParser } from './parser.js';
import * as t from './tokens.js';
import type { Comment, Fault, File, Span } from './tree.js';

export interface ParseResult {
  /** Only statements that were read whole. */
  readonly file: File;
  /** Sorted by position. */
  readonly faults: readonly Fault[];
}

let parser: SepalParser | undefined;

export function parse(source: string): ParseResult {
  const guarded = guardSource(source);
  if (guarded.some((fault) => fault.code === 'SEP1009')) return { file: emptyFile(source), faults: guarded };
  const lexed = t.sepalLexer().tokenize(source);
  const lexical = [...guarded, ...lexicalFaults(lexed, guarded)];
  parser ??= new SepalParser();
  const { file, faults } = parser.run(lexed.tokens);
  const headless = missingHeader(lexed.tokens, source);
  const syntax = parser.errors.map((error) => syntaxFault(error)).slice(headless.length);
  const large = faults.filter((fault) => fault.code === 'SEP1009');
  const all = [...lexical, ...headless, ...faults, ...syntax].map((fault) => inside(fault, source));
  const comments = (lexed.groups['comments'] ?? []).map((token) => commentOf(token, source));
  return {
    file: { ...file, comments, span: { start: 0, end: source.length } },
    faults: sorted(unique(all, [...lexical, ...large])).slice(0, MAX_FAULTS),
  };
}

function emptyFile(source: string): File {
  const span = { start: 0, end: source.length };
  const nothing = { edition: null, name: null, version: null, tighten: false, header: null } as const;
  return { ...nothing, statements: [], comments: [], span };
}

function commentOf(token: IToken, source: string): Comment {
  const start = token.startOffset;
  const lineStart = source.lastIndexOf('\n', start - 1) + 1;
  return {
    text: token.image.slice(2).trimEnd(),
    trailing: source.slice(lineStart, start).trim() !== '',
    span: { start, end: start + token.image.length },
  };
}

/** What the lexer found, without what was said of the same characters already. */
function lexicalFaults(lexed: ILexingResult, said: readonly Fault[]): readonly Fault[] {
  const places = new Set(said.map((fault) => fault.span.start));
  const stray = (lexed.groups['stray'] ?? []).filter((token) => !places.has(token.startOffset));
  return [
    ...stray.slice(0, MAX_FAULTS).map(strayText),
    ...lexed.tokens.flatMap(malformed).slice(0, MAX_FAULTS),
    ...lexed.errors.slice(0, MAX_FAULTS).map((error) => ({
      code: 'SEP1001',
      args: { found: visible(error.message, 40) },
      span: { start: error.offset, end: error.offset + error.length },
    })),
  ];
}

function strayText(token: IToken): Fault {
  const found = visible(token.image, 1).replace('…', '');
  const start = token.startOffset;
  return { code: 'SEP1001', args: { found }, span: { start, end: start + token.image.length } };
}

/** Tokens that stand for malformed literals. */
function malformed(token: IToken): readonly Fault[] {
  const span: Span = { start: token.startOffset, end: token.startOffset + token.image.length };
  if (token.tokenType === t.OpenString) return [{ code: 'SEP1003', args: {}, span }];
  if (token.tokenType === t.BadNumber) {
    return [
      { code: 'SEP1005', args: { found: token.image, expected: 'a number, duration, time or date' }, span },
    ];
  }
  return [];
}

function missingHeader(tokens: readonly IToken[], source: string): readonly Fault[] {
  const [sep, edition] = tokens;
  const span = (token: IToken | undefined): Span =>
    token === undefined
      ? { start: source.length, end: source.length }
      : { start: token.startOffset, end: token.startOffset + token.image.length };
  if (sep?.image !== 'sep') return [{ code: 'SEP1010', args: { found: describe(sep) }, span: span(sep) }];
  if (edition?.tokenType === t.Int && edition.image !== '1') {
    return [{ code: 'SEP1010', args: { found: `\`sep ${edition.image}\`` }, span: span(edition) }];
  }
  return [];
}

function syntaxFault(error: IRecognitionException): Fault {
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

/** A malformed token is one mistake, not two: drop what the parser says about the same place. */
function unique(faults: readonly Fault[], lexical: readonly Fault[]): readonly Fault[] {
  const inside = (fault: Fault): boolean =>
    lexical.some(
      (l) => l.span.start <= fault.span.start && fault.span.start < Math.max(l.span.end, l.span.start + 1),
    );
  const seen = new Set<string>();
  return faults.filter((fault) => {
    if (fault.code === 'SEP1002' && inside(fault)) return false;
    const key = `${fault.code} ${fault.span.start} ${fault.args['expected'] ?? ''}`;
    return !seen.has(key) && seen.add(key).size > 0;
  });
}

const sorted = (faults: readonly Fault[]): readonly Fault[] =>
  [...faults].sort((a, b) => a.span.start - b.span.start || (a.code < b.code ? -1 : 1));
