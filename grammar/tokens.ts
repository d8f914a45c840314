// SPDX-License-Identifier: Apache-2.0
/** The tokens of a `.sep` file, in the order in which the lexer tries them. */
import { createToken, EOF, Lexer, type TokenType } from 'chevrotain';
import { matchAction, matchFromPart, matchKindPart } from './parts.js';

const PART_CHARS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@*"'];
const DIGITS = [...'0123456789'];

/** Any word, reserved or not: what may stand after a dot, as a key, role, claim or enum member. */
export const AnyWord = createToken({ name: 'AnyWord', pattern: Lexer.NA, label: 'a name' });
/** What a statement may give as a name: any word that is not reserved. */
export const NameWord = createToken({ name: 'NameWord', pattern: Lexer.NA, label: 'a name' });
// The end of the file in messages.
EOF.LABEL = 'the end of the file';

export const WhiteSpace = createToken({
  name: 'WhiteSpace',
  pattern: /[ \t\r\n]+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});
export const CommentToken = createToken({ name: 'Comment', pattern: /\/\/[^\n]*/, group: 'comments' });
export const Regex = createToken({
  name: 'Regex',
  pattern: /r"(?:[^"\\\n]|\\[^\n])*"/,
  label: 'a pattern r"…"',
  start_chars_hint: ['r'],
});
export const Action = createToken({
  name: 'Action',
  pattern: matchAction,
  label: 'a tool as `server/name`',
  start_chars_hint: PART_CHARS,
  line_breaks: false,
});
export const KindPart = createToken({
  name: 'KindPart',
  pattern: matchKindPart,
  label: 'a principal such as `agent:name`',
  start_chars_hint: ['a', 'u', 's'],
  line_breaks: false,
});

export const FromPart = createToken({
  name: 'FromPart',
  pattern: matchFromPart,
  label: 'a server',
  start_chars_hint: PART_CHARS,
  line_breaks: false,
});

const number = (name: string, pattern: RegExp, label: string): TokenType =>
  createToken({ name, pattern, label, start_chars_hint: DIGITS });
export const Version = number(
  'Version',
  /\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?/,
  'a version such as `1.0.0`',
);
export const DateToken = number('Date', /\d\d\d\d-\d\d-\d\d(?![A-Za-z0-9_])/, 'a date such as `2026-12-25`');
export const Time = number('Time', /\d\d:\d\d(?![A-Za-z0-9_])/, 'a time such as `09:30`');
export const DurationToken = number('Duration', /\d+[smhd](?![A-Za-z0-9_])/, 'a duration such as `15m`');
export const Exponent = number('Exponent', /\d+(?:\.\d+)?[eE][+-]?\d+(?![A-Za-z0-9_])/, 'a number');
export const Decimal = number('Decimal', /\d+\.\d+(?![A-Za-z0-9_])/, 'a number');
export const Int = number('Int', /\d+(?![A-Za-z0-9_])/, 'a whole number');
export const BadNumber = number('BadNumber', /\d[A-Za-z0-9_]*/, 'a number');

export const StringToken = createToken({
  name: 'String',
  pattern: /"(?:[^"\\\n]|\\[^\n])*"/,
  label: 'a string',
});
export const OpenString = createToken({ name: 'OpenString', pattern: /"[^\n]*/, label: 'a string' });

/**
 * What starts no other token, out of the parser's sight. With it the lexer never looks for a place to go on, which costs it every
 * pattern at every character. Tried last, at any character: the hints name each of the lexer's buckets of first characters.
 */
const STRAY_RUN = /[^\0-\x7F]+|&&|\|\||[\0-\x7F]/y;
export const Stray = createToken({
  name: 'Stray',
  pattern: (text, offset) => {
    STRAY_RUN.lastIndex = offset;
    return STRAY_RUN.exec(text);
  },
  group: 'stray',
  line_breaks: false,
  start_chars_hint: Array.from({ length: 512 }, (_, i) => (i < 257 ? i : (i - 255) * 255)),
});

const symbol = (name: string, text: string): TokenType =>
  createToken({ name, pattern: text, label: `\`${text}\`` });
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

export const Word = createToken({
  name: 'Word',
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  label: 'a name',
  categories: [AnyWord, NameWord],
});

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
  createToken({ name: `Kw_${word}`, pattern: word, longer_alt: Word, label: `\`${word}\``, categories }),
];
const keywords = new Map<string, TokenType>([
  ...RESERVED.map((word) => keyword(word, [AnyWord])),
  ...OPERATOR_WORDS.map((word) => keyword(word, [AnyWord, NameWord])),
]);

/** The token of a keyword. */
export function kw(word: Keyword): TokenType {
  return keywords.get(word) as TokenType;
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

export const ALL_TOKENS: TokenType[] = [
  WhiteSpace,
  CommentToken,
  FromPart,
  Regex,
  Action,
  KindPart,
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
  ...[...keywords.values()].sort((a, b) => b.name.length - a.name.length),
  Word,
  AnyWord,
  NameWord,
  Stray,
];

let lexer: Lexer | undefined;
/** The one lexer, made on first use. */
export function sepalLexer(): Lexer {
  lexer ??= new Lexer(ALL_TOKENS, { ensureOptimizations: true, positionTracking: 'onlyOffset' });
  return lexer;
}
