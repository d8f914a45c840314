// SPDX-License-Identifier: Apache-2.0
// Every construct of the grammar (grammar/tree.ts, from top to bottom): it compiles, or it is refused by a code of its own.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkText, lockText, policy, tool } from '../../helpers/policy.js';

const text = { type: 'string' };
const LOCK = lockText({
  fs: [tool('read_file', { path: text, tags: { type: 'array', items: text } })],
  web: [tool('fetch', { url: text, ip: text, n: { type: 'number' } })],
  shop: [
    tool('buy', {
      items: {
        type: 'array',
        items: {
          type: 'object',
          required: ['amount', 'parts'],
          properties: {
            amount: { type: 'number' },
            note: { type: 'object', required: ['text'], properties: { text } },
            parts: { type: 'array', items: { type: 'object', required: ['id'], properties: { id: text } } },
          },
        },
      },
    }),
  ],
});
const OK = null;

/** Codes of errors; warnings do not stop anything. */
function errors(source: string): readonly string[] {
  const { output, diagnostics } = checkText(source, LOCK);
  const codes = diagnostics.filter((d) => d.severity === 'error').map((d) => d.code);
  expect(output === null).toBe(codes.length > 0);
  return codes;
}

const when = (condition: string): string => `deny r: any -> web/fetch when { ${condition} }`;
const test = (steps: string, before = ''): string =>
  `${before}\ndeny r: any -> web/fetch\ntest "t" {\n${steps}\n}`;

type Row = readonly [construct: string, code: string | null, body: string];
const BUSINESS = 'schedule business in "Europe/Paris" { mon..fri 09:00..17:00 }\n';

const rows: readonly Row[] = [
  ['statement import', 'SEP2015', 'import acme.base'],
  ['import as', 'SEP2015', 'import acme.base as b'],
  ['statement role', OK, 'role a, b = "odd name"'],
  ['statement delegation', OK, 'delegation strict'],
  [
    'statement principals',
    OK,
    'principals p = agent:x, user:*, service:"odd name", role:a, any except agent:y\nrole a',
  ],
  ['statement principals of a set', OK, 'principals p = agent:x\nprincipals q = p except agent:y'],
  ['a dotted set', 'SEP2001', 'deny r: base.p -> web/*'],
  ['statement actions', OK, 'actions a = web/*, tool fs/read_file except web/"fetch"\nactions b = a, *'],
  ['a dotted set of actions', 'SEP2001', 'deny r: any -> base.a'],
  ['statement let', OK, 'let l = 1 < 2'],
  [
    'let with parameters',
    OK,
    'let l(a: bool, b: int, c: decimal, d: string, e: path, f: principals) = a and b < c',
  ],
  ['parameter of a list', OK, 'let l(a: list<list<int>>) = all(a, x => any(x, y => y > 1))'],
  ['parameter url', OK, 'let l(u: url) = url(u).scheme == "https"'],
  ['parameter instant', OK, `let l(u: instant) = u > "2026-01-01T00:00:00Z"\n${when('l(now)')}`],
  ['parameter duration', OK, `let l(u: duration) = u > 5m\n${when('l(1h)')}`],
  ['parameter list of urls', OK, 'let l(u: list<url>) = any(u, x => url(x).port == 80)'],
  ['fact from config', OK, 'fact f: enum a, "b-c" from config.a."odd key".c'],
  ['fact from claim', OK, 'fact f: bool from claim.a'],
  ['fact from http', OK, 'fact f: bool from http.a'],
  ['fact fresh', OK, 'fact f: bool from http.a fresh 60s'],
  ['fact on unknown review', OK, 'role r\nfact f: bool from config.a on unknown review by role:r timeout 1m'],
  ['fact of url', OK, 'fact f: url from config.a'],
  ['fact of principals', OK, `fact f: principals from config.a\n${when('principal in f or user not in f')}`],
  [
    'fact of instants',
    OK,
    `fact f: list<instant> from config.a\n${when('"2026-01-01T00:00:00Z" in f or any(f, t => t < now - 1h)')}`,
  ],
  ['fact of a duration', OK, `fact f: duration from config.a\n${when('f * 2 > 90s')}`],
  ['statement schedule', OK, 'schedule s in "Europe/Paris" { mon..fri 09:00..17:00 except 2026-12-25 }'],
  ['statement limit', OK, 'limit l: 2 per 1h on web/*'],
  [
    'limit with every clause',
    OK,
    'role r\nlimit l: 2 per session by principal, tool on web/* for any count attempts sum args.n fixed else escalate by role:r timeout 1m because "x"',
  ],
  ['statement counter', OK, 'counter c: per session on web/*'],
  ['statement score', OK, 'score s: per session { add 1 on web/* when { args.n > 1 } decay 1 per 1h cap 9 }'],
  ['statement assume', OK, 'role a\nassume principal has role a'],
  ['statement prove', OK, 'prove never allow on web/*'],
  ['rule allow', OK, 'allow r: agent:x -> web/*'],
  ['rule review', OK, 'role a\nreview r: agent:x -> web/* by role:a quorum 2 timeout 15m'],
  ['rule deny', OK, 'deny r: agent:x -> web/*'],
  ['rule escalate', OK, 'escalate r: any -> web/* by self timeout 15m'],
  ['phase call', OK, 'deny r: any -> web/* on call'],
  ['phase list', OK, 'deny r: any -> web/* on list'],
  ['phase result', OK, 'escalate r: any -> web/* on result by self timeout 1m'],
  ['clause when', OK, when('true')],
  ['clause unless', OK, 'deny r: any -> web/* unless { false }'],
  ['clause because', OK, 'deny r: any -> web/* because "x"'],
  ['clause tell', OK, 'deny r: any -> web/* tell'],
  ['clause shadow', OK, 'deny r: any -> web/* shadow until 2030-01-01'],
  ['a grant on list', 'SEP3020', 'allow r: any -> web/* on list'],
  ['an escalation on list', 'SEP3020', 'escalate r: any -> web/* on list by self timeout 1m'],
  ['a review on result', 'SEP3020', 'review r: any -> web/* on result by self timeout 1m'],
  ['arguments on list', 'SEP3021', 'deny r: any -> web/fetch on list when { has(args.url) }'],
  ['mask of nothing', 'SEP3022', 'redact r: any -> web/* on result mask everything'],
  ['approval of a mask', 'SEP3010', 'redact r: any -> web/* on result mask pii by self timeout 1m'],
  ['mask of an argument that is not there', 'SEP2011', 'redact r: any -> web/* on call mask args.nothing'],
  ['mask of an argument of a resource', 'SEP3013', 'redact r: any -> * , resource web/* on call mask args.n'],
  ['mask of arguments of some callers', 'SEP3025', 'redact r: agent:x -> web/* on call mask args.n'],
  [
    'mask of arguments with a clause',
    'SEP3025',
    'redact r: any -> web/* on call mask args.n when { args.n > 1 }',
  ],
  [
    'sum of a masked argument',
    'SEP3025',
    'redact r: any -> web/* on call mask args.n\nlimit l: 2 per 1h on web/* sum args.n',
  ],
  ['mask of arguments', OK, 'redact r: any -> web/* on call mask args.n'],
  ['rule redact', OK, 'redact r: any -> web/* on result mask secrets'],
  [
    'decide',
    OK,
    'decide d for agent:x on web/* { case args.n > 1 => allow case args.n < 0 => deny because "x" otherwise => escalate by self timeout 1m }',
  ],
  ['decide partial', OK, 'decide d on web/* partial { case args.n > 1 => deny }'],
  ['template', OK, 'template t(a: principals) { deny r: a -> web/* }'],
  [
    'instance',
    OK,
    'template t(a: principals, n: int) { deny r: a -> web/fetch when { args.n > n } }\ninstance i = t(agent:x, 1)\ninstance j = t(any, 2)\ninstance k = t(role:a, 2)\nrole a',
  ],
  ['instance of nothing', 'SEP2001', 'instance i = t(agent:x, 1)'],
  ['test in a template', 'SEP2019', 'template t(a: int) { test "t" { as agent:x web/fetch => deny } }'],
  ['import in a template', 'SEP2019', 'template t(a: int) { import a.b }'],
  [
    'template in a template',
    OK,
    'template t(a: int) { template u(b: int) { deny r: any -> web/fetch when { args.n > b } } instance i = u(a) role z prove never allow on web/* redact x: any -> web/* on result mask pii }\ninstance j = t(1)\nexample j.i.r { as agent:x web/fetch { url: "u", ip: "i", n: 2 } => deny }',
  ],
  ['template in itself', 'SEP2007', 'template t(a: int) { instance i = t(a) }\ninstance j = t(1)'],
  ['example', OK, 'deny r: any -> web/fetch\nexample r { as agent:x web/fetch {} => deny }'],
  [
    'example of nothing',
    'SEP2001',
    'deny r: any -> web/fetch\nexample s { as agent:x web/fetch {} => deny }',
  ],
  ['example without a question', 'SEP3014', 'deny r: any -> web/fetch\nexample r { as agent:x }'],

  [
    'test',
    OK,
    test('as agent:x web/fetch { url: "u", ip: "i", n: -1.5e3 } => deny by r because "x" repeat 3'),
  ],
  [
    'test with roles, user, session, instant',
    OK,
    test(
      'as agent:x with roles [a] for user:y with roles [a] in session "s" at "2026-03-09T13:00:00Z" web/fetch => deny',
      'role a',
    ),
  ],
  [
    'test with a fact',
    OK,
    test(
      'as agent:x with f 3 web/fetch => deny as agent:x with f unavailable web/fetch => deny',
      'fact f: int from config.f',
    ),
  ],
  [
    'test then approved',
    OK,
    test('as agent:x web/fetch => review then approved at "2026-03-09T13:00:00Z" => allow'),
  ],
  ['test with a result', OK, test('as agent:x with result "x" web/fetch => deny')],
  ['test with a scanner result', OK, test('as agent:x with injection_score(args) 0.9 web/fetch => deny')],
  ['test with a measure', 'SEP2001', test('as agent:x with risk 50 web/fetch => deny')],
  ['test on list', OK, test('as agent:x web/fetch on list => deny')],
  ['test masked', OK, test('as agent:x web/fetch => allow masked secrets')],
  ['test of other kinds', OK, test('as agent:x resource fs/"file:///a" => deny sampling from web => deny')],
  ['test before as', 'SEP3014', test('web/fetch => deny')],
  ['test without a question', 'SEP3014', test('as agent:x')],
  ['test as a pattern', 'SEP3014', test('as agent:x-* web/fetch => deny')],
  ['test for a pattern', 'SEP3014', test('as agent:x for user:* web/fetch => deny')],
  ['test of a pattern', 'SEP3014', test('as agent:x web/* => deny')],
  [
    'test then approved at no instant',
    'SEP3012',
    test('as agent:x web/fetch => review then approved at "noon" => allow'),
  ],
  ['test repeat none', 'SEP3012', test('as agent:x web/fetch => deny repeat 0')],
  [
    'test with a fact of another type',
    'SEP3001',
    test('as agent:x with f "3" web/fetch => deny', 'fact f: int from config.f'),
  ],
  [
    'test with another enum member',
    'SEP3004',
    test('as agent:x with f [a, c] web/fetch => deny', 'fact f: list<enum a, b> from config.f'),
  ],

  [
    'acts of every kind',
    OK,
    'deny r: any -> *, tool web/*, resource web/"https://**", prompt web/*, completion web/*, sampling from web, elicitation from *, roots from "a b"',
  ],

  ['null', OK, when('args.url == null')],
  ['bool, number, string, list', OK, when('true and 1.50 < 2 and "a" < "b" and ["a"] == ["a"]')],
  ['regex as a value', 'SEP2014', when('r"x" == "x"')],
  ['duration', OK, when('1h > 5m')],
  ['name of nothing', 'SEP2001', when('nothing')],
  ['now', OK, when('now > "2026-01-01T00:00:00Z" and now - "2026-01-01T00:00:00Z" < 90d')],
  ['no instant', 'SEP3012', when('now > "2026"')],
  ['instants added up', 'SEP3001', when('now + now > now')],
  ['result', 'SEP2014', when('result == "x"')],
  ['self', 'SEP2014', when('self')],
  ['args whole', 'SEP2014', when('args == 1')],
  [
    'subjects',
    OK,
    when(
      'principal.id == "agent:x" and user.id == "user:y" and session.id == "s" and tool.name == "fetch" and tool.server == "web"',
    ),
  ],
  [
    'hints',
    OK,
    when('tool.hints.readOnly or tool.hints.destructive or tool.hints.idempotent or tool.hints.openWorld'),
  ],
  ['tool.description', OK, when('tool.description contains "x"')],
  ['result.text', 'SEP3021', when('result.text contains "x"')],
  [
    'members of a call',
    OK,
    when('url(args.url).host == "x" and url(args.url).path under "/a" and url(args.url).port == 443'),
  ],
  ['no part of a URL', 'SEP2013', when('url(args.url).hots == "x"')],
  [
    'members of a list element',
    OK,
    'deny r: any -> shop/buy when { any(args.items, x => x.amount > 5 and has(x.note) and x.note.text == "a") }',
  ],
  [
    'members of elements of elements',
    OK,
    'deny r: any -> shop/buy when { any(args.items, x => any(x.parts, y => y.id == "a")) }',
  ],
  [
    'optional member of an element',
    'SEP3002',
    'deny r: any -> shop/buy when { any(args.items, x => x.note.text == "a") }',
  ],
  [
    'no member of an element',
    'SEP2011',
    'deny r: any -> shop/buy when { any(args.items, x => x.amuont > 5) }',
  ],
  ['member of a text', 'SEP2011', 'deny r: any -> fs/* when { any(args.tags, t => t.x == 1) }'],
  ['has', OK, when('has(args.url)')],
  ['size and lower', OK, when('size(args.url) > 3 and lower(args.url) == "x"')],
  ['call of nothing', 'SEP2012', when('nothing(1)')],
  ['call of a dotted name', 'SEP2012', when('base.small(1)')],
  ['url', 'SEP2014', when('url(args.url) == "x"')],
  ['ip', OK, when('ip(args.ip) == "::1"')],
  ['no address', 'SEP3019', when('ip(args.ip) == "127.1"')],
  [
    'parameters that are patterns, domains and ranges',
    OK,
    'let l(d: string, r: string, g: string) = url(d).host in domain(d) or ip(r) in cidr(r) or d like g\ntemplate t(d: string, r: string, g: string) { deny x: any -> web/fetch when { url(args.url).host in domain(d) or args.ip in cidr(r) or args.url like g } }',
  ],
  [
    'and with arguments',
    OK,
    'template t(d: string, r: string) { deny x: any -> web/fetch when { url(args.url).host in domain(d) or args.ip in cidr(r) } }\ninstance i = t("example.com", "10.0.0.0/8")',
  ],
  ['a domain that is no constant', 'SEP3001', when('args.url in domain(args.ip)')],
  ['domain', OK, when('args.url in domain("example.com")')],
  ['cidr', OK, when('args.ip not in cidr("10.0.0.0/8")')],
  ['injection_score', OK, when('injection_score(args) > 0.5')],
  ['has_secrets', OK, when('has_secrets(tool.description)')],
  ['has_pii', OK, when('has_pii(args.url)')],
  ['findings', OK, when('findings(args, "card") > 1')],
  ['a scan of the result', 'SEP3021', when('injection_score(result) > 0.5')],
  ['a scan of something else', 'SEP3001', when('has_pii(principal.id)')],
  ['a scan of nothing', 'SEP3007', when('has_pii()')],
  ['findings of no kind', 'SEP3007', when('findings(args) > 1')],
  ['findings of a computed kind', 'SEP3001', when('findings(args, args.url) > 1')],
  [
    'quantifiers',
    OK,
    'deny r: any -> fs/* when { all(args.tags, t => t != "x") or any(args.tags, t => t == "y") }',
  ],
  ['principal pattern', OK, when('principal in agent:x-* or user not in [user:a, service:b]')],
  ['not, negate, and, or', OK, when('not (args.n > -1 and args.n < 3 or true)')],
  ['arithmetic', OK, when('args.n + 1 - 2 * 3 > 0')],
  [
    'comparisons',
    OK,
    when('args.n == 1 or args.n != 1 or args.n < 1 or args.n <= 1 or args.n > 1 or args.n >= 1'),
  ],
  ['in, not in', OK, when('args.url in ["a"] or args.url not in ["b"]')],
  ['under, not under', OK, 'deny r: any -> fs/* when { args.path under "/a" or args.path not under "/b" }'],
  ['within', OK, `${BUSINESS}${when('now within business')}`],
  ['not within', OK, `${BUSINESS}${when('now not within business')}`],
  ['within nothing', 'SEP2001', when('now within business')],
  ['a zone that is none', 'SEP2018', 'schedule s in "Mars" { mon 09:00..10:00 }'],
  ['a window without length', 'SEP3012', 'schedule s in "UTC" { mon 09:00..09:00 }'],
  [
    'texts',
    OK,
    when('args.url starts with "a" or args.url ends with "b" or args.url contains "c" or args.url like "*d"'),
  ],
  ['matches', OK, when('args.url matches r"a+"')],
  ['has role', OK, `role a\n${when('principal has role a or user has role a')}`],
];

describe('every construct', () => {
  it.each(rows)('%s: %s', (_, code, body) => {
    expect([...new Set(errors(policy(`${body}\n`)))]).toEqual(code === null ? [] : [code]);
  });

  it.each<Row>([
    ['edition', 'SEP1010', 'sep 2\npolicy a.b 1.0.0\n'],
    ['tighten', OK, 'sep 1\npolicy a.b 1.0.0 tighten\n'],
    ['no tools', OK, 'sep 1\npolicy a.b 1.0.0\ndeny r: any -> web/*\n'],
    ['no tools and a grant', 'SEP2008', 'sep 1\npolicy a.b 1.0.0\nallow r: agent:x -> web/*\n'],
    ['two tools statements', 'SEP2009', 'sep 1\npolicy a.b 1.0.0\ntools "sepal.lock"\ntools "b.lock"\n'],
  ])('%s: %s', (_, code, source) => {
    expect(errors(source)).toEqual(code === null ? [] : [code]);
  });

  it('the rows above name every kind of node in the tree', () => {
    const tree = readFileSync(resolve(import.meta.dirname, '../../../grammar/tree.ts'), 'utf8');
    const statements = [...tree.matchAll(/^ {2}readonly kind: ('\w+'(?: \| '\w+')*);$/gm)]
      .flatMap((m) => (m[1] ?? '').split(' | '))
      .map((kind) => kind.slice(1, -1));
    const mentioned = rows.map(([construct, , body]) => `${construct} ${body}`).join('\n');
    const parts = new Set([
      'object',
      'array',
      'scalar',
      'act',
      'given',
      'question',
      'principal',
      'tools',
      'rule',
    ]);
    const missing = statements.filter((kind) => !parts.has(kind) && !mentioned.includes(kind));
    expect(statements.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });
});
