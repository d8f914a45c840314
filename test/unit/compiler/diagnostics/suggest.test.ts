// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../../../compiler/diagnostics/suggest.js';

describe('nearest', () => {
  it.each([
    ['editor', ['editors', 'auditors'], 'editors'],
    ['pth', ['path', 'content'], 'path'],
    ['paht', ['path'], 'path'],
    ['ReadOnly', ['readOnly'], 'readOnly'],
    ['xyz', ['path'], null],
    ['a', ['b', 'c'], 'b'],
    ['path', [], null],
  ])('%s among %j is %s', (name, candidates, expected) => {
    expect(nearest(name, candidates)).toBe(expected);
  });

  it('does not depend on the order of the candidates', () => {
    expect(nearest('reed', ['read', 'reel'])).toBe(nearest('reed', ['reel', 'read']));
  });

  it('is quick on long foreign names', () => {
    const start = performance.now();
    nearest(
      'x'.repeat(100_000),
      Array.from({ length: 100 }, (_, i) => 'x'.repeat(99_990 + i)),
    );
    expect(performance.now() - start).toBeLessThan(500);
  });
});

it('asks a question or says nothing', () => {
  expect(didYouMean('pth', ['path'])).toBe('did you mean `path`?');
  expect(didYouMean('zzz', ['path'])).toBeNull();
});
