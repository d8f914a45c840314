// SPDX-License-Identifier: Apache-2.0
// What conditions mean, from the text of a policy to both engines: true, false or unknown.
import { describe, expect, it } from 'vitest';
import { compile } from '../../../compiler/compile.js';
import { evaluate } from '../../../compiler/reference-eval.js';
import type { CompiledModule, Facts, JsonRecord, PolicyModule, Request } from '../../../stdlib/abi.js';
import { std } from '../../../stdlib/std.js';
import { host, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const DECLARED = `role admin = "Admin Role"
principals editors = agent:content-editor, agent:copy-* except agent:copy-bad
fact region: enum eu, us from config.region
fact open: bool from config.open
fact names: list<string> from config.names
let small(x: decimal) = x < 10
let inside(p: path, root: path) = p under root
let one_of(who: principals, tag: string) = principal in who and tag in args.tags
let bound = 2.5
`;

interface Compiled {
  readonly module: PolicyModule;
  readonly reference: (request: Request, facts: Facts) => unknown;
}

async function compiled(what: string, condition: string): Promise<Compiled> {
  const text = policy(`${DECLARED}\ndeny d: any -> ${what} when { ${condition} }\n`);
  const readLock = (path: string) => ({ path, text: SHOP_LOCK });
  const { output, diagnostics } = compile({ source: { path: 'p.sep', text }, readLock }, host, {
    version: '0',
    hash: '0',
    tz: '0',
    unicode: '0',
  });
  const rule = output?.ir.units[0];
  if (output === null || rule?.kind !== 'rule' || rule.when === null) {
    throw new Error(diagnostics.map((d) => `${d.code}: ${d.message}`).join('\n'));
  }
  const { when } = rule;
  const imported = (await import(`data:text/javascript,${encodeURIComponent(output.js)}`)) as CompiledModule;
  const reference = (request: Request, facts: Facts): unknown =>
    evaluate(when, { policy: output.ir, request, facts });
  return { module: imported.link(std), reference };
}

function request(tool: string, args: JsonRecord, subject: Partial<Request>): Request {
  const [server = '', name = ''] = tool.split('/');
  const base = { principal: 'agent:copy-1', roles: [], user: null, userRoles: [], session: 's1' };
  return { ...base, ...subject, intent: { kind: 'tool', server, name, args } };
}

function truthOf({ module }: Compiled, asked: Request, facts: Facts): unknown {
  const match = module.explain(asked, facts, 'call').matched.find((m) => m.name === 'd');
  return match === undefined ? false : match.unknown === true ? 'unknown' : true;
}

type Case = readonly [tool: string, condition: string, args: JsonRecord, expected: boolean | 'unknown'];
const PAY = { to: 'bob', amount: 2.5, currency: 'EUR', tags: ['a', 'b'] };
const pay = (condition: string, args: JsonRecord, expected: boolean | 'unknown'): Case => [
  'pay/transfer',
  condition,
  { ...PAY, ...args },
  expected,
];
const read = (condition: string, path: string, expected: boolean | 'unknown'): Case => [
  'fs/read_file',
  condition,
  { path },
  expected,
];

describe('meaning', () => {
  it.each<Case>([
    pay('args.amount == 2.50', {}, true),
    pay('args.amount == bound and small(args.amount)', {}, true),
    pay('args.amount * 2 - 1 == 4 and -args.amount < 0', {}, true),
    pay('args.amount > 0.1 + 0.2', { amount: 0.3 }, false),
    pay('args.amount == 0.1 + 0.2', { amount: 0.3 }, true),
    pay('args.currency == EUR', {}, true),
    pay('args.currency in [USD]', {}, false),
    pay('args.currency not in [USD]', {}, true),
    pay('args.to < "c" and args.to >= "bob"', {}, true),
    pay('args.to > "B"', {}, true),
    pay('"a" in args.tags and args.tags contains "b" and "c" not in args.tags', {}, true),
    pay('args.tags == ["a", "b"]', {}, true),
    pay('args.tags == ["b", "a"]', {}, false),
    pay('all(args.tags, t => size(t) == 1)', {}, true),
    pay('all(args.tags, t => t == "a")', { tags: [] }, true),
    pay('any(args.tags, t => t == "a")', { tags: [] }, false),
    pay('any(args.tags, t => any(args.tags, u => t != u))', {}, true),
    pay('size(args.tags) == 2 and size(args.to) == 3', {}, true),
    pay('has(args.reason)', {}, false),
    pay('has(args.reason)', { reason: null }, true),
    pay('has(args.reason) and args.reason == null', { reason: null }, true),
    pay('has(args.reason) and args.reason == "x"', { reason: null }, 'unknown'),
    pay('has(args.reason) and args.reason != "x"', { reason: null }, 'unknown'),
    pay('has(args.reason) and args.reason == "x"', {}, false),
    pay('not has(args.reason) or args.reason == "x"', {}, true),
    pay('has(args.reference) and args.reference == 3', { reference: 3 }, true),
    pay('has(args.reference) and args.reference == 3', { reference: 'x' }, 'unknown'),
    pay('has(args.reference) and args.reference starts with "r"', { reference: 'rx' }, true),
    pay('has(args.reference) and args.reference starts with "r"', { reference: 3 }, 'unknown'),
    pay('one_of(editors, "a")', {}, true),
    pay('one_of(agent:x, "a")', {}, false),
    read('args.path under "/data"', '/data/a', true),
    read('inside(args.path, "/data")', '/data', true),
    read('args.path under "/data"', '/database', false),
    read('args.path not under "/data"', '/database', true),
    read('args.path under "/data"', '/data/../etc', 'unknown'),
    read('args.path not under "/data"', '/data/../etc', 'unknown'),
    read('args.path like "/a/*/b"', '/a/x/b', true),
    read('args.path like "/a/*/b"', '/a/x/y/b', false),
    read('args.path like "/a/**/b"', '/a/x/y/b', true),
    read('args.path like "*"', '/a', false),
    read('args.path matches r"/[a-z]+/\\d{2,}"', '/ab/12', true),
    read('args.path matches r"/[a-z]+/\\d{2,}"', '/ab/12x', false),
    read('not args.path matches r"(?i)/A\\"B"', '/a"b', false),
    pay('has(args.reference) and args.reference matches r"r.*"', { reference: 3 }, 'unknown'),
    pay('any(args.tags, t => t matches r"[ab]")', {}, true),
    read('args.path ends with ".md" and args.path contains "ea"', '/rEADme.md', false),
    read('lower(args.path) contains "readme"', '/rEADme.md', true),
    read('tool.hints.readOnly and not tool.hints.destructive and tool.name == "read_file"', '/', true),
    read('principal in editors and principal.id == "agent:copy-1"', '/', true),
    read('principal in [agent:x, service:*]', '/', false),
    read('user in editors', '/', 'unknown'),
    read('user.id == "user:x" and principal.id == "agent:x"', '/', false),
    read('principal has role admin', '/', true),
    read('region == eu and region in [eu, us] and open', '/', true),
    read('eu == region', '/', true),
    read('"x" in names', '/', true),
    read('session.id == "s1"', '/', true),
    ['mail/send_email', 'has(args.extra) and args.extra == 1', { to: 'a', body: 'b', extra: 1 }, true],
    [
      'mail/send_email',
      'has(args.extra) and args.extra in ["x", "y"]',
      { to: 'a', body: 'b', extra: 'y' },
      true,
    ],
    [
      'mail/send_email',
      'has(args.options.html) and args.options.html == true',
      { to: 'a', body: 'b', options: {} },
      false,
    ],
    [
      'mail/send_email',
      'has(args.options.html) and args.options.html == true',
      { to: 'a', body: 'b', options: { html: true } },
      true,
    ],
    ['web/fetch', 'has(args.headers.toString)', { url: 'x', headers: {} }, false],
  ])('%s when %s of %j is %s', async (tool, condition, args, expected) => {
    const rule = await compiled(tool, condition);
    const facts = { region: 'eu', open: true, names: ['x'] };
    const asked = request(tool, args, { roles: ['Admin Role'] });
    expect(truthOf(rule, asked, facts)).toBe(expected);
    expect(rule.reference(asked, facts)).toBe(expected);
  });

  it('facts that are missing or of another type are unknown', async () => {
    const rule = await compiled('fs/*', 'region == eu');
    const asked = request('fs/read_file', { path: '/' }, {});
    for (const facts of [{}, { region: null }, { region: 7 }]) {
      expect(truthOf(rule, asked, facts)).toBe('unknown');
      expect(rule.reference(asked, facts)).toBe('unknown');
    }
  });
});
