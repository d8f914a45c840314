// SPDX-License-Identifier: Apache-2.0
// Atoms of URLs, hosts, addresses, instants, durations and members of elements: no value answers the conditions on a field as no
// atom does. Sampled values are near the constants of the conditions and far from them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionsIn } from '../../compiler/analyze/decision.js';
import { actionClasses } from '../../compiler/analyze/actions.js';
import { answerOf, sharedBy, Space, worldOf } from '../../compiler/analyze/space.js';
import type { Json } from '../../stdlib/abi.js';
import type { ExprIr } from '../../compiler/ir.js';
import { checkText, lockText, tool } from '../helpers/policy.js';

const LONG = process.env['SEPAL_LONG'] !== undefined;
const LOCK = lockText({
  net: [
    tool('go', {
      url: { type: 'string' },
      host: { type: 'string' },
      parts: {
        type: 'array',
        items: {
          type: 'object',
          properties: { kind: { type: 'string' }, size: { type: 'integer' } },
          required: ['kind'],
        },
      },
    }),
  ],
});
const HEADER = `sep 1
policy cover.test 1.0.0
tools "sepal.lock"
fact since: instant from config.since
fact age: duration from config.age
`;
const pick = <T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
const DOMAINS = ['example.com', 'a.example.com', 'example.org', 'com'];
const RANGES = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '0.0.0.0/1',
  '192.168.1.7/32',
  '2001:db8::/32',
  '::1/128',
  'fe80::/10',
];
const HOSTS = [
  'example.com',
  'x.example.com',
  '10.0.0.1',
  '10.1.2.3',
  'localhost',
  'a.example.com',
  '2001:db8::1',
];

/** Conditions on one field, and values of it. */
interface Field {
  readonly key: string;
  readonly leaf: fc.Arbitrary<string>;
  readonly value: fc.Arbitrary<Json>;
}

const address4 = fc
  .tuple(pick(9, 10, 11, 0, 127, 192), pick(0, 1, 168), fc.nat(255), pick(0, 1, 7, 255))
  .map((b) => b.join('.'));
const name = fc.oneof(
  pick(
    ...HOSTS,
    'EXAMPLE.com',
    'example.com.',
    'notexample.com',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '::',
    '',
    'a b',
    '010.0.0.1',
  ),
  fc.tuple(pick('', 'x.', 'y.z.', 'x-'), pick(...DOMAINS, 'test', 'org')).map(([a, b]) => a + b),
  address4,
  fc
    .tuple(pick('2001:db8', '2001:db9', 'fe80', '1', '::ffff:0', '2001'), fc.nat(65535))
    .map(([a, n]) => `${a}::${n.toString(16)}`),
);
const host = (x: string): fc.Arbitrary<string> =>
  fc.oneof(
    pick(...DOMAINS).map((d) => `${x} in domain("${d}")`),
    pick(...HOSTS).map((h) => `${x} == "${h}"`),
    fc.subarray(HOSTS, { minLength: 1 }).map((all) => `${x} in [${all.map((h) => `"${h}"`).join(', ')}]`),
  );
const address = (x: string): fc.Arbitrary<string> =>
  fc.oneof(
    pick(...RANGES).map((r) => `${x} in cidr("${r}")`),
    pick('10.0.0.1', '2001:db8::1', '192.168.1.7').map((h) => `${x} == "${h}"`),
  );
const MOMENTS = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z', '2027-06-30T12:00:00+02:00'];
const order = pick('<', '<=', '>', '>=', '==', '!=');

const FIELDS: readonly Field[] = [
  {
    key: 'arg:url',
    leaf: fc.oneof(
      pick('http', 'https', 'mailto', 'ftp').map((s) => `url(args.url).scheme == "${s}"`),
      host('url(args.url).host'),
      address('ip(url(args.url).host)'),
      fc.tuple(order, pick(80, 443, 8080, 0, 65535)).map(([op, n]) => `url(args.url).port ${op} ${n}`),
    ),
    value: fc.oneof(
      fc
        .tuple(
          pick('http', 'https', 'HTTPS', 'ws', 'ftp', 'gopher'),
          name,
          pick('', ':80', ':443', ':444', ':8080', ':1', ':0', ':65535', ':x'),
          pick('', '/', '/a', '?q'),
        )
        .map(([scheme, at, port, path]) => `${scheme}://${at.includes(':') ? `[${at}]` : at}${port}${path}`),
      pick('mailto:a', 'x:y', '', 'file:///etc', 'http:/a', 'https://u@example.com/', 'javascript:1'),
    ),
  },
  { key: 'arg:host', leaf: fc.oneof(host('args.host'), address('ip(args.host)')), value: name },
  {
    key: 'fact:since',
    leaf: fc.oneof(
      fc.tuple(order, pick(...MOMENTS)).map(([op, m]) => `since ${op} "${m}"`),
      fc.tuple(order, pick(...MOMENTS), pick('1s', '7d')).map(([op, m, d]) => `since + ${d} ${op} "${m}"`),
    ),
    value: fc.oneof(
      pick<Json>(
        ...MOMENTS,
        '2026-01-01T00:00:00.000000001Z',
        '2025-12-31T23:59:59.999Z',
        '',
        'x',
        3,
        '2027-06-30T10:00:00Z',
        '0001-01-01T00:00:00Z',
      ),
      fc
        .date({
          min: new Date('2025-12-20T00:00:00Z'),
          max: new Date('2027-07-10T00:00:00Z'),
          noInvalidDate: true,
        })
        .map((d) => d.toISOString()),
    ),
  },
  {
    key: 'fact:age',
    leaf: fc.tuple(order, pick('0s', '1s', '90s', '2h', '3d')).map(([op, d]) => `age ${op} ${d}`),
    value: fc.oneof(
      pick<Json>('0s', '1s', '1000ms', '999ms', '1001ms', '90s', '2m', '2h', '72h', '3d', '4d', '', '1w', 7),
      fc.nat(300_000_000).map((n) => `${n}ms`),
    ),
  },
  {
    key: 'arg:parts',
    leaf: fc.oneof(
      fc.tuple(pick('all', 'any'), pick('a', 'b')).map(([q, k]) => `${q}(args.parts, p => p.kind == "${k}")`),
      fc
        .tuple(pick('all', 'any'), pick(1, 5), pick('<', '>='))
        .map(([q, n, op]) => `${q}(args.parts, p => has(p.size) and p.size ${op} ${n})`),
      fc
        .tuple(pick('all', 'any'), pick('a', 'b'))
        .map(([q, k]) => `${q}(args.parts, p => p.kind starts with "${k}" and not has(p.size))`),
    ),
    value: fc.array(
      fc
        .tuple(pick('a', 'b', 'ab', 'c'), pick<number | undefined>(undefined, 0, 1, 4, 5, 9))
        .map(([kind, size]) => (size === undefined ? { kind } : { kind, size })),
      { maxLength: 4 },
    ),
  },
];

function policyOf(leaves: readonly string[], wraps: boolean): string {
  return `${HEADER}${leaves.map((leaf, i) => `${wraps ? 'deny' : 'allow'} r${i}: any -> net/go when { ${leaf} }`).join('\n')}\n`;
}

describe('atoms', () => {
  for (const { key, leaf, value } of FIELDS) {
    it(`of ${key} meet every combination of answers`, () => {
      let cut = 0;
      fc.assert(
        fc.property(
          fc.array(leaf, { minLength: 1, maxLength: 5 }),
          fc.array(value, { minLength: 60, maxLength: 60 }),
          (leaves, values) => {
            const { output, diagnostics } = checkText(policyOf(leaves, true), LOCK);
            if (output === null) throw new Error(JSON.stringify(diagnostics.map((d) => d.message)));
            const { ir, lock } = output;
            const one = actionClasses([{ ir, tools: lock.tools }], []).find(
              ({ action }) => action.name === 'go',
            );
            if (one === undefined) throw new Error('no such action');
            const space = new Space(one.action, [ir], conditionsIn(ir.units, ir), sharedBy(null));
            const dimension = space.dimensions.find((d) => d.key === key);
            expect(dimension?.open).toBeNull();
            const asked = [...(dimension?.leaves ?? [])];
            cut += Number(asked.length > 0);
            const rows = new Set(dimension?.atoms.map((_, i) => asked.map(([, row]) => row[i]).join()));
            for (const one of values) {
              const world = worldOf(space.action, new Map([[key, one]]));
              const row = asked.map(([text]) => answerOf(JSON.parse(text) as ExprIr, world, ir)).join();
              if (!rows.has(row)) expect({ leaves, value: one, row }).toBeUndefined();
            }
          },
        ),
        { numRuns: LONG ? 20_000 : 120, seed: 21 },
      );
      expect(cut).toBeGreaterThan(100);
    });
  }
});
