// SPDX-License-Identifier: Apache-2.0
// The language statement by statement and operator by operator (docs/language.md): each compiles, and answers as its own `test` block
// says, in the emitted module and in the reference interpreter.
import { describe, expect, it } from 'vitest';
import { emit } from '../../../compiler/emit.js';
import { decide as reference } from '../../../compiler/reference.js';
import { runTests } from '../../../compiler/testing/index.js';
import type { TestSubject } from '../../../compiler/testing/types.js';
import type { PolicyModule } from '../../../stdlib/abi.js';
import { loadOnce } from '../../helpers/emitted.js';
import { checkText, lockText, pinModules, policy, tool } from '../../helpers/policy.js';

const text = { type: 'string' };
const part = { type: 'object', required: ['id'], properties: { id: text, note: text } };
const MODULES = {
  'acme.baseline':
    'sep 1\npolicy acme.baseline 1.0.0 tighten\nprincipals trusted = agent:ops-*\ndeny no_shell: any -> */shell_*\nlet small(n: decimal) = n < 10\n',
};
const TOOLS = pinModules(
  lockText({
    t: [
      tool('s', {
        's?': text,
        'n?': { type: 'number' },
        'i?': { type: 'integer' },
        'b?': { type: 'boolean' },
        'e?': { enum: ['a', 'odd name'] },
      }),
      tool('l', {
        'l?': { type: 'array', items: text },
        'o?': { type: 'array', items: part },
        'at?': { type: 'string', format: 'date-time' },
        'x?': {},
      }),
      tool('m', { n: { type: 'number' } }),
      tool('shell_run', { c: text }, { readOnlyHint: false, destructiveHint: true }),
      tool('u', {
        'v?': { anyOf: [{ type: 'string' }, { type: 'integer' }] },
        'z?': { type: ['string', 'null'] },
        'd?': { type: 'object', properties: { k: text } },
      }),
    ],
  }),
  MODULES,
);

/** With a prompt. */
const LOCK = TOOLS.replace('"tools": {', '"prompts": { "x": {} },\n      "tools": {');

type Row = readonly [what: string, statements: string, questions: string];

/** `deny` where the condition holds or may hold; who asks, then questions. */
const when = (condition: string, tool_ = 's', before = ''): string =>
  `${before}allow base: any -> t/${tool_}\ndeny r: any -> t/${tool_} when { ${condition} }`;
/** Arguments for which it holds, does not hold, and is unknown. */
const rows = (
  what: string,
  condition: string,
  yes: string,
  no: string,
  odd?: string,
  tool_ = 's',
  before = '',
): Row => [
  what,
  when(condition, tool_, before),
  `as agent:a t/${tool_} ${yes} => deny by r t/${tool_} ${no} => allow by base${odd === undefined ? '' : ` t/${tool_} ${odd} => deny by r`}`,
];

const OPERATORS: readonly Row[] = [
  rows('==', 'has(args.s) and args.s == "x"', '{ s: "x" }', '{ s: "y" }'),
  rows('!=', 'has(args.s) and args.s != "x"', '{ s: "y" }', '{ s: "x" }'),
  rows('< on numbers', 'has(args.n) and args.n < 1.5', '{ n: 1.4 }', '{ n: 1.5 }'),
  rows('<= on numbers', 'has(args.n) and args.n <= 1.5', '{ n: 1.5 }', '{ n: 1.51 }'),
  rows('> on texts', 'has(args.s) and args.s > "b"', '{ s: "c" }', '{ s: "b" }'),
  rows('>= on texts', 'has(args.s) and args.s >= "\\u{1F600}"', '{ s: "😀" }', '{ s: "豈" }'),
  rows('exact decimals', 'has(args.n) and args.n + 0.2 == 0.3', '{ n: 0.1 }', '{ n: 0.11 }'),
  rows('bool', 'has(args.b) and args.b', '{ b: true }', '{ b: false }'),
  rows('enum', 'has(args.e) and args.e == "odd name"', '{ e: "odd name" }', '{ e: "a" }'),
  rows('in a list', 'has(args.s) and args.s in ["a", "b"]', '{ s: "b" }', '{ s: "c" }'),
  rows('not in a list', 'has(args.s) and args.s not in ["a", "b"]', '{ s: "c" }', '{ s: "b" }'),
  rows('in an argument', 'has(args.l) and "a" in args.l', '{ l: ["b", "a"] }', '{ l: [] }', undefined, 'l'),
  rows(
    'in a domain',
    'has(args.s) and url(args.s).host in domain("example.com")',
    '{ s: "https://a.example.com/" }',
    '{ s: "https://evil-example.com/" }',
    '{ s: "https://x@example.com/" }',
  ),
  rows(
    'in a range',
    'has(args.s) and args.s in cidr("10.0.0.0/8")',
    '{ s: "::ffff:10.1.1.1" }',
    '{ s: "11.0.0.1" }',
    '{ s: "010.0.0.1" }',
  ),
  rows(
    'not in a range',
    'has(args.s) and args.s not in cidr("2001:db8::/32")',
    '{ s: "2001:db9::" }',
    '{ s: "2001:DB8::7" }',
    '{ s: "localhost" }',
  ),
  rows(
    'url().scheme',
    'has(args.s) and url(args.s).scheme != "https"',
    '{ s: "http://a/" }',
    '{ s: "HTTPS://a/" }',
    '{ s: "a" }',
  ),
  rows(
    'url().host',
    'has(args.s) and url(args.s).host == "EXAMPLE.com."',
    '{ s: "http://example.COM" }',
    '{ s: "http://example.org" }',
    '{ s: "http:/example.com" }',
  ),
  rows(
    'url().port',
    'has(args.s) and url(args.s).port not in [80, 443]',
    '{ s: "http://a:8080/" }',
    '{ s: "https://a/" }',
    '{ s: "http://a:0443/" }',
  ),
  rows(
    'url().path',
    'has(args.s) and url(args.s).path under "/admin"',
    '{ s: "http://a/admin/x?y#z" }',
    '{ s: "http://a/adminx" }',
    '{ s: "http://a/x/../admin" }',
  ),
  rows(
    'ip()',
    'has(args.s) and ip(args.s) == "::1"',
    '{ s: "0:0:0:0:0:0:0:1" }',
    '{ s: "127.0.0.1" }',
    '{ s: "::1%lo" }',
  ),
  rows(
    'lower and size',
    'has(args.s) and lower(args.s) == "ab" and size(args.s) == 2',
    '{ s: "AB" }',
    '{ s: "abc" }',
  ),
  rows('starts with', 'has(args.s) and args.s starts with "a"', '{ s: "ab" }', '{ s: "ba" }'),
  rows('ends with', 'has(args.s) and args.s ends with "a"', '{ s: "ba" }', '{ s: "ab" }'),
  rows('contains', 'has(args.s) and args.s contains "b"', '{ s: "abc" }', '{ s: "ac" }'),
  rows(
    'contains on a list',
    'has(args.l) and args.l contains "b"',
    '{ l: ["b"] }',
    '{ l: ["abc"] }',
    undefined,
    'l',
  ),
  rows('like', 'has(args.s) and args.s like "a/*/b"', '{ s: "a/x/b" }', '{ s: "a/x/y/b" }'),
  rows('matches', 'has(args.s) and args.s matches r"(?i)a\\"?.+"', '{ s: "A😀" }', '{ s: "ba" }'),
  rows('under', 'has(args.s) and args.s under "/a"', '{ s: "/a/./b" }', '{ s: "/ab" }', '{ s: "/b/..;/a" }'),
  rows('not under', 'has(args.s) and args.s not under "/a"', '{ s: "/b" }', '{ s: "/a" }', '{ s: "~/a" }'),
  rows('has', 'has(args.s)', '{ s: "" }', '{}'),
  rows('null', 'has(args.z) and args.z == null', '{ z: null }', '{ z: "a" }', undefined, 'u'),
  rows('a union', 'has(args.v) and args.v == 3', '{ v: 3 }', '{ v: 4 }', '{ v: "3" }', 'u'),
  rows(
    'a nested member',
    'has(args.d.k) and args.d.k == "x"',
    '{ d: { k: "x" } }',
    '{ d: {} }',
    undefined,
    'u',
  ),
  rows('json', 'has(args.x) and args.x == ["a", 1]', '{ x: ["a", 1] }', '{ x: { a: 1 } }', undefined, 'l'),
  rows(
    'all',
    'has(args.l) and size(args.l) > 0 and all(args.l, x => x == "a")',
    '{ l: ["a", "a"] }',
    '{ l: ["a", "b"] }',
    undefined,
    'l',
  ),
  rows(
    'any',
    'has(args.l) and any(args.l, x => x starts with "a")',
    '{ l: ["b", "ab"] }',
    '{ l: [] }',
    undefined,
    'l',
  ),
  rows(
    'members of elements',
    'has(args.o) and any(args.o, x => has(x.note) and x.note == x.id)',
    '{ o: [{ id: "a" }, { id: "b", note: "b" }] }',
    '{ o: [{ id: "a" }] }',
    undefined,
    'l',
  ),
  rows('not, and, or', 'not has(args.s) or (has(args.n) and args.n > 0)', '{}', '{ s: "" }'),
  rows('arithmetic', 'has(args.n) and -args.n * 2 - 1 > 3', '{ n: -2.5 }', '{ n: -2 }'),
  rows(
    'arithmetic that overflows',
    'has(args.n) and args.n * args.n * args.n < 0',
    '{ n: -1 }',
    '{ n: 1 }',
    '{ n: 1e300 }',
  ),
  rows(
    'instants',
    'has(args.at) and args.at < "2026-01-01T00:00:00Z"',
    '{ at: "2026-01-01T00:30:00+01:00" }',
    '{ at: "2026-01-01T00:00:00Z" }',
    '{ at: "soon" }',
    'l',
  ),
  rows(
    'durations',
    'has(args.at) and now - args.at > 1h',
    '{ at: "2026-01-05T10:59:59Z" }',
    '{ at: "2026-01-05T11:00:00Z" }',
    '{ at: "" }',
    'l',
  ),
  rows(
    'instants as texts',
    'has(args.at) and args.at starts with "2026"',
    '{ at: "2026-01-01T00:00:00Z" }',
    '{ at: "2025-01-01T00:00:00Z" }',
    undefined,
    'l',
  ),
  rows(
    'a predicate',
    'has(args.n) and small(args.n)',
    '{ n: 1 }',
    '{ n: 10 }',
    undefined,
    's',
    'let small(x: decimal) = x < 10\n',
  ),
  ['principal.id', when('principal.id == "agent:a"'), 'as agent:a t/s {} => deny as agent:b t/s {} => allow'],
  [
    'user.id',
    when('user.id == "user:y"'),
    'as agent:a for user:y t/s {} => deny as agent:a for user:z t/s {} => allow as agent:a t/s {} => deny',
  ],
  [
    'session.id',
    when('session.id == "one"'),
    'as agent:a in session "one" t/s {} => deny as agent:a in session "two" t/s {} => allow',
  ],
  [
    'tool.name, tool.server',
    'allow base: any -> t/*\ndeny r: any -> t/* when { tool.name == "s" and tool.server == "t" }',
    'as agent:a t/s {} => deny t/l {} => allow',
  ],
  [
    'hints',
    'allow base: any -> t/*\ndeny r: any -> t/* when { tool.hints.destructive and not tool.hints.readOnly and not tool.hints.idempotent and tool.hints.openWorld }',
    'as agent:a t/shell_run { c: "x" } => deny',
  ],
  ['tool.description', when('tool.description contains "x"'), 'as agent:a t/s {} => deny'],
  [
    'has role',
    `role lead, odd = "odd role"\n${when('principal has role lead or user has role odd')}`,
    'as agent:a with roles [lead] t/s {} => deny as agent:a for user:u with roles [odd] t/s {} => deny as agent:a for user:u t/s {} => allow',
  ],
  [
    'principal in',
    `principals eds = agent:ed-* except agent:ed-9\n${when('principal in eds or user in [user:a, service:b]')}`,
    'as agent:ed-1 t/s {} => deny as agent:ed-9 for user:b t/s {} => allow as agent:x for user:a t/s {} => deny',
  ],
  [
    'scanner results',
    when('injection_score(args) >= 0.5 or has_secrets(args) or has_pii(args) or findings(args, "card") > 1'),
    'as agent:a with injection_score(args) 0.5 t/s {} => deny as agent:a with injection_score(args) 0, has_secrets(args) false, has_pii(args) false t/s {} => deny as agent:a with has_secrets(args) unavailable t/s {} => deny',
  ],
  [
    'now within',
    when(
      'now within office',
      's',
      'schedule office in "Europe/Paris" { mon..fri 09:00..17:00 sat 22:00..02:00 except 2026-01-06 }\n',
    ),
    'as agent:a t/s {} => deny as agent:a at "2026-01-05T16:00:00Z" t/s {} => allow as agent:a at "2026-01-11T00:59:59Z" t/s {} => deny as agent:a at "2026-01-06T12:00:00Z" t/s {} => allow as agent:a at "2050-01-01T00:00:00Z" t/s {} => deny',
  ],
  [
    'now not within',
    when('now not within office', 's', 'schedule office in "UTC" { mon..fri 09:00..24:00 }\n'),
    'as agent:a t/s {} => allow as agent:a at "2026-01-05T08:59:59Z" t/s {} => deny',
  ],
  [
    'a fact that is an instant, within',
    when(
      'opened within office',
      's',
      'fact opened: instant from config.opened\nschedule office in "UTC" { mon 09:00..17:00 }\n',
    ),
    'as agent:a with opened "2026-01-05T12:00:00+01:00" t/s {} => deny as agent:a with opened "2026-01-05T17:00:00Z" t/s {} => allow',
  ],
  [
    'measures',
    `counter seen: per session on t/s\nlimit two: 2 per 1h by principal on t/s\n${when('seen > 0 and two.exhausted')}`,
    'as agent:a in session "s" t/s {} => allow t/s {} => allow t/s {} => deny',
  ],
];

const STATEMENTS: readonly Row[] = [
  [
    'allow, deny by default',
    'allow base: agent:a -> t/s',
    'as agent:a t/s {} => allow by base t/l {} => deny by default as user:a t/s {} => deny',
  ],
  [
    'review',
    'role lead, ops\nreview ask: any -> t/s by role:lead, role:ops quorum 2 timeout 15m because "ask"',
    'as agent:a t/s {} => review by ask because "ask" then approved at "2026-01-05T12:10:00Z" => allow',
  ],
  [
    'review by self',
    'review ask: any -> t/s by self timeout 15m',
    'as agent:a for user:u t/s {} => review then approved => allow',
  ],
  [
    'deny because, unless',
    'allow base: any -> t/s\ndeny other: any -> t/s unless { has(args.s) and args.s == "x" } because "only x"',
    'as agent:a t/s { s: "x" } => allow t/s {} => deny by other because "only x"',
  ],
  [
    'when and unless',
    'allow base: any -> t/s when { has(args.n) } unless { args.n > 5 }',
    'as agent:a t/s { n: 5 } => allow t/s { n: 6 } => deny t/s {} => deny',
  ],
  [
    'escalate',
    'role lead\nescalate up: any -> t/* by role:lead timeout 1m\nallow base: any -> t/s',
    'as agent:a t/s {} => review by up t/l {} => deny by default',
  ],
  [
    'decide',
    'role lead\ndecide d for agent:* on t/s { case has(args.s) => allow because "s" case has(args.n) => review by role:lead timeout 1m case has(args.b) => escalate by role:lead timeout 1m otherwise => deny because "nothing" }',
    'as agent:a t/s { s: "" } => allow by d t/s { n: 1 } => review by d t/s { b: true } => deny by default t/s {} => deny by d because "nothing" as user:u t/s { s: "" } => deny by default',
  ],
  [
    'decide partial',
    'allow base: any -> t/s\ndecide d on t/s partial { case has(args.s) => deny }',
    'as agent:a t/s { s: "" } => deny by d t/s {} => allow by base',
  ],
  [
    'limit sliding',
    'allow base: any -> t/s\nlimit two: 2 per 1h by principal on t/s because "slow down"',
    'as agent:a at "2026-01-05T12:00:00Z" t/s {} => allow repeat 2 t/s {} => deny by two because "slow down" as agent:b t/s {} => allow as agent:a at "2026-01-05T13:00:00Z" t/s {} => allow',
  ],
  [
    'limit fixed',
    'allow base: any -> t/s\nlimit one: 1 per 1h on t/s fixed',
    'as agent:a at "2026-01-05T12:59:59Z" t/s {} => allow t/s {} => deny as agent:a at "2026-01-05T13:00:00Z" t/s {} => allow',
  ],
  [
    'limit of attempts',
    'deny never_: any -> t/s when { has(args.s) }\nallow base: any -> t/s\nlimit tries: 2 per session on t/s count attempts',
    'as agent:a in session "s" t/s { s: "" } => deny repeat 2 t/s {} => deny by tries',
  ],
  [
    'limit of a sum, else escalate',
    'role lead\nallow base: any -> t/m\nlimit spend: 10 per 1d by user on t/m sum args.n else escalate by role:lead timeout 1m',
    'as agent:a for user:u t/m { n: 6 } => allow t/m { n: 5 } => review by spend t/m { n: -1 } => review',
  ],
  [
    'counter for, by several',
    'counter seen: per 1h by principal, tool on t/* for agent:*\nallow base: any -> t/*\ndeny again: any -> t/* when { seen > 0 }',
    'as agent:a t/s {} => allow t/l {} => allow t/s {} => deny',
  ],
  [
    'score',
    'allow base: any -> t/s\nscore risk: per session by session { add 30 on t/s add 40 on t/s when { has(args.s) } decay 10 per 1h cap 90 }\ndeny risky: any -> t/s when { risk >= 70 }',
    'as agent:a in session "s" at "2026-01-05T12:00:00Z" t/s { s: "" } => allow t/s {} => deny as agent:a in session "s" at "2026-01-05T13:00:00Z" t/s {} => allow',
  ],
  [
    'fact from claim',
    `fact region: enum eu, "a p" from claim.region\nallow base: any -> t/s when { region == "a p" }`,
    'as agent:a with region "a p" t/s {} => allow as agent:a with region eu t/s {} => deny as agent:a with region unavailable t/s {} => deny as agent:a t/s {} => deny',
  ],
  [
    'fact of principals',
    'fact crew: principals from config.crew\nallow base: any -> t/s when { principal in crew }',
    'as agent:a with crew ["agent:a"] t/s {} => allow as agent:b with crew ["agent:a"] t/s {} => deny as agent:a t/s {} => deny',
  ],
  [
    'facts of times',
    'fact since: instant from config.since\nfact grace: duration from config.grace\nallow base: any -> t/s when { since + grace <= now }',
    'as agent:a with since "2026-01-05T11:00:00Z", grace 1h t/s {} => allow as agent:a with since "2026-01-05T11:00:00Z", grace 61m t/s {} => deny',
  ],
  [
    'fact over HTTP, on unknown review',
    'role lead, ops\nfact state: enum open, shut from http.ticket.state fresh 60s on unknown review by role:lead quorum 2 timeout 15m\nfact size_: int from http.size on unknown review by role:ops timeout 5m\nallow base: any -> t/s when { state == open and size_ < 5 }\ndeny x: any -> t/s when { has(args.s) and args.s == "x" }\nescalate many: any -> t/s when { size_ > 3 } by role:ops timeout 1m',
    'as agent:a with state open, size_ 1 t/s {} => allow as agent:a with state shut, size_ 1 t/s {} => deny as agent:a with size_ 1 t/s {} => review by state then approved => allow as agent:a t/s {} => review t/s { s: "x" } => deny by x as agent:a with size_ 9 t/s {} => deny',
  ],
  [
    'delegation strict',
    'delegation strict\nallow a: agent:a -> t/s\nallow u: user:u -> t/s',
    'as agent:a t/s {} => allow as agent:a for user:u t/s {} => allow as agent:a for user:v t/s {} => deny',
  ],
  [
    'import',
    'import acme.baseline as b\nallow base: any -> t/*\ndeny big: b.trusted -> t/s when { has(args.n) and not b.small(args.n) }',
    'as agent:a t/shell_run { c: "" } => deny by b.no_shell as agent:ops-1 t/s { n: 10 } => deny by big t/s { n: 9 } => allow',
  ],
  [
    'template',
    'template own(who: principals, most: decimal, word: string, flags: list<string>, open_at: instant, span_: duration) { allow use: who -> t/s when { has(args.n) and args.n < most and has(args.s) and args.s in flags and args.s != word and now > open_at + span_ } }\ninstance one = own(agent:a, 5, "b", ["a", "b"], "2026-01-05T00:00:00Z", 1h)',
    'as agent:a t/s { n: 4, s: "a" } => allow by one.use t/s { n: 4, s: "b" } => deny as agent:b t/s { n: 4, s: "a" } => deny',
  ],
  [
    'template in a template',
    'template outer(n: int) { template inner(m: int) { deny r: any -> t/s when { has(args.n) and args.n > m + n } } instance i = inner(2) }\ninstance o = outer(3)\nallow base: any -> t/s',
    'as agent:a t/s { n: 5 } => allow t/s { n: 6 } => deny by o.i.r',
  ],
  [
    'shadow',
    'allow base: any -> t/s\ndeny later: any -> t/s shadow until 2030-01-01',
    'as agent:a t/s {} => allow by base',
  ],
  [
    'tell',
    'allow base: any -> t/s when { has(args.n) and args.n < 5 } tell',
    'as agent:a t/s { n: 4 } => allow t/s { n: 5 } => deny by default',
  ],
  [
    'on list',
    'allow base: any -> t/s\ndeny hide: user:* -> t/* on list',
    'as user:u t/s on list => deny by hide as agent:a t/s on list => allow',
  ],
  [
    'on result',
    'role lead\nallow base: any -> t/s\ndeny out: any -> t/s on result when { result.text contains "secret" }\nescalate odd: any -> t/s on result when { result.text contains "odd" } by role:lead timeout 1h',
    'as agent:a with result "a secret" t/s {} => deny by out as agent:a with result "odd" t/s {} => review by odd as agent:a with result "fine" t/s {} => allow',
  ],
  [
    'redact',
    'allow base: any -> t/s\nredact hide: any -> t/s on result mask secrets, pii',
    'as agent:a with result "x" t/s {} => allow',
  ],
  [
    'other kinds',
    'allow files: any -> resource t/"file:///a/**", prompt t/*, completion t/*\ndeny asks: any -> sampling from t, elicitation from *, roots from t',
    'as agent:a resource t/"file:///a/b/c" => allow by files resource t/"file:///b" => deny prompt t/x => allow completion t/x => allow sampling from t => deny by asks elicitation from t => deny by asks roots from t => deny by asks',
  ],
  [
    'every kind',
    'allow all_: agent:a -> *',
    'as agent:a t/s {} => allow resource t/"x:y" => allow sampling from t => allow',
  ],
  [
    'sets',
    'principals p = agent:a, role:lead except agent:b\nrole lead\nactions acts = t/*, prompt t/* except t/l\nallow base: p -> acts',
    'as agent:a t/s {} => allow t/l {} => deny prompt t/x => allow as agent:b with roles [lead] t/s {} => deny as service:x with roles [lead] t/s {} => allow',
  ],
  [
    'example',
    'allow base: agent:a -> t/s\nexample base { as agent:a t/s {} => allow }',
    'as agent:b t/s {} => deny',
  ],
];

function subjectOf(source: string): TestSubject & { readonly module: PolicyModule } {
  const { output, diagnostics } = checkText(source, LOCK, MODULES);
  const errors = diagnostics.filter((d) => d.severity === 'error');
  expect(errors.map((d) => `${d.code} ${d.message}`)).toEqual([]);
  if (output === null) throw new Error('it has errors');
  const description = ['pin', 'description'].join();
  return {
    path: 'input.sep',
    source,
    file: output.file,
    ir: output.ir,
    module: loadOnce(emit(output.ir).js),
    misfit: () => null,
    scan: (path, _, result) => {
      if (path.join() === description) return 'x';
      const answer = result as { readonly content?: readonly { readonly text?: string }[] } | null;
      return path[0] === 'result' ? answer?.content?.[0]?.text : undefined;
    },
  };
}

const failuresOf = (subject: TestSubject): readonly string[] =>
  runTests(subject).tests.flatMap((test) =>
    test.failures.map(
      (f) => `${f.question}: expected ${f.expected}, got ${f.actual} (${f.notes.join('; ')})`,
    ),
  );

describe.each([
  ['operators', OPERATORS],
  ['statements', STATEMENTS],
] as const)('%s', (_, all) => {
  it.each(all)('%s', (__, statements, questions) => {
    const source = policy(`${statements}\ntest "it runs" {\n${questions}\n}\n`);
    const subject = subjectOf(source);
    expect(failuresOf(subject)).toEqual([]);
    const { module, ir } = subject;
    const slow: PolicyModule = {
      ...module,
      decide: (request, facts, phase) => reference(ir, request, facts, phase),
      explain: (request, facts, phase) => ({
        ...module.explain(request, facts, phase),
        decision: reference(ir, request, facts, phase),
      }),
    };
    expect(failuresOf({ ...subject, module: slow })).toEqual([]);
  });
});
