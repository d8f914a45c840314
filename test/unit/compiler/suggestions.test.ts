// SPDX-License-Identifier: Apache-2.0
// A misspelt name of any kind is answered by the name that was probably meant.
import { expect, it } from 'vitest';
import { checkText, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

type Row = readonly [kind: string, code: string, meant: string, body: string];
it.each<Row>([
  ['a tool', 'SEP2005', 'fs/read_file', 'deny a: any -> fs/read_fiel'],
  [
    'a tool in a test',
    'SEP2005',
    'fs/read_file',
    'deny a: any -> fs/*\ntest "t" { as agent:x fs/raed_file => deny }',
  ],
  ['a kind of principals', 'SEP1002', 'agent', 'allow a: agnt:* -> fs/read_file'],
  ['a kind of a pattern', 'SEP1002', 'user', 'deny a: any -> fs/* when { principal in usr:x }'],
  ['a server of a tool', 'SEP2005', 'fs/read_file', 'allow a: agent:x -> fz/read_file'],
  ['a server of a grant', 'SEP2006', 'fs', 'allow a: agent:x -> fz/*'],
  ['a server of a guard', 'SEP4004', 'mail', 'deny a: any -> mial/*'],
  ['an argument', 'SEP2011', 'path', 'deny a: any -> fs/read_file when { args.pth under "/a" }'],
  ['a set of principals', 'SEP2001', 'editors', 'principals editors = agent:x\ndeny a: editrs -> fs/*'],
  ['a set of actions', 'SEP2001', 'reads', 'actions reads = fs/read_file\ndeny a: any -> raeds'],
  ['a role', 'SEP2004', 'lead', 'role lead\ndeny a: role:laed -> fs/*'],
  [
    'a role of an approval',
    'SEP2004',
    'lead',
    'role lead\nreview a: agent:x -> fs/* by role:leed timeout 1m',
  ],
  [
    'a role in a condition',
    'SEP2004',
    'lead',
    'role lead\ndeny a: any -> fs/* when { principal has role leaf }',
  ],
  [
    'a role in a test',
    'SEP4010',
    'lead',
    'role lead\ndeny a: role:lead -> fs/*\ntest "t" { as agent:x with roles [leed] fs/read_file => deny }',
  ],
  [
    'a fact',
    'SEP2001',
    'region',
    'fact region: enum eu, us from config.region\ndeny a: any -> fs/* when { regoin == eu }',
  ],
  [
    'a fact of a test',
    'SEP2001',
    'region',
    'fact region: string from config.region\ndeny a: any -> fs/*\ntest "t" { as agent:x with regoin "eu" fs/read_file => deny }',
  ],
  [
    'a member of a fact',
    'SEP3004',
    'eu',
    'fact region: enum eu, us from config.region\ndeny a: any -> fs/* when { region == ue }',
  ],
  ['a member of an argument', 'SEP3004', 'EUR', 'deny a: any -> pay/* when { args.currency == EURO }'],
  [
    'a member in a test',
    'SEP3004',
    'eu',
    'fact region: enum eu, us from config.region\ndeny a: any -> fs/* when { region == us }\ntest "t" { as agent:x with region ue fs/read_file => deny }',
  ],
  [
    'a rule in a test',
    'SEP2001',
    'locked',
    'deny locked: any -> fs/*\ntest "t" { as agent:x fs/read_file => deny by loked }',
  ],
  [
    'the default in a test',
    'SEP2001',
    'default',
    'deny a: agent:y -> fs/*\ntest "t" { as agent:x fs/read_file => deny by defalt }',
  ],
  ['a hint', 'SEP2013', 'readOnly', 'deny a: any -> fs/* when { tool.hints.readonly }'],
  ['a member of a subject', 'SEP2013', 'hints', 'deny a: any -> fs/* when { tool.hint.readOnly }'],
  ['a subject', 'SEP2001', 'principal', 'deny a: any -> fs/* when { principl.id == "x" }'],
  ['a predicate', 'SEP2012', 'small', 'let small(x: int) = x < 3\ndeny a: any -> fs/* when { smal(3) }'],
  ['a function', 'SEP2012', 'size', 'deny a: any -> fs/* when { sise("x") > 3 }'],
  ['a parameter', 'SEP2001', 'tag', 'deny a: any -> pay/* when { any(args.tags, tag => tga == "x") }'],
  ['a rule word', 'SEP1002', 'allow', 'alow a: agent:x -> fs/read_file'],
  ['an effect of a case', 'SEP1002', 'allow', 'decide d on fs/* { case true => alow otherwise => deny }'],
  ['an effect of a test', 'SEP1002', 'deny', 'test "t" { as agent:x fs/read_file => denny }'],
  ['a key of a limit', 'SEP1002', 'principal', 'limit l: 3 per 1h by principl on fs/*'],
  ['a clause', 'SEP1002', 'when', 'deny a: any -> fs/* wen { true }'],
  ['an operator', 'SEP1002', 'under', 'deny a: any -> fs/* when { args.path undr "/a" }'],
  ['a phase', 'SEP1002', 'call', 'deny a: any -> fs/* on cal'],
  ['a type', 'SEP1002', 'bool', 'fact f: bol from config.f'],
  ['a source of facts', 'SEP1002', 'config', 'fact f: bool from confg.f'],
])('%s: %s, did you mean `%s`?', (_, code, meant, body) => {
  const { diagnostics } = checkText(policy(`${body}\n`), SHOP_LOCK);
  const found = diagnostics.filter((d) => d.code === code);
  expect(found[0]?.help).toBe(`did you mean \`${meant}\`?`);
  expect(found[0]?.fixes[0]?.safe).toBe(false);
  // Nor is what was meant said to be unused.
  expect(diagnostics.map((d) => d.code)).not.toContain('SEP4002');
});

it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])(
  '%s is no name that anyone defined',
  (name) => {
    const { diagnostics } = checkText(
      policy(`deny a: ${name} -> fs/* when { ${name} == ${name}(1) }\n`),
      SHOP_LOCK,
    );
    expect(new Set(diagnostics.map((d) => d.code))).toEqual(new Set(['SEP2001', 'SEP2012']));
  },
);
