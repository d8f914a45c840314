// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { argumentCheck, patternCost } from '../../../runtime/gateway/validate.js';

const check = (inputSchema: unknown) => argumentCheck({ name: 'x', inputSchema } as never);

describe('arguments against the pinned schema', () => {
  it('accepts what fits and names what does not', () => {
    const fits = check({
      type: 'object',
      properties: { path: { type: 'string' } },
      required: ['path'],
      additionalProperties: false,
    });
    expect(fits({ path: '/a' })).toBeNull();
    expect(fits({ path: 1 })).toContain('path');
    expect(fits({})).not.toBeNull();
    expect(fits({ path: '/a', more: 1 })).not.toBeNull();
  });

  it('reads the draft that the schema names', () => {
    const draft7 = check({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: { a: { exclusiveMinimum: 3, type: 'number' } },
    });
    expect(draft7({ a: 3 })).not.toBeNull();
    expect(draft7({ a: 4 })).toBeNull();
  });

  it('makes a tool uncallable whose schema is missing, remote or slow, without throwing', () => {
    for (const schema of [
      undefined,
      { $ref: 'https://evil.example/s.json' },
      { properties: { a: { pattern: '(a+)+$' } } },
    ]) {
      expect(check(schema)({})).not.toBeNull();
    }
    expect(check({ $ref: '#/definitions/none' })({})).not.toBeNull();
  });

  it('caps what costs more than linear time', () => {
    const long = 'a'.repeat(20_000);
    expect(check({ properties: { a: { type: 'string', pattern: 'a*b*c' } } })({ a: long })).toContain(
      'pattern',
    );
    expect(check({ properties: { a: { type: 'string', pattern: '^[a-z]+$' } } })({ a: long })).toBeNull();
    const many = Array.from({ length: 5000 }, (_, i) => i);
    expect(check({ properties: { a: { type: 'array', uniqueItems: true } } })({ a: many })).toContain(
      'repetitions',
    );
  });

  it.each([
    ['^[0-9a-f]{8}-[0-9a-f]{4}$', 'linear'],
    ['^\\S+$', 'linear'],
    ['\\d', 'linear'],
    ['\\s+x', 'quadratic'],
    ['^a*a*$', 'quadratic'],
    ['^(?:ab?){0,1}$', 'linear'],
  ])('%s is %s', (pattern, cost) => expect(patternCost(pattern)).toBe(cost));

  it.each(['(a+)+', '(a|aa)+$', '(?=x)y', '(.)\\1', '^a*b*c*$', '((a{2,}b)){3}', '(?:a|b|ab)*c'])(
    '%s is refused',
    (pattern) => {
      expect(patternCost(pattern)).toHaveProperty('refused');
    },
  );
});
