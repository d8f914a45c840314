// SPDX-License-Identifier: Apache-2.0
// grammar/sepal.ebnf is printed from the parser itself (UPDATE_GOLDEN=1 writes it), so that the two cannot disagree.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ISerializedGast } from 'chevrotain';
import { expect, it } from 'vitest';
import { Chevrotain } from '../../../grammar/recovery.js';
import { OPERATOR_WORDS, RESERVED } from '../../../grammar/tokens.js';

const path = join(import.meta.dirname, '../../../grammar/sepal.ebnf');
const design = join(import.meta.dirname, '../../../../shared/design/language.md');

const HEAD = `# The grammar of a .sep file, edition 1, as the parser has it: printed from the parser by test/unit/grammar/ebnf.test.ts.
# [ ] at most once, { } any number of times, { }+ at least once, "…" as written.
#
# Comments start with // and end with the line. White space means nothing except inside PART/PART and KIND:PART, which have none.
# ID         a letter or _, then letters, digits and _; not a reserved word (those below except has, under, within, starts, ends,
#            contains, like and matches)
# WORD       the same, reserved or not
# PART       a STRING, or a run of letters, digits and _ - . @ * that a -> always ends
# KIND       agent, user or service
# STRING     in double quotes on one line, with the escapes of JSON and \\u{…}; REGEX the same behind an r, with \\" alone
# INT        digits; DECIMAL with a point; EXPONENT as in JSON; no zero in front
# DURATION   digits and s, m, h or d; TIME HH:MM; DATE YYYY-MM-DD; SEMVER 1.2.3
`;
const NOTES = new Map([
  ['phase', 'call, list or result'],
  [
    'type',
    'bool, int, decimal, string, path, url, instant, duration, principals, enum (with members, not directly in params) or list (with an element)',
  ],
  ['day', 'mon to sun'],
  ['window', '24:00 only as an end'],
  ['comparison', 'at most one: comparisons do not chain'],
  ['question', 'the ID is list'],
  ['key and value', 'without white space user:"x" is a KIND:PART, and means the same'],
  ['operand with members', 'arguments only behind a name or its members'],
  ['clauses', 'each kind at most once'],
  ['measure', 'each kind of clause at most once'],
  ['outcome', 'an approval with review and escalate, and with no other'],
  ['principal', 'read only where a principal may stand'],
]);
const TOKENS = new Map([
  ['String', 'STRING'],
  ['Regex', 'REGEX'],
  ['Action', 'PART/PART'],
  ['KindPart', 'KIND:PART'],
  ['FromPart', 'PART'],
  ['Version', 'SEMVER'],
  ['Date', 'DATE'],
  ['Time', 'TIME'],
  ['Duration', 'DURATION'],
  ['Exponent', 'EXPONENT'],
  ['Decimal', 'DECIMAL'],
  ['Int', 'INT'],
  ['Word', 'ID'],
  ['NameWord', 'ID'],
  ['AnyWord', 'WORD'],
]);

const name = (rule: string): string => rule.replaceAll(' ', '-');

interface Terminal {
  readonly name: string;
  readonly label?: string;
}
type Node = ISerializedGast & {
  readonly name?: string;
  readonly label?: string;
  readonly definition?: readonly Node[];
  readonly separator?: Terminal;
};

function terminal({ name: token, label = '' }: Terminal): string {
  return TOKENS.get(token) ?? `"${label.replaceAll('`', '')}"`;
}

function print(node: Node): string {
  const inner = (node.definition ?? []).map(print).join(' ');
  switch (node.type) {
    case 'NonTerminal':
      return name(node.name ?? '');
    case 'Terminal':
      return terminal({ name: node.name ?? '', label: node.label ?? '' });
    case 'Option':
      return `[ ${inner} ]`;
    case 'Repetition':
      return `{ ${inner} }`;
    case 'RepetitionMandatory':
      return `{ ${inner} }+`;
    case 'RepetitionWithSeparator':
      return `[ ${inner} { ${terminal(node.separator!)} ${inner} } ]`;
    case 'RepetitionMandatoryWithSeparator':
      return `${inner} { ${terminal(node.separator!)} ${inner} }`;
    case 'Alternation':
      return `( ${(node.definition ?? []).map(print).join(' | ')} )`;
    default:
      return inner;
  }
}

function ebnf(): string {
  const chevrotain = new Chevrotain();
  chevrotain.grammar();
  const rules = chevrotain.getSerializedGastProductions().map((rule) => {
    const { name: title = '', definition = [] } = rule as Node;
    const [only] = definition;
    const body = definition.map(print).join(' ');
    const alone = definition.length === 1 && only?.type === 'Alternation';
    const note = NOTES.get(title);
    return `${name(title)} = ${alone ? body.slice(2, -2) : body}${note === undefined ? '' : `   # ${note}`}`;
  });
  const start = rules.findIndex((rule) => rule.startsWith('file ='));
  return `${HEAD}\n${[...rules.slice(start), ...rules.slice(0, start)].join('\n')}\n`;
}

it('is what the parser reads', () => {
  const printed = ebnf();
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, printed);
  expect(readFileSync(path, 'utf8')).toBe(printed);
  for (const rule of NOTES.keys()) expect(printed).toContain(`\n${name(rule)} = `);
});

it('uses every keyword, and defines every rule that it uses', () => {
  const text = readFileSync(path, 'utf8').replaceAll(/#.*/g, '');
  const quoted = new Set([...text.matchAll(/"([a-z]+)"/g)].map((m) => m[1]));
  // `agent` and `service` are KINDs: no rule consumes them, and they are reserved all the same.
  const unused = [...RESERVED, ...OPERATOR_WORDS].filter((word) => !quoted.has(word));
  expect(unused).toEqual(['agent', 'service']);
  const defined = new Set([...text.matchAll(/^([a-z-]+) =/gm)].map((m) => m[1]));
  const used = [...text.replaceAll(/"[^"]*"/g, '').matchAll(/[a-z][a-z-]*/g)].map((m) => m[0]);
  expect(used.filter((rule) => !defined.has(rule))).toEqual([]);
});

it.skipIf(!existsSync(design))('has every word of the grammar of the design (skipped: no ../shared)', () => {
  const section = /### 1\.3[\s\S]*?\n```\n([\s\S]*?)\n```/.exec(readFileSync(design, 'utf8'))?.[1] ?? '';
  const words = new Set([...section.matchAll(/"([a-z]+)"/g)].map((m) => m[1] ?? ''));
  expect(words.size).toBeGreaterThan(80);
  const text = readFileSync(path, 'utf8');
  expect([...words].filter((word) => !new RegExp(`\\b${word}\\b`).test(text))).toEqual([]);
});
