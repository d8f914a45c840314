// SPDX-License-Identifier: Apache-2.0
// Modules and templates: the same rules as if they were written out, under names of their own.
import { describe, expect, it } from 'vitest';
import type { PolicyIr } from '../../../compiler/ir.js';
import { checkText, pinModules, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

type Modules = { readonly [name: string]: string };
const module = (name: string, body: string, tighten = false): string =>
  `sep 1\npolicy ${name} 1.0.0${tighten ? ' tighten' : ''}\n${body}\n`;

function checked(body: string, modules: Modules = {}, lock = pinModules(SHOP_LOCK, modules)) {
  return checkText(policy(`${body}\n`), lock, modules);
}
function ir(body: string, modules: Modules = {}): PolicyIr {
  const { output, diagnostics } = checked(body, modules);
  if (output === null) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
  return output.ir;
}
const codes = (body: string, modules: Modules = {}): readonly string[] =>
  checked(body, modules).diagnostics.map((d) => d.code);

/** What decides, names apart: rules without spans, sets as the terms that they stand for. */
function meaning({ units, facts, roles }: PolicyIr): unknown {
  const bare = (key: string, value: unknown): unknown => {
    if (key === 'span' || key === 'name' || key === 'text') return undefined;
    return value;
  };
  return JSON.parse(JSON.stringify({ units, facts, roles }, bare));
}
const names = ({ units, facts }: PolicyIr): readonly string[] => [...units, ...facts].map((u) => u.name);

const BASE = module(
  'acme.base',
  `role lead
principals ops = agent:ops-*
actions writes = fs/write_file, fs/delete_file
fact frozen: bool from config.frozen
fact level: enum low, high from config.level
let tiny(x: decimal, most: decimal) = x < most
let severe = level == high
let open = not frozen
deny freeze: any except ops -> writes when { frozen }
escalate big: any -> pay/transfer unless { tiny(args.amount, 100) } by role:lead timeout 1h`,
);

describe('import', () => {
  const modules = { 'acme.base': BASE };

  it('brings the rules of a module under its alias', () => {
    expect(names(ir('import acme.base', modules))).toEqual([
      'base.big',
      'base.freeze',
      'base.frozen',
      'base.level',
    ]);
    expect(names(ir('import acme.base as b', modules))).toContain('b.freeze');
  });

  it('means what its text means, written out', () => {
    const written = BASE.slice(BASE.indexOf('role'));
    expect(meaning(ir('import acme.base', modules))).toEqual(meaning(ir(written)));
  });

  it('its sets, predicates, facts and roles can be used', () => {
    const found = ir(
      `import acme.base as b
deny a: b.ops -> b.writes when { principal in b.ops or b.frozen or b.severe or b.open }
deny c: any except b.ops -> pay/transfer when { b.tiny(args.amount, 5) and b.level == low }
deny d: role:lead -> fs/*
test "t" {
  as agent:ops-1 with b.frozen true, b.level high
  fs/write_file { path: "/", content: "" } => deny by a
  as agent:x
  fs/write_file { path: "/", content: "" } => deny by b.freeze
}`,
      modules,
    );
    const written = BASE.slice(BASE.indexOf('role'), BASE.indexOf('deny'));
    const local = ir(
      `${written}
deny a: ops -> writes when { principal in ops or frozen or severe or open }
deny c: any except ops -> pay/transfer when { tiny(args.amount, 5) and level == low }
deny d: role:lead -> fs/*`,
    );
    const own = { ...found, units: found.units.filter((u) => !u.name.includes('.')) };
    expect(meaning(own)).toEqual(meaning(local));
    expect(JSON.stringify(found.units)).toContain('"name":"b.level"');
  });

  it('names of the importer do not reach into a module, nor the other way round', () => {
    const body =
      'import acme.base\nprincipals ops = user:mallory\nfact frozen: string from config.x\ndeny a: ops -> fs/*';
    const { units } = ir(body, modules);
    const freeze = units.find((u) => u.name === 'base.freeze');
    expect(JSON.stringify(freeze)).toContain('agent:ops-');
    expect(JSON.stringify(freeze)).not.toContain('mallory');
    expect(codes('import acme.base\ndeny a: ops -> fs/*', modules)).toContain('SEP2001');
    expect(
      codes('import acme.base\nprincipals outer = any\ndeny a: outer -> fs/*', {
        'acme.base': module('acme.base', 'deny b: outer -> fs/*'),
      }),
    ).toContain('SEP2001');
  });

  it('modules import modules, and the same one twice is the same rule twice', () => {
    const chain = {
      'acme.base': BASE,
      'acme.mid': module('acme.mid', 'import acme.base\ndeny m: base.ops -> fs/*'),
    };
    expect(names(ir('import acme.mid\nimport acme.base', chain))).toEqual(
      expect.arrayContaining(['mid.m', 'mid.base.freeze', 'base.freeze']),
    );
    expect(codes('import acme.mid\ndeny x: mid.base.ops -> fs/*', chain)).toEqual([]);
  });

  it.each<[string, string, Modules, readonly string[]]>([
    ['a module that is not there', 'import acme.nope', {}, ['SEP2015']],
    ['a file with another name', 'import acme.base', { 'acme.base': module('acme.other', '') }, ['SEP2015']],
    ['itself', 'import acme.case', { 'acme.case': module('acme.case', '') }, ['SEP2016']],
    [
      'a circle',
      'import a.x',
      { 'a.x': module('a.x', 'import a.y'), 'a.y': module('a.y', 'import a.x') },
      ['SEP2016'],
    ],
    [
      'two under one alias',
      'import acme.base\nimport x.base',
      { 'acme.base': BASE, 'x.base': BASE },
      ['SEP2002'],
    ],
    [
      'an alias that a rule has',
      'import acme.base\ndeny base: any -> fs/*',
      { 'acme.base': BASE },
      ['SEP2002'],
    ],
    ['syntax that is wrong', 'import acme.base', { 'acme.base': module('acme.base', 'deny') }, ['SEP1002']],
    [
      'tools of its own',
      'import acme.base',
      { 'acme.base': module('acme.base', 'tools "x.lock"') },
      ['SEP2009'],
    ],
    [
      'types that are wrong here',
      'import acme.base',
      { 'acme.base': module('acme.base', 'deny a: any -> fs/read_file when { args.nope == 1 }') },
      ['SEP2011'],
    ],
    [
      'a role with another value',
      'role r = "x"\nimport acme.base',
      { 'acme.base': module('acme.base', 'role r = "y"') },
      ['SEP2002'],
    ],
    [
      'warnings, which are for its authors',
      'import acme.base',
      { 'acme.base': module('acme.base', 'deny a: any -> nope/*') },
      [],
    ],
    [
      'a test, which is not asked here',
      'import acme.base',
      { 'acme.base': module('acme.base', 'test "t" { as agent:x nope/x => allow }') },
      [],
    ],
    [
      'an allow in a tighten module',
      'import acme.base',
      { 'acme.base': module('acme.base', 'allow a: agent:x -> fs/*', true) },
      ['SEP3016'],
    ],
    [
      'a block in a tighten module',
      'import acme.base',
      { 'acme.base': module('acme.base', 'decide a on fs/* { otherwise => deny }', true) },
      ['SEP3016'],
    ],
    [
      'a review in a template of a tighten module',
      'import acme.base',
      {
        'acme.base': module(
          'acme.base',
          'template t(n: int) { review a: any -> fs/* by self timeout 1m }',
          true,
        ),
      },
      ['SEP3016'],
    ],
    [
      'restrictions in a tighten module',
      'import acme.base',
      {
        'acme.base': module(
          'acme.base',
          'deny a: any -> fs/*\nescalate b: any -> fs/* by self timeout 1m',
          true,
        ),
      },
      [],
    ],
  ])('%s', (_, body, modules_, expected) => {
    expect([...new Set(codes(body, modules_))]).toEqual(
      expected.includes('SEP2002') && body.startsWith('role') ? ['SEP2002', 'SEP4002'] : expected,
    );
  });

  it('is refused without the pin of its text, which the help shows', () => {
    const unpinned = checked('import acme.base', modules, SHOP_LOCK).diagnostics;
    expect(unpinned.map((d) => d.code)).toEqual(['SEP2017']);
    expect(unpinned[0]?.help).toMatch(/"acme\.base": "sha256:[0-9a-f]{64}"/);
    const changed = checked(
      'import acme.base',
      { 'acme.base': `${BASE}\n` },
      pinModules(SHOP_LOCK, modules),
    ).diagnostics;
    expect(changed.map((d) => d.message)).toEqual(['the module `acme.base` is not the one that is pinned']);
  });

  it('a tighten module alone leaves types to its importer', () => {
    const text = module(
      'acme.base',
      'deny a: any -> fs/read_file when { args.path under "/x" and args.n > 3 }',
      true,
    );
    expect(checkText(text, null).diagnostics).toEqual([]);
  });

  it('deep chains and wide fans end', () => {
    const fan = Object.fromEntries(
      Array.from({ length: 7 }, (_, i) => {
        const next = i === 6 ? '' : `import a.m${i + 1} as l\nimport a.m${i + 1} as r`;
        return [`a.m${i}`, module(`a.m${i}`, `${next}\ndeny d: any -> fs/*`)];
      }),
    );
    expect(names(ir('import a.m0', fan))).toHaveLength(127);
    const deep = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`a.m${i}`, module(`a.m${i}`, `import a.m${i + 1}`)]),
    );
    expect(codes('import a.m0', deep)).toEqual(['SEP3015']);
  });
});

describe('templates', () => {
  const VAULT = `role lead
template vault(team: principals, root: path, most: decimal) {
  let inside = args.path under root
  principals all_of = team, role:lead
  fact closed: bool from config.closed
  allow use: all_of -> fs/read_file when { inside }
  decide pay_ for team on pay/transfer { case args.amount < most => allow otherwise => deny }
  deny shut: any except team -> fs/* when { closed }
}
`;

  it('an instance is the template written out', () => {
    const { units, ...rest } = ir(`${VAULT}instance legal = vault(agent:legal-*, "/srv/legal", 10)`);
    expect(units.map((u) => u.name)).toEqual(['legal.pay_', 'legal.shut', 'legal.use']);
    expect(rest.facts.map((f) => f.name)).toEqual(['legal.closed']);
    const written = ir(`role lead
principals team = agent:legal-*
let inside = args.path under "/srv/legal"
principals all_of = team, role:lead
fact closed: bool from config.closed
allow use: all_of -> fs/read_file when { inside }
decide pay_ for team on pay/transfer { case args.amount < 10 => allow otherwise => deny }
deny shut: any except team -> fs/* when { closed }`);
    expect(meaning({ units, ...rest })).toEqual(meaning(written));
  });

  it('instances are apart, and take sets, roles, any, values and predicates', () => {
    const found = ir(`${VAULT}principals staff = user:*
let ten = 10
instance a = vault(staff, "/a", ten)
instance b = vault(any, "/b", 1 + 1)
instance c = vault(role:lead, "/c", -3)
deny out: a.all_of -> fs/* when { b.inside and c.closed }`);
    expect(found.units).toHaveLength(10);
    const text = JSON.stringify(found.units.find((u) => u.name === 'out'));
    expect(text).toContain('/b');
    expect(text).toContain('c.closed');
    expect(text).toContain('user:');
  });

  it('of a module can be used, and see the module', () => {
    const modules = {
      'acme.kit': module(
        'acme.kit',
        'principals staff = agent:s-*\ntemplate only(root: path) { deny d: any except staff -> fs/read_file when { args.path under root } }',
      ),
    };
    const { units } = ir('import acme.kit\ninstance x = kit.only("/srv")', modules);
    expect(units.map((u) => u.name)).toEqual(['x.d']);
    expect(JSON.stringify(units)).toContain('agent:s-');
  });

  it.each<[string, string, readonly string[]]>([
    ['too few arguments', `${VAULT}instance x = vault(any, "/a")`, ['SEP3007']],
    ['a set for a path', `${VAULT}instance x = vault(any, role:lead, 1)`, ['SEP3001']],
    ['a pattern for a path', `${VAULT}instance x = vault(any, agent:x, 1)`, ['SEP2014']],
    ['a path for a set', `${VAULT}instance x = vault("/a", "/a", 1)`, ['SEP3001']],
    ['a number for a path', `${VAULT}instance x = vault(any, 3, 1)`, ['SEP3001']],
    ['an argument of a call', `${VAULT}instance x = vault(any, args.path, 1)`, ['SEP3013']],
    ['a path that under refuses', `${VAULT}instance x = vault(any, "a/b", 1)`, ['SEP3008']],
    ['an unknown template', `${VAULT}instance x = valt(any, "/a", 1)`, ['SEP2001']],
    ['an unknown role', `${VAULT}instance x = vault(role:leed, "/a", 1)`, ['SEP2004']],
    [
      'two instances of one name',
      `${VAULT}instance x = vault(any, "/a", 1)\ninstance x = vault(any, "/b", 1)`,
      ['SEP2002'],
    ],
    [
      'a name of the file inside',
      'let f = true\ntemplate t(n: int) { let f = false }\ninstance x = t(1)\ndeny d: any -> fs/* when { f }',
      ['SEP2002'],
    ],
    [
      'a parameter with the name of the file',
      'let f = true\ntemplate t(f: int) { deny d: any -> fs/* }\ninstance x = t(1)\ndeny d: any -> fs/* when { f }',
      ['SEP2002'],
    ],
    [
      'one name twice inside',
      'template t(n: int) { let a = true\nlet a = false }\ninstance x = t(1)',
      ['SEP2002'],
    ],
    [
      'a parameter twice',
      'template t(n: int, n: int) { deny d: any -> fs/* }\ninstance x = t(1, 2)',
      ['SEP2002'],
    ],
    [
      'an error in one that nothing uses',
      'template t(n: string) { deny d: any -> pay/transfer when { args.amount > n } }',
      ['SEP3001'],
    ],
    [
      'names of the inside, outside',
      'template t(n: int) { principals p = any\ndeny d: p -> fs/* }\ninstance x = t(1)\ndeny e: p -> fs/*',
      ['SEP2001'],
    ],
  ])('%s', (_, body, expected) => {
    expect(codes(body).filter((code) => !code.startsWith('SEP4'))).toEqual(expected);
  });
});
