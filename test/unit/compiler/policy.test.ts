// SPDX-License-Identifier: Apache-2.0
// Statements of language.md 1.1 and 1.3: rules, blocks, sets, tests.
import { describe, expect, it } from 'vitest';
import type { PolicyIr } from '../../../compiler/ir.js';
import { checkText, codesOf, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const codes = (body: string): string[] => [...codesOf(body, SHOP_LOCK)];
function ir(body: string): PolicyIr {
  const { output, diagnostics } = checkText(policy(body), SHOP_LOCK);
  if (output === null) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
  return output.ir;
}

describe('the decision IR', () => {
  it('does not depend on the order of statements', () => {
    const statements = [
      'role ops, admin',
      'principals a = agent:x, role:admin except agent:y',
      'deny z: a -> fs/*',
      'review m: any -> fs/write_file when { args.path under "/d" } by role:ops timeout 15m',
      'allow b: a -> fs/read_file when { args.path under "/d" }',
    ];
    const strip = ({ units, ...rest }: PolicyIr): unknown => ({
      ...rest,
      units: units.map(({ span: _, ...u }) => u),
    });
    expect(strip(ir([...statements].reverse().join('\n')))).toEqual(strip(ir(statements.join('\n'))));
    expect(ir(statements.join('\n')).units.map((u) => u.name)).toEqual(['b', 'm', 'z']);
  });

  it('writes sets out, with what they except', () => {
    const { units } = ir(
      'role ops = "o p"\nprincipals s = agent:a-*, role:ops except user:u\ndeny d: any except s -> fs/*\n',
    );
    expect(units[0]?.who).toEqual({
      include: [{ kind: 'any' }],
      except: [
        {
          kind: 'set',
          who: {
            include: [
              { kind: 'principal', glob: { text: 'agent:a-*', parts: ['agent:a-', ''], gaps: ['any'] } },
              { kind: 'role', value: 'o p' },
            ],
            except: [{ kind: 'principal', glob: { text: 'user:u', parts: ['user:u'], gaps: [] } }],
          },
        },
      ],
    });
  });

  it('keeps approvals by the values of roles, in milliseconds', () => {
    const { units } = ir(
      'role ops = "o p", lead\nreview r: any -> pay/transfer by role:ops, role:lead quorum 2 timeout 2h\nescalate e: any -> pay/transfer by self timeout 90s\n',
    );
    expect(units).toMatchObject([
      { approval: { self: true, roles: [], quorum: 1, timeout: 90_000 } },
      { approval: { self: false, roles: ['o p', 'lead'], quorum: 2, timeout: 7_200_000 } },
    ]);
  });

  it('narrows a bare `*` to tools exactly when the condition reads `tool` or `args`', () => {
    const star = (condition: string): unknown => {
      const what = ir(`fact f: bool from config.f\ndeny d: any -> * ${condition}\n`).units[0]?.what;
      return what?.include[0]?.kind === 'every' ? what.include[0].toolsOnly : null;
    };
    expect(star('')).toBe(false);
    expect(star('when { f and principal.id == "agent:x" }')).toBe(false);
    expect(star('when { has(args.path) }')).toBe(true);
    expect(star('when { f or tool.hints.destructive }')).toBe(true);
    expect(star('unless { tool.name == "x" }')).toBe(true);
  });

  it('keeps globs of resources by segments', () => {
    const { units } = ir('deny d: any -> resource fs/"file:///a/*/b/**", resource fs/*\n');
    expect(units[0]?.what.include).toMatchObject([
      { act: 'resource', name: { parts: ['file:///a/', '/b/', ''], gaps: ['segment', 'any'] } },
      { act: 'resource', name: { parts: ['', ''], gaps: ['any'] } },
    ]);
  });

  it('joins `when` and `unless`', () => {
    const { units } = ir(
      'fact f: bool from config.f\nfact g: bool from config."odd key".g\ndeny d: any -> fs/* unless { f } when { g }\n',
    );
    expect(units[0]).toMatchObject({
      when: { op: 'and', operands: [{ op: 'not' }, { op: 'fact', name: 'g' }] },
    });
    expect(ir('fact g: bool from config."odd key".g\ndeny d: any -> fs/* when { g }\n').facts).toEqual([
      { name: 'g', type: { kind: 'bool' }, source: 'config', path: ['odd key', 'g'] },
    ]);
  });

  it('has the pinned tools with their hashes and the hints, defaults included', () => {
    const { tools } = ir('deny d: any -> fs/*\n');
    expect(tools.map((t) => `${t.server}/${t.name}`)).toEqual([
      'desk/order',
      'fs/delete_file',
      'fs/list_directory',
      'fs/read_file',
      'fs/write_file',
      'mail/send_email',
      'pay/transfer',
      'web/fetch',
    ]);
    expect(tools.find((t) => t.name === 'read_file')?.hints).toEqual({
      readOnly: true,
      destructive: false,
      idempotent: false,
      openWorld: true,
    });
    expect(tools.find((t) => t.name === 'write_file')?.hints.destructive).toBe(true);
  });
});

describe('names', () => {
  it('one namespace: the second use shows the first', () => {
    const { diagnostics } = checkText(policy('fact x: bool from config.x\ndeny x: any -> fs/*\n'), SHOP_LOCK);
    const [found] = diagnostics.filter((d) => d.code === 'SEP2002');
    expect(found?.labels).toMatchObject([{ text: 'first used here', file: 'input.sep' }]);
  });

  it('functions of the language cannot be defined anew', () => {
    expect(codes('let size(x: string) = 3\ndeny d: any -> fs/* when { size(args.path) > 3 }\n')).toContain(
      'SEP2002',
    );
  });

  it('roles have names of their own', () => {
    expect(codes('role x\ndeny x: role:x -> fs/*\n')).toEqual([]);
  });

  it('a role written as a set is pointed out', () => {
    const { diagnostics } = checkText(policy('role ops\ndeny x: ops, role:ops -> fs/*\n'), SHOP_LOCK);
    expect(diagnostics).toMatchObject([{ code: 'SEP2001', help: 'it is a role: write `role:ops`' }]);
  });

  it('predicates that nobody uses are still checked', () => {
    expect(
      codes(
        'let f(x: int) = x\nlet g = nonsense\nlet h(s: string) = size(s) > "3"\ndeny d: any -> fs/*\n',
      ).sort(),
    ).toEqual(['SEP2001', 'SEP3001', 'SEP4002', 'SEP4002', 'SEP4002']);
  });

  it('recursion is refused, direct or not', () => {
    expect(codes('let a = b\nlet b = a\ndeny d: any -> fs/* when { a }\n')).toContain('SEP2007');
    expect(codes('let a(x: int) = a(x)\ndeny d: any -> fs/* when { a(1) }\n')).toContain('SEP2007');
    expect(codes('actions a = fs/*, b\nactions b = a\ndeny d: any -> a\n')).toContain('SEP2007');
  });
});

describe('actions', () => {
  it.each([
    ['allow a: agent:x -> fs/nope', ['SEP2005']],
    ['deny a: any -> fs/nope', ['SEP2005']],
    ['deny a: any -> fs/* except fs/nope', ['SEP2005']],
    ['allow a: agent:x -> nope/*', ['SEP2006']],
    ['deny a: any -> nope/*', ['SEP4004']],
    ['deny a: any -> fs/nope_*', ['SEP4004']],
    ['deny a: any -> prompt fs/greet', ['SEP2005']],
    ['allow a: agent:x -> prompt fs/*', ['SEP2006']],
    ['deny a: any -> prompt fs/*', ['SEP4004']],
    ['allow a: agent:x -> resource fs/"file:///a"', []],
    ['deny a: any -> sampling from web, elicitation from *, roots from fs', []],
    ['decide a for agent:x on fs/nope_* { otherwise => allow }', ['SEP2006', 'SEP4003'].slice(0, 1)],
    ['decide a on fs/nope_* { otherwise => deny }', ['SEP4004']],
    ['actions s = fs/nope', ['SEP2005', 'SEP4002']],
  ])('%s', (statement, expected) => {
    expect([...codes(`${statement}\n`)].sort()).toEqual(expected);
  });

  it('a misspelt server is named', () => {
    const { diagnostics } = checkText(policy('deny a: any -> mial/*\n'), SHOP_LOCK);
    expect(diagnostics).toMatchObject([{ code: 'SEP4004', help: 'did you mean `mail`?' }]);
  });

  it('a set is a grant where a grant uses it', () => {
    const set = 'actions gone = fs/gone_*\n';
    expect(codes(`${set}deny a: any -> gone\n`)).toEqual(['SEP4004']);
    expect(codes(`${set}allow a: agent:x -> gone\n`)).toContain('SEP2006');
  });
});

describe('blocks and clauses', () => {
  it.each([
    ['decide b for agent:x on fs/* partial { case args.path under "/a" => deny }', []],
    ['decide b for agent:x on fs/* { case args.path under "/a" => deny }', ['SEP3011']],
    ['decide b for any on fs/* { case args.path under "/a" => allow otherwise => deny }', ['SEP4003']],
    ['decide b on fs/* { case principal in agent:x => allow otherwise => deny }', []],
    ['review r: any -> pay/transfer', ['SEP3009']],
    ['escalate r: any -> pay/transfer', ['SEP3009']],
    ['role ops allow r: agent:x -> pay/transfer by role:ops timeout 1m', ['SEP3010']],
    ['review r: any -> pay/transfer by self quorum 1 timeout 1m', ['SEP1002']],
    ['role ops review r: any -> pay/transfer by role:ops quorum 101 timeout 1m', ['SEP3012']],
    ['role ops review r: any -> pay/transfer by role:ops timeout 0s', ['SEP3012']],
    ['role ops review r: any -> pay/transfer by role:ops timeout 9999d', ['SEP3012']],
    ['deny r: any -> fs/* on call', []],
    ['escalate r: any -> fs/* on list by self timeout 1m', ['SEP3020']],
    ['redact r: any -> fs/* on result mask everything', ['SEP3022']],
    ['deny r: any -> fs/* shadow until 2020-01-01', ['SEP3023']],
  ])('%s', (statement, expected) => {
    expect(codes(`${statement}\n`)).toEqual(expected);
  });
});

describe('lints', () => {
  it.each([
    ['allow a: agent:x -> pay/transfer when { args.amount < 5 }', ['SEP4007']],
    ['allow a: agent:x -> pay/transfer when { args.amount > 5 }', ['SEP4007']],
    ['allow a: agent:x -> pay/transfer when { 0 <= args.amount and args.amount < 5 }', []],
    ['allow a: agent:x -> pay/transfer when { args.amount == 5 }', []],
    ['deny a: any -> pay/transfer when { args.amount > 5 }', []],
    [
      'deny a: any -> mail/send_email when { lower(args.body) contains "x" or lower(args.body) contains "y" }',
      ['SEP4009'],
    ],
    ['deny a: any -> mail/send_email when { args.body contains "x" }', []],
    ['allow a: agent:x -> web/fetch when { args.url starts with "https://a.example" }', ['SEP4008']],
    ['allow a: agent:x -> fs/read_file when { args.path starts with "/a/" }', ['SEP4001']],
    ['allow a: agent:x -> fs/read_file when { args.path matches r"^/a/.*" }', ['SEP4001']],
    ['allow a: agent:x -> fs/read_file when { args.path matches r"/a(/.*)?" }', ['SEP4001']],
    ['allow a: agent:x -> fs/read_file when { args.path matches r"/[a-z]+/.*" }', []],
    ['allow a: agent:x -> web/fetch when { args.url matches r"https://a\\.example.*" }', ['SEP4008']],
    ['allow a: agent:x -> fs/read_file', ['SEP4005']],
    ['role r review a: any -> fs/read_file by role:r timeout 1m', []],
    ['let ok(p: path) = p under "/a" allow a: agent:x -> fs/read_file when { ok(args.path) }', []],
    ['let ok = args.path under "/a" allow a: agent:x -> fs/read_file when { ok }', []],
    ['let who = principal in agent:x decide b on fs/* { case who => allow otherwise => deny }', []],
  ])('%s', (statement, expected) => {
    expect(codes(`${statement}\n`)).toEqual(expected);
  });

  it('the fix of a path prefix keeps the segment', () => {
    const { diagnostics } = checkText(
      policy('deny a: any -> fs/read_file when { args.path starts with "/a/b/" }\n'),
      SHOP_LOCK,
    );
    expect(diagnostics[0]?.fixes[0]?.edits[0]?.text).toBe('under "/a/b"');
  });
});

describe('tests in the policy', () => {
  const test = (steps: string): readonly string[] =>
    codes(`fact f: bool from config.f\nrole r\ndeny d: role:r -> fs/* when { f }\ntest "t" {\n${steps}\n}\n`);
  it.each([
    [
      'as agent:x with roles [r], f true for user:y in session "s"\nfs/read_file { path: "/" } => deny by d',
      [],
    ],
    ['as agent:x\nfs/read_file { path: "/" } => deny by default', []],
    ['as agent:x\nfs/read_fil { path: "/" } => deny', ['SEP2005']],
    ['as agent:x\nfs/* { path: "/" } => deny', ['SEP3014']],
    ['as agent:x\nfs/read_file { path: "/" } => deny by e', ['SEP2001']],
    ['as agent:x with g true\nfs/read_file { path: "/" } => deny', ['SEP2001']],
    ['as agent:x with d true\nfs/read_file { path: "/" } => deny', ['SEP2003']],
    ['as agent:x with injection_score(args) 0.9\nfs/read_file { path: "/" } => deny', []],
    ['as agent:x with injection_score(args) unavailable\nfs/read_file { path: "/" } => deny', []],
    ['as agent:x with injection_score(args) "high"\nfs/read_file { path: "/" } => deny', ['SEP3001']],
    ['as agent:x with injection_score(result) 0.9\nfs/read_file { path: "/" } => deny', []],
    ['as agent:x with injection_scor(args) 0.9\nfs/read_file { path: "/" } => deny', ['SEP2012']],
    ['as agent:x at "yesterday"\nfs/read_file { path: "/" } => deny', ['SEP3012']],
    ['as agent:x\nfs/read_file on list => deny', []],
    ['as agent:x', ['SEP3014']],
  ])('%s', (steps, expected) => {
    expect(test(steps)).toEqual(expected);
  });
});

describe('syntax first', () => {
  it('nothing is said about names when a statement could not be read', () => {
    expect(codes('principals a = agent:x;\ndeny d: a, b -> fs/nope\n')).toEqual(['SEP1001']);
  });
});
