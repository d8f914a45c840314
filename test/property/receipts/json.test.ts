// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, parseStrict } from '../../../runtime/verify/format/index.js';

const FORBIDDEN = ['__proto__', 'constructor', 'prototype'];
const key = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom('1', '10', '2', '', 'a', '\u{1f600}', '\ufb33', '__proto', 'toString', 'hasOwnProperty'),
);
const scalar = fc.oneof(
  fc
    .string({ unit: 'binary', maxLength: 20 })
    .filter((s) => (s as string & { isWellFormed(): boolean }).isWellFormed()),
  fc.string({ maxLength: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(
      key.filter((k) => !FORBIDDEN.includes(k)),
      tie('node'),
      { maxKeys: 6, noNullPrototype: false },
    ),
  ),
})).node;

/** The same data with ordinary prototypes, and -0 as 0, for comparison. */
function plain(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(plain);
  if (typeof data === 'object' && data !== null) {
    return Object.fromEntries(Object.entries(data).map(([k, v]) => [k, plain(v)]));
  }
  return Object.is(data, -0) ? 0 : data;
}

describe('the strict parser and the canonical writer', () => {
  it('parse(write(x)) = x', () => {
    fc.assert(
      fc.property(value, (data) => {
        const parsed = parseStrict(canonical(data));
        if (!parsed.ok) throw new Error(parsed.error.message);
        expect(plain(parsed.value)).toEqual(plain(data));
      }),
      { numRuns: 3000 },
    );
  });

  it('write(parse(b)) = b for every canonical b', () => {
    fc.assert(
      fc.property(value, (data) => {
        const text = canonical(data);
        const parsed = parseStrict(Buffer.from(text));
        expect(parsed.ok && canonical(parsed.value)).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });

  it('accepts nothing that JSON.parse refuses, and reads what both accept alike', () => {
    const soup = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '1',
        '-0',
        '0.5',
        '1e2',
        '01',
        '.5',
        'true',
        'nul',
        ' ',
        '\n',
        '"\\u0061"',
        '"\\x"',
        '"',
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          soup.map((parts) => parts.join('')),
          fc.string(),
        ),
        (text) => {
          const strict = parseStrict(text);
          let loose: unknown;
          try {
            loose = JSON.parse(text);
          } catch {
            expect(strict.ok).toBe(false);
            return;
          }
          if (strict.ok) expect(plain(strict.value)).toEqual(plain(loose));
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('refuses every number that its canonical text does not equal', () => {
    const digits = fc.string({
      unit: fc.constantFrom(...'0123456789'.split('')),
      minLength: 1,
      maxLength: 30,
    });
    const exponent = fc.integer({ min: -30, max: 30 });
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.bigInt({ min: 0n, max: 10n ** 25n }),
        digits,
        exponent,
        (minus, whole, fraction, power) => {
          const token = `${minus ? '-' : ''}${whole}.${fraction}e${power}`;
          const parsed = parseStrict(token);
          const [a, b] = [exactly(token), exactly(String(Number(token)))];
          // Equal as fractions over a common power of ten.
          const equal = a.digits * 10n ** BigInt(a.power + 400) === b.digits * 10n ** BigInt(b.power + 400);
          expect(parsed.ok).toBe(equal);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('finds a repeated key however it is written', () => {
    const escaped = (text: string): string =>
      text
        .split('')
        .map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('');
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abcxyz019'.split('')) }),
        (name) => {
          const parsed = parseStrict(`{"${name}":1,"other":{},"${escaped(name)}":2}`);
          expect(parsed).toMatchObject({ ok: false, error: { kind: 'duplicate_key' } });
        },
      ),
    );
  });
});

function exactly(token: string): { readonly digits: bigint; readonly power: number } {
  const [mantissa = '', power = '0'] = token.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole === '-' ? 0 : whole + fraction), power: Number(power) - fraction.length };
}
