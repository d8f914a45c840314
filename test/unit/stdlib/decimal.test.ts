// SPDX-License-Identifier: Apache-2.0
// Exact decimals against BigInt fractions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arith, compareNumbers, decimal, isDecimal, negate, type Num } from '../../../stdlib/decimal.js';
import { compareNum } from '../../../stdlib/values.js';

/** Every value as an integer number of 10^-SCALE. */
const SCALE = 800;
function scaled(text: string): bigint {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const value = BigInt(whole + fraction) * 10n ** BigInt(SCALE - fraction.length + Number(power));
  return sign === '-' ? -value : value;
}
const valueOf = (n: Num): bigint => (isDecimal(n) ? n.c * 10n ** BigInt(SCALE - n.scale) : scaled(String(n)));

const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const digits = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 30n }),
    fc.nat({ max: 20 }),
    fc.integer({ min: -20, max: 20 }),
  )
  .map(([minus, n, places, power]) => {
    const text = n.toString().padStart(places + 1, '0');
    const point = text.length - places;
    const mantissa = places === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
    return `${minus ? '-' : ''}${mantissa}${power === 0 ? '' : `e${power}`}`;
  });
const number: fc.Arbitrary<Num> = fc.oneof(
  double,
  fc.constantFrom(0, -0, 0.1, 0.2, 0.3, 1e21, 5e-324, 1.7976931348623157e308, 2 ** 53, 2 ** 53 - 1),
  digits.map(decimal),
);

describe('decimals', () => {
  it('stand for their text', () => {
    fc.assert(
      fc.property(digits, (text) => {
        expect(valueOf(decimal(text))).toBe(scaled(text));
      }),
    );
    fc.assert(
      fc.property(double, (d) => {
        expect(valueOf(decimal(String(d)))).toBe(scaled(String(d)));
      }),
    );
  });

  it('compare as fractions do', () => {
    const sign = (n: bigint): number => (n < 0n ? -1 : n > 0n ? 1 : 0);
    fc.assert(
      fc.property(number, number, (a, b) => {
        const order = sign(valueOf(a) - valueOf(b));
        expect(compareNumbers(a, b)).toBe(order);
        expect(compareNum('==', a, b)).toBe(order === 0 ? 2 : 0);
        expect(compareNum('!=', a, b)).toBe(order === 0 ? 0 : 2);
        expect(compareNum('<', a, b)).toBe(order < 0 ? 2 : 0);
        expect(compareNum('<=', a, b)).toBe(order <= 0 ? 2 : 0);
        expect(compareNum('>', a, b)).toBe(order > 0 ? 2 : 0);
        expect(compareNum('>=', a, b)).toBe(order >= 0 ? 2 : 0);
      }),
      { numRuns: 3000 },
    );
    expect([compareNum('==', undefined, 1), compareNum('!=', 1, undefined)]).toEqual([1, 1]);
  });

  it('add, subtract, multiply and negate as fractions do', () => {
    const small = fc.oneof(fc.double({ min: -1e9, max: 1e9, noNaN: true }), digits.map(decimal));
    fc.assert(
      fc.property(small, small, (a, b) => {
        const [x, y] = [valueOf(a), valueOf(b)];
        const sum = arith('+', a, b);
        const difference = arith('-', a, b);
        const product = arith('*', a, b);
        if (sum !== undefined) expect(valueOf(sum)).toBe(x + y);
        if (difference !== undefined) expect(valueOf(difference)).toBe(x - y);
        if (product !== undefined) expect(valueOf(product) * 10n ** BigInt(SCALE)).toBe(x * y);
        expect(valueOf(negate(a) as Num)).toBe(-x);
      }),
      { numRuns: 2000 },
    );
  });

  it('know 0.1 + 0.2 and integers that no double writes', () => {
    expect(compareNumbers(arith('+', 0.1, 0.2) as Num, 0.3)).toBe(0);
    expect(compareNumbers(2 ** 53, decimal('9007199254740993'))).toBe(-1);
    expect(compareNumbers(1e21, decimal('1000000000000000000001'))).toBe(-1);
    expect(compareNumbers(-0, 0)).toBe(0);
  });

  it('give up past 400 digits rather than grow, and stay unknown', () => {
    const huge = decimal(`1${'0'.repeat(390)}`);
    expect(arith('*', huge, huge)).toBeUndefined();
    expect(arith('*', 5e-324, 5e-324)).toBeUndefined();
    expect([arith('+', undefined, 1), arith('-', 1, undefined), negate(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
