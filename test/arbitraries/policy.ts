// SPDX-License-Identifier: Apache-2.0
// Policies and questions for the laws: small alphabets, so that rules meet requests, and hostile values among them.
import fc from 'fast-check';
import type {
  ApprovalIr,
  ConstIr,
  EffectIr,
  ExprIr,
  OutcomeIr,
  PolicyIr,
  TypeIr,
  UnitIr,
  WhatIr,
  WhoIr,
  WhoTermIr,
} from '../../compiler/ir.js';
import { globIr } from '../../compiler/glob.js';
import type { Facts, Request } from '../../stdlib/abi.js';

const span = { start: 0, end: 0 };
const PRINCIPALS = ['agent:a', 'agent:ab', 'agent:b-1', 'user:a', 'service:x'];
const ROLES = ['lead', 'ops'];
const SERVERS = ['fs', 'web'];
const NAMES = ['read_a', 'read_b', 'write', 'admin_x'];
const TEXTS = ['', 'a', 'ab', 'b', 'Ab', '\u{1f600}', '\uffff', 'a*b', '__proto__'];
const PATHS = [
  '/',
  '/a',
  '/a/b',
  '/a/./b',
  '/ab',
  '/a/../b',
  'a',
  '/a/..;x',
  '/a%2f',
  '/a//b',
  '/a/b ',
  '//a',
  '/é',
  '/a\u2215b',
  '/a/...',
];
const NUMBERS = [0, 1, -1, 2, 0.1, 0.3, 1e21, 9007199254740991, -0];
const KEYS = ['s', 'p', 'n', 'i', 'b', 'l', 'j', 'o', 'constructor'];

const STRING: TypeIr = { kind: 'string' };
const TYPES: { readonly [key: string]: TypeIr } = {
  s: STRING,
  p: STRING,
  n: { kind: 'decimal' },
  i: { kind: 'int' },
  b: { kind: 'bool' },
  l: { kind: 'list', element: STRING },
  j: { kind: 'json' },
  o: { kind: 'object' },
  constructor: STRING,
};

const text = fc.constantFrom(...TEXTS, ...PATHS);
const arg = (...keys: readonly string[]): fc.Arbitrary<ExprIr> =>
  fc
    .constantFrom(...keys)
    .map((key): ExprIr => ({ op: 'arg', path: [key], type: TYPES[key] ?? STRING, nullable: false }));
const constOf = (value: ConstIr, type: TypeIr): ExprIr => ({ op: 'const', type, value });
const stringConst = text.map((value) => constOf({ kind: 'string', value }, STRING));
const numberText = fc.constantFrom(
  '0',
  '1',
  '-1',
  '0.1',
  '0.3',
  '0.30000000000000001',
  '2',
  '9007199254740993',
  '100',
);
const numberConst = numberText.map((t) => constOf({ kind: 'number', text: t }, { kind: 'decimal' }));

const stringExpr: fc.Arbitrary<ExprIr> = fc.oneof(
  { weight: 4, arbitrary: arg('s', 'p', 'constructor') },
  { weight: 1, arbitrary: arg('s').map((operand): ExprIr => ({ op: 'lower', operand })) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('principal.id', 'user.id', 'session.id', 'tool.server', 'tool.name')
      .map((field): ExprIr => ({ op: 'subject', field })),
  },
  { weight: 1, arbitrary: fc.constant<ExprIr>({ op: 'fact', name: 'region', type: STRING }) },
  {
    weight: 1,
    arbitrary: arg('o').map((): ExprIr => ({ op: 'arg', path: ['o', 's'], type: STRING, nullable: false })),
  },
);
const { number: numberExpr } = fc.letrec<{ number: ExprIr }>((tie) => ({
  number: fc.oneof(
    { depthSize: 'small' },
    arg('n', 'i'),
    numberConst,
    fc.constant<ExprIr>({ op: 'fact', name: 'limit', type: { kind: 'decimal' } }),
    arg('s', 'l').map((operand): ExprIr => ({ op: 'size', operand })),
    tie('number').map((operand): ExprIr => ({ op: 'negate', operand })),
    fc
      .tuple(fc.constantFrom('+', '-', '*'), tie('number'), tie('number'))
      .map(([fn, left, right]): ExprIr => ({ op: 'arith', fn, left, right })),
  ),
}));

const cmp = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const equality = fc.constantFrom('==', '!=');
const globText = fc.constantFrom('*', 'a*', '*b', 'a*b', '/a/*', '/a/**', '**/b', 'a', '', '/a/*/b', '*a*');

export const whoTerm: fc.Arbitrary<WhoTermIr> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<WhoTermIr>({ kind: 'any' }) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...PRINCIPALS, 'agent:*', 'agent:a*', '*:a', 'user:*')
      .map((glob): WhoTermIr => ({ kind: 'principal', glob: globIr(glob) })),
  },
  { weight: 1, arbitrary: fc.constantFrom(...ROLES).map((value): WhoTermIr => ({ kind: 'role', value })) },
);
export const who: fc.Arbitrary<WhoIr> = fc.record({
  include: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: whoTerm },
      {
        weight: 1,
        arbitrary: fc
          .tuple(whoTerm, whoTerm)
          .map(([a, b]): WhoTermIr => ({ kind: 'set', who: { include: [a], except: [b] } })),
      },
    ),
    { minLength: 1, maxLength: 2 },
  ),
  except: fc.array(whoTerm, { maxLength: 1 }).map((terms) => terms.filter((t) => t.kind !== 'any')),
});

const act = fc
  .tuple(
    fc.constantFrom('tool', 'tool', 'tool', 'resource', 'sampling'),
    fc.constantFrom(...SERVERS, '*'),
    fc.constantFrom(...NAMES, 'read_*', '*', '*_x'),
  )
  .map(([kind, server, name]): WhatIr['include'][number] => ({
    kind: 'act',
    act: kind,
    server: globIr(server),
    name: kind === 'sampling' ? null : globIr(name, kind === 'resource' ? 'uri' : 'name'),
  }));
export const what: fc.Arbitrary<WhatIr> = fc.record({
  include: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: act },
      fc.boolean().map((toolsOnly) => ({ kind: 'every' as const, toolsOnly })),
    ),
    {
      minLength: 1,
      maxLength: 2,
    },
  ),
  except: fc.array(act, { maxLength: 1 }),
});

const leaf: fc.Arbitrary<ExprIr> = fc.oneof(
  fc
    .tuple(cmp, numberExpr, numberExpr)
    .map(([c, left, right]): ExprIr => ({ op: 'compare', cmp: c, on: 'number', left, right })),
  fc
    .tuple(cmp, stringExpr, fc.oneof(stringExpr, stringConst))
    .map(([c, left, right]): ExprIr => ({ op: 'compare', cmp: c, on: 'string', left, right })),
  fc.tuple(equality, arg('b'), fc.boolean()).map(([c, left, value]): ExprIr => {
    const right = constOf({ kind: 'bool', value }, { kind: 'bool' });
    return { op: 'compare', cmp: c, on: 'bool', left, right };
  }),
  fc.tuple(equality, arg('j', 's', 'l', 'o'), fc.boolean()).map(([c, left, toNull]): ExprIr => {
    const right: ExprIr = toNull
      ? constOf({ kind: 'null' }, { kind: 'null' })
      : constOf({ kind: 'list', items: [{ kind: 'string', value: 'a' }] }, { kind: 'list', element: STRING });
    return { op: 'compare', cmp: c, on: 'json', left: { ...left, nullable: true } as ExprIr, right };
  }),
  fc.constantFrom(...KEYS).map((key): ExprIr => ({ op: 'has', path: [key] })),
  fc.constant<ExprIr>({ op: 'has', path: ['o', 's'] }),
  arg('b'),
  fc.constant<ExprIr>({ op: 'fact', name: 'open', type: { kind: 'bool' } }),
  fc
    .constantFrom('readOnly', 'destructive', 'idempotent', 'openWorld')
    .map((hint): ExprIr => ({ op: 'hint', hint })),
  fc
    .tuple(fc.constantFrom('principal', 'user'), fc.constantFrom(...ROLES))
    .map(([subject, value]): ExprIr => ({ op: 'hasRole', subject, value })),
  fc
    .tuple(fc.constantFrom('principal', 'user'), who)
    .map(([subject, set]): ExprIr => ({ op: 'inWho', subject, who: set })),
  fc
    .tuple(stringExpr, fc.array(stringConst, { maxLength: 4 }))
    .map(([left, items]): ExprIr => ({ op: 'inList', on: 'string', left, items })),
  fc
    .tuple(numberExpr, fc.array(numberConst, { minLength: 1, maxLength: 3 }))
    .map(([left, items]): ExprIr => ({ op: 'inList', on: 'number', left, items })),
  fc.tuple(stringExpr, arg('l')).map(([left, list]): ExprIr => ({ op: 'inValue', on: 'string', left, list })),
  fc
    .tuple(fc.constantFrom('startsWith', 'endsWith', 'contains'), stringExpr, stringConst)
    .map(([op, left, right]): ExprIr => ({ op, left, right })),
  fc.tuple(arg('p', 's'), fc.constantFrom('/a', '/', '/a/b', '/é')).map(([left, value]): ExprIr => {
    return { op: 'under', left, right: constOf({ kind: 'string', value }, STRING) };
  }),
  fc
    .tuple(stringExpr, globText)
    .map(([left, glob]): ExprIr => ({ op: 'like', left, glob: globIr(glob, 'text') })),
  fc
    .tuple(fc.constantFrom('all', 'any'), fc.constantFrom('==', '!=', '<'), stringConst, fc.boolean())
    .map(([mode, c, right, negated]): ExprIr => {
      const item: ExprIr = { op: 'param', param: 0, type: STRING };
      const test: ExprIr = { op: 'compare', cmp: c, on: 'string', left: item, right };
      const list: ExprIr = { op: 'arg', path: ['l'], type: TYPES['l'] ?? STRING, nullable: false };
      const body: ExprIr = negated
        ? { op: 'not', operand: { op: 'and', operands: [test, { op: 'has', path: ['b'] }] } }
        : test;
      return { op: 'quantifier', mode, list, param: 0, body };
    }),
);

/** `has(args.x) and …` about the same argument, which the emitter reads once. */
const guarded: fc.Arbitrary<ExprIr> = fc
  .tuple(
    fc.constantFrom('s', 'p', 'constructor'),
    fc.array(
      fc.tuple(
        fc.constantFrom('startsWith', 'endsWith', 'contains', 'like', 'inList', 'compare'),
        stringConst,
        globText,
      ),
      { minLength: 1, maxLength: 2 },
    ),
    fc.array(leaf, { maxLength: 1 }),
  )
  .map(([key, questions, others]): ExprIr => {
    const left: ExprIr = { op: 'arg', path: [key], type: STRING, nullable: false };
    const asked = questions.map(([op, right, glob]): ExprIr => {
      if (op === 'like') return { op, left, glob: globIr(glob, 'text') };
      if (op === 'inList') return { op, on: 'string', left, items: [right] };
      return op === 'compare' ? { op, cmp: '!=', on: 'string', left, right } : { op, left, right };
    });
    return { op: 'and', operands: [{ op: 'has', path: [key] }, ...others, ...asked] };
  });

export const condition: fc.Arbitrary<ExprIr> = fc.letrec<{ e: ExprIr }>((tie) => ({
  e: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: guarded },
    { weight: 1, arbitrary: tie('e').map((operand): ExprIr => ({ op: 'not', operand })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('and', 'or'), fc.array(tie('e'), { minLength: 2, maxLength: 3 }))
        .map(([op, operands]): ExprIr => ({ op, operands })),
    },
  ),
})).e;

const approval: fc.Arbitrary<ApprovalIr> = fc
  .tuple(
    fc.boolean(),
    fc.subarray(ROLES, { minLength: 1 }),
    fc.integer({ min: 1, max: 2 }),
    fc.constantFrom(1000, 900_000),
  )
  .map(([self, roles, quorum, timeout]) => ({
    self,
    roles: self ? [] : roles,
    quorum: self ? 1 : quorum,
    timeout,
  }));
const because = fc.option(fc.constantFrom('no', 'ask first', '</script>'), { nil: null });
const outcomeOf = (effect: fc.Arbitrary<EffectIr>): fc.Arbitrary<OutcomeIr> =>
  fc.tuple(effect, approval, because).map(([e, a, b]) => ({
    effect: e,
    approval: e === 'review' || e === 'escalate' ? a : null,
    because: b,
  }));
const effect: fc.Arbitrary<EffectIr> = fc.constantFrom('allow', 'allow', 'review', 'deny', 'escalate');

export const unitNamed = (name: string, effects: fc.Arbitrary<EffectIr> = effect): fc.Arbitrary<UnitIr> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(outcomeOf(effects), who, what, fc.option(condition, { nil: null, freq: 3 })).map(
        ([outcome, w, x, when]): UnitIr => ({
          kind: 'rule',
          name,
          phase: 'call',
          ...outcome,
          who: w,
          what: x,
          when,
          tell: false,
          span,
        }),
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          who,
          what,
          fc.array(fc.record({ when: condition, outcome: outcomeOf(effects), span: fc.constant(span) }), {
            minLength: 1,
            maxLength: 3,
          }),
          fc.option(outcomeOf(effects), { nil: null }),
        )
        .map(
          ([w, x, cases, otherwise]): UnitIr => ({
            kind: 'block',
            name,
            who: w,
            what: x,
            cases,
            otherwise,
            span,
          }),
        ),
    },
  );

const NAMES_OF_RULES = ['a', 'b', 'c', 'd', 'e', 'f'];
const TOOLS = SERVERS.flatMap((server) =>
  NAMES.map((name, i) => ({
    server,
    name,
    hash: 'sha256:0',
    hints: { readOnly: i === 0, destructive: i === 2, idempotent: false, openWorld: i !== 1 },
  })),
);

export const policy: fc.Arbitrary<PolicyIr> = fc
  .integer({ min: 0, max: NAMES_OF_RULES.length })
  .chain((count) => fc.tuple(...NAMES_OF_RULES.slice(0, count).map((name) => unitNamed(name))))
  .map(
    (units): PolicyIr => ({
      name: 'generated.policy',
      version: '1.0.0',
      roles: [],
      facts: [],
      tools: TOOLS,
      units,
    }),
  );

const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...TEXTS, ...PATHS) },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...NUMBERS) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(true, false, null, ['a'], ['a', 'b', 1], [], {}, { s: 'a' }),
  },
);
const BY_KEY: { readonly [key: string]: fc.Arbitrary<unknown> } = {
  s: fc.constantFrom(...TEXTS),
  p: fc.constantFrom(...PATHS),
  n: fc.constantFrom(...NUMBERS),
  i: fc.constantFrom(0, 1, 2, -1),
  b: fc.boolean(),
  l: fc.array(fc.constantFrom(...TEXTS), { maxLength: 3 }),
  j: value,
  o: fc.constantFrom<unknown>({ s: 'a' }, {}, { s: 1 }),
  constructor: fc.constantFrom(...TEXTS),
};
/** Mostly of the right type, sometimes anything, sometimes absent. */
export const args: fc.Arbitrary<{ readonly [key: string]: unknown }> = fc
  .tuple(
    ...KEYS.map((key) =>
      fc.option(fc.oneof({ weight: 5, arbitrary: BY_KEY[key] ?? value }, { weight: 1, arbitrary: value }), {
        nil: undefined,
        freq: 4,
      }),
    ),
  )
  .map((values) =>
    Object.assign(
      Object.create(null) as { [key: string]: unknown },
      Object.fromEntries(KEYS.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i]]]))),
    ),
  );

export const request: fc.Arbitrary<Request> = fc
  .record({
    principal: fc.constantFrom(...PRINCIPALS, 'agent:unseen'),
    roles: fc.subarray(ROLES),
    user: fc.option(fc.constantFrom('user:a', 'user:z'), { nil: null }),
    userRoles: fc.subarray(ROLES),
    session: fc.constantFrom('s1', 'a'),
    intent: fc.record({
      kind: fc.constantFrom('tool', 'tool', 'tool', 'resource', 'sampling'),
      server: fc.constantFrom(...SERVERS, 'other'),
      name: fc.constantFrom(...NAMES, 'nope', 'read_a/b'),
      args,
    }),
  })
  .map((r) => r as unknown as Request);

export const facts: fc.Arbitrary<Facts> = fc
  .record({
    region: fc.option(fc.constantFrom<unknown>('a', 'b', 1), { nil: undefined }),
    limit: fc.option(fc.constantFrom<unknown>(...NUMBERS, 'x'), { nil: undefined }),
    open: fc.option(fc.constantFrom<unknown>(true, false, null), { nil: undefined }),
  })
  .map((f) => f as Facts);
