// SPDX-License-Identifier: Apache-2.0
/** What each word of a policy is, for colours: what the tokens say, and what the names mean. */
import { scan } from '../../grammar/scan.js';
import { kw, type Keyword, OPERATOR_WORDS, RESERVED } from '../../grammar/tokens.js';
import type * as tree from '../../grammar/tree.js';
import type { Reading, Readings } from './reading.js';
import { foundIn } from './resolve.js';

export const TOKEN_TYPES = [
  ...([
    'keyword',
    'comment',
    'string',
    'number',
    'regexp',
    'operator',
    'function',
    'variable',
    'parameter',
  ] as const),
  ...(['property', 'class', 'type', 'enumMember', 'method', 'namespace'] as const),
] as const;
export type TokenKind = (typeof TOKEN_TYPES)[number];
export const TOKEN_MODIFIERS = ['declaration'] as const;

export interface Coloured {
  readonly span: tree.Span;
  readonly kind: TokenKind;
  readonly declares: boolean;
}

const KEYWORDS = new Set([...RESERVED, ...OPERATOR_WORDS].map((word: Keyword) => kw(word)));
const LITERALS = new Map<string, TokenKind>([
  ['String', 'string'],
  ['OpenString', 'string'],
  ['Regex', 'regexp'],
  ['Action', 'method'],
  ['FromPart', 'method'],
  ['KindPart', 'class'],
  ...['Version', 'Date', 'Time', 'Duration', 'Exponent', 'Decimal', 'Int', 'BadNumber'].map(
    (name): [string, TokenKind] => [name, 'number'],
  ),
  ...[
    'Arrow',
    'FatArrow',
    'EqualEqual',
    'NotEqual',
    'LessEqual',
    'GreaterEqual',
    'Less',
    'Greater',
    'Equals',
  ].map((name): [string, TokenKind] => [name, 'operator']),
  ...['Plus', 'Minus', 'Star'].map((name): [string, TokenKind] => [name, 'operator']),
]);

/** A word of a text; without a kind it may be a name. */
interface Word {
  readonly start: number;
  readonly end: number;
  readonly kind: TokenKind | null;
}

/** The words of parts of policies, by their text: most of a text is what it was before an edit. */
export class Words {
  private readonly known = new Map<string, readonly Word[]>();

  of(text: string): readonly Word[] {
    const before = this.known.get(text);
    if (before !== undefined) return before;
    if (this.known.size > MAX_PARTS) this.known.clear();
    const words = wordsOf(text);
    this.known.set(text, words);
    return words;
  }
}
const MAX_PARTS = 10_000;

function wordsOf(text: string): readonly Word[] {
  const { tokens, comments: asides } = scan(text);
  const word = (start: number, image: string, kind: TokenKind | null): Word => ({
    start,
    end: start + image.length,
    kind,
  });
  const comments = asides.map((t) => word(t.startOffset, t.image, 'comment'));
  const words = tokens.map((t, i) => {
    const kind = kindOf(t.tokenType.name, KEYWORDS.has(t.tokenType), tokens[i - 1]?.image);
    return word(t.startOffset, t.image, kind);
  });
  if (comments.length === 0) return words;
  return [...words, ...comments].sort((a, b) => a.start - b.start);
}

/** The words of a part of the text in order, read in parts that follow each other. */
export function coloured(
  readings: Readings,
  reading: Reading,
  start: number,
  parts: readonly string[],
  words: Words,
): readonly Coloured[] {
  const end = parts.reduce((sum, part) => sum + part.length, start);
  const names = namesIn(readings, reading, { start, end });
  const found: Coloured[] = [];
  let at = start;
  for (const part of parts) {
    for (const { start: from, end: to, kind } of words.of(part)) {
      const name = names.get(at + from);
      if (name !== undefined && name.span.end <= at + to)
        found.push({ ...name, span: { start: at + from, end: at + to } });
      else if (kind !== null) found.push({ span: { start: at + from, end: at + to }, kind, declares: false });
    }
    at += part.length;
  }
  return found;
}

function kindOf(token: string, keyword: boolean, before: string | undefined): TokenKind | null {
  if (before === '.') return 'property';
  return keyword ? 'keyword' : (LITERALS.get(token) ?? null);
}

/** The names of a part of the text, by where they start. */
function namesIn(readings: Readings, reading: Reading, part: tree.Span): ReadonlyMap<number, Coloured> {
  const found = new Map<number, Coloured>();
  for (const s of reading.file.statements) {
    const { start, end } = reading.place(s.span);
    if (end < part.start || start > part.end) continue;
    for (const { name, target, defines } of foundIn(readings, reading, s)) {
      const span = reading.place(name.span);
      found.set(span.start, { span, kind: kindOfName(target.definition.kind), declares: defines });
    }
  }
  return found;
}

function kindOfName(kind: ReturnType<typeof foundIn>[number]['target']['definition']['kind']): TokenKind {
  switch (kind) {
    case 'parameter':
      return 'parameter';
    case 'role':
    case 'principals':
      return 'class';
    case 'actions':
      return 'type';
    case 'let':
    case 'template':
    case 'instance':
      return 'function';
    case 'import':
      return 'namespace';
    default:
      return 'variable';
  }
}
