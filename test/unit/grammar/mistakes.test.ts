// SPDX-License-Identifier: Apache-2.0
// What authors get wrong, and what they are told: where, and what was expected in their words.
import { describe, expect, it } from 'vitest';
import { parse } from '../../../grammar/parse.js';

const head = 'sep 1\npolicy a.b 1.0.0\n';
const EXPECTED: readonly (readonly [string, string, string])[] = [
  ['permit x: any -> a/b', 'permit', 'a statement such as `allow`, `deny` or `test`'],
  ['allow any -> a/b', 'any', 'a name that is not a reserved word'],
  ['allow allow: any -> a/b', 'allow', 'a name that is not a reserved word'],
  ['allow x: any a/b', 'a/b', '`->`'],
  ['allow x any -> a/b', 'any', '`:`'],
  [
    'allow x: agent -> a/b',
    'agent',
    'who: `any`, a principal such as `agent:name`, `role:name` or the name of a set',
  ],
  [
    'allow x: any, -> a/b',
    '->',
    'who: `any`, a principal such as `agent:name`, `role:name` or the name of a set',
  ],
  ['actions x = "a"', '"a"', 'what: a tool as `server/name`, `*`, or the name of a set'],
  ['allow x: any -> a/b when args.a == 1', 'args', '`{`'],
  ['allow x: any -> a/b when { args.a = 1 }', '=', '`}`, or an operator such as `==` or `and`'],
  ['allow x: any -> a/b when { }', '}', 'a condition'],
  ['allow x: any -> a/b when { args.a == }', '}', 'a value'],
  ['allow x: any -> a/b when { args.a not like "x" }', 'like', '`in`, `under` or `within` after `not`'],
  ['allow x: any -> a/b when { args.a starts "x" }', '"x"', '`with`'],
  ['allow x: any -> a/b when { principal has admin }', 'admin', '`role`'],
  ['allow x: any -> a/b when { f(1 2) }', '2', '`,` or `)`'],
  ['allow x: any -> a/b when { a in [1 2] }', '2', '`,` or `]`'],
  ['allow x: any -> a/b on foo', 'foo', 'a phase: `call`, `list` or `result`'],
  ['allow x: any -> a/b because no', 'no', 'a string'],
  [
    'review x: any -> a/b by security timeout 15m',
    'security',
    'who approves: `self`, or roles such as `role:security`',
  ],
  ['review x: any -> a/b by role:a timeout 15', '15', 'a duration such as `15m`'],
  ['allow x: any -> a/b shadow until soon', 'soon', 'a date such as `2026-12-25`'],
  ['limit x: 20 by user on a/b', 'by', '`per`'],
  ['limit x: 20 per 1h by foo', 'foo', 'a key: `principal`, `user`, `session`, `server`, `tool` or `all`'],
  ['score x: per 1h { every 3 }', 'every', '`add`, `decay`, `cap` or `}`'],
  ['decide x on a/b { allow }', 'allow', '`case`, `otherwise` or `}`'],
  ['decide x on a/b { case a => permit }', 'permit', 'an effect: `allow`, `review`, `deny` or `escalate`'],
  ['fact x: int from env.x', 'env', '`claim`, `config` or `http`'],
  [
    'fact x: text from config.x',
    'text',
    'a type: `bool`, `int`, `decimal`, `string`, `path`, `url`, `instant`, `duration`, `principals`, `enum a, b` or `list<type>`',
  ],
  ['schedule s in "x" { monday 09:00..10:00 }', 'monday', 'a day: `mon` to `sun`'],
  [
    'schedule s in "x" { 3 09:00..10:00 }',
    '3',
    'days and times such as `mon..fri 09:00..17:00`, `except` or `}`',
  ],
  ['test "x" { a/b { x: y } => allow }', 'y', 'a JSON value'],
  ['test "x" { a/b on call => allow }', 'call', '`list`'],
  ['test "x" { foo => allow }', 'foo', 'a question such as `fs/read { path: "/a" } => allow`, `as …` or `}`'],
  [
    'prove something',
    'something',
    'what is to be proved: `never …`, `allow … implies …`, `no rule dead`, `not wider than …` or `cost <= …`',
  ],
];

it.each(EXPECTED)('%s', (text, found, expected) => {
  const source = `${head}${text}\nallow after: any -> a/b\n`;
  const { file, faults } = parse(source);
  expect(faults.map((f) => ({ code: f.code, ...f.args }))).toEqual([
    { code: 'SEP1002', expected, found: `\`${found}\`` },
  ]);
  expect(source.slice(faults[0]?.span.start, faults[0]?.span.end)).toBe(found);
  // One mistake costs one statement.
  expect(file.statements.at(-1)).toMatchObject({ kind: 'rule', name: { text: 'after' } });
});

it.each([
  ['allow x: any -> a/b when { args.a && args.b }', '&&', 'SEP1001', ': write `and`'],
  ['allow x: any -> a/b when { !args.a }', '!', 'SEP1001', ': write `not`'],
  ['allow x: any -> a/b;', ';', 'SEP1001', ': a statement ends where the next one starts'],
  ['# a comment', '#', 'SEP1001', ': comments start with `//`'],
  [
    'allow x: any -> a / b',
    '/',
    'SEP1001',
    ': a tool is `server/name` without spaces, a comment starts with `//`',
  ],
])('%s is one mistake', (text, found, code, instead) => {
  const { faults } = parse(`${head}${text}\n`);
  expect(faults.map((f) => ({ code: f.code, args: f.args }))).toEqual([{ code, args: { found, instead } }]);
});

describe('several mistakes', () => {
  const found = (text: string): readonly string[] => {
    const source = head + text;
    return parse(source).faults.map((f) => `${f.code} ${source.slice(f.span.start, f.span.end)}`);
  };

  it('are all told, one a statement', () => {
    expect(
      found(`permit a: any -> a/b
allow b any -> a/b
decide c on a/b {
  case a = 1 => deny
  otherwise => deny
}
limit d: 3 per hour on a/b
deny e: any -> a/b because "x
test "t" {
  a/b { x: 1, x: 2 } => deny
  wrong
  a/b => deny
}
deny f: any -> a/b tell tell
allow g: any -> a/b when { 1 < 2 < 3 }
prove`),
    ).toEqual([
      'SEP1002 permit',
      'SEP1002 any',
      'SEP1002 =',
      'SEP1002 hour',
      'SEP1003 "x',
      'SEP1006 x',
      'SEP1002 wrong',
      'SEP1011 tell',
      'SEP1007 < 3',
      'SEP1002 ',
    ]);
  });

  it('in one body are all told', () => {
    expect(
      found(`template t(a: int) {
  allow x any -> a/b
  deny y: any a/b
  deny z: any -> a/b
}
allow w: any - a/b`),
    ).toEqual(['SEP1002 any', 'SEP1002 a/b', 'SEP1002 -']);
  });

  it('that follow from one are not told', () => {
    expect(found('decide d on a/b {\n  allow\n  a/b => deny\n}\n}\n')).toEqual(['SEP1002 allow']);
    expect(found('test "t" {\n  nonsense => allow\n  more => deny\n}\nallow ok: any -> a/b')).toEqual([
      'SEP1002 nonsense',
    ]);
    expect(found('allow x: any -> a/b when { args.a == 1\nallow y: any -> a/b')).toEqual(['SEP1002 allow']);
  });
});

describe('the header', () => {
  const faults = (source: string): readonly string[] =>
    parse(source).faults.map(
      (f) => `${f.code} ${f.span.start} ${f.args['expected'] ?? f.args['found'] ?? ''}`,
    );

  it.each([
    ['', ['SEP1010 0 the end of the file']],
    ['// only this\n', ['SEP1010 12 the end of the file']],
    ['policy a 1.0.0', ['SEP1010 0 `policy`']],
    ['allow x: any -> a/b', ['SEP1010 0 `allow`']],
    ['sep 2\nany syntax {;}', ['SEP1010 4 `sep 2`']],
    ['sep one\npolicy a 1.0.0', ['SEP1002 4 a whole number']],
    ['sep 1\npolcy a 1.0.0', ['SEP1002 6 `policy`']],
    ['sep 1\npolicy allow 1.0.0', ['SEP1002 13 a name that is not a reserved word']],
    ['sep 1\npolicy a 1.0\nallow x any -> a/b', ['SEP1002 15 a version such as `1.0.0`', 'SEP1002 27 `:`']],
    ['sep 1\npolicy a', ['SEP1002 14 a version such as `1.0.0`']],
  ])('%j', (source, expected) => {
    expect(faults(source)).toEqual(expected);
  });
});

describe('a clause twice', () => {
  const rule = 'review x: any -> a/b';
  it.each([
    [`${rule} when { true } tell when { true }`, 'when', 'when { true }'],
    [`${rule} unless { true } unless { false }`, 'unless', 'unless { false }'],
    [`${rule} by self timeout 1m by role:a timeout 2m`, 'by', 'by role:a timeout 2m'],
    [`${rule} because "a" because "b"`, 'because', 'because "b"'],
    [`${rule} tell tell`, 'tell', 'tell'],
    [`${rule} shadow until 2027-01-01 shadow until 2027-01-02`, 'shadow', 'shadow until 2027-01-02'],
    ['redact x: any -> a/b on result mask pii tell tell', 'tell', 'tell'],
    ['limit x: 1 per 1h by user on a/b by session', 'by', 'by session'],
    ['limit x: 1 per 1h on a/b on c/d', 'on', 'on c/d'],
    ['limit x: 1 per 1h on a/b for any for any', 'for', 'for any'],
    ['limit x: 1 per 1h on a/b count admitted count attempts', 'count', 'count attempts'],
    ['limit x: 1 per 1h on a/b sum args.a sum args.b', 'sum', 'sum args.b'],
    ['limit x: 1 per 1h on a/b sliding fixed', 'sliding` or `fixed', 'fixed'],
    [
      'limit x: 1 per 1h on a/b else escalate by self timeout 1m else escalate by self timeout 1m',
      'else',
      'else escalate by self timeout 1m',
    ],
    ['limit x: 1 per 1h on a/b because "a" because "b"', 'because', 'because "b"'],
  ])('%s', (text, clause, second) => {
    const source = head + text;
    const { file, faults } = parse(source);
    expect(faults.map((f) => ({ code: f.code, args: f.args }))).toEqual([
      { code: 'SEP1011', args: { clause } },
    ]);
    const [{ span } = { span: { start: 0, end: 0 } }] = faults;
    expect(source.slice(span.start, span.end)).toBe(second);
    expect(span.start).toBe(source.lastIndexOf(second));
    expect(file.statements).toEqual([]);
  });
});

describe('text that misleads', () => {
  it.each([
    ['\u202e', 'U+202E reorders the text around it'],
    ['\u200b', 'U+200B cannot be seen'],
    ['\u0000', 'U+0000 is a control character'],
    ['\u0085', 'U+0085 is a control character'],
    ['\r', 'U+000D breaks the line in some editors only'],
    ['\u2028', 'U+2028 breaks the line in some editors only'],
    ['\u{e0041}', 'U+E0041 cannot be seen'],
    ['\ud800', 'U+D800 is half a character'],
  ])('%j is refused wherever it stands, and told once', (text, what) => {
    for (const source of [
      `deny x: any -> a/b because "${text}"`,
      `// ${text}`,
      `${text}allow x: any -> a/b`,
    ]) {
      const { faults } = parse(head + source);
      expect(faults.map((f) => ({ code: f.code, args: f.args }))).toEqual([
        { code: 'SEP1008', args: { what } },
      ]);
      expect(faults[0]!.span.end - faults[0]!.span.start).toBe(text.length);
    }
  });

  it('may be written as escapes, and is written so by the formatter', () => {
    const { file, faults } = parse(
      `${head}deny x: any -> a/b because "\\u{202e}\\u200B\\u{e0041}\\ud83d\\ude00"`,
    );
    expect(faults).toEqual([]);
    expect(file.statements).toMatchObject([{ clauses: [{ text: { value: '\u202e\u200b\u{e0041}😀' } }] }]);
  });
});

it.each(['007', '01', '00', '-01', '01.5'])('does not take %s for a number', (text) => {
  const { faults } = parse(`${head}test "t" { a/b { x: ${text} } => deny }`);
  expect(faults.map((f) => f.code)).toEqual(['SEP1005']);
});
