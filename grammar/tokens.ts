// SPDX-License-Identifier: Apache-2.0
/** The tokens of a `.sep` file, in the order in which the lexer tries them. */
import { createToken, type CustomPatternMatcherFunc, EOF, Lexer, type TokenType } from 'chevrotain';

/** One PART: a string, or a run of part characters that a `->` always ends. */
const RUN = '(?:[A-Za-z0-9_.@*]|-(?!>))+';
const STRING = '"(?:[^"\\\\\\n]|\\\\[^\\n])*"';
const PART = `(?:${RUN}|${STRING})`;

/** A sticky match; the patterns are ours and linear. */
const sticky = (source: string): RegExp => new RegExp(source, 'y');
const PART_CHARS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@*"'];
const DIGITS = [...'0123456789'];

/** Any word, reserved or not: what may stand after a dot, as a key, role, claim or enum member. */
export const AnyWord = createToken({ name: 'AnyWord', pattern: Lexer.NA, label: 'a name' });
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
  pattern: sticky(`${PART}/${PART}`),
  label: 'a tool as `server/name`',
  start_chars_hint: PART_CHARS,
  line_breaks: false,
});
export const KindPart = createToken({
  name: 'KindPart',
  pattern: sticky(`(?:agent|user|service):${PART}`),
  label: 'a principal such as `agent:name`',
  start_chars_hint: ['a', 'u', 's'],
  line_breaks: false,
});

/** After `sampling from`, `elicitation from`, `roots from` a lone PART names the server. */
const fromPart = sticky(RUN);
const matchFromPart: CustomPatternMatcherFunc = (text, offset, tokens) => {
  const [kind, from] = tokens.slice(-2);
  if (from?.image !== 'from' || kind === undefined || !SERVER_KINDS.has(kind.image)) return null;
  fromPart.lastIndex = offset;
  return fromPart.exec(text);
};
const SERVER_KINDS = new Set(['sampling', 'elicitation', 'roots']);
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
  categories: [AnyWord],
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
  'has',
  'under',
  'within',
  'starts',
  'ends',
  'contains',
  'like',
  'matches',
] as const;
export type Reserved = (typeof RESERVED)[number];

const keywords = new Map<string, TokenType>(
  RESERVED.map((word) => [
    word,
    createToken({
      name: `Kw_${word}`,
      pattern: word,
      longer_alt: Word,
      label: `\`${word}\``,
      categories: [AnyWord],
    }),
  ]),
);

/** The token of a reserved word. */
export function kw(word: Reserved): TokenType {
  return keywords.get(word) as TokenType;
}

export const STATEMENT_WORDS: readonly Reserved[] = [
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
];

let lexer: Lexer | undefined;
/** The one lexer, made on first use. */
export function sepalLexer(): Lexer {
  lexer ??= new Lexer(ALL_TOKENS, { ensureOptimizations: true, positionTracking: 'onlyOffset' });
  return lexer;
}
