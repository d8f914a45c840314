// SPDX-License-Identifier: Apache-2.0
// Policies and questions for the laws, and hostile values among them.
import fc from 'fast-check';
import type { ApprovalIr, EffectIr, FactIr, OutcomeIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import type { Facts, Request } from '../../stdlib/abi.js';
import { condition, KEYS } from './conditions.js';
import { NAMES, NUMBERS, PATHS, PRINCIPALS, ROLES, SERVERS, TEXTS, what, who } from './sets.js';

const span = { start: 0, end: 0 };
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

/** Only restrictions stand in the other phases: deny in both, escalate where answers are held. */
function phaseOf(of: EffectIr, turn: number): 'call' | 'list' | 'result' {
  if (turn === 0 && (of === 'deny' || of === 'escalate')) return 'result';
  return turn === 1 && of === 'deny' ? 'list' : 'call';
}

/** Masks of answers, with conditions that may be unknown. */
const redaction = (name: string): fc.Arbitrary<UnitIr> =>
  fc
    .tuple(
      who,
      what,
      fc.option(condition, { nil: null, freq: 3 }),
      because,
      fc.subarray(['card', 'pii', 'secrets'], { minLength: 1 }),
    )
    .map(
      ([w, x, when, reason, masks]): UnitIr => ({
        kind: 'rule',
        name,
        phase: 'result',
        effect: 'redact',
        approval: null,
        because: reason,
        masks,
        who: w,
        what: x,
        when,
        tell: false,
        span,
      }),
    );

export const unitNamed = (name: string, effects: fc.Arbitrary<EffectIr> = effect): fc.Arbitrary<UnitIr> =>
  fc.oneof(
    ...(effects === effect ? [{ weight: 1, arbitrary: redaction(name) }] : []),
    {
      weight: 4,
      arbitrary: fc
        .tuple(
          outcomeOf(effects),
          who,
          what,
          fc.option(condition, { nil: null, freq: 3 }),
          fc.nat({ max: 7 }),
        )
        .map(
          ([outcome, w, x, when, turn]): UnitIr => ({
            kind: 'rule',
            name,
            phase: phaseOf(outcome.effect, turn),
            ...outcome,
            who: w,
            what: x,
            when,
            tell: turn > 4,
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

/** `on unknown review`, with some values of the fact. */
const marked: fc.Arbitrary<readonly FactIr[]> = fc
  .tuple(fc.subarray(['region', 'limit', 'open', 'tags'] as const), approval)
  .map(([names, review]) =>
    names.map((name) => ({ name, source: 'http', path: [name], review, ...MARKED[name] })),
  );
const MARKED = {
  region: { type: { kind: 'string' }, values: ['a', 'zz'] },
  limit: { type: { kind: 'decimal' }, values: [0, 1, 100] },
  open: { type: { kind: 'bool' }, values: [true, false] },
  tags: { type: { kind: 'list', element: { kind: 'string' } }, values: [[], ['a']] },
} as const;

const policyWith = (facts: fc.Arbitrary<readonly FactIr[]>): fc.Arbitrary<PolicyIr> =>
  fc
    .integer({ min: 0, max: NAMES_OF_RULES.length })
    .chain((count) =>
      fc.tuple(fc.tuple(...NAMES_OF_RULES.slice(0, count).map((name) => unitNamed(name))), facts),
    )
    .map(
      ([units, declared]): PolicyIr => ({
        name: 'generated.policy',
        version: '1.0.0',
        roles: [],
        facts: declared,
        tools: TOOLS,
        units,
      }),
    );
export const policy = policyWith(fc.constant([]));
/** With people to stand in for some facts. */
export const markedIr = policyWith(marked);

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
  m: fc.array(fc.constantFrom<unknown>(...NUMBERS, 'a'), { maxLength: 3 }),
  x: fc.array(value, { maxLength: 3 }),
  u: fc.constantFrom<unknown>('a', 1, 2, '/a'),
  e: fc.constantFrom('a', 'ab'),
  j: value,
  o: fc.constantFrom<unknown>(
    { s: 'a' },
    {},
    { s: 1 },
    { s: '/a', p: { q: 1 } },
    { p: {} },
    { p: { q: 1.5 } },
  ),
  constructor: fc.constantFrom(...TEXTS),
  w: fc.constantFrom(
    'https://example.com/a/b',
    'http://a.example.com:8080/a',
    'https://EXAMPLE.com.',
    'https://user@example.com/',
    'http://10.1.2.3/',
    'http://[::ffff:10.1.2.3]/a',
    'http://[::1]:0/',
    'file:///a/b',
    'https://0x7f.1/',
    '/a',
  ),
  a: fc.constantFrom(
    '10.1.2.3',
    '::ffff:10.1.2.3',
    '::1',
    '64:ff9b::a01:203',
    '127.1',
    '2001:DB8::1',
    'example.com',
    '11.0.0.1',
  ),
  t: fc.constantFrom(
    '2026-01-05T12:00:00Z',
    '2026-01-05T12:00:00.5+01:00',
    '2026-02-30T00:00:00Z',
    'a',
    '1970-01-01T00:00:00Z',
  ),
  d: fc.constantFrom('15m', '900s', '0s', '1', '2d', '-1s'),
  q: fc.array(
    fc.constantFrom<unknown>({ s: 'a', n: 1, b: true }, { s: 1 }, { p: { q: 2 } }, {}, 'a', null, { n: 0.5 }),
    {
      maxLength: 3,
    },
  ),
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
    tags: fc.option(fc.constantFrom<unknown>([], ['a'], ['a', 'b'], ['a', 1], 'a'), { nil: undefined }),
    since: fc.option(fc.constantFrom<unknown>('2026-01-05T12:00:00Z', 'a', 1), { nil: undefined }),
    levels: fc.option(fc.constantFrom<unknown>([], [1], [1, 2], [1, 0.5], [2, null]), { nil: undefined }),
  })
  .map((f) => f as Facts);
