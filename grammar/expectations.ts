// SPDX-License-Identifier: Apache-2.0
/** What the parser expected, in the author's words. */
import { visible } from './literals.js';
import { isA, type Token, type TokenType } from './token.js';
import { AnyWord, NameWord } from './tokens.js';

const STATEMENT = 'a statement such as `allow`, `deny` or `test`';
const WHO = 'who: `any`, a principal such as `agent:name`, `role:name` or the name of a set';
const WHAT = 'what: a tool as `server/name`, `*`, or the name of a set';
const EFFECT = 'an effect: `allow`, `review`, `deny` or `escalate`';
export const TYPE =
  'a type: `bool`, `int`, `decimal`, `string`, `path`, `url`, `instant`, `duration`, `principals`, `enum a, b` or `list<type>`';
const KEY = 'a key: `principal`, `user`, `session`, `server`, `tool` or `all`';
const DAY = 'a day: `mon` to `sun`';

/** What stands where a rule of the grammar starts, in the author's words. */
const PHRASES = new Map([
  ['condition', 'a condition'],
  ['negation', 'a condition'],
  ['value', 'a value'],
  ['operand', 'a value'],
  ['value of a fact', 'a value, or `unavailable`'],
  ['given value', '`roles [a, b]`, `result "text"`, or a fact and its value'],
  ['who', WHO],
  ['who term', WHO],
  ['what', WHAT],
  ['what term', WHAT],
  [
    'action',
    'an action: a tool as `server/name`, or `resource`, `prompt`, `completion`, `sampling from server` …',
  ],
  ['effect word', EFFECT],
  ['effects', EFFECT],
  ['statement', STATEMENT],
  ['type', TYPE],
  ['approval', 'who approves: `self`, or roles such as `role:security`'],
  ['operator after not', '`in`, `under` or `within` after `not`'],
  ['json', 'a JSON value'],
  ['key and value', 'a key such as `path: "/a"`'],
  [
    'claim',
    'what is to be proved: `never …`, `allow … implies …`, `no rule dead`, `not wider than …` or `cost <= …`',
  ],
  ['key', KEY],
  ['keys', KEY],
]);

/** What else could stand where a rule of the grammar wants a token. */
const TOKENS = new Map([
  ['block }', '`}`, or an operator such as `==` or `and`'],
  ['decide }', '`case`, `otherwise` or `}`'],
  ['steps }', 'a question such as `fs/read { path: "/a" } => allow`, `as …` or `}`'],
  ['score }', '`add`, `decay`, `cap` or `}`'],
  ['schedule }', 'days and times such as `mon..fri 09:00..17:00`, `except` or `}`'],
  ['template }', 'a statement or `}`'],
  ['arguments object }', '`,` or `}`'],
  ['arguments )', '`,` or `)`'],
  ['argument )', '`,` or `)`'],
  ['instance )', '`,` or `)`'],
  ['value ]', '`,` or `]`'],
  ['value )', '`)`, or an operator such as `==` or `and`'],
  ['json ]', '`,` or `]`'],
  ['question a name', '`list`'],
  ['day a name', DAY],
]);

/** `found` and `expected` ride in the message, split again in parse.ts. */
const SEPARATOR = '\u0000';

export function splitMessage(message: string): { readonly expected: string; readonly found: string } {
  const [expected = '', found = ''] = message.split(SEPARATOR);
  return { expected, found };
}

/** Chevrotain has an end of the file of its own. */
const isEnd = ({ name }: TokenType): boolean => name === 'EOF';

export function describe(token: Token | undefined): string {
  if (token === undefined || isEnd(token.tokenType) || token.image === undefined)
    return 'the end of the file';
  return `\`${visible(token.image, 40)}\``;
}

const join = (expected: string, actual: Token | undefined): string => expected + SEPARATOR + describe(actual);

/** `a`, `b` or `c`, at most eight. */
function oneOf(labels: readonly string[]): string {
  const unique = [...new Set(labels)];
  const shown = unique.slice(0, 8);
  if (unique.length > shown.length) return `${shown.join(', ')} …`;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

const labels = (paths: readonly (readonly TokenType[])[]): string =>
  oneOf(paths.flatMap((path) => (path[0] === undefined ? [] : [path[0].LABEL])));

/** Told errors are counted: what stands after a hundred of them helps nobody, and recovery costs time. */
export interface Budget {
  left: number;
}
export class TooManyErrors extends Error {}

/** What Chevrotain asks for a message, in terms of our tokens. */
interface Messages {
  buildMismatchTokenMessage(mistake: { expected: TokenType; actual: Token; ruleName: string }): string;
  buildNotAllInputParsedMessage(mistake: { firstRedundant: Token }): string;
  buildNoViableAltMessage(mistake: {
    expectedPathsPerAlt: Paths[];
    actual: Token[];
    ruleName: string;
  }): string;
  buildEarlyExitMessage(mistake: {
    expectedIterationPaths: Paths;
    actual: Token[];
    ruleName: string;
  }): string;
}
type Paths = TokenType[][];

export const errorMessages = (budget: Budget): Messages => {
  const spend = (expected: string, actual: Token | undefined): string => {
    if (budget.left-- <= 0) throw new TooManyErrors();
    return join(expected, actual);
  };
  return {
    buildMismatchTokenMessage: ({ expected, actual, ruleName }) =>
      spend(wanted(expected, actual, ruleName), actual),
    buildNotAllInputParsedMessage: ({ firstRedundant }) => spend(STATEMENT, firstRedundant),
    buildNoViableAltMessage: ({ expectedPathsPerAlt, actual, ruleName }) =>
      spend(PHRASES.get(ruleName) ?? labels(expectedPathsPerAlt.flat()), actual[0]),
    buildEarlyExitMessage: ({ expectedIterationPaths, actual, ruleName }) =>
      spend(PHRASES.get(ruleName) ?? labels(expectedIterationPaths), actual[0]),
  };
};

/** A reserved word where a name is wanted is said to be one. */
function wanted(expected: TokenType, actual: Token, rule: string): string {
  if (isEnd(expected)) {
    return actual.image === 'on'
      ? `${STATEMENT} (a phase such as \`on list\` stands right behind what)`
      : STATEMENT;
  }
  const label = expected.LABEL;
  const phrase = TOKENS.get(`${rule} ${label.replaceAll('`', '')}`);
  if (phrase !== undefined) return phrase;
  const reserved = expected === NameWord && isA(actual.tokenType, AnyWord);
  return reserved ? 'a name that is not a reserved word' : label;
}
