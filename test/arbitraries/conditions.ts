// SPDX-License-Identifier: Apache-2.0
// Conditions of every operator, quantifiers inside quantifiers included, over arguments and facts of every type.
import fc from 'fast-check';
import { globIr } from '../../compiler/glob.js';
import type { CidrIr, ConstIr, DfaIr, ExprIr, TypeIr } from '../../compiler/ir.js';
import { parseRange } from '../../stdlib/ip.js';
import { compileRegex } from '../../compiler/regex/dfa.js';
import { PATHS, ROLES, TEXTS, who } from './sets.js';

const STRING: TypeIr = { kind: 'string' };
const DECIMAL: TypeIr = { kind: 'decimal' };
const INT: TypeIr = { kind: 'int' };
const BOOL: TypeIr = { kind: 'bool' };
const UNION: TypeIr = { kind: 'union', members: [STRING, INT] };
const list = (element: TypeIr): TypeIr => ({ kind: 'list', element });

/** Arguments by name; `o.s` and `o.p.q` stand below `o`. */
const ARGS: { readonly [path: string]: TypeIr } = {
  s: STRING,
  p: { kind: 'path' },
  n: DECIMAL,
  i: INT,
  b: BOOL,
  l: list(STRING),
  m: list(DECIMAL),
  x: list({ kind: 'json' }),
  j: { kind: 'json' },
  o: { kind: 'object' },
  u: UNION,
  e: { kind: 'enum', members: ['a', 'ab'] },
  'o.s': STRING,
  'o.p.q': INT,
  constructor: STRING,
  w: { kind: 'url' },
  a: STRING,
  t: { kind: 'instant' },
  d: { kind: 'duration' },
  q: list({ kind: 'object' }),
};
export const KEYS = Object.keys(ARGS).filter((key) => !key.includes('.'));
const FACTS: { readonly [name: string]: TypeIr } = {
  region: STRING,
  limit: DECIMAL,
  open: BOOL,
  tags: list(STRING),
  levels: list(INT),
  since: { kind: 'instant' },
};

const pick = <const T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
const argAt = (path: string): ExprIr => ({
  op: 'arg',
  path: path.split('.'),
  type: ARGS[path] ?? STRING,
  nullable: false,
});
const arg = (...paths: readonly string[]): fc.Arbitrary<ExprIr> => pick(...paths).map(argAt);
const fact = (...names: readonly string[]): fc.Arbitrary<ExprIr> =>
  pick(...names).map((name): ExprIr => ({ op: 'fact', name, type: FACTS[name] ?? STRING }));
const constOf = (value: ConstIr, type: TypeIr): ExprIr => ({ op: 'const', type, value });
const stringConst = pick(...TEXTS, ...PATHS).map((value) => constOf({ kind: 'string', value }, STRING));
const numberConst = pick(
  '0',
  '1',
  '-1',
  '0.1',
  '0.3',
  '0.30000000000000001',
  '2',
  '9007199254740993',
  '100',
).map((text) => constOf({ kind: 'number', text }, DECIMAL));
const boolConst = fc.boolean().map((value) => constOf({ kind: 'bool', value }, BOOL));
const jsonConst = pick<ConstIr>(
  { kind: 'null' },
  { kind: 'bool', value: true },
  { kind: 'string', value: 'a' },
  { kind: 'number', text: '0.3' },
  { kind: 'list', items: [] },
  { kind: 'list', items: [{ kind: 'string', value: 'a' }] },
  {
    kind: 'list',
    items: [
      { kind: 'number', text: '1' },
      { kind: 'number', text: '9007199254740993' },
    ],
  },
  { kind: 'list', items: [{ kind: 'list', items: [{ kind: 'bool', value: false }] }] },
).map((value) => constOf(value, { kind: 'json' }));
const cmp = pick('==', '!=', '<', '<=', '>', '>=');
const equality = pick('==', '!=');
const globText = pick('*', 'a*', '*b', 'a*b', '/a/*', '/a/**', '**/b', 'a', '', '/a/*/b', '*a*');

interface Param {
  readonly id: number;
  readonly type: TypeIr;
}
/** The parameters of one of the kinds of a type, or nothing. */
function params(
  scope: readonly Param[],
  ...kinds: readonly TypeIr['kind'][]
): readonly { weight: number; arbitrary: fc.Arbitrary<ExprIr> }[] {
  const fitting = scope.filter((p) => kinds.includes(p.type.kind));
  if (fitting.length === 0) return [];
  return [
    {
      weight: 6,
      arbitrary: pick(...fitting).map((p): ExprIr => ({ op: 'param', param: p.id, type: p.type })),
    },
  ];
}

function textOf(scope: readonly Param[]): fc.Arbitrary<ExprIr> {
  const plain = fc.oneof(
    ...params(scope, 'string', 'json'),
    { weight: 5, arbitrary: arg('s', 'p', 'constructor', 'o.s', 'e', 'u') },
    {
      weight: 2,
      arbitrary: pick('principal.id', 'user.id', 'session.id', 'tool.server', 'tool.name').map(
        (field): ExprIr => ({ op: 'subject', field }),
      ),
    },
    { weight: 1, arbitrary: fact('region') },
    ...members(scope, 's', STRING),
  );
  return fc.oneof(
    { weight: 6, arbitrary: plain },
    { weight: 1, arbitrary: plain.map((operand): ExprIr => ({ op: 'lower', operand })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(pick('scheme', 'host', 'path'), fc.oneof(arg('w', 's'), plain))
        .map(([part, operand]): ExprIr => ({ op: 'url', part, operand })),
    },
    {
      weight: 1,
      arbitrary: fc.oneof(arg('a'), plain).map((operand): ExprIr => ({ op: 'ip', operand })),
    },
  );
}

/** Members of elements that are objects. */
function members(
  scope: readonly Param[],
  name: string,
  type: TypeIr,
): readonly { weight: number; arbitrary: fc.Arbitrary<ExprIr> }[] {
  return params(scope, 'object', 'json').map(({ weight, arbitrary }) => ({
    weight,
    arbitrary: fc
      .tuple(arbitrary, pick([name], ['p', 'q'], ['constructor']), fc.boolean())
      .map(([object, path]): ExprIr => ({ op: 'member', object, path, type, nullable: false })),
  }));
}

/** Instants and durations as numbers. */
const times: readonly fc.Arbitrary<ExprIr>[] = [
  fc.oneof(arg('t', 's'), fact('since')).map((operand): ExprIr => ({ op: 'moment', operand })),
  arg('d', 's').map((operand): ExprIr => ({ op: 'span', operand })),
  pick('1767614400000', '900000', '0').map((text) => constOf({ kind: 'number', text }, DECIMAL)),
];
function numberOf(scope: readonly Param[]): fc.Arbitrary<ExprIr> {
  return fc.letrec<{ number: ExprIr }>((tie) => ({
    number: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(...params(scope, 'decimal', 'int'), { weight: 3, arbitrary: arg('n', 'i', 'o.p.q', 'u') }),
      numberConst,
      fact('limit'),
      fc.oneof(arg('s', 'l', 'm'), fact('tags')).map((operand): ExprIr => ({ op: 'size', operand })),
      fc.oneof(...times),
      arg('w', 's').map((operand): ExprIr => ({ op: 'url', part: 'port', operand })),
      ...members(scope, 'n', DECIMAL).map(({ arbitrary }) => arbitrary),
      tie('number').map((operand): ExprIr => ({ op: 'negate', operand })),
      fc
        .tuple(pick('+', '-', '*'), tie('number'), tie('number'))
        .map(([fn, left, right]): ExprIr => ({ op: 'arith', fn, left, right })),
    ),
  })).number;
}

/** Lists to walk, and what their items are. */
const LISTS: readonly (readonly [ExprIr, TypeIr])[] = [
  [argAt('l'), STRING],
  [argAt('m'), DECIMAL],
  [argAt('x'), { kind: 'json' }],
  [argAt('q'), { kind: 'object' }],
  [{ op: 'fact', name: 'tags', type: list(STRING) }, STRING],
  [{ op: 'fact', name: 'levels', type: list(INT) }, INT],
];

function textLeaves(scope: readonly Param[]): readonly fc.Arbitrary<ExprIr>[] {
  const text = textOf(scope);
  const other = fc.oneof(text, stringConst);
  return [
    fc
      .tuple(cmp, text, other)
      .map(([c, left, right]): ExprIr => ({ op: 'compare', cmp: c, on: 'string', left, right })),
    fc
      .tuple(text, fc.array(other, { maxLength: 4 }))
      .map(([left, items]): ExprIr => ({ op: 'inList', on: 'string', left, items })),
    fc
      .tuple(text, fc.oneof(arg('l', 'x'), fact('tags')))
      .map(([left, of]): ExprIr => ({ op: 'inValue', on: 'string', left, list: of })),
    fc
      .tuple(pick('startsWith', 'endsWith', 'contains'), text, other)
      .map(([op, left, right]): ExprIr => ({ op, left, right })),
    fc
      .tuple(
        fc.oneof(arg('p', 's', 'o.s'), text),
        fc.oneof(
          pick('/a', '/', '/a/b', '/é').map((value) => constOf({ kind: 'string', value }, STRING)),
          arg('p', 's'),
          fact('region'),
        ),
      )
      .map(([left, right]): ExprIr => ({ op: 'under', left, right })),
    fc
      .tuple(text, globText)
      .map(([left, glob]): ExprIr => ({ op: 'like', left, glob: globIr(glob, 'text') })),
    fc
      .tuple(fc.oneof(text, hosts), pick('example.com', 'com', 'a.example.com', 'localhost'))
      .map(([left, domain]): ExprIr => ({ op: 'inDomain', left, domain })),
    fc
      .tuple(fc.oneof(text, hosts, arg('a')), ranges)
      .map(([left, range]): ExprIr => ({ op: 'inCidr', left, range })),
    fc
      .tuple(text, pick('', '.*', 'a+', '(?i)AB?', '[^a]', '(a|b)*', '/(a|b)(/.*)?', '.{2}', '\\w*'))
      .map(([left, pattern]): ExprIr => ({ op: 'matches', left, pattern, dfa: dfaOf(pattern) })),
  ];
}
const hosts: fc.Arbitrary<ExprIr> = arg('w', 'a').map((operand) => ({ op: 'url', part: 'host', operand }));
const ranges: fc.Arbitrary<CidrIr> = pick(
  '10.0.0.0/8',
  '0.0.0.0/0',
  '10.1.2.3/32',
  '::/0',
  '2001:db8::/32',
  '::1/128',
).map((text) => {
  const range = parseRange(text);
  if (typeof range === 'string') throw new Error(range);
  return { text, ...range };
});
function dfaOf(pattern: string): DfaIr {
  const compiled = compileRegex(pattern);
  if (!compiled.ok) throw new Error(compiled.what);
  return compiled.dfa;
}

function numberLeaves(scope: readonly Param[]): readonly fc.Arbitrary<ExprIr>[] {
  const number = numberOf(scope);
  return [
    fc
      .tuple(cmp, number, number)
      .map(([c, left, right]): ExprIr => ({ op: 'compare', cmp: c, on: 'number', left, right })),
    fc
      .tuple(number, fc.array(numberConst, { minLength: 1, maxLength: 3 }))
      .map(([left, items]): ExprIr => ({ op: 'inList', on: 'number', left, items })),
    fc
      .tuple(number, fc.oneof(arg('m', 'x'), fact('levels')))
      .map(([left, of]): ExprIr => ({ op: 'inValue', on: 'number', left, list: of })),
  ];
}
function jsonLeaves(scope: readonly Param[]): readonly fc.Arbitrary<ExprIr>[] {
  const json = fc.oneof(...params(scope, 'json'), {
    weight: 4,
    arbitrary: fc
      .tuple(arg('j', 's', 'l', 'x', 'o', 'u', 'i'), fc.boolean())
      .map(([e, nullable]): ExprIr => ({ ...e, nullable }) as ExprIr),
  });
  const truth: fc.Arbitrary<ExprIr> = fc.oneof(
    arg('b'),
    pick(...KEYS).map((key): ExprIr => ({ op: 'has', path: [key] })),
    fact('open'),
  );
  const sum: ExprIr = {
    op: 'arith',
    fn: '+',
    left: argAt('n'),
    right: constOf({ kind: 'number', text: '0.2' }, DECIMAL),
  };
  return [
    fc
      .tuple(equality, json, fc.oneof({ weight: 5, arbitrary: jsonConst }, json, truth, fc.constant(sum)))
      .map(([c, left, right]): ExprIr => ({ op: 'compare', cmp: c, on: 'json', left, right })),
    fc
      .tuple(json, fc.array(jsonConst, { minLength: 1, maxLength: 3 }))
      .map(([left, items]): ExprIr => ({ op: 'inList', on: 'json', left, items })),
    fc.tuple(json, arg('x')).map(([left, of]): ExprIr => ({ op: 'inValue', on: 'json', left, list: of })),
    ...params(scope, 'object', 'json').map(({ arbitrary }) =>
      fc
        .tuple(arbitrary, pick(['s'], ['p', 'q'], ['toString'], ['n']))
        .map(([object, path]): ExprIr => ({ op: 'hasMember', object, path })),
    ),
    ...members(scope, 'b', BOOL).map(({ arbitrary }) => arbitrary),
    fc
      .tuple(equality, truth, fc.oneof(boolConst, truth))
      .map(([c, left, right]): ExprIr => ({ op: 'compare', cmp: c, on: 'bool', left, right })),
    fc
      .tuple(truth, fc.array(boolConst, { minLength: 1, maxLength: 2 }))
      .map(([left, items]): ExprIr => ({ op: 'inList', on: 'bool', left, items })),
    truth,
  ];
}
const ambient: readonly fc.Arbitrary<ExprIr>[] = [
  pick('o.s', 'o.p.q', 'o.p', 'l.0').map((path): ExprIr => ({ op: 'has', path: path.split('.') })),
  pick('readOnly', 'destructive', 'idempotent', 'openWorld').map((hint): ExprIr => ({ op: 'hint', hint })),
  fc
    .tuple(pick('principal', 'user'), pick(...ROLES))
    .map(([subject, value]): ExprIr => ({ op: 'hasRole', subject, value })),
  fc
    .tuple(pick('principal', 'user'), who)
    .map(([subject, set]): ExprIr => ({ op: 'inWho', subject, who: set })),
  boolConst,
];

/** `has(args.x) and …` about the same argument, which the emitter reads once. */
function guardedOf(scope: readonly Param[]): fc.Arbitrary<ExprIr> {
  const question = pick('startsWith', 'endsWith', 'contains', 'like', 'inList', 'compare', 'under', 'number');
  return fc
    .tuple(
      pick('s', 'p', 'constructor', 'o.s', 'u'),
      fc.array(fc.tuple(question, stringConst, globText, cmp, numberConst), { minLength: 1, maxLength: 2 }),
      fc.array(fc.oneof(...textLeaves(scope)), { maxLength: 1 }),
    )
    .map(([path, questions, others]): ExprIr => {
      const left = argAt(path);
      const asked = questions.map(([op, right, glob, c, number]): ExprIr => {
        if (op === 'like') return { op, left, glob: globIr(glob, 'text') };
        if (op === 'inList') return { op, on: 'string', left, items: [right] };
        if (op === 'number') return { op: 'compare', cmp: c, on: 'number', left, right: number };
        return op === 'compare' ? { op, cmp: c, on: 'string', left, right } : { op, left, right };
      });
      return { op: 'and', operands: [{ op: 'has', path: path.split('.') }, ...others, ...asked] };
    });
}

function conditionIn(scope: readonly Param[], depth: number): fc.Arbitrary<ExprIr> {
  const quantifiers = LISTS.map(([of, element]) => {
    const param = { id: scope.length, type: element };
    const body = depth === 0 ? null : conditionIn([...scope, param], depth - 1);
    return body === null
      ? null
      : fc
          .tuple(pick('all', 'any'), body)
          .map(([mode, e]): ExprIr => ({ op: 'quantifier', mode, list: of, param: param.id, body: e }));
  }).filter((q) => q !== null);
  const leaf = fc.oneof(
    ...textLeaves(scope),
    ...numberLeaves(scope),
    ...jsonLeaves(scope),
    ...ambient,
    ...(quantifiers.length === 0 ? [] : [fc.oneof(...quantifiers), fc.oneof(...quantifiers)]),
  );
  return fc.letrec<{ e: ExprIr }>((tie) => ({
    e: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: leaf },
      { weight: 1, arbitrary: guardedOf(scope) },
      { weight: 1, arbitrary: tie('e').map((operand): ExprIr => ({ op: 'not', operand })) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(pick('and', 'or'), fc.array(tie('e'), { minLength: 2, maxLength: 3 }))
          .map(([op, operands]): ExprIr => ({ op, operands })),
      },
    ),
  })).e;
}
export const condition: fc.Arbitrary<ExprIr> = conditionIn([], 2);
