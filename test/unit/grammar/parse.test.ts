// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from '../../../grammar/parse.js';

const samples = join(import.meta.dirname, '../../samples');
const head = 'sep 1\npolicy a.b 1.0.0\n';
const faults = (source: string): readonly string[] =>
  parse(source).faults.map(
    (f) => `${f.code} at ${f.span.start}: ${f.args['expected'] ?? f.args['what'] ?? ''}`,
  );

it('reads every construct of the grammar', () => {
  const { file, faults: found } = parse(readFileSync(join(samples, 'everything.sep'), 'utf8'));
  expect(found).toEqual([]);
  expect(new Set(file.statements.map((s) => s.kind))).toEqual(
    new Set([
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
      'rule',
      'redact',
      'decide',
      'template',
      'instance',
      'test',
      'example',
      'assume',
      'prove',
    ]),
  );
  expect(file.comments).toHaveLength(6);
});

it('reports several mistakes in one run and keeps the statements between them', () => {
  const source = `${head}allow x agent:* -> fs/read
allow ok: any -> fs/x
deny y: any -> fs/w when { args.a == == 3 }
review z: any -> fs/q by role:x
allow also_ok: any -> fs/x when { 1 < 2 }
prove nothing
`;
  const { file } = parse(source);
  expect(file.statements.map((s) => (s.kind === 'rule' ? s.name.text : s.kind))).toEqual(['ok', 'also_ok']);
  expect(faults(source).map((f) => f.slice(f.indexOf(':') + 2))).toEqual([
    '`:`',
    'a value',
    '`timeout`',
    'what is to be proved: `never …`, `allow … implies …`, `no rule dead`, `not wider than …` or `cost <= …`',
  ]);
});

it('gives every statement its whole span', () => {
  const source = `${head}limit a: 1 per 1d\n  on x/y\nallow b: any -> fs/x\n  when { 1 < 2 }\n`;
  const { file } = parse(source);
  expect(file.statements.map((s) => source.slice(s.span.start, s.span.end))).toEqual([
    'limit a: 1 per 1d\n  on x/y',
    'allow b: any -> fs/x\n  when { 1 < 2 }',
  ]);
});

it.each([
  ['a missing header', 'allow x: any -> a/b', 'SEP1010'],
  ['another edition', 'sep 2\npolicy a 1.0.0', 'SEP1010'],
  ['a stray character', `${head}allow x: any -> a/b ;`, 'SEP1001'],
  ['an open string', `${head}deny x: any -> a/b because "no`, 'SEP1003'],
  ['an unknown escape', `${head}deny x: any -> a/b because "\\q"`, 'SEP1004'],
  ['a bad number', `${head}limit x: 20x per 1h on a/b`, 'SEP1005'],
  [
    'a day that is not in the calendar',
    `${head}schedule s in "UTC" { mon 09:00..10:00 except 2026-02-30 }`,
    'SEP1005',
  ],
  ['a time past midnight', `${head}schedule s in "UTC" { mon 09:00..25:00 }`, 'SEP1005'],
  ['a key twice', `${head}test "t" { a/b { x: 1, x: 2 } => deny }`, 'SEP1006'],
  ['a chain', `${head}allow x: any -> a/b when { 1 < 2 < 3 }`, 'SEP1007'],
  ['bidi control', `${head}deny x: any -> a/b because "\u202eabc"`, 'SEP1008'],
  ['mixed scripts', `${head}deny x: any -> a/b because "wоrkspace"`, 'SEP1008'],
  ['nesting', `${head}allow x: any -> a/b when { ${'('.repeat(5000)}true${')'.repeat(5000)} }`, 'SEP1009'],
  ['negations', `${head}allow x: any -> a/b when { ${'not '.repeat(50_000)} true }`, 'SEP1009'],
  [
    'a chain of operators',
    `${head}allow x: any -> a/b when { ${'true or '.repeat(50_000)} true }`,
    'SEP1009',
  ],
  ['length', `${head}// ${'x'.repeat(5_000_000)}`, 'SEP1009'],
])('refuses %s with its own code', (_, source, code) => {
  expect(parse(source).faults.map((f) => f.code)).toContain(code);
});

it('keeps words that are reserved where any word may stand', () => {
  const source = `${head}allow x: any -> fs/deny when { args.when == "a" and args.role.allow == "b" and has(args."a b") }
role admin, user, deny
test "t" { fs/allow { deny: 1, when: "x", user:"dana", agent:5, service:true } => deny }
`;
  expect(parse(source).faults).toEqual([]);
});
