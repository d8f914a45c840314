// SPDX-License-Identifier: Apache-2.0
// Patterns: the table, the reference and RegExp agree on what the three share; nothing makes compiling or matching slow.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { regexMatches } from '../../compiler/reference-regex.js';
import { compileRegex } from '../../compiler/regex/dfa.js';
import { dfa } from '../../stdlib/dfa.js';

function matcher(source: string): (text: string) => boolean {
  const compiled = compileRegex(source);
  if (!compiled.ok) throw new Error(`${source}: ${compiled.what}`);
  const { starts, classes, width, first, next, accepts } = compiled.dfa;
  return dfa(starts, classes, width, first, next, accepts).matches;
}
const refusal = (source: string): string | null => {
  const compiled = compileRegex(source);
  return compiled.ok ? null : compiled.what;
};

const atom = fc.constantFrom(
  ...'a b A B 1 _ é É ß s ſ k K . \\. \\d \\D \\w \\W \\s \\S \\n \\x61 \\u0062 \\u{1F600} 😀 - \\\\ /'.split(
    ' ',
  ),
  ...'[ab] [^a] [a-c1] [^a-c\\d] [\\w-] [-a] [\\]\\^] [^\\s] [\\u{1F600}-\\u{1F64F}] [é-ü]'.split(' '),
);
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    atom,
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
    tie('pattern').map((a) => `(${a})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '{0}'))
      .map(([a, times]) => `(?:${a})${times}`),
  ),
}));
const text = fc
  .array(
    fc.constantFrom(
      ...'a b c A B C 1 9 _ - . \\ / é É ß ẞ s S ſ k K K 😀 ] ^ ü'.split(' '),
      ' ',
      '\n',
      '\u00a0',
    ),
    {
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(''));

describe('matches', () => {
  it.each([
    ['', 'i'],
    ['(?i)', 'iu'],
  ])('agrees with RegExp and with the reference (%s)', (prefix) => {
    let matched = 0;
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 12, maxLength: 12 }), (source, texts) => {
        const ours = matcher(prefix + source);
        const oracle = new RegExp(`^(?:${source})$`, prefix === '' ? 'su' : 'siu');
        // In RegExp, with `i`, the complement of a class is taken before folding; we take it after.
        const complement = prefix !== '' && /\[\^|\\[DWS]/.test(source);
        for (const t of texts) {
          if (ours(t)) matched++;
          if (!complement) expect(ours(t), JSON.stringify([source, t])).toBe(oracle.test(t));
          expect(regexMatches(prefix + source, t), JSON.stringify([source, t])).toBe(ours(t));
        }
      }),
      { numRuns: 2_500 },
    );
    expect(matched).toBeGreaterThan(500);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['ab', ['ab'], ['xab', 'abx', 'AB', '']],
    ['^ab$', ['ab'], ['xab', 'abx']],
    ['a|b', ['a', 'b'], ['ab', '']],
    ['.', ['a', '\n', '😀', '\ud800'], ['', 'ab']],
    ['(?i)straße', ['STRAßE', 'straße', 'straẞe'], ['STRASSE']],
    ['(?i)[^k]', ['a'], ['k', 'K', '\u212a']],
    ['[\\d.]+', ['1.2'], ['a']],
    ['a"b', ['a"b'], ['ab']],
    ['', [''], ['a']],
    ['(a|)b?', ['', 'a', 'ab', 'b'], ['bb']],
    ['(a*)*(b*)*', ['aab', ''], ['ba']],
  ])('%s', (source, yes, no) => {
    const ours = matcher(source);
    expect(yes.map(ours)).toEqual(yes.map(() => true));
    expect(no.map(ours)).toEqual(no.map(() => false));
  });

  it.each([
    ['(a)\\1', /reference to a group/],
    ['(?=a)b', /ahead or behind/],
    ['(?<!a)b', /ahead or behind/],
    ['(?<n>a)', /only groups/],
    ['a(?i)b', /only at the beginning/],
    ['\\bword\\b', /beside it/],
    ['\\p{L}', /properties/],
    ['a^b', /anchored/],
    ['a$b', /anchored/],
    ['*a', /nothing before/],
    ['a**', /repetition is repeated/],
    ['a{2}{3}', /repetition is repeated/],
    ['a{', /number/],
    ['a{2', /no `\}`/],
    ['a{3,2}', /backwards/],
    ['a{9999}', /more than 1000/],
    ['(a', /no `\)`/],
    ['a)', /without its/],
    ['[a', /no `\]`/],
    ['[b-a]', /backwards/],
    ['[\\d-z]', /from one character/],
    ['[[]', /inside/],
    ['a]', /no beginning/],
    ['\\', /ends with/],
    ['\\q', /not known/],
    ['\\xg1', /code point/],
    ['\\u{110000}', /code point/],
    ['\\u12', /code point/],
    ['('.repeat(100), /nested deeper/],
    ['a'.repeat(3_000), /longer than/],
    ['((a{100}){100}){100}', /more than 4000 parts/],
    ['(.*a.{1,30}b)*', /more than 2000 states/],
    ['.*a.{14}', /more than 2000 states/],
  ])('refuses %s', (source, why) => {
    const start = performance.now();
    expect(refusal(source)).toMatch(why);
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it('takes any text as a pattern without throwing, in time', () => {
    const pieces = fc.constantFrom(
      ...'( ) [ ] { } * + ? | ^ $ \\ . - , 1 9 a (?: (?i) {2,3} \\d [^ 😀'.split(' '),
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 24 }), (parts) => {
        compileRegex(parts.join(''));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is linear in the text where backtracking is not', () => {
    for (const source of ['(a*)*b', '(a|a)*b', '(a|aa)+b', '(.*)*x', '([a-z]+)*\\d']) {
      const ours = matcher(source);
      const start = performance.now();
      expect(ours('a'.repeat(1_000_000))).toBe(false);
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });
});
