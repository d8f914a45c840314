// SPDX-License-Identifier: Apache-2.0
// `on unknown review`: which values stand for all that a fact can be, and which facts have no such list.
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../compiler/lock.js';
import { checkText, codesOf, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const HEAD = (type: string): string =>
  `role r\nfact f: ${type} from http.f on unknown review by role:r timeout 1m\n`;

function valuesOf(type: string, condition: string): readonly JsonValue[] {
  const { output, diagnostics } = checkText(
    policy(`${HEAD(type)}allow a: any -> fs/read_file when { args.path under "/a" and ${condition} }\n`),
    SHOP_LOCK,
  );
  if (output === null) throw new Error(JSON.stringify(diagnostics));
  return output.ir.facts.find(({ name }) => name === 'f')?.values ?? [];
}

describe('values that stand for a fact', () => {
  it.each<readonly [string, string, readonly JsonValue[]]>([
    ['bool', 'f', [true, false]],
    ['enum eu, us, ap', 'f == eu', ['eu', 'us']],
    ['enum eu, us, ap', 'f == eu or f == us', ['eu', 'us', 'ap']],
    ['bool', 'principal.id == "agent:x"', [true]],
  ])('%s with %s', (type, condition, expected) => {
    const values = condition.includes('principal')
      ? valuesOf(type, `(f or ${condition})`).slice(0, 1)
      : valuesOf(type, condition);
    expect(values).toEqual(expected);
  });

  it.each<readonly [string, string, number]>([
    ['int', 'f > 3 and f < 10', 3],
    ['decimal', 'f > 3 and f < 3.5', 3],
    ['string', 'f == "a" or f starts with "b"', 3],
    ['path', 'f under "/a"', 3],
    ['instant', 'f < "2026-01-01T00:00:00Z"', 2],
    ['duration', 'f < 1h and f > 5m', 3],
    ['list<string>', '"a" in f and any(f, x => x starts with "b")', 4],
  ])('%s with %s: as many as there are combinations of answers', (type, condition, count) => {
    expect(valuesOf(type, condition)).toHaveLength(count);
  });

  it.each([
    ['bool', 'compared with a condition', 'f == (args.path under "/b")'],
    ['string', 'compared with an argument', 'args.path == f'],
    ['string', 'compared with who asks', 'f == principal.id'],
    ['instant', 'compared with the clock', 'f < now'],
    ['principals', 'as a set', 'principal in f'],
    ['int', 'in 301 ways', Array.from({ length: 300 }, (_, i) => `f == ${2 * i}`).join(' or ')],
  ])('%s %s has none', (type, _, condition) => {
    expect(codesOf(`${HEAD(type)}allow a: any -> fs/read_file when { ${condition} }\n`, SHOP_LOCK)).toContain(
      'SEP3024',
    );
  });

  it('of several facts multiply', () => {
    const facts = Array.from(
      { length: 8 },
      (_, i) => `fact f${i}: bool from http.f${i} on unknown review by role:r timeout 1m`,
    );
    const asked = Array.from({ length: 8 }, (_, i) => `f${i}`).join(' and ');
    const rules = (more: string): string =>
      `role r\n${facts.join('\n')}\nallow a: any -> fs/read_file when { args.path under "/a" and ${asked}${more} }\n`;
    expect(codesOf(rules(''), SHOP_LOCK)).toEqual([]);
    const ninth = 'fact f8: bool from http.f8 on unknown review by role:r timeout 1m\n';
    expect(codesOf(`${ninth}${rules(' and f8')}`, SHOP_LOCK)).toEqual(['SEP3024']);
  });
});
