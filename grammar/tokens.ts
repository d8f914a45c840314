// SPDX-License-Identifier: Apache-2.0
/** The types of tokens of a `.sep` file; scan.ts reads them. */
import type { Token, TokenType } from './token.js';

let types = 0;
const token = (name: string, label: string, categories: TokenType[] = []): TokenType => ({
  name,
  LABEL: label,
  CATEGORIES: categories,
  id: types++,
});

/** Any word, reserved or not: what may stand after a dot, as a key, role, claim or enum member. */
export const AnyWord = token('AnyWord', 'a name');
/** What a statement may give as a name: any word that is not reserved. */
export const NameWord = token('NameWord', 'a name');

export const Regex = token('Regex', 'a pattern r"…"');
export const Action = token('Action', 'a tool as `server/name`');
export const KindPart = token('KindPart', 'a principal such as `agent:name`');
export const FromPart = token('FromPart', 'a server');
export const Version = token('Version', 'a version such as `1.0.0`');
export const DateToken = token('Date', 'a date such as `2026-12-25`');
export const Time = token('Time', 'a time such as `09:30`');
export const DurationToken = token('Duration', 'a duration such as `15m`');
export const Exponent = token('Exponent', 'a number');
export const Decimal = token('Decimal', 'a number');
export const Int = token('Int', 'a whole number');
export const BadNumber = token('BadNumber', 'a number');
export const StringToken = token('String', 'a string');
export const OpenString = token('OpenString', 'a string');

const symbol = (name: string, text: string): TokenType => token(name, `\`${text}\``);
export const Arrow = symbol('Arrow', '->');
export const FatArrow = symbol('FatArrow', '=>');
export const EqualEqual = symbol('EqualEqual', '==');
export const NotEqual = symbol('NotEqual', '!=');
export const LessEqual = symbol('LessEqual', '<=');
export const GreaterEqual = symbol('GreaterEqual', '>=');
export const Less = symbol('Less', '<');
export const Greater = symbol('Greater', '>');
export const Equals = symbol('Equals', '=');
export const DotDot = symbol('DotDot', '..');
export const Dot = symbol('Dot', '.');
export const Comma = symbol('Comma', ',');
export const Colon = symbol('Colon', ':');
export const Plus = symbol('Plus', '+');
export const Minus = symbol('Minus', '-');
export const Star = symbol('Star', '*');
export const OpenBrace = symbol('OpenBrace', '{');
export const CloseBrace = symbol('CloseBrace', '}');
export const OpenBracket = symbol('OpenBracket', '[');
export const CloseBracket = symbol('CloseBracket', ']');
export const OpenParen = symbol('OpenParen', '(');
export const CloseParen = symbol('CloseParen', ')');

export const Word = token('Word', 'a name', [AnyWord, NameWord]);

/** Words that cannot be names. Types and day names are not among them. */
export const RESERVED = [
  'sep',
  'policy',
  'tighten',
  'import',
  'as',
  'tools',
  'role',
  'delegation',
  'strict',
  'principals',
  'actions',
  'let',
  'fact',
  'from',
  'claim',
  'config',
  'http',
  'fresh',
  'on',
  'unknown',
  'review',
  'schedule',
  'in',
  'except',
  'limit',
  'counter',
  'per',
  'session',
  'score',
  'by',
  'add',
  'when',
  'decay',
  'cap',
  'template',
  'instance',
  'count',
  'admitted',
  'attempts',
  'sum',
  'sliding',
  'fixed',
  'else',
  'escalate',
  'because',
  'allow',
  'deny',
  'call',
  'result',
  'redact',
  'mask',
  'unless',
  'tell',
  'shadow',
  'until',
  'quorum',
  'timeout',
  'self',
  'decide',
  'for',
  'partial',
  'case',
  'otherwise',
  'any',
  'agent',
  'user',
  'service',
  'resource',
  'prompt',
  'completion',
  'sampling',
  'elicitation',
  'roots',
  'principal',
  'server',
  'tool',
  'all',
  'test',
  'example',
  'assume',
  'prove',
  'never',
  'implies',
  'no',
  'rule',
  'dead',
  'not',
  'wider',
  'than',
  'cost',
  'steps',
  'or',
  'and',
  'with',
  'roles',
  'unavailable',
  'default',
  'masked',
  'repeat',
  'then',
  'approved',
  'at',
  'true',
  'false',
  'null',
  'now',
  'args',
] as const;
/** Words of conditions that are free as names: they mean something only after an operand. */
export const OPERATOR_WORDS = [
  'has',
  'under',
  'within',
  'starts',
  'ends',
  'contains',
  'like',
  'matches',
] as const;
export type Keyword = (typeof RESERVED)[number] | (typeof OPERATOR_WORDS)[number];

const keyword = (word: Keyword, categories: TokenType[]): readonly [string, TokenType] => [
  word,
  token(`Kw_${word}`, `\`${word}\``, categories),
];
/** The token of each word that is no plain name. */
export const KEYWORDS: ReadonlyMap<string, TokenType> = new Map([
  ...RESERVED.map((word) => keyword(word, [AnyWord])),
  ...OPERATOR_WORDS.map((word) => keyword(word, [AnyWord, NameWord])),
]);

/** The token of a keyword. */
export function kw(word: Keyword): TokenType {
  return KEYWORDS.get(word) as TokenType;
}

/** The words with which statements start. */
export const STATEMENT_WORDS: readonly Keyword[] = [
  'import',
  'tools',
  'role',
  'delegation',
  'principals',
  'actions',
  'let',
  'fact',
  'schedule',
  'limit',
  'counter',
  'score',
  'allow',
  'review',
  'deny',
  'escalate',
  'redact',
  'decide',
  'template',
  'instance',
  'test',
  'example',
  'assume',
  'prove',
];

export const STATEMENT_TYPES: ReadonlySet<TokenType> = new Set(STATEMENT_WORDS.map(kw));

export const SYMBOLS: readonly TokenType[] = [
  Arrow,
  FatArrow,
  EqualEqual,
  NotEqual,
  LessEqual,
  GreaterEqual,
  Less,
  Greater,
  Equals,
  DotDot,
  Dot,
  Comma,
  Colon,
  Plus,
  Minus,
  Star,
  OpenBrace,
  CloseBrace,
  OpenBracket,
  CloseBracket,
  OpenParen,
  CloseParen,
];

export const ALL_TOKENS: readonly TokenType[] = [
  AnyWord,
  NameWord,
  Regex,
  Action,
  KindPart,
  FromPart,
  Version,
  DateToken,
  Time,
  DurationToken,
  Exponent,
  Decimal,
  Int,
  BadNumber,
  StringToken,
  OpenString,
  ...SYMBOLS,
  Word,
  ...KEYWORDS.values(),
];

/** The end of the file. */
export const End = token('EOF', 'the end of the file');
export const END: Token = { tokenType: End, image: '', startOffset: Number.NaN, tokenTypeIdx: 0 };
