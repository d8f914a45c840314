// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withLongTexts, withoutLongTexts } from '../../../runtime/gateway/large/long-texts.js';

const LONG = 1_200_000;
const word = fc.constantFrom('a', 'ÿ', 'ü€', '\ud800', '😀', '\0');
const long = word.map((one) => one.repeat(Math.ceil(LONG / one.length)));
const short = fc.string({ maxLength: 10 });
const leaf = fc.oneof(
  { weight: 2, arbitrary: short },
  { weight: 1, arbitrary: long },
  fc.integer(),
  fc.constant(null),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.string({ maxLength: 3 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 3 },
    ),
  ),
}));

it('gives back what was taken out, and takes nothing else', () => {
  let met = 0;
  fc.assert(
    fc.property(value, (inside) => {
      const message = { kind: 'request', params: { inside } };
      const before = structuredClone(message);
      const handed = withoutLongTexts(message);
      expect(message).toEqual(before);
      expect(JSON.stringify(handed.value).length).toBeLessThan(1000);
      met += handed.texts.length;
      if (handed.texts.length === 0) expect(handed.value).toBe(message);
      const across = structuredClone(handed, {
        transfer: handed.texts.map(({ bytes }) => bytes.buffer as ArrayBuffer),
      });
      expect(withLongTexts(across)).toEqual(before);
    }),
    { numRuns: 100 },
  );
  expect(met).toBeGreaterThan(10);
});

it('one byte for a character where that is enough', () => {
  const sizes = (text: string): readonly number[] =>
    withoutLongTexts({ text }).texts.map(({ bytes }) => bytes.length);
  expect([sizes('é'.repeat(LONG)), sizes('€'.repeat(LONG)), sizes('a'.repeat(1000))]).toEqual([
    [LONG],
    [2 * LONG],
    [],
  ]);
});
