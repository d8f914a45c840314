// SPDX-License-Identifier: Apache-2.0
// Limits, counters, scores, strict delegation and shadows, as policies that test themselves; and what of them is refused.
import { describe, expect, it } from 'vitest';
import { emit } from '../../../compiler/emit.js';
import { runTests } from '../../../compiler/testing/index.js';
import type { Request } from '../../../stdlib/abi.js';
import { loadOnce } from '../../helpers/emitted.js';
import { checkText, codesOf, lockText, pinModules, policy, tool } from '../../helpers/policy.js';

const text = { type: 'string' };
const LOCK = lockText({
  img: [tool('make', {}), tool('view', {})],
  pay: [tool('transfer', { amount: { type: 'number' }, 'note?': text })],
  web: [tool('fetch', { url: text })],
  mail: [tool('send', { to: text })],
});

function compiled(rules: string, modules: { readonly [name: string]: string } = {}) {
  const lock = pinModules(LOCK, modules);
  const { output, diagnostics } = checkText(policy(rules), lock, modules);
  if (output === null) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
  return { ...output, source: policy(rules), module: loadOnce(emit(output.ir).js) };
}

/** What the tests of the policy say that differs. */
function failures(rules: string, modules?: { readonly [name: string]: string }): readonly string[] {
  const { ir, file, source, module } = compiled(rules, modules);
  const report = runTests({
    path: 'p.sep',
    source,
    file,
    ir,
    module,
    misfit: () => null,
    scan: () => undefined,
  });
  expect(report.tests.length).toBeGreaterThan(0);
  return report.tests.flatMap((t) =>
    t.failures.map((f) => `${t.title}: ${f.question}: ${f.expected}, not ${f.actual}; ${f.notes.join('; ')}`),
  );
}

describe('limits', () => {
  it('slide, or are aligned; by each key; and say why', () => {
    expect(
      failures(`
limit slow: 2 per 1h by principal on img/make because "Two an hour"
limit day: 3 per 1d by all on img/view fixed
limit each: 1 per 1h by principal, tool on web/*, mail/*
allow any_tool: any -> */*
test "sliding: (t - W, t]" {
  as agent:a at "2026-03-09T10:00:00Z"
  img/make => allow
  as agent:a at "2026-03-09T10:30:00Z"
  img/make => allow
  img/make => deny by slow because "Two an hour"
  as agent:b at "2026-03-09T10:30:00Z"
  img/make => allow by any_tool
  as agent:a at "2026-03-09T10:59:59.999Z"
  img/make => deny
  as agent:a at "2026-03-09T11:00:00Z"
  img/make => allow
  img/make => deny by slow
}
test "fixed: a new window at midnight UTC, for all together" {
  as agent:a at "2026-03-09T23:59:59Z"
  img/view => allow repeat 3
  as agent:b at "2026-03-09T23:59:59.999Z"
  img/view => deny by day
  as agent:b at "2026-03-10T00:00:00Z"
  img/view => allow repeat 3
  img/view => deny
}
test "the clock does not go back" {
  as agent:a at "2026-03-09T12:00:00Z"
  img/make => allow repeat 2
  as agent:a at "2026-03-01T00:00:00Z"
  img/make => deny
}
test "by tool" {
  as agent:a
  web/fetch { url: "x" } => allow
  web/fetch { url: "x" } => deny by each
  mail/send { to: "x" }  => allow
}`),
    ).toEqual([]);
  });

  it('sum exactly, escalate, hold what waits, and count a redeemed call once', () => {
    expect(
      failures(`
role owner
limit spend: 1 per 1d by user on pay/transfer sum args.amount else escalate by role:owner timeout 1h
review big: any -> pay/transfer when { args.amount > 0.5 } by role:owner timeout 30m
allow pay: any -> pay/transfer
test "ten times a tenth is one" {
  as user:u
  pay/transfer { amount: 0.1 } => allow repeat 10
  pay/transfer { amount: 0.0000001 } => review by spend then approved => allow
}
test "a negative amount is unknown, so it may be too much" {
  as user:u
  pay/transfer { amount: 0 } => allow
  pay/transfer { amount: -5 } => review by spend
  pay/transfer { amount: 0 } => review by spend
}
test "an agent without a user has no key" {
  as agent:a
  pay/transfer { amount: 0 } => review by spend
  as agent:a for user:u
  pay/transfer { amount: 0.5 } => allow
  as user:u
  pay/transfer { amount: 0.5 } => allow
  pay/transfer { amount: 0.01 } => review by spend
}
test "a review holds its amount until it expires; its redemption does not see itself" {
  as user:u at "2026-03-09T10:00:00Z"
  pay/transfer { amount: 0.9 } => review by big then approved at "2026-03-09T10:10:00Z" => allow
  pay/transfer { amount: 0.2 } => review by spend
  as user:v at "2026-03-09T11:00:00Z"
  pay/transfer { amount: 0.9 } => review by big
  pay/transfer { amount: 0.2 } => review by spend
  as user:w at "2026-03-09T11:00:00Z"
  pay/transfer { amount: 0.9 } => review by big
  as user:w at "2026-03-09T11:30:01Z"
  pay/transfer { amount: 0.2 } => allow
}`),
    ).toEqual([]);
  });

  it('count attempts where they say so, whatever came of them', () => {
    expect(
      failures(`
limit tries: 3 per 1m by session on * count attempts because "Slow down"
limit made: 2 per 1m by session on img/make
deny views: any -> img/view
allow any_tool: any -> */*
test "attempts" {
  as agent:a in session "s"
  img/view => deny by views repeat 3
  img/make => deny by tries because "Slow down"
  as agent:a in session "t"
  img/make => allow
}
test "without a session each question has its own" {
  as agent:a
  img/view => deny by views repeat 10
}`),
    ).toEqual([]);
  });

  it('are read: what is used before this call, and whether anything is left', () => {
    expect(
      failures(`
limit images: 2 per 1h by principal on img/make
deny last: any -> mail/* when { images.exhausted }
deny some: any -> web/* when { images >= 1 }
allow any_tool: any -> */*
test "in conditions" {
  as agent:a
  mail/send { to: "x" } => allow
  web/fetch { url: "x" } => allow
  img/make => allow
  mail/send { to: "x" } => allow
  web/fetch { url: "x" } => deny by some
  img/make => allow
  mail/send { to: "x" } => deny by last
}
test "given" {
  as agent:a with images 2
  img/make => deny by images
  as agent:a with images unavailable
  img/make => deny by images
  mail/send { to: "x" } => deny by last
}`),
    ).toEqual([]);
  });

  it('stand in modules and templates under names of their own', () => {
    const base = `sep 1
policy acme.base 1.0.0 tighten
limit quota: 1 per 1h by principal on img/make
counter viewed: per session on img/view
`;
    expect(
      failures(
        `
import acme.base
template team(who: principals, most: int) {
  limit pages: 1 per 1h by principal on web/* for who
  deny many: who -> mail/* when { pages >= most }
}
instance red = team(agent:red-*, 1)
deny seen: any -> mail/* when { base.viewed > 1 or base.quota.exhausted }
allow any_tool: any -> */*
test "of a module" {
  as agent:a in session "s"
  img/make => allow
  img/make => deny by base.quota
  mail/send { to: "x" } => deny by seen
  as agent:b in session "t"
  img/view => allow repeat 2
  mail/send { to: "x" } => deny by seen
}
test "of an instance" {
  as agent:blue
  web/fetch { url: "x" } => allow repeat 2
  as agent:red-1
  web/fetch { url: "x" } => allow
  web/fetch { url: "x" } => deny by red.pages
  mail/send { to: "x" } => deny by red.many
}`,
        { 'acme.base': base },
      ),
    ).toEqual([]);
  });
});

describe('scores and counters', () => {
  it('add, decay by whole periods, have a cap, and leave the window', () => {
    expect(
      failures(`
score risk: per 1d by principal { add 30 on web/fetch add 5 on img/* decay 10 per 1h cap 60 }
deny high: any -> mail/* when { risk >= 50 }
deny higher: any -> pay/* when { risk > 60 }
allow any_tool: any -> */*
test "adds, decays, is capped" {
  as agent:a at "2026-03-09T10:00:00Z"
  web/fetch { url: "x" } => allow
  mail/send { to: "x" } => allow
  web/fetch { url: "x" } => allow repeat 3
  mail/send { to: "x" } => deny by high
  pay/transfer { amount: 1 } => allow
  as agent:a at "2026-03-09T11:59:59Z"
  mail/send { to: "x" } => deny by high
  as agent:a at "2026-03-09T12:00:00Z"
  mail/send { to: "x" } => allow
}`),
    ).toEqual([]);
  });

  it('are unknown for the key where an addition is, until it has left the window', () => {
    expect(
      failures(`
fact hot: bool from config.hot
score risk: per 1h by principal { add 10 on img/make when { hot } }
deny high: any -> mail/* when { risk >= 50 }
allow any_tool: any -> */*
test "unknown" {
  as agent:a with hot false at "2026-03-09T10:00:00Z"
  img/make => allow
  mail/send { to: "x" } => allow
  as agent:a at "2026-03-09T10:10:00Z"
  img/make => allow
  mail/send { to: "x" } => deny by high
  as agent:b at "2026-03-09T10:10:00Z"
  mail/send { to: "x" } => allow
  as agent:a at "2026-03-09T11:09:59Z"
  mail/send { to: "x" } => deny by high
  as agent:a at "2026-03-09T11:10:00Z"
  mail/send { to: "x" } => allow
}`),
    ).toEqual([]);
  });

  it('taint a session', () => {
    expect(
      failures(`
role sec
counter untrusted: per session on web/*
counter first: per 30d by principal, tool on */*
escalate exfil: any -> mail/* when { untrusted > 0 } by role:sec timeout 15m
deny unseen: agent:new-* -> img/* when { first == 0 }
allow any_tool: any -> */*
test "taint" {
  as agent:a in session "t"
  mail/send { to: "x" } => allow
  web/fetch { url: "x" } => allow
  mail/send { to: "x" } => review by exfil
  as agent:a in session "u"
  mail/send { to: "x" } => allow
}
test "what is denied is not counted" {
  as agent:new-1
  img/make => deny by unseen repeat 2
}`),
    ).toEqual([]);
  });
});

describe('delegation strict', () => {
  it('needs both, and counts under the keys of both', () => {
    expect(
      failures(`
delegation strict
role analyst, lead
limit views: 2 per 1h by principal on img/view
allow make: agent:*, role:analyst -> img/make
allow view: any -> img/view
review agents: agent:* -> mail/send by role:lead timeout 1h
review people: user:* -> mail/send by role:analyst timeout 2h
test "the stricter stands" {
  as agent:a
  img/make => allow by make
  as agent:a for user:u with roles [analyst]
  img/make => allow
  as agent:a for user:u
  img/make => deny by default
}
test "both reviews" {
  as agent:a for user:u
  mail/send { to: "x" } => review by agents
  mail/send { to: "x" } => review by people
}
test "both keys" {
  as agent:a for user:u
  img/view => allow
  as agent:b for user:u
  img/view => allow
  img/view => deny by views
  as agent:b for user:v
  img/view => allow
  img/view => deny by views
  as user:v
  img/view => allow
}`),
    ).toEqual([]);
  });

  it('names facts of both decisions', () => {
    const { module } = compiled(
      'delegation strict\nlimit views: 2 per 1h by principal on img/view\nlimit calls: 9 per session on img/*\nallow view: any -> img/view',
    );
    const request: Request = {
      principal: 'agent:a',
      roles: [],
      user: 'user:u',
      userRoles: [],
      session: 's',
      intent: { kind: 'tool', server: 'img', name: 'view', args: {} },
    };
    expect(module.needs(request)).toEqual(['calls', 'calls for user', 'views', 'views for user']);
    expect(module.usage?.(request)).toEqual([
      { fact: 'calls', name: 'calls', key: ['s'] },
      { fact: 'views', name: 'views', key: ['agent:a'] },
      { fact: 'calls for user', name: 'calls', key: ['s'] },
      { fact: 'views for user', name: 'views', key: ['user:u'] },
    ]);
    expect(module.counts?.(request, {}).map(({ name, key }) => [name, ...key])).toEqual([
      ['calls', 's'],
      ['views', 'agent:a'],
      ['views', 'user:u'],
    ]);
  });
});

describe('shadow until', () => {
  it('is evaluated, decides nothing, and may still be unknown', () => {
    const { module, ir } = compiled(
      'fact x: bool from config.x\nallow a: any -> img/make\ndeny sure: any -> img/* shadow until 2026-01-05\ndeny maybe: any -> img/* when { x } shadow until 2099-01-01',
    );
    const request: Request = {
      principal: 'agent:a',
      roles: [],
      user: null,
      userRoles: [],
      session: 's',
      intent: { kind: 'tool', server: 'img', name: 'make', args: {} },
    };
    expect(ir.units).toHaveLength(3);
    expect(module.decide(request, { x: false }, 'call')).toMatchObject({
      effect: 'allow',
      rules: ['a'],
      shadow: [{ name: 'sure', effect: 'deny' }],
    });
    expect(module.decide(request, {}, 'call').shadow).toEqual([
      { name: 'maybe', effect: 'deny', unknown: true },
      { name: 'sure', effect: 'deny' },
    ]);
    expect(module.explain(request, {}, 'call').matched).toEqual([{ name: 'a', effect: 'allow' }]);
    expect(module.visible(request, request.intent)).toBe(true);
  });
});

describe('what is refused', () => {
  it.each([
    ['limit a: 1 per 1h on img/none', 'SEP2005'],
    ['limit a: 1 per 999d on img/make', 'SEP3012'],
    ['limit a: 9999999999999999 per 1h on img/make', 'SEP3012'],
    ['limit a: 1 per 1h by tool, tool on img/make', 'SEP3012'],
    ['limit a: 1 per 1h on pay/* sum args.note', 'SEP3002'],
    ['limit a: 1 per 1h on web/* sum args.url', 'SEP3001'],
    ['limit a: 1 per 1h on * sum args.amount', 'SEP3002'],
    ['counter a: per 1h on img/make else escalate by self timeout 1m', 'SEP3010'],
    ['counter a: per 1h on img/make because "x"\ndeny b: any -> */* when { a > 1 }', 'SEP4017'],
    ['counter a: per 1h on img/make tell\ndeny b: any -> */* when { a > 1 }', 'SEP4017'],
    ['counter a: per 1h on img/make', 'SEP4002'],
    ['score a: per 1h { add 1 on img/make when { args.x } }\ndeny b: any -> */* when { a > 1 }', 'SEP2011'],
    ['counter a: per 1h on img/make\ndeny b: any -> */* when { a }', 'SEP3003'],
    ['counter a: per 1h on img/make\ndeny b: any -> */* when { a.exhausted }', 'SEP2013'],
    ['deny b: any -> */* when { nothing.exhausted }', 'SEP2001'],
    ['limit a: 1 per 1h on img/make\nallow a: any -> img/make', 'SEP2002'],
  ])('%s: %s', (rules, code) => {
    expect(codesOf(rules, LOCK)).toContain(code);
  });
});
