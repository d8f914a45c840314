// SPDX-License-Identifier: Apache-2.0
// Globs against a model by derivation, and against the compile-time matcher and the reference's.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globIr, matchesGlob } from '../../../compiler/glob.js';
import { globMatches } from '../../../compiler/reference-sets.js';
import { glob, like } from '../../../stdlib/glob.js';

/** The set of pattern positions that a prefix of the text can reach, one letter at a time. */
function model(pattern: readonly string[], text: string): boolean {
  const closure = (at: ReadonlySet<number>): Set<number> => {
    const all = new Set(at);
    for (const i of all) if (pattern[i] === 'any' || pattern[i] === 'segment') all.add(i + 1);
    return all;
  };
  let at = closure(new Set([0]));
  for (const letter of text.split('')) {
    const next = new Set<number>();
    for (const i of at) {
      const item = pattern[i];
      if (item === 'any' || (item === 'segment' && letter !== '/')) next.add(i);
      else if (item === letter) next.add(i + 1);
    }
    at = closure(next);
  }
  return at.has(pattern.length);
}

const pattern = fc
  .array(fc.constantFrom('a', 'b', '/', '*', '**', 'ab', '***'), { maxLength: 7 })
  .map((parts) => parts.join(''));
const text = fc
  .array(fc.constantFrom('a', 'b', '/', 'ab', '*', '\u{1f600}'), { maxLength: 9 })
  .map((parts) => parts.join(''));

describe('globs', () => {
  it.each(['name', 'uri', 'text'] as const)('as %s: every matcher is the model', (kind) => {
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        const ir = globIr(p, kind);
        const items = ir.parts.flatMap((part, i) => [
          ...part.split(''),
          ...(ir.gaps[i] === undefined ? [] : [ir.gaps[i]]),
        ]);
        const expected = model(items, t);
        const gaps = ir.gaps.map((gap) => (gap === 'any' ? 'a' : 's')).join('');
        expect(glob(ir.parts, gaps).matches(t)).toBe(expected);
        expect(matchesGlob(ir, t)).toBe(expected);
        expect(globMatches(ir, t)).toBe(expected);
      }),
      { numRuns: 6000 },
    );
  });

  it('in names a star passes slashes; in texts and URIs only two stars do, and a bare star is any URI', () => {
    const matches = (p: string, kind: 'name' | 'uri' | 'text', t: string) => matchesGlob(globIr(p, kind), t);
    expect([matches('*', 'name', 'a/b'), matches('a*c', 'name', 'a/b/c')]).toEqual([true, true]);
    expect([matches('*', 'uri', 'file:///a/b'), matches('*', 'text', 'a/b')]).toEqual([true, false]);
    expect([
      matches('file:///a/*', 'uri', 'file:///a/b/c'),
      matches('file:///a/**', 'uri', 'file:///a/b/c'),
    ]).toEqual([false, true]);
    expect([matches('A', 'name', 'a'), matches('', 'name', ''), matches('', 'name', 'a')]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('are linear in the text', () => {
    const many = glob(
      Array.from({ length: 12 }, () => 'aa'),
      'a'.repeat(11),
    );
    const segments = glob(
      Array.from({ length: 12 }, () => 'aa'),
      's'.repeat(11),
    );
    const long = `${'a'.repeat(1_000_000)}b`;
    const start = performance.now();
    expect([many.matches(long), segments.matches(long)]).toEqual([false, false]);
    expect(performance.now() - start).toBeLessThan(3000);
    expect([like(undefined, many), like('aa'.repeat(12), many), like('b', many)]).toEqual([1, 2, 0]);
  });
});
