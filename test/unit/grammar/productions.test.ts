// SPDX-License-Identifier: Apache-2.0
// Every production of the grammar, each of its choices, and what it leaves out.
import { describe, expect, it } from 'vitest';
import { format } from '../../../grammar/format.js';
import { parse } from '../../../grammar/parse.js';
import type { Statement } from '../../../grammar/tree.js';

const head = 'sep 1\npolicy a.b 1.0.0\n';

/** The one statement of `text`, which prints as `canonical`, line breaks aside. */
function statement(text: string, canonical = text): Statement {
  const source = head + text;
  const { file, faults } = parse(source);
  expect(faults).toEqual([]);
  const onOneLine = (policy: string): string => policy.trim().replaceAll(/\s+/g, ' ');
  expect(onOneLine(format(file, source))).toBe(onOneLine(head + canonical));
  expect(file.statements).toHaveLength(1);
  return file.statements[0]!;
}

describe('file', () => {
  it.each([
    'sep 1\npolicy a 0.0.1\n',
    'sep 1\npolicy a.b.test 1.2.3-rc.1 tighten\n',
    'sep 1\npolicy _a.allow 10.20.30+b\n',
  ])('%j', (source) => {
    const { file, faults } = parse(source);
    expect(faults).toEqual([]);
    expect(format(file, source)).toBe(source);
    expect(source.slice(file.header?.start, file.header?.end)).toBe(source.trim());
  });
});

describe('statement', () => {
  it.each([
    'import a',
    'import a.b.allow as c',
    'tools "sepal.lock"',
    'role a',
    'role a, deny = "d", c = "odd \\"role\\""',
    'delegation strict',
    'principals p = any',
    'principals p = agent:a, user:*, service:"s t", role:x, other, m.other except agent:b, role:deny',
    'actions a = *',
    'actions a = fs/read, */admin_*, fs/"odd name", "odd server"/x, tool fs/y, other, m.other except fs/z, *',
    'let x = true',
    'let f(a: int, b: list<string>, c: principals, d: path) = a > 1',
    'let f(a: list<enum x, y>, b: bool) = b',
    'fact f: bool from claim',
    'fact f: enum a, "b c", deny from claim.x.allow."odd key"',
    'fact f: list<list<decimal>> from config.x fresh 60s',
    'fact f: instant from http.x on unknown review by self timeout 5m',
    'fact f: duration from http.x fresh 1d on unknown review by role:a, role:b quorum 2 timeout 5m',
    'schedule s in "Europe/Paris" {\n  mon..fri 09:00..17:00\n  sat, sun 22:00..24:00\n  except 2026-12-25, 2027-01-01\n}',
    'schedule s in "UTC" {\n}',
    'limit l: 20 per 1h on a/b',
    'limit l: 20 per session by all on a/b',
    'limit l: 20 per 1h by principal, user, session, server, tool on * for any except agent:a sum args.a + 1',
    'limit l: 20 per 1h on a/b count attempts fixed else escalate by role:x timeout 1m because "b"',
    'limit l: 20 per 1h count admitted sliding on a/b',
    'counter c: per session on a/b',
    'counter c: per 1d by user on a/b for agent:*',
    'score s: per session {\n}',
    'score s: per 1h by user, tool {\n  add 1 on a/b\n  add 2 on *, x when { args.a > 1 }\n  decay 1 per 1h\n  cap 10\n}',
    'template t(a: int) {\n}',
    'template t(a: int, b: principals) {\n  allow x: b -> a/b when { args.a == a }\n  limit y: 1 per 1h on a/b\n}',
    'instance i = t()',
    'instance i = m.t(1, "x", any, role:x, agent:a-*, any(a, x => x), [1, 2], e)',
    'assume principal.id != "agent:a"',
  ])('%s', (text) => {
    statement(text);
  });

  it.each([
    'import',
    'import a as allow',
    'tools a',
    'role',
    'delegation',
    'principals p: any',
    'actions a = "x"',
    'let x',
    'let f() = 1',
    'let f(a: enum x, y) = true',
    'fact f: text from claim',
    'fact f: enum from claim',
    'fact f: list from claim',
    'fact f: list<> from claim',
    'fact f: bool<int> from claim',
    'fact f: int from here.x',
    'fact f: int on unknown review by self timeout 1m from claim',
    'schedule s in "x" { mon 24:00..24:00 }',
    'schedule s in "x" { mon 09:00..25:00 }',
    'schedule s in "x" { mon 9:00..10:00 }',
    'schedule s in "x" { someday 09:00..10:00 }',
    'schedule s in "x" { except 2026-02-29 }',
    'schedule s in "x" { except 2026-12-25 mon 09:00..10:00 }',
    'limit l: per 1h on a/b',
    'limit l: 1.5 per 1h on a/b',
    'limit l: 1 per 1w on a/b',
    'limit l: 1 per 1h by role on a/b',
    'counter c: 1 per 1h on a/b',
    'score s: per 1h { cap 1 add 1 on a/b }',
    'score s: per 1h { add 1 when { true } on a/b }',
    'template t { }',
    'instance i = t',
    'assume',
  ])('not %s', (text) => {
    expect(parse(head + text).faults).not.toEqual([]);
  });
});

describe('rule, redact, decide', () => {
  it.each([
    'allow x: any -> a/b',
    'review x: any -> a/b by role:a timeout 15m',
    'review x: any -> a/b by self timeout 15m',
    'deny x: any -> * on call',
    'deny x: any -> */* on list when { true }',
    'escalate x: any -> a/b on result unless { false } by role:a, role:b quorum 2 timeout 1d because "b" tell',
    'allow x: any -> a/b shadow until 2027-01-01 when { true } unless { false } because "order as written"',
    'deny x: any -> resource fs/"file:///**", prompt fs/*, completion fs/x, tool fs/y',
    'deny x: any -> sampling from web, elicitation from *, roots from "odd name", elicitation from a.b-c',
    'redact x: any -> web/* on result mask secrets',
    'redact x: any -> web/* on result mask secrets, pii when { true } because "b"',
    'redact x: any -> web/* on call mask args.pin',
    'redact x: any -> web/*, b/c on call mask args.pin, args."odd name", args.mask',
    'decide d on a/b {\n}',
    'decide d for any except role:x on a/b, * partial {\n  case a => allow\n}',
    'decide d on a/b {\n  case a => review by self timeout 1m because "x"\n  case b => escalate by role:x timeout 1m\n  otherwise => deny because "y"\n}',
  ])('%s', (text) => {
    statement(text);
  });

  it.each([
    'allow x: any -> a/b when true',
    'allow x: any -> a/b when { true } on list',
    'allow x: any -> a/b on discovery',
    'allow x: any -> a/b by role:a',
    'allow x: any -> a/b by a timeout 1m',
    'allow x: any -> a/b by self quorum 2 timeout 1m',
    'allow x: any -> a/b because',
    'allow x: any -> a/b shadow 2027-01-01',
    'allow x: any -> a/ b',
    'allow x: any -> sampling web',
    'allow x: agent: a -> a/b',
    'allow x: agent -> a/b',
    'allow x: any except -> a/b',
    'redact x: any -> a/b mask pii',
    'redact x: any -> a/b on list mask pii',
    'redact x: any -> a/b on call mask pin',
    'redact x: any -> a/b on call mask args',
    'redact x: any -> a/b on call mask args.a.b',
    'redact x: any -> a/b on result mask args.a',
    'decide d { otherwise => deny }',
    'decide d on a/b { otherwise => deny case a => allow }',
    'decide d on a/b { case a }',
    'decide d on a/b { case a => }',
  ])('not %s', (text) => {
    expect(parse(head + text).faults).not.toEqual([]);
  });
});

describe('test, example, prove', () => {
  const body = (step: string): string => `test "t" {\n  ${step}\n}`;
  it.each([
    'test "t" {\n}',
    'example m.x {\n  as agent:a\n  a/b => allow\n}',
    body('as agent:a'),
    body(
      'as user:"a b" with roles [] for service:s with roles [a, "b c"] in session "s" at "2026-01-01T00:00:00Z"',
    ),
    body(
      'as agent:a with region eu, risk 3, f(args.x) 0.9, m.f unavailable, tags ["a"], d -1.5, t 15m, b true, n null',
    ),
    body('as agent:a with result "text"'),
    body('a/b => allow'),
    body('tool a/b {} => allow or'.replace(' or', '')),
    body('resource fs/"file:///x" on list => deny by default'),
    body(
      'a/b { a: 1, "b c": -1.5e-3, deny: [true, false, null, { x: "y" }], e: [] } on list => deny because "b"',
    ),
    body('sampling from web { a: 1 } => deny'),
    body('a/b => review by m.x because "r" masked pii, secrets repeat 3 then approved => allow by x'),
    body('a/b => review then approved at "2026-01-01T00:00:00Z" => review then approved => deny'),
    'prove never allow',
    'prove never allow or review or escalate for any on a/b, * when a == 1',
    'prove never deny unless a == 1',
    'prove review on a/b implies principal in editors',
    'prove allow or review for agent:* on a/b except a/c implies true or false',
    'prove no rule dead',
    'prove not wider than "old.sep"',
    'prove cost <= 500 steps',
  ])('%s', (text) => {
    statement(text);
  });

  it.each([
    'test t { }',
    body('as role:x'),
    body('as agent:a in session s'),
    body('as agent:a at "x" with x 1'),
    body('a/b'),
    body('a/b => permit'),
    body('a/b => allow or review'),
    body('* => allow'),
    body('a/b { a = 1 } => allow'),
    body('a/b { a: 1, } => allow'),
    body('a/b { a: b } => allow'),
    body('a/b { a: 1, a: 2 } => allow'),
    body('a/b { a: 1, "a": 2 } => allow'),
    body('a/b { a: { b: 1, "\\u0062": 2 } } => allow'),
    body('a/b { a: 1e999 } => allow'),
    body('a/b => review then => allow'),
    'prove allow implies true',
    'prove never allow when a unless b',
    'prove cost < 5 steps',
    'prove a',
  ])('not %s', (text) => {
    expect(parse(head + text).faults).not.toEqual([]);
  });
});

describe('condition', () => {
  const shape = (text: string): string => {
    const { file, faults } = parse(`${head}let x = ${text}`);
    expect(faults).toEqual([]);
    const [only] = file.statements;
    return only?.kind === 'let' ? outline(only.body) : '';
  };
  /** The tree in brackets. */
  const outline = (node: unknown): string => {
    if (Array.isArray(node)) return `[${node.map(outline).join(' ')}]`;
    if (typeof node !== 'object' || node === null) return String(node);
    const left = ['left', 'subject'];
    const values = Object.entries(node)
      .filter(([key]) => !['span', 'opSpan', 'quoted', 'ms', 'parts', 'explicit'].includes(key))
      .sort(
        ([a], [b]) =>
          Number(b === 'kind') - Number(a === 'kind') ||
          Number(b === 'op') - Number(a === 'op') ||
          Number(left.includes(b)) - Number(left.includes(a)),
      );
    if (values.length === 1) return outline(values[0]![1]);
    return `(${values.map(([, value]) => outline(value)).join(' ')})`;
  };

  it.each([
    [
      'a or b and not c == d + e * -f',
      '(or (name a) (and (name b) (not (compare == (name c) (arith + (name d) (arith * (name e) (negate (name f))))))))',
    ],
    ['a and b or c and d', '(or (and (name a) (name b)) (and (name c) (name d)))'],
    ['a or b or c', '(or (or (name a) (name b)) (name c))'],
    ['not not a', '(not (not (name a)))'],
    ['not a in b', '(not (test in (name a) (name b)))'],
    ['a - b - c', '(arith - (arith - (name a) (name b)) (name c))'],
    ['a - (b - c)', '(arith - (name a) (arith - (name b) (name c)))'],
    ['(a + b) * c', '(arith * (arith + (name a) (name b)) (name c))'],
    ['- -a', '(negate (negate (name a)))'],
    ['-a.b', '(negate (member (name a) b))'],
    ['(a or b).c', '(member (or (name a) (name b)) c)'],
    ['a not in b', '(test not in (name a) (name b))'],
    ['a not under b', '(test not under (name a) (name b))'],
    ['a not within b', '(test not within (name a) (name b))'],
    ['a starts with b', '(test starts with (name a) (name b))'],
    ['a ends with b', '(test ends with (name a) (name b))'],
    ['a contains b', '(test contains (name a) (name b))'],
    ['a like "b*"', '(test like (name a) (string b*))'],
    ['a matches r"b\\d\\"+"', '(test matches (name a) (regex b\\d"+))'],
    ['principal has role deny', '(hasRole (name principal) deny)'],
    ['has(args.a)', '(call has [(member (name args) a)])'],
    ['has', '(name has)'],
    ['a.b.c(1).d', '(member (call a.b.c [(number 1 false)]) d)'],
    ['f()', '(call f [])'],
    ['args."odd name".allow', '(member (member (name args) odd name) allow)'],
    [
      'all(a, x => any(x, y => y > x))',
      '(quantifier all (name a) x (quantifier any (name x) y (compare > (name y) (name x))))',
    ],
    [
      '[1, [2.5], "x", true, false, null, 15m]',
      '(list [(number 1 false) (list [(number 2.5 true)]) (string x) (bool true) (bool false) null (duration 15m)])',
    ],
    ['principal in agent:a-*', '(test in (name principal) (principal (principal agent a-*)))'],
    ['now within hours', '(test within (name now) (name hours))'],
    ['session.id == self', '(compare == (member (name session) id) (name self))'],
    [
      'tool.hints.x and result.text == user.id',
      '(and (member (member (name tool) hints) x) (compare == (member (name result) text) (member (name user) id)))',
    ],
  ])('%s', (text, expected) => {
    expect(shape(text)).toBe(expected);
    expect(shape(`(${text})`)).toBe(expected);
  });

  it.each([
    'a == b == c',
    'a < b in c',
    'a == not b',
    'a not like b',
    'a starts b',
    'principal has x',
    '1(2)',
    '(a)(b)(c)',
    '"f"(x)',
    'all(a, x -> b)',
    'all(a)',
    '1.5e3 < a',
    'a[1]',
    'a ? b : c',
    'a == "b',
    'r"x',
    '[1, 2,]',
    'f(1,)',
    'deny',
    'a b',
    '',
  ])('not %s', (text) => {
    expect(parse(`${head}let x = ${text}`).faults).not.toEqual([]);
  });
});

describe('text', () => {
  it.each([
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'],
    ['"\\u{1F600}\\ud83d\\uDE00\\u00e9"', '😀😀é'],
    ['"é 日本語 -> // not a comment"', 'é 日本語 -> // not a comment'],
    ['""', ''],
  ])('reads %s', (text, value) => {
    expect(parse(`${head}tools ${text}`)).toMatchObject({
      faults: [],
      file: { statements: [{ path: { value } }] },
    });
  });

  it.each([
    '"\\x41"',
    '"\\u12"',
    '"\\u{}"',
    '"\\u{110000}"',
    '"\\u{d800}"',
    '"\\ud800"',
    '"\\ude00"',
    '"\\ud83d\\u0041"',
    '"\\\'',
  ])('refuses %s', (text) => {
    expect(parse(`${head}tools ${text}`).faults).not.toEqual([]);
  });

  it('reads names and patterns up to an arrow, a comma or a comment', () => {
    expect(
      statement(
        'allow x:agent:a-b.c->fs/read_*,a-b/c.d//c',
        'allow x: agent:a-b.c -> fs/read_*, a-b/c.d  //c',
      ),
    ).toMatchObject({
      who: { include: [{ glob: { text: 'a-b.c' } }] },
      what: { include: [{ name: { text: 'read_*' } }, { server: { text: 'a-b' }, name: { text: 'c.d' } }] },
    });
  });

  it('takes free words for names: types, days and the words of operators', () => {
    for (const word of [
      'int',
      'list',
      'enum',
      'mon',
      'has',
      'under',
      'within',
      'starts',
      'ends',
      'contains',
      'like',
      'matches',
    ]) {
      statement(`allow ${word}: any -> a/b`);
    }
  });

  it('keeps reserved words from being names', () => {
    for (const word of [
      'allow',
      'call',
      'agent',
      'true',
      'now',
      'args',
      'result',
      'default',
      'self',
      'steps',
      'masked',
    ]) {
      expect(parse(`${head}allow ${word}: any -> a/b`).faults).toMatchObject([
        { code: 'SEP1002', args: { expected: 'a name that is not a reserved word' } },
      ]);
    }
  });
});
