// SPDX-License-Identifier: Apache-2.0
// The scanner, written by hand, against Chevrotain's lexer and patterns that say the same.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createToken, Lexer, type TokenType } from 'chevrotain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scan } from '../../grammar/scan.js';
import { KEYWORDS, SYMBOLS } from '../../grammar/tokens.js';

const STRING = String.raw`"(?:[^"\\\n]|\\[^\n])*"`;
const RUN = String.raw`(?:[A-Za-z0-9_.@*]|-(?!>))+`;
const PART = `(?:${STRING}|${RUN})`;
const WORD_ENDS = '(?![A-Za-z0-9_])';

const token = (name: string, pattern: string | RegExp, more: object = {}): TokenType =>
  createToken({ name, pattern: new RegExp(pattern), ...more });
const Word = token('Word', /[A-Za-z_][A-Za-z0-9_]*/);

/** A lexer that tries each pattern at each place, in this order. */
const lexer = new Lexer(
  [
    token('Space', /[ \t\r\n]+/, { group: Lexer.SKIPPED, line_breaks: true }),
    token('Comment', /\/\/[^\n]*/, { group: 'comments' }),
    createToken({
      name: 'FromPart',
      pattern: (text, at, before) => {
        const [kind, from] = before.slice(-2).map(({ image }) => image);
        if (from !== 'from' || !/^(?:sampling|elicitation|roots)$/.test(kind ?? '')) return null;
        const run = new RegExp(RUN, 'y');
        run.lastIndex = at;
        return run.exec(text);
      },
      line_breaks: false,
    }),
    token('Regex', `r${STRING}`),
    token('Action', `${PART}/${PART}`),
    token('KindPart', `(?:agent|user|service):${PART}`),
    token('Version', /\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?/),
    token('Date', String.raw`\d\d\d\d-\d\d-\d\d${WORD_ENDS}`),
    token('Time', String.raw`\d\d:\d\d${WORD_ENDS}`),
    token('Duration', String.raw`\d+[smhd]${WORD_ENDS}`),
    token('Exponent', String.raw`\d+(?:\.\d+)?[eE][+-]?\d+${WORD_ENDS}`),
    token('Decimal', String.raw`\d+\.\d+${WORD_ENDS}`),
    token('Int', String.raw`\d+${WORD_ENDS}`),
    token('BadNumber', /\d[A-Za-z0-9_]*/),
    token('String', STRING),
    token('OpenString', /"[^\n]*/),
    ...SYMBOLS.map(({ name, LABEL }) => createToken({ name, pattern: LABEL.slice(1, -1) })),
    ...[...KEYWORDS]
      .sort(([a], [b]) => b.length - a.length)
      .map(([word, { name }]) => createToken({ name, pattern: word, longer_alt: Word })),
    Word,
    token('Stray', /[^\0-\x7F]+|&&|\|\||[\0-\x7F]/, { group: 'stray', line_breaks: true }),
  ],
  { safeMode: true, positionTracking: 'onlyOffset', skipValidations: true },
);

function agree(text: string): void {
  const { tokens, groups, errors } = lexer.tokenize(text);
  const found = scan(text);
  const plain = (list: readonly { image: string; startOffset: number }[]) =>
    list.map(({ image, startOffset }) => `${startOffset} ${image}`);
  expect(errors).toEqual([]);
  expect(
    found.tokens.map(({ tokenType, image, startOffset }) => `${startOffset} ${tokenType.name} ${image}`),
  ).toEqual(tokens.map(({ tokenType, image, startOffset }) => `${startOffset} ${tokenType.name} ${image}`));
  expect(plain(found.comments)).toEqual(plain(groups['comments'] ?? []));
  expect(plain(found.stray)).toEqual(plain(groups['stray'] ?? []));
}

const ROOT = join(import.meta.dirname, '../..');
const POLICIES = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sep') && !name.includes('node_modules'))
  .map((name) => readFileSync(join(ROOT, 'examples', name), 'utf8'));

const PIECES = [
  'a',
  'ab_1',
  'r',
  'rr',
  '_',
  '1',
  '01',
  '12',
  '1.5',
  '1.2.3',
  '2.0.0-rc.1+x',
  '1e5',
  '1.5E-3',
  '2026-01-02',

  '09:30',
  '15m',
  '4h5',
  '1_',
  '"',
  '"a b"',
  '"\\"',
  '\\',
  '\\"',
  'r"a\\"b"',
  "'",
  '/',
  '//',
  '// c',
  '@',
  '@a',

  'fs/read',
  '"a/b"/c',
  '*/x',
  'agent',
  'agent:',
  'user:"x y"',
  'service:*',
  'sampling from ',
  'roots from',

  '&&',
  '||',
  '&',
  '|',
  '!',
  ';',
  '#',
  '$',
  '~',
  'é',
  'ö/x',
  '\u00a0',
  '😀',
  '\f',
  '\0',
  '\ud800',
  '“',
  '-',
  '->',
  '--',
];
const pieces = fc.constantFrom(
  ...KEYWORDS.keys(),
  ...SYMBOLS.map(({ LABEL }) => LABEL.slice(1, -1)),
  ...PIECES,
);
const between = fc.constantFrom('', '', '', ' ', '\n', '\r\n', '\t');

describe('the scanner', () => {
  it('reads the examples as the patterns do', () => {
    expect(POLICIES.length).toBeGreaterThan(3);
    for (const text of POLICIES) agree(text);
  });
  it('reads any text as the patterns do', () => {
    const texts = fc.array(fc.tuple(pieces, between), { maxLength: 30 }).map((all) => all.flat().join(''));
    fc.assert(fc.property(texts, agree), { numRuns: 1200 });
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), agree), { numRuns: 500 });
  });
});
