// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { ceilingFault, globMatches, withinCeiling } from '../../../runtime/decide/ceiling.js';

const tool = (server: string, name: string) => ({ kind: 'tool' as const, server, name });

test('without a ceiling everything, with an empty one nothing', () => {
  expect(withinCeiling(null, tool('fs', 'x'))).toBe(true);
  expect(withinCeiling({ actions: [] }, tool('fs', 'x'))).toBe(false);
  expect(withinCeiling({ actions: ['nonsense'] }, tool('fs', 'nonsense'))).toBe(false);
});

test.each([
  ['fs/read_*', tool('fs', 'read_file'), true],
  ['fs/read_*', tool('fs', 'write_file'), false],
  ['fs/read_*', tool('fs2', 'read_file'), false],
  ['fs/read_*', { kind: 'prompt' as const, server: 'fs', name: 'read_file' }, false],
  ['tool fs/a/b', tool('fs', 'a/b'), true],
  ['*/admin_*', tool('x', 'admin_/y'), true],
  ['*/*', tool('fs', 'x'), true],
  ['*/*', { kind: 'sampling' as const, server: 'fs', name: '' }, false],
  ['*', { kind: 'sampling' as const, server: 'fs', name: '' }, true],
  ['sampling from web', { kind: 'sampling' as const, server: 'web', name: '' }, true],
  ['sampling from web', { kind: 'roots' as const, server: 'web', name: '' }, false],
  ['resource fs/file:///srv/**', { kind: 'resource' as const, server: 'fs', name: 'file:///srv/a/b' }, true],
  ['resource fs/file:///srv/*', { kind: 'resource' as const, server: 'fs', name: 'file:///srv/a/b' }, false],
  ['resource fs/file:///srv/*', { kind: 'resource' as const, server: 'fs', name: 'file:///srv/a' }, true],
  ['resource fs/*', { kind: 'resource' as const, server: 'fs', name: 'file:///srv/a/b' }, true],
])('%s on %o is %s', (pattern, action, within) => {
  expect(ceilingFault({ actions: [pattern] })).toBeNull();
  expect(withinCeiling({ actions: [pattern] }, action)).toBe(within);
});

test.each([
  'read_file',
  '/x',
  'fs/',
  'fs',
  '',
  'sampling from a/b',
  'sampling from ',
  'f s/x',
  'fs/a\u0000',
  `fs/${'x'.repeat(600)}`,
])('%j is no pattern', (pattern) => {
  expect(ceilingFault({ actions: ['*', pattern] })).toContain('is no action pattern');
});

test('globs agree with a plain definition, and cost no more than pattern times text', () => {
  const plain = (p: string, t: string): boolean => {
    if (p === '') return t === '';
    if (p[0] !== '*') return p[0] === t[0] && t !== '' && plain(p.slice(1), t.slice(1));
    return plain(p.slice(1), t) || (t !== '' && plain(p, t.slice(1)));
  };
  const letters = ['a', 'b', '*'];
  const patterns = letters.flatMap((x) =>
    letters.flatMap((y) => letters.flatMap((z) => letters.map((w) => x + y + z + w))),
  );
  const texts = ['', 'a', 'b', 'ab', 'ba', 'aab', 'abab', 'bbbb', 'a*b', 'abba'];
  for (const p of patterns)
    for (const t of texts) expect([p, t, globMatches(p, t, false)]).toEqual([p, t, plain(p, t)]);
  const start = performance.now();
  expect(globMatches('*a'.repeat(200), 'a'.repeat(10_000).concat('b'), false)).toBe(false);
  expect(performance.now() - start).toBeLessThan(2000);
});
