// SPDX-License-Identifier: Apache-2.0
/**
 * The TextMate grammar, from the tokens of the language: `node scripts/textmate.mjs` writes it. It colours what a regular
 * expression can see; what names mean is for the language server to say.
 */
import { type Keyword, OPERATOR_WORDS, RESERVED, STATEMENT_WORDS } from '../../grammar/tokens.js';

interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly captures?: { readonly [group: string]: { readonly name: string } };
  readonly patterns?: readonly Rule[];
}

const EFFECTS: readonly Keyword[] = ['allow', 'review', 'deny', 'escalate', 'redact'];
const OPERATORS: readonly Keyword[] = ['and', 'or', 'not', 'in', 'with', ...OPERATOR_WORDS];
const CONSTANTS: readonly Keyword[] = ['true', 'false', 'null', 'unavailable', 'default'];
const SUBJECTS: readonly Keyword[] = [
  ...(['args', 'principal', 'user', 'session', 'tool', 'result', 'self', 'now'] as const),
];
const TYPES = 'bool int decimal string path url instant duration enum list'.split(' ');
const DAYS = 'mon tue wed thu fri sat sun'.split(' ');

const ID = '[A-Za-z_][A-Za-z0-9_]*';
const STRING = '"(?:[^"\\\\]|\\\\.)*"';
const RUN = '(?:[A-Za-z0-9_.@*]|-(?!>))+';
const PART = `(?:${STRING}|${RUN})`;
/** Behind a dot every word is a member, and before and behind other letters it is another word. */
const words = (list: readonly string[]): string => `(?<![A-Za-z0-9_.])(?:${list.join('|')})(?![A-Za-z0-9_])`;
const scope = (name: string): { readonly name: string } => ({ name: `${name}.sepal` });
const match = (name: string, expression: string): Rule => ({ ...scope(name), match: expression });

/** A keyword and the name behind it. */
function naming(list: readonly string[], name: string, behind: string): Rule {
  const keyword = `(?<![A-Za-z0-9_.])(${list.join('|')})`;
  return {
    match: `${keyword}\\s+(${ID})${behind}`,
    captures: { 1: scope(keywordScope(list[0] ?? '')), 2: scope(name) },
  };
}

const keywordScope = (word: string): string =>
  EFFECTS.some((effect) => effect === word) ? 'keyword.control.effect' : 'keyword.control';

const REST = RESERVED.filter(
  (word) => ![EFFECTS, OPERATORS, CONSTANTS, SUBJECTS, STATEMENT_WORDS].some((list) => list.includes(word)),
);

const LITERALS: readonly Rule[] = [
  match('comment.line.double-slash', '//.*$'),
  { ...scope('string.regexp'), match: 'r"(?:[^"\\\\]|\\\\.)*"' },
  {
    match: `(?<![A-Za-z0-9_.@*-])(${PART})(/)(${PART})`,
    captures: {
      1: scope('entity.name.namespace'),
      2: scope('punctuation.separator.tool'),
      3: scope('entity.name.function.tool'),
    },
  },
  {
    match: `(?<![A-Za-z0-9_.])(agent|user|service)(:)(${PART})`,
    captures: {
      1: scope('storage.type.principal'),
      2: scope('punctuation.separator.principal'),
      3: scope('entity.name.type.principal'),
    },
  },
  {
    match: `(?<![A-Za-z0-9_.])(role)\\s*(:)\\s*(${ID})`,
    captures: {
      1: scope('keyword.other'),
      2: scope('punctuation.separator.role'),
      3: scope('entity.name.type.role'),
    },
  },
  {
    ...scope('string.quoted.double'),
    begin: '"',
    end: '"|$',
    patterns: [match('constant.character.escape', '\\\\(?:u\\{[0-9A-Fa-f]+\\}|u[0-9A-Fa-f]{4}|.)')],
  },
  match('constant.numeric.version', '\\b\\d+\\.\\d+\\.\\d+(?:[-+][0-9A-Za-z.+-]+)?'),
  match('constant.numeric.date', '\\b\\d{4}-\\d\\d-\\d\\d(?![A-Za-z0-9_])'),
  match('constant.numeric.time', '\\b\\d\\d:\\d\\d(?![A-Za-z0-9_])'),
  match('constant.numeric.duration', '\\b\\d+[smhd](?![A-Za-z0-9_])'),
  match('constant.numeric', '\\b\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?(?![A-Za-z0-9_])'),
];

const NAMES: readonly Rule[] = [
  naming(EFFECTS, 'entity.name.function.rule', '(?=\\s*:)'),
  naming(['limit', 'counter', 'score', 'fact'], 'variable.other.constant', '(?=\\s*:)'),
  naming(['let', 'template', 'instance', 'decide'], 'entity.name.function', '(?![A-Za-z0-9_])'),
  naming(['principals', 'actions', 'schedule'], 'entity.name.type', '(?![A-Za-z0-9_])'),
];

const WORDS: readonly Rule[] = [
  match('keyword.control.effect', words(EFFECTS)),
  match('keyword.operator.word', words(OPERATORS)),
  match('constant.language', words(CONSTANTS)),
  match('variable.language', words(SUBJECTS)),
  match('keyword.control', words(STATEMENT_WORDS.filter((word) => !EFFECTS.includes(word)))),
  match('keyword.other', words(REST)),
  match('storage.type', words(TYPES)),
  match('constant.language.day', words(DAYS)),
  match('variable.other.property', `(?<=\\.)${ID}`),
  match('entity.name.function.call', `(?<![A-Za-z0-9_.])${ID}(?=\\()`),
];

const SYMBOLS: readonly Rule[] = [
  match('keyword.operator.arrow', '->|=>'),
  match('keyword.operator.comparison', '==|!=|<=|>=|<|>'),
  match('keyword.operator.range', '\\.\\.'),
  match('keyword.operator', '[=+*-]'),
  match('punctuation.separator', '[,:.]'),
  match('punctuation.section', '[{}()\\[\\]]'),
];

/** The grammar as TextMate and VS Code read it. */
export function textmate(): string {
  const grammar = {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    information_for_contributors: 'Written by scripts/textmate.mjs from grammar/tokens.ts.',
    name: 'Sepal',
    scopeName: 'source.sepal',
    fileTypes: ['sep'],
    patterns: [...LITERALS, ...NAMES, ...WORDS, ...SYMBOLS],
  };
  return `${JSON.stringify(grammar, null, 2)}\n`;
}
