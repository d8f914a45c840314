// SPDX-License-Identifier: Apache-2.0
/** What is being written at a place: the statement up to there, and what the grammar lets follow. Works on broken text, too. */
import { parse } from '../../grammar/parse.js';
import { mayFollow } from '../../grammar/recovery.js';
import { scan } from '../../grammar/scan.js';
import type { Token } from '../../grammar/token.js';
import { kw, Action, Arrow, Dot, type Keyword, STATEMENT_TYPES } from '../../grammar/tokens.js';
import type * as tree from '../../grammar/tree.js';

/** A token that may follow, and the rules of the grammar that it stands in, outermost first. */
export interface Next {
  readonly token: string;
  readonly rules: readonly string[];
}

export interface Situation {
  /** What is written already of the word at the place. */
  readonly partial: string;
  /** The tokens of the statement before that word. */
  readonly tokens: readonly Token[];
  /** With those of the template around it. */
  readonly around: readonly Token[];
  readonly next: readonly Next[];
  /** Does nothing stand before it on its line, outside of all braces? */
  readonly startsLine: boolean;
  /** In a string that is not closed. */
  readonly inString: boolean;
}

const WORD = /[A-Za-z0-9_@*-]*$/;
const PART = /(?:[A-Za-z0-9_.@*-]+\/)?[A-Za-z0-9_.@*-]*$/;
const TRIES = 4;
/** A statement that is longer, or a word, is looked at from here on. */
const MAX_BEFORE = 50_000;
const MAX_WORD = 400;

/** `from` is where the statement around `offset` may start; null inside a comment. */
export function situationAt(text: string, from: number, offset: number): Situation | null {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  const { inString, inComment } = insideOf(line);
  if (inComment) return null;
  const before = text.slice(Math.min(Math.max(from, offset - MAX_BEFORE), offset), offset);
  const tail = before.slice(-MAX_WORD);
  const string = inString ? before.lastIndexOf('"') : -1;
  const part = inString ? '' : (PART.exec(tail)?.[0] ?? '');
  const partial = inString
    ? before.slice(string + 1)
    : part.includes('/')
      ? part
      : (WORD.exec(tail)?.[0] ?? '');
  const rest = inString ? before.slice(0, string) : before.slice(0, before.length - partial.length);
  const { tokens } = scan(rest);
  const startsLine =
    !inString && line.slice(0, line.length - partial.length).trim() === '' && depthOf(tokens) <= 0;
  for (const start of startsOf(tokens, rest).slice(-TRIES).toReversed()) {
    const own = tokens.slice(start);
    const next = follow(own);
    if (next.length > 0) return { partial, tokens: own, around: tokens, next, startsLine, inString };
  }
  return { partial, tokens: [], around: tokens, next: startsLine ? follow([]) : [], startsLine, inString };
}

/** The grammar is asked about no more tokens, and no deeper ones: the time for it grows with their square. */
const MAX_TOKENS = 600;
const MAX_DEPTH = 64;

function follow(tokens: readonly Token[]): readonly Next[] {
  const own = shortened(tokens);
  if (own.length > MAX_TOKENS || deepest(own) > MAX_DEPTH) {
    return own.at(-1)?.tokenType === Dot
      ? [{ token: 'AnyWord', rules: ['operand with members', 'member'] }]
      : [];
  }
  return mayFollow(own).map(({ nextTokenType, ruleStack }) => ({
    token: nextTokenType.name,
    rules: ruleStack,
  }));
}

/** Without the steps of a test and the cases of a block that are whole: the grammar starts anew behind them. */
function shortened(tokens: readonly Token[]): readonly Token[] {
  const head = tokens[0]?.image;
  const word = head === 'decide' ? 'case' : head === 'test' || head === 'example' ? 'as' : null;
  const open = tokens.findIndex(({ image }) => image === '{');
  if (word === null || open < 0) return tokens;
  let [depth, last] = [0, open + 1];
  for (let i = open + 1; i < tokens.length; i++) {
    const image = tokens[i]?.image ?? '';
    if (OPENING.test(image)) depth++;
    else if (CLOSING.test(image)) depth--;
    else if (depth === 0 && image === word) last = i;
  }
  return [...tokens.slice(0, open + 1), ...tokens.slice(last)];
}

function deepest(tokens: readonly Token[]): number {
  let [depth, most] = [0, 0];
  for (const { image } of tokens) {
    if (OPENING.test(image)) most = Math.max(most, ++depth);
    else if (CLOSING.test(image)) depth--;
  }
  return most;
}
const OPENING = /^[([{]$/;
const CLOSING = /^[)\]}]$/;

/** Where statements may start among tokens: at words that start one, first on their line. */
function startsOf(tokens: readonly Token[], text: string): readonly number[] {
  return tokens.flatMap((token, i) => {
    if (!STATEMENT_TYPES.has(token.tokenType)) return [];
    const line = text.slice(text.lastIndexOf('\n', token.startOffset - 1) + 1, token.startOffset);
    return i === 0 || line.trim() === '' ? [i] : [];
  });
}

function depthOf(tokens: readonly Token[]): number {
  let depth = 0;
  for (const { image } of tokens) {
    if (image === '{') depth++;
    else if (image === '}') depth--;
  }
  return depth;
}

function insideOf(line: string): { readonly inString: boolean; readonly inComment: boolean } {
  let inString = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (inString && c === '\\') i++;
    else if (c === '"') inString = !inString;
    else if (!inString && c === '/' && line[i + 1] === '/') return { inString: false, inComment: true };
  }
  return { inString, inComment: false };
}

const ENDS: readonly Keyword[] = [
  ...([
    'when',
    'unless',
    'by',
    'because',
    'tell',
    'shadow',
    'on',
    'mask',
    'for',
    'count',
    'sum',
    'sliding',
  ] as const),
  ...(['fixed', 'else', 'partial', 'implies', 'add', 'decay', 'cap'] as const),
];

/** The actions that the statement is about, as far as they are written. */
export function writtenWhat(tokens: readonly Token[]): tree.What {
  const question = tokens[0]?.image === 'test' || tokens[0]?.image === 'example';
  const [on, ends] = [kw('on'), new Set(ENDS.map(kw))];
  const head = question
    ? tokens.findLastIndex((token) => token.tokenType === Action) - 1
    : tokens.findLastIndex(
        (token, i) => token.tokenType === Arrow || (token.tokenType === on && i > 0 && !isPhase(tokens, i)),
      );
  if (head < -1 || (head < 0 && !question)) return NOTHING;
  const rest = tokens.slice(head + 1);
  const end = rest.findIndex((token) => ends.has(token.tokenType) || token.image === '{');
  const written = rest.slice(0, end < 0 ? rest.length : end).map((token) => token.image);
  const { file } = parse(`sep 1\npolicy a 1.0.0\nactions x = ${written.join(' ')}\n`);
  const [s] = file.statements;
  return s?.kind === 'actions' ? s.what : NOTHING;
}

/** `on call`, `on list`, `on result`, and `on unknown` of a fact. */
const isPhase = (tokens: readonly Token[], i: number): boolean =>
  ['call', 'list', 'result', 'unknown'].includes(tokens[i + 1]?.image ?? '');

const NOTHING: tree.What = { include: [], except: [], span: { start: 0, end: 0 } };

/** The names that end at a token: `args.a.b`. */
export function chainBefore(tokens: readonly Token[], end: number): readonly string[] {
  const names: string[] = [];
  for (let i = end - 1; i >= 0 && names.length < MAX_DEPTH; i -= 2) {
    const image = tokens[i]?.image ?? '';
    const name = image.startsWith('"') ? image.slice(1, -1) : image;
    if (!/^[A-Za-z_]/.test(name) && !image.startsWith('"')) break;
    names.unshift(name);
    if (tokens[i - 1]?.tokenType !== Dot) break;
  }
  return names;
}
