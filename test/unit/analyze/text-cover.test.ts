// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverTexts, type TextTest } from '../../../compiler/analyze/text-cover.js';
import { globIr } from '../../../compiler/glob.js';
import { globMatches } from '../../../compiler/reference-sets.js';
import { under } from '../../../stdlib/path.js';

const PIECES = [
  'a',
  'b',
  'A',
  'ab',
  '/',
  '/a',
  '/ab',
  '.',
  '..',
  ' ',
  ':',
  ';',
  '*',
  '**',
  '~',
  'ü',
  '\u1680',
  'k',
  'K',
  'i',
];
const word = fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }).map((parts) => parts.join(''));
const root = fc
  .array(fc.constantFrom('a', 'b', 'ab', '.b', 'ü'), { maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);
const test: fc.Arbitrary<TextTest> = fc.oneof(
  fc
    .tuple(word, fc.boolean())
    .map(([text, lower]): TextTest => ({ kind: 'glob', glob: globIr(text, 'text'), lower })),
  root.map((text): TextTest => ({ kind: 'under', root: text })),
  word.map((text): TextTest => ({ kind: 'order', text: text.replaceAll('*', '') })),
  fc.nat(3).map((most): TextTest => ({ kind: 'size', most })),
);
const order = (a: string, b: string): number => {
  const [x, y] = [[...a], [...b]].map((t) => t.map((c) => c.codePointAt(0) ?? 0)) as [number[], number[]];
  for (let i = 0; i < x.length && i < y.length; i++)
    if (x[i] !== y[i]) return (x[i] ?? 0) < (y[i] ?? 0) ? -1 : 1;
  return Math.sign(x.length - y.length);
};

function answer(t: TextTest, text: string): string {
  switch (t.kind) {
    case 'glob':
      return String(globMatches(t.glob, t.lower ? text.toLowerCase() : text));
    case 'under':
      return String(under(text, t.root));
    case 'order':
      return String(order(text, t.text));
    case 'size':
      return String(Math.min([...text].length, t.most + 1));
    case 'dfa':
      return '';
  }
}

describe('texts that stand for all texts', () => {
  it('meet every combination of answers that some text meets', () => {
    const letters = [
      ...'abABkKiI/.. :;~%xX1_é\u1680\u0130\u212a\\',
      'ü',
      '\u{1f600}',
      '\u2024',
      '..',
      '/a',
      '/ab',
    ];
    const text = fc.array(fc.constantFrom(...letters), { maxLength: 7 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.array(test, { minLength: 1, maxLength: 4 }),
        fc.array(text, { minLength: 200, maxLength: 200 }),
        (tests, texts) => {
          const covers = coverTexts(tests);
          if (covers === null) return;
          const key = (t: string): string => tests.map((one) => answer(one, t)).join();
          const met = new Set(covers.map(key));
          for (const t of texts) if (!met.has(key(t))) expect({ tests, t, key: key(t) }).toBeUndefined();
        },
      ),
      { numRuns: 400 },
    );
  });

  it('are nearly as few as the answers', () => {
    const globs = ['agent:*', 'agent:copy-*', 'agent:copy-bad', 'user:*'].map(
      (g): TextTest => ({ kind: 'glob', glob: globIr(g), lower: false }),
    );
    expect(coverTexts(globs, ['agent:', 'user:'], '*')?.length).toBeLessThan(16);
  });

  it('are given up where there are too many', () => {
    const globs = [...'abcdefghijklmno'].map(
      (c): TextTest => ({ kind: 'glob', glob: globIr(`*${c}${c}*`), lower: false }),
    );
    expect(coverTexts(globs)).toBeNull();
  });
});
