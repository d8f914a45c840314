// SPDX-License-Identifier: Apache-2.0
/** Text to tokens, in one pass and without a way to fail: what starts no token is set aside. */
import { partEnd, stringEnd } from './parts.js';
import type { Token, TokenType } from './token.js';
import * as t from './tokens.js';

/** A comment, or text that starts no token. */
export interface Aside {
  readonly image: string;
  readonly startOffset: number;
}

export interface Scanned {
  /** What the parser reads. */
  readonly tokens: Token[];
  readonly comments: readonly Aside[];
  readonly stray: readonly Aside[];
}

const SPACE = 1;
const DIGIT = 2;
const LETTER = 3;
const OTHER_RUN = 4;
const QUOTE = 5;

const CLASS = Uint8Array.from({ length: 128 }, (_, unit) => {
  const c = String.fromCharCode(unit);
  if (' \t\r\n'.includes(c)) return SPACE;
  if (/[0-9]/.test(c)) return DIGIT;
  if (/[A-Za-z_]/.test(c)) return LETTER;
  if ('-.@*'.includes(c)) return OTHER_RUN;
  return c === '"' ? QUOTE : 0;
});
const SLASH = 0x2f;
const COLON = 0x3a;

/** Numbers and what looks like one, in the order in which they are tried. */
const NUMBERS: readonly (readonly [TokenType, RegExp])[] = [
  [t.Version, /\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?/y],
  [t.DateToken, /\d\d\d\d-\d\d-\d\d(?![A-Za-z0-9_])/y],
  [t.Time, /\d\d:\d\d(?![A-Za-z0-9_])/y],
  [t.DurationToken, /\d+[smhd](?![A-Za-z0-9_])/y],
  [t.Exponent, /\d+(?:\.\d+)?[eE][+-]?\d+(?![A-Za-z0-9_])/y],
  [t.Decimal, /\d+\.\d+(?![A-Za-z0-9_])/y],
  [t.Int, /\d+(?![A-Za-z0-9_])/y],
  [t.BadNumber, /\d[A-Za-z0-9_]*/y],
];
const STRAY = /[^\0-\x7F]+|&&|\|\||[\0-\x7F]/y;
const KINDS = ['agent:', 'user:', 'service:'];
const SERVER_KINDS = new Set(['sampling', 'elicitation', 'roots']);

interface Sign {
  readonly type: TokenType;
  readonly image: string;
  /** The code of its second character. */
  readonly second: number | null;
}
/** By the code of their first character, the long ones first. */
const SYMBOLS: readonly (readonly Sign[])[] = Array.from({ length: 128 }, (_, unit) =>
  t.SYMBOLS.map((type) => ({ type, image: type.LABEL.slice(1, -1) }))
    .filter(({ image }) => image.charCodeAt(0) === unit)
    .map((each) => ({ ...each, second: each.image.length > 1 ? each.image.charCodeAt(1) : null }))
    .sort((a, b) => b.image.length - a.image.length),
);

export function scan(text: string): Scanned {
  const tokens: Token[] = [];
  const comments: Aside[] = [];
  const stray: Aside[] = [];
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    const kind = CLASS[unit] ?? 0;
    if (kind === SPACE) {
      at++;
      continue;
    }
    const token = kind === 0 ? symbol(text, at) : starting(kind, text, at, tokens);
    if (token !== null) {
      tokens.push(token);
      at += token.image.length;
      continue;
    }
    const comment = unit === SLASH && text.charCodeAt(at + 1) === SLASH;
    const image = comment ? lineRest(text, at) : matched(STRAY, text, at);
    (comment ? comments : stray).push({ image, startOffset: at });
    at += image.length;
  }
  return { tokens, comments, stray };
}

const made = (tokenType: TokenType, image: string, startOffset: number): Token => ({
  tokenType,
  image,
  startOffset,
  tokenTypeIdx: 0,
});

/** What starts with a character that a PART may start with. */
function starting(kind: number, text: string, at: number, before: readonly Token[]): Token | null {
  const from = before.at(-1)?.tokenType === FROM && SERVER_KINDS.has(before.at(-2)?.image ?? '');
  const end = partEnd(text, at);
  if (from && kind !== QUOTE && end > at) return made(t.FromPart, text.slice(at, end), at);
  return (
    (kind === LETTER ? regex(text, at) : null) ??
    (text.charCodeAt(end) === SLASH && end > at ? action(text, at, end) : null) ??
    plain(kind, text, at, end)
  );
}
const FROM = t.kw('from');

function plain(kind: number, text: string, at: number, end: number): Token | null {
  switch (kind) {
    case LETTER:
      return (text.charCodeAt(end) === COLON ? kindPart(text, at) : null) ?? word(text, at);
    case DIGIT:
      return number(text, at);
    case QUOTE:
      return end > at
        ? made(t.StringToken, text.slice(at, end), at)
        : made(t.OpenString, lineRest(text, at), at);
    default:
      return symbol(text, at);
  }
}

/** `r"…"` */
function regex(text: string, at: number): Token | null {
  if (!text.startsWith('r"', at)) return null;
  const end = stringEnd(text, at + 1);
  return end === at + 1 ? null : made(t.Regex, text.slice(at, end), at);
}

/** `PART/PART`; the first ends at `slash`. */
function action(text: string, at: number, slash: number): Token | null {
  const end = partEnd(text, slash + 1);
  return end === slash + 1 ? null : made(t.Action, text.slice(at, end), at);
}

/** `KIND:PART` */
function kindPart(text: string, at: number): Token | null {
  const kind = KINDS.find((each) => text.startsWith(each, at));
  if (kind === undefined) return null;
  const end = partEnd(text, at + kind.length);
  return end === at + kind.length ? null : made(t.KindPart, text.slice(at, end), at);
}

function word(text: string, at: number): Token {
  let end = at + 1;
  for (let kind = CLASS[text.charCodeAt(end)]; kind === LETTER || kind === DIGIT; ) {
    kind = CLASS[text.charCodeAt(++end)];
  }
  const image = text.slice(at, end);
  return made(t.KEYWORDS.get(image) ?? t.Word, image, at);
}

function number(text: string, at: number): Token | null {
  for (const [type, pattern] of NUMBERS) {
    pattern.lastIndex = at;
    const image = pattern.exec(text)?.[0];
    if (image !== undefined) return made(type, image, at);
  }
  return null;
}

/** The longest symbol that stands here. */
function symbol(text: string, at: number): Token | null {
  for (const { type, image, second } of SYMBOLS[text.charCodeAt(at)] ?? []) {
    if (second === null || text.charCodeAt(at + 1) === second) return made(type, image, at);
  }
  return null;
}

function lineRest(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.slice(at) : text.slice(at, end);
}

function matched(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? text.charAt(at);
}
