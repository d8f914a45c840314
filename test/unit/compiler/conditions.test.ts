// SPDX-License-Identifier: Apache-2.0
// Conditions of language.md 1.2: each sentence that concerns what this release compiles, accepted and refused.
import { describe, expect, it } from 'vitest';
import type { ExprIr, UnitIr } from '../../../compiler/ir.js';
import { checkText, codesOf, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const LINTS = new Set(['SEP4001', 'SEP4002', 'SEP4004', 'SEP4007', 'SEP4008', 'SEP4009']);
const DECLARED = `role admin = "Admin Role"
principals editors = agent:content-editor, agent:copy-*
fact region: enum eu, us from config.region
fact open: bool from config.open
fact names: list<string> from config.names
let small(x: decimal) = x < 10
let listed(who: principals) = principal in who
let known = has(args.reason)
let greeting = "hello"
`;
const rule = (what: string, condition: string): string =>
  `${DECLARED}\ndeny d: any -> ${what} when { ${condition} }\n`;
const refused = (what: string, condition: string): readonly string[] =>
  codesOf(rule(what, condition), SHOP_LOCK).filter((code) => !LINTS.has(code));

const unit = (body: string): UnitIr | undefined => checkText(policy(body), SHOP_LOCK).output?.ir.units[0];
function condition(what: string, text: string): ExprIr | null {
  const checked = unit(rule(what, text));
  return checked?.kind === 'rule' ? checked.when : null;
}

describe('accepted', () => {
  it.each([
    ['pay/transfer', 'args.amount > 1.50 and args.amount <= 10'],
    ['pay/transfer', 'args.amount == -3'],
    ['pay/transfer', 'args.amount * 2 + 1 - 3 > -args.amount'],
    ['pay/transfer', 'args.currency == EUR or args.currency == "USD"'],
    ['pay/transfer', 'EUR == args.currency'],
    ['pay/transfer', 'args.currency in [EUR, "USD"] and args.currency not in [USD]'],
    ['pay/transfer', 'args.currency == args.to'],
    ['pay/transfer', '"x" in args.tags and args.tags contains "y"'],
    ['pay/transfer', 'all(args.tags, t => t starts with "a" or t == args.to)'],
    ['pay/transfer', 'any(args.tags, t => any(args.tags, u => t != u))'],
    ['pay/transfer', 'size(args.tags) > 2 and size(args.to) < 5'],
    ['pay/transfer', 'args.tags == ["a", "b"]'],
    ['pay/transfer', 'has(args.reason) and args.reason == null'],
    ['pay/transfer', 'has(args.reason) and args.reason == "x"'],
    ['pay/transfer', 'not has(args.reason) or args.reason == "x"'],
    ['pay/transfer', 'has(args.reference) and (args.reference == 3 or args.reference starts with "r")'],
    ['pay/transfer', 'small(args.amount) and args.amount in [1, 2.5]'],
    ['pay/transfer', 'args.to == greeting'],
    ['pay/transfer', 'known'],
    ['mail/send_email', 'lower(args.to) ends with "@example.com" and args.to like "*@example.*"'],
    ['mail/send_email', 'has(args.extra) and args.extra == "x"'],
    ['mail/send_email', 'has(args.extra) and args.extra in [1, 2]'],
    ['mail/send_email', 'has(args.options.html) and args.options.html == true'],
    ['fs/read_file', 'args.path under "/data" and args.path not under "/data/x"'],
    ['fs/*', 'args.path under "/data"'],
    ['fs/*', 'args.path matches r"(?i)/[a-z]{1,8}/\\d+\\.(md|txt)"'],
    ['fs/*', 'has(args.content) and args.content contains "x"'],
    ['fs/list_directory', 'has(args.sort) and args.sort == size'],
    ['fs/*', 'principal.id == "agent:x" or user.id starts with "user:" or session.id == "s"'],
    ['fs/*', 'principal in editors or user in agent:x-* or principal in [editors, agent:y]'],
    ['fs/*', 'listed(editors) or listed(agent:z-*)'],
    ['fs/*', 'principal has role admin or not (user has role admin)'],
    ['fs/*', 'tool.hints.readOnly and tool.server == "fs" and tool.name like "read_*"'],
    ['fs/*', 'region == eu and region in [eu, us] and open and "x" in names'],
    ['fs/*', 'eu == region'],
    ['*', 'has(args.path)'],
    ['future/tool_*', 'args.whatever under "/x" and args.n > 3 and all(args.l, x => x == "y") and args.flag'],
    ['sampling from web', 'principal has role admin'],
    ['resource fs/"file:///data/**"', 'open'],
  ])('%s when %s', (what, text) => {
    expect(refused(what, text)).toEqual([]);
  });
});

describe('refused', () => {
  it.each([
    ['pay/transfer', 'args.amount', 'SEP3003'],
    ['pay/transfer', 'args.amount and true', 'SEP3003'],
    ['pay/transfer', '"yes"', 'SEP3003'],
    ['pay/transfer', 'args.amount == "3"', 'SEP3001'],
    ['pay/transfer', 'args.to < 3', 'SEP3001'],
    ['pay/transfer', 'args.tags < ["a"]', 'SEP3001'],
    ['fs/*', 'open > open', 'SEP3001'],
    ['pay/transfer', 'args.to + "x" == "y"', 'SEP3001'],
    ['pay/transfer', '-args.to == 1', 'SEP3001'],
    ['pay/transfer', 'args.amount starts with "1"', 'SEP3001'],
    ['pay/transfer', 'args.amount in ["1"]', 'SEP3001'],
    ['pay/transfer', '3 in args.tags', 'SEP3001'],
    ['pay/transfer', 'args.to in args.to', 'SEP3001'],
    ['pay/transfer', 'any(args.to, x => true)', 'SEP3001'],
    ['pay/transfer', 'args.tags == [args.to]', 'SEP3001'],
    ['pay/transfer', 'args.to like args.to', 'SEP3001'],
    ['pay/transfer', 'lower(args.amount) == "x"', 'SEP3001'],
    ['pay/transfer', 'size(args.amount) == 1', 'SEP3001'],
    ['pay/transfer', 'has(3)', 'SEP3001'],
    ['pay/transfer', 'has(args)', 'SEP3001'],
    ['pay/transfer', 'small(args.to)', 'SEP3001'],
    ['pay/transfer', 'small(1, 2)', 'SEP3007'],
    ['pay/transfer', 'has(args.to, args.to)', 'SEP3007'],
    ['pay/transfer', 'args.currency == GBP', 'SEP3004'],
    ['pay/transfer', 'args.currency in [EUR, "GBP"]', 'SEP3004'],
    ['fs/*', 'region == ap', 'SEP3004'],
    ['pay/transfer', 'args.reason == "x"', 'SEP3002'],
    ['pay/transfer', 'has(args.reason) or args.reason == "x"', 'SEP3002'],
    ['pay/transfer', 'args.reason == "x" and has(args.reason)', 'SEP3002'],
    ['pay/transfer', 'not has(args.reason) and args.reason == "x"', 'SEP3002'],
    ['fs/*', 'args.content contains "x"', 'SEP3002'],
    ['fs/*', 'args.contents contains "x"', 'SEP2011'],
    ['mail/send_email', 'has(args.options) and args.options.html == 1', 'SEP3002'],
    ['mail/send_email', 'has(args.extra) and args.extra > 1', 'SEP3001'],
    ['mail/send_email', 'has(args.extra) and args.extra like "x"', 'SEP3006'],
    ['fs/*', 'args.path under "data"', 'SEP3008'],
    ['fs/*', 'args.path under "/a%2fb"', 'SEP3008'],
    ['fs/*', 'principal == "agent:x"', 'SEP2014'],
    ['fs/*', 'args == 1', 'SEP2014'],
    ['fs/*', 'editors', 'SEP2014'],
    ['fs/*', 'agent:x == "agent:x"', 'SEP2014'],
    ['fs/*', 'nonsense', 'SEP2001'],
    ['fs/*', 'principal in editor', 'SEP2001'],
    ['fs/*', 'principal in region', 'SEP2003'],
    ['fs/*', 'principal has role boss', 'SEP2004'],
    ['fs/*', 'tool has role admin', 'SEP3001'],
    ['fs/*', 'principal in "agent:x"', 'SEP3001'],
    ['fs/*', 'principal.nme == "x"', 'SEP2013'],
    ['fs/*', 'tool.hints.readonly', 'SEP2013'],
    ['fs/*', 'region.x == "y"', 'SEP2013'],
    ['fs/*', 'lenght(args.path) > 3', 'SEP2012'],
    ['sampling from web', 'has(args.path)', 'SEP3013'],
    ['sampling from web', 'tool.hints.readOnly', 'SEP3013'],
    ['fs/*, sampling from web', 'args.path under "/x"', 'SEP3013'],
    ['fs/*', 'result.text contains "x"', 'SEP3021'],
    ['fs/*', 'has_secrets(result)', 'SEP3021'],
    ['fs/*', 'args.path matches r"(x"', 'SEP3017'],
    ['fs/*', 'args.path matches "x"', 'SEP3001'],
    ['pay/transfer', 'args.amount matches r"x"', 'SEP3001'],
    ['fs/*', 'r"x" == "x"', 'SEP2014'],
  ])('%s when %s: %s', (what, text, code) => {
    expect([...new Set(refused(what, text))]).toEqual([code]);
  });
});

describe('lowered', () => {
  it('numbers are canonical decimals and never doubles', () => {
    expect(condition('pay/transfer', 'args.amount == 7.500')).toMatchObject({
      op: 'compare',
      on: 'number',
      right: { value: { kind: 'number', text: '7.5' } },
    });
    const huge = '9007199254740993.000000000000000000001';
    expect(condition('pay/transfer', `args.amount == ${huge}`)).toMatchObject({
      right: { value: { text: huge } },
    });
    expect(condition('pay/transfer', 'args.amount == -0')).toMatchObject({ right: { value: { text: '0' } } });
  });

  it('null is a value only where it is compared with null', () => {
    const nullable = (text: string): unknown => {
      const when = condition('pay/transfer', `has(args.reason) and ${text}`);
      const last = when?.op === 'and' ? when.operands.at(-1) : null;
      return last?.op === 'compare' && last.left.op === 'arg' ? last.left.nullable : null;
    };
    expect(nullable('args.reason == null')).toBe(true);
    expect(nullable('args.reason != "x"')).toBe(false);
  });

  it('reads a union as the member that fits', () => {
    const when = condition('pay/transfer', 'has(args.reference) and args.reference == 3');
    expect(when).toMatchObject({ operands: [{}, { on: 'number', left: { type: { kind: 'int' } } }] });
  });

  it('roles by the value that credentials carry', () => {
    expect(condition('fs/*', 'principal has role admin')).toEqual({
      op: 'hasRole',
      subject: 'principal',
      value: 'Admin Role',
    });
  });

  it('each quantifier has a parameter of its own', () => {
    expect(condition('pay/transfer', 'any(args.tags, t => all(args.tags, u => t == u))')).toMatchObject({
      param: 0,
      body: { param: 1, body: { left: { op: 'param', param: 0 }, right: { op: 'param', param: 1 } } },
    });
  });

  it('`like` keeps `*` within a segment', () => {
    expect(condition('fs/*', 'args.path like "/a/*/b/**"')).toMatchObject({
      glob: { parts: ['/a/', '/b/', ''], gaps: ['segment', 'any'] },
    });
  });
});

describe('hints', () => {
  const allow = (text: string): readonly string[] =>
    codesOf(`allow a: agent:x -> fs/list_directory when { args.path under "/d" and ${text} }\n`, SHOP_LOCK);
  it('may not open', () => {
    expect(allow('tool.hints.readOnly')).toEqual(['SEP3005']);
    expect(
      codesOf(
        'let safe = tool.hints.readOnly\nallow a: agent:x -> fs/list_directory when { args.path under "/d" and safe }\n',
        SHOP_LOCK,
      ),
    ).toEqual(['SEP3005']);
    expect(
      codesOf(
        'allow a: agent:x -> fs/list_directory when { args.path under "/d" } unless { tool.hints.destructive }\n',
        SHOP_LOCK,
      ),
    ).toEqual(['SEP3005']);
    const block = (effect: string): string =>
      `decide b for agent:x on fs/* {\n  case tool.hints.destructive => ${effect}\n  otherwise => deny\n}\n`;
    expect(codesOf(block('allow'), SHOP_LOCK)).toEqual(['SEP3005']);
    expect(codesOf(block('deny'), SHOP_LOCK)).toEqual([]);
  });
});

describe('presence', () => {
  it('flows between when and unless in either order, and to the cases behind', () => {
    const clauses = ['when { has(args.reason) }', 'unless { args.reason == "x" }'];
    for (const order of [clauses, [...clauses].reverse()]) {
      expect(codesOf(`deny d: any -> pay/transfer ${order.join(' ')}\n`, SHOP_LOCK)).toEqual([]);
    }
    const cases = (first: string): string =>
      `decide b on pay/transfer {\n  ${first}\n  case args.reason == "x" => deny\n  otherwise => deny\n}\n`;
    expect(codesOf(cases('case not has(args.reason) => deny'), SHOP_LOCK)).toEqual([]);
    expect(codesOf(cases('case not has(args.reason) or args.amount > 3 => deny'), SHOP_LOCK)).toEqual([]);
    expect(codesOf(cases('case not has(args.reason) and args.amount > 3 => deny'), SHOP_LOCK)).toEqual([
      'SEP3002',
    ]);
    expect(codesOf(cases('case has(args.reason) => deny'), SHOP_LOCK)).toEqual(['SEP3002']);
  });
});

describe('what grows', () => {
  it('predicates that double at each level are refused, and quickly', () => {
    const lets = Array.from({ length: 30 }, (_, i) => `let l${i + 1} = l${i} and l${i}`).join('\n');
    const body = `let l0 = true\n${lets}\ndeny d: any -> fs/* when { l30 }\n`;
    const start = performance.now();
    expect(codesOf(body, SHOP_LOCK)).toContain('SEP3015');
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('sets that double at each level are refused, and quickly', () => {
    const sets = Array.from(
      { length: 15 },
      (_, i) => `principals s${i + 1} = ${Array(4).fill(`s${i}`).join(', ')}`,
    );
    const body = `principals s0 = agent:x\n${sets.join('\n')}\ndeny d: s15 -> fs/*\n`;
    const start = performance.now();
    expect(codesOf(body, SHOP_LOCK)).toContain('SEP3015');
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
