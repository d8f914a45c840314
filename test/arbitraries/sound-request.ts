// SPDX-License-Identifier: Apache-2.0
// Questions about the tools of SHOP_LOCK, with users, roles, facts and arguments that are mostly what the schemas say.
import fc from 'fast-check';
import type { Facts, Json, JsonRecord, Request } from '../../stdlib/abi.js';
import { pick } from './sound-policy.js';

const TEXTS = ['a', 'bob', '', 'x', 'x*y', 'agent:ed', '\u{1f600}', '__proto__', 'a/x/b'];
const PATHS = [
  '/data',
  '/data/a',
  '/data/secret/x',
  '/etc',
  '/',
  '/data/../etc',
  'data',
  '/data/./a',
  '/data/a ',
  '/data%2f..',
];
const anyText = pick(...TEXTS);
const sites = pick(
  'https://example.com/data/a',
  'https://a.example.com:443/',
  'http://b.example.com:8080/data',
  'https://evil-example.com/data',
  'https://user@example.com/',
  'http://10.1.2.3/data',
  'http://[::1]/',
  'http://[::ffff:10.1.2.3]/',
  'file:///data/a',
  'https://127.1/',
  '::1',
  '2001:db8::7',
  'EXAMPLE.com.',
  'a.example.com',
);
const VALUES: { readonly [key: string]: fc.Arbitrary<Json> } = {
  path: pick(...PATHS),
  depth: fc.integer({ min: 0, max: 4 }),
  sort: pick('name', 'size'),
  to: anyText,
  body: anyText,
  cc: fc.array(anyText, { maxLength: 3 }),
  extra: pick<Json>(1, 2, 'x', 'y', true, null, ['a', 1], {}),
  options: pick<Json>({}, { html: true }, { html: 'x' }, { html: null }),
  amount: pick(0, 1, 2.5, 0.3, -1, 10.5, 100, 1e21, 9007199254740992),
  currency: pick('EUR', 'USD'),
  tags: fc.array(anyText, { maxLength: 3 }),
  reason: pick<Json>('x', 'xy', null),
  reference: pick<Json>('x', 'yx', 3, 2),
  url: fc.oneof(anyText, sites),
  site: sites,
  due: pick('2026-01-05T11:59:59.999Z', '2026-01-05T12:00:00Z', '2026-01-05T13:00:00.5+01:00', 'soon'),
  items: fc.array(
    pick<Json>(
      { sku: 'a', amount: 2.5, parts: [] },
      { sku: 'bob', amount: 3, note: 'a', parts: [{ id: 'bob' }] },
      { sku: '', amount: 0, note: 'b', due: '2026-01-05T12:00:00Z', parts: [{ id: 'a' }, { id: '' }] },
      { sku: 'x', amount: 'x', due: 'soon', parts: [{}] },
      { sku: 'a' },
      'a',
    ),
    { maxLength: 3 },
  ),
  headers: pick<Json>({}, { accept: 'a' }, { accept: 'A' }),
};
const wrong = pick<Json>(null, 1, 'x', true, [], {}, ['a'], 1.5);
const argument = (key: string): fc.Arbitrary<Json | undefined> =>
  fc.oneof(
    { weight: 8, arbitrary: VALUES[key] ?? anyText },
    { weight: 1, arbitrary: wrong },
    { weight: 2, arbitrary: fc.constant(undefined) },
  );
const TOOLS: readonly (readonly [string, string, readonly string[]])[] = [
  ['fs', 'read_file', ['path']],
  ['fs', 'delete_file', ['path']],
  ['fs', 'list_directory', ['path', 'depth', 'sort']],
  ['pay', 'transfer', ['to', 'amount', 'currency', 'tags', 'reason', 'reference']],
  ['mail', 'send_email', ['to', 'body', 'cc', 'extra', 'options']],
  ['web', 'fetch', ['url', 'headers']],
  ['desk', 'order', ['items', 'site', 'due']],
  ['fs', 'unpinned', ['path']],
];
const toolIntent = (
  value: (key: string) => fc.Arbitrary<Json | undefined>,
): fc.Arbitrary<Request['intent']> =>
  pick(...TOOLS).chain(([server, name, keys]) =>
    fc.tuple(...keys.map(value)).map((values) => ({
      kind: 'tool' as const,
      server,
      name,
      args: Object.fromEntries(
        keys.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i]]])),
      ) as JsonRecord,
    })),
  );
const otherIntent = pick<Request['intent']>(
  { kind: 'resource', server: 'fs', name: 'file:///data/a', args: {} },
  { kind: 'resource', server: 'web', name: 'x', args: {} },
  { kind: 'completion', server: 'fs', name: 'x', args: {} },
  { kind: 'sampling', server: 'web', name: '', args: {} },
  { kind: 'roots', server: 'fs', name: '', args: {} },
);
const ROLES = fc.subarray(['lead', 'on call', 'ops', 'unheard of']);

export const soundRequest: fc.Arbitrary<Request> = fc.record({
  principal: pick(
    'agent:ed',
    'agent:copy-1',
    'agent:copy-bad',
    'user:dana',
    'user:mallory',
    'service:odd name',
    'agent:x',
  ),
  roles: ROLES,
  user: pick(null, 'user:dana', 'user:mallory', 'agent:ed'),
  userRoles: ROLES,
  session: pick('s1', 's2', 'a'),
  intent: fc.oneof({ weight: 8, arbitrary: toolIntent(argument) }, { weight: 1, arbitrary: otherIntent }),
});

const fact = (...values: readonly Json[]): fc.Arbitrary<Json | undefined> =>
  fc.oneof(
    { weight: 5, arbitrary: pick(...values) },
    { weight: 1, arbitrary: wrong },
    { weight: 2, arbitrary: fc.constant(undefined) },
  );
const times = {
  since: fact(
    '2026-01-05T12:00:00Z',
    '2026-01-05T11:59:59.999Z',
    '2026-01-05T00:15:00Z',
    '2026-02-30T00:00:00Z',
  ),
  grace: fact('15m', '12h', '900s', '0s', '1'),
  page: fact('https://example.com/', 'https://a.example.com:444/', 'http://other.example/', 'example.com'),
  crew: fact(['agent:ed', 'user:dana'], [], ['user:mallory', 1]),
};
export const soundFacts: fc.Arbitrary<Facts> = fc.record({
  region: fact('eu', 'us', 'a p'),
  home: fact('/data', '/data/a', '/', 'data'),
  limits: fact([], [1, 2], [3], [1, 'x'], [2, 9007199254740992]),
  words: fact([], ['a'], ['a', 'bob'], ['a', 1], ['A']),
  open: fact(true, false),
  ratio: fact(0, 1, 2.5, 0.3, 1e21),
  ...times,
});

/** At the constants of the policies and right beside them: what a bound, a pattern, a folder, a list includes and what not. */
const EDGES: { readonly [key: string]: fc.Arbitrary<Json> } = (() => {
  const beside = (text: string): readonly string[] => [
    text,
    `${text}x`,
    text.slice(0, -1),
    `x${text}`,
    text.toUpperCase(),
    `${text}/`,
    `${text}/x`,
    `${text}\u0000`,
  ];
  const numbers = [0, 1, -1, 2.5, 0.3, 1.5, 10.5, 100, 3, 4, 9007199254740992, 2, 1.25].flatMap((n) => [
    n,
    n + Math.max(Math.abs(n), 1) * Number.EPSILON,
    n - Math.max(Math.abs(n), 1) * Number.EPSILON,
    n + 1,
    -n,
  ]);
  const texts = [...TEXTS, 'b', 'boxb', 'bob', 'c', 'user:dana', 'agent:copy-1'].flatMap(beside);
  const paths = [...PATHS, '/data/secret', '/dat', '/datax', '/a/b'].flatMap(beside);
  const lists = fc.array(pick('a', 'b', 'c', 'A', '', 'bob', 'agent:ed'), { maxLength: 3 });
  return {
    ...VALUES,
    path: pick(...paths),
    depth: pick(-1, 0, 1, 2, 3, 4),
    to: pick(...texts),
    body: pick(...texts),
    url: pick(...texts),
    cc: lists,
    tags: lists,
    amount: pick(...numbers),
    reason: pick<Json>('x', '', 'xy', null, 'X'),
    reference: pick<Json>('x', '', 2, 3, 4, 'xx'),
    headers: pick<Json>({}, { accept: 'a' }, { accept: 'A' }, { accept: 'ba' }, { accept: '' }),
  };
})();
const EDGE_PRINCIPALS = ['agent:ed', 'agent:edx', 'agent:e', 'agent:copy-', 'agent:copy', 'agent:copy-bad'];

export const edgeRequest: fc.Arbitrary<Request> = fc.record({
  principal: pick(
    ...EDGE_PRINCIPALS,
    'agent:copy-badx',
    'user:',
    'user:mallory',
    'user:malloryx',
    'service:odd name',
  ),
  roles: ROLES,
  user: pick(null, 'user:dana', 'user:dan', 'user:mallory', 'agent:ed', 'agent:copy-1'),
  userRoles: ROLES,
  session: pick('s1', 'a', ''),
  intent: toolIntent((key) => fc.option(EDGES[key] ?? anyText, { nil: undefined, freq: 5 })),
});
export const edgeFacts: fc.Arbitrary<Facts> = fc.record({
  region: fact('eu', 'us', 'a p', ''),
  home: fact('/data', '/data/', '/datax', '/data/secret', '/', '//', ''),
  limits: fact([], [2], [1], [1, 3], [2, 4, 6], [1, null]),
  words: fact([], ['a'], ['ax'], ['b', 'a'], ['A'], ['']),
  open: fact(true, false),
  ratio: fact(0, 1.5, 1.5000000000000002, 1.4999999999999998, 10.5, 10.500000000000002, -1),
  ...times,
});
