// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { canonical, DEFAULT_LIMITS, parseStrict } from '../../../runtime/verify/format/index.js';
import { bytesOf, jsonOf, suite, textOf } from './vectors.js';

const NEAREST = { ...DEFAULT_LIMITS, numbers: 'nearest' } as const;

function written(bytes: Buffer): string {
  const parsed = parseStrict(bytes, NEAREST);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return canonical(parsed.value);
}

interface Series {
  readonly static_ieee754_hex: readonly string[];
  readonly serial_base_hex: string;
  readonly serial_count: number;
  readonly expected: readonly { readonly lines: number; readonly sha256: string }[];
}

/** The bit patterns of the series: listed ones, then consecutive ones, then those of a chain of hashes. */
function* patterns(series: Series): Generator<bigint> {
  for (const hex of series.static_ieee754_hex) yield BigInt(`0x${hex}`);
  const base = BigInt(`0x${series.serial_base_hex}`);
  for (let i = 0; i < series.serial_count; i++) yield base + BigInt(i);
  let block = Buffer.alloc(32);
  for (;;) {
    block = createHash('sha256').update(block).digest();
    for (let i = 0; i < 4; i++) yield block.readBigUInt64LE(i * 8);
  }
}

suite('RFC 8785', () => {
  it.each(['arrays', 'french', 'structures', 'unicode', 'values', 'weird'])('case %s', (name) => {
    const text = written(bytesOf(`rfc8785/input/${name}.json`));
    expect(text).toBe(textOf(`rfc8785/output/${name}.json`));
    const hex = textOf(`rfc8785/outhex/${name}.txt`).replaceAll(/\s/g, '');
    expect(Buffer.from(text).toString('hex')).toBe(hex);
    expect(written(Buffer.from(text))).toBe(text);
  });

  it('refuses the number of case values that no double keeps', () => {
    const parsed = parseStrict(bytesOf('rfc8785/input/values.json'));
    expect(parsed).toMatchObject({ ok: false, error: { kind: 'number' } });
  });

  it('writes the first 100,000 lines of the number series', () => {
    const series = jsonOf<Series>('rfc8785/number-series.json');
    const expected = new Map(series.expected.map(({ lines, sha256 }) => [lines, sha256]));
    const hash = createHash('sha256');
    const double = new DataView(new ArrayBuffer(8));
    let lines = 0;
    for (const bits of patterns(series)) {
      double.setBigUint64(0, bits);
      const value = double.getFloat64(0);
      if (
        lines >= series.static_ieee754_hex.length + series.serial_count &&
        (value === 0 || !Number.isFinite(value))
      ) {
        continue;
      }
      const text = canonical(value);
      const parsed = parseStrict(text);
      if (!parsed.ok || !Object.is(parsed.value, value === 0 ? 0 : value))
        throw new Error(`${text} is not read back`);
      hash.update(`${bits.toString(16)},${text}\n`);
      lines++;
      const sha256 = expected.get(lines);
      if (sha256 !== undefined) expect(hash.copy().digest('hex')).toBe(sha256);
      if (lines === 100_000) break;
    }
  });
});
