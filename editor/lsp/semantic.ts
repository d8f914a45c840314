// SPDX-License-Identifier: Apache-2.0
/** What each word of a policy is, for colours: what the tokens say, and what the names mean. */
import { kw, type Keyword, OPERATOR_WORDS, RESERVED, sepalLexer } from '../../grammar/tokens.js';
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

/** The words between two offsets of the text, in order. */
export function coloured(readings: Readings, reading: Reading, part: tree.Span): readonly Coloured[] {
  const names = namesIn(readings, reading, part);
  const { tokens, groups } = sepalLexer().tokenize(reading.text.slice(part.start, part.end));
  const comments = (groups['comments'] ?? []).map((token) => ({ token, kind: 'comment' as const }));
  const words = tokens.flatMap((token, i) => {
    const start = token.startOffset + part.start;
    const name = names.get(start);
    if (name !== undefined && name.span.end <= start + token.image.length) return [{ token, ...name }];
    const kind = kindOf(token.tokenType.name, KEYWORDS.has(token.tokenType), tokens[i - 1]?.image);
    return kind === null ? [] : [{ token, kind }];
  });
  return [...words, ...comments]
    .map(({ token, kind, ...name }) => ({
      span: {
        start: token.startOffset + part.start,
        end: token.startOffset + part.start + token.image.length,
      },
      kind,
      declares: 'declares' in name && name.declares === true,
    }))
    .sort((a, b) => a.span.start - b.span.start);
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
