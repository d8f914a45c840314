// SPDX-License-Identifier: Apache-2.0
// Small alphabets, so that rules meet requests, and the sets of principals and actions over them.
import fc from 'fast-check';
import { globIr } from '../../compiler/glob.js';
import type { WhatIr, WhoIr, WhoTermIr } from '../../compiler/ir.js';

export const PRINCIPALS = ['agent:a', 'agent:ab', 'agent:b-1', 'user:a', 'service:x'];
export const ROLES = ['lead', 'ops'];
export const SERVERS = ['fs', 'web'];
export const NAMES = ['read_a', 'read_b', 'write', 'admin_x'];
export const TEXTS = ['', 'a', 'ab', 'b', 'Ab', '\u{1f600}', '\uffff', 'a*b', '__proto__'];
export const PATHS = [
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
export const NUMBERS = [0, 1, -1, 2, 0.1, 0.3, 1e21, 9007199254740991, -0];
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
