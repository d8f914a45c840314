// SPDX-License-Identifier: Apache-2.0
/** What the parser expected, in the author's words. */
import {
  EOF,
  type IParserErrorMessageProvider,
  type IToken,
  tokenLabel,
  tokenMatcher,
  type TokenType,
} from 'chevrotain';
import { visible } from './literals.js';
import { AnyWord, NameWord } from './tokens.js';

/** The rules of the grammar under the names that authors use. */
const STATEMENT = 'a statement such as `allow`, `deny` or `test`';
const PHRASES = new Map([
  ['condition', 'a condition'],
  ['value', 'a value'],
  ['operand', 'a value'],
  ['who term', 'who: `any`, a principal such as `agent:name`, `role:name` or a set'],
  ['what term', 'what: a tool as `server/name`, `*`, or a set'],
  ['effect word', 'an effect: `allow`, `review`, `deny` or `escalate`'],
  ['statement', STATEMENT],
  ['operator after not', '`in`, `under` or `within` after `not`'],
  ['json', 'a JSON value'],
  ['claim', 'what is to be proved: `never …`, `allow … implies …`, `no rule dead`'],
  ['key', 'a key: `principal`, `user`, `session`, `server`, `tool` or `all`'],
]);

/** `found` and `expected` ride in the message, split again in parse.ts. */
const SEPARATOR = '\u0000';

export function splitMessage(message: string): { readonly expected: string; readonly found: string } {
  const [expected = '', found = ''] = message.split(SEPARATOR);
  return { expected, found };
}

export function describe(token: IToken | undefined): string {
  if (token === undefined || token.tokenType === EOF || token.image === undefined)
    return 'the end of the file';
  return `\`${visible(token.image, 40)}\``;
}

const join = (expected: string, actual: IToken | undefined): string =>
  expected + SEPARATOR + describe(actual);

/** `a`, `b` or `c`, at most eight. */
function oneOf(labels: readonly string[]): string {
  const unique = [...new Set(labels)];
  const shown = unique.slice(0, 8);
  if (unique.length > shown.length) return `${shown.join(', ')} …`;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

const labels = (paths: readonly (readonly TokenType[])[]): string =>
  oneOf(paths.flatMap((path) => (path[0] === undefined ? [] : [tokenLabel(path[0])])));

/** Told errors are counted: what stands after a hundred of them helps nobody, and recovery costs time. */
export interface Budget {
  left: number;
}
export class TooManyErrors extends Error {}

export const errorMessages = (budget: Budget): IParserErrorMessageProvider => {
  const spend = (expected: string, actual: IToken | undefined): string => {
    if (budget.left-- <= 0) throw new TooManyErrors();
    return join(expected, actual);
  };
  return {
    buildMismatchTokenMessage: ({ expected, actual }) => spend(wanted(expected, actual), actual),
    buildNotAllInputParsedMessage: ({ firstRedundant }) => spend(STATEMENT, firstRedundant),
    buildNoViableAltMessage: ({ expectedPathsPerAlt, actual, ruleName }) =>
      spend(PHRASES.get(ruleName) ?? labels(expectedPathsPerAlt.flat()), actual[0]),
    buildEarlyExitMessage: ({ expectedIterationPaths, actual, ruleName }) =>
      spend(PHRASES.get(ruleName) ?? labels(expectedIterationPaths), actual[0]),
  };
};

/** A reserved word where a name is wanted is said to be one. */
function wanted(expected: TokenType, actual: IToken): string {
  if (expected === EOF) return STATEMENT;
  const reserved = expected === NameWord && tokenMatcher(actual, AnyWord);
  return reserved ? 'a name that is not a reserved word' : tokenLabel(expected);
}
