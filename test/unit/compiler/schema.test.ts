// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../compiler/lock.js';
import { propertyAt, propertyNames } from '../../../compiler/schema.js';

const type = (schema: JsonValue): unknown =>
  propertyAt({ type: 'object', properties: { x: schema } }, ['x'])?.type;
const nullable = (schema: JsonValue): unknown =>
  propertyAt({ type: 'object', properties: { x: schema } }, ['x'])?.nullable;

describe('types', () => {
  it.each<[JsonValue, unknown]>([
    [{ type: 'string' }, { kind: 'string' }],
    [{ type: 'integer' }, { kind: 'int' }],
    [{ type: 'number' }, { kind: 'decimal' }],
    [{ type: ['integer', 'number'] }, { kind: 'decimal' }],
    [{ type: 'boolean' }, { kind: 'bool' }],
    [{ type: ['string', 'null'] }, { kind: 'string' }],
    [{ type: ['string', 'integer'] }, { kind: 'union', members: [{ kind: 'string' }, { kind: 'int' }] }],
    [{ enum: ['a', 'b', null] }, { kind: 'enum', members: ['a', 'b'] }],
    [{ enum: [1, 2] }, { kind: 'int' }],
    [{ enum: ['a', 1] }, { kind: 'union', members: [{ kind: 'enum', members: ['a'] }, { kind: 'int' }] }],
    [{ enum: ['a', {}] }, { kind: 'json' }],
    [
      { type: 'string', format: 'date-time' },
      { kind: 'union', members: [{ kind: 'instant' }, { kind: 'string' }] },
    ],
    [{ type: 'string', format: 'uri' }, { kind: 'url' }],
    [{ type: 'string', format: 'email' }, { kind: 'string' }],
    [{ const: 'a' }, { kind: 'enum', members: ['a'] }],
    [{ const: true }, { kind: 'bool' }],
    [{ type: 'null' }, { kind: 'null' }],
    [
      { type: 'array', items: { type: 'string' } },
      { kind: 'list', element: { kind: 'string' } },
    ],
    [{ type: 'array' }, { kind: 'list', element: { kind: 'json' } }],
    [{}, { kind: 'json' }],
    [true, { kind: 'json' }],
    [{ $ref: 'https://example.com/s.json' }, { kind: 'json' }],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, { kind: 'string' }],
    [{ oneOf: [{ const: 'a' }, { const: 'b' }] }, { kind: 'enum', members: ['a', 'b'] }],
    [{ anyOf: [{ type: 'string' }, {}] }, { kind: 'json' }],
    [{ allOf: [{ minLength: 1 }, { type: 'string' }] }, { kind: 'string' }],
    [{ type: 'object' }, { kind: 'object' }],
    [{ properties: { y: {} } }, { kind: 'object' }],
    [{ type: 'object', anyOf: [{ required: ['a'] }, { required: ['b'] }] }, { kind: 'object' }],
  ])('%j', (schema, expected) => {
    expect(type(schema)).toEqual(expected);
  });

  it('knows where null is a value', () => {
    expect(
      [
        { type: ['string', 'null'] },
        { enum: [null, 'a'] },
        { anyOf: [{ type: 'null' }, { type: 'string' }] },
        {},
      ].map(nullable),
    ).toEqual([true, true, true, true]);
    expect([{ type: 'string' }, { enum: ['a'] }].map(nullable)).toEqual([false, false]);
  });

  it('follows local references, and gives up on cycles', () => {
    const schema = {
      $defs: { a: { $ref: '#/$defs/b~1c' }, 'b/c': { type: 'integer' }, loop: { $ref: '#/$defs/loop' } },
      properties: { x: { $ref: '#/$defs/a' }, y: { $ref: '#/$defs/loop' }, self: { $ref: '#' } },
    };
    expect(propertyAt(schema, ['x'])?.type).toEqual({ kind: 'int' });
    expect(propertyAt(schema, ['y'])?.type).toEqual({ kind: 'json' });
    expect(propertyAt(schema, ['self', 'self', 'x'])?.type).toEqual({ kind: 'int' });
  });

  it('ends on a schema that contains itself in every way', () => {
    const schema = { anyOf: [{ $ref: '#' }, { $ref: '#' }], allOf: [{ $ref: '#' }], properties: {} };
    expect(propertyAt(schema, ['x'])).toBeNull();
  });
});

describe('presence', () => {
  const schema = {
    type: 'object',
    required: ['a', 'n', 'u'],
    properties: {
      a: { type: 'object', required: ['b'], properties: { b: { type: 'string' }, c: { type: 'string' } } },
      o: { type: 'object', required: ['b'], properties: { b: { type: 'string' } } },
      n: { type: ['object', 'null'], required: ['b'], properties: { b: { type: 'string' } } },
      u: {
        oneOf: [
          { type: 'object', required: ['k', 'p'], properties: { k: { const: 'x' }, p: { type: 'string' } } },
          { type: 'object', required: ['k'], properties: { k: { const: 'y' } } },
        ],
      },
      free: { type: 'object' },
      map: { type: 'object', additionalProperties: { type: 'integer' } },
      closed: { type: 'object', additionalProperties: false },
    },
  };
  const optional = (...path: readonly string[]): unknown => propertyAt(schema, path)?.optional;

  it.each([
    [['a'], []],
    [['a', 'b'], []],
    [['a', 'c'], [['a', 'c']]],
    [['o', 'b'], [['o']]],
    [['n', 'b'], [['n', 'b']]],
    [['u', 'k'], []],
    [['u', 'p'], [['u', 'p']]],
    [
      ['free', 'x'],
      [['free'], ['free', 'x']],
    ],
    [
      ['map', 'x'],
      [['map'], ['map', 'x']],
    ],
  ])('%j', (path, expected) => {
    expect(optional(...path)).toEqual(expected);
  });

  it('has no property that the schema does not say', () => {
    expect(propertyAt(schema, ['zzz'])).toBeNull();
    expect(propertyAt(schema, ['closed', 'x'])).toBeNull();
    expect(propertyAt(schema, ['a', 'x'])).toBeNull();
    expect(propertyAt(schema, ['toString'])).toBeNull();
    expect(propertyAt(schema, ['__proto__'])).toBeNull();
  });

  it('merges the alternatives of a member, and names all of them', () => {
    expect(propertyAt(schema, ['u', 'k'])?.type).toEqual({ kind: 'enum', members: ['x', 'y'] });
    expect(propertyNames(schema, ['u'])).toEqual(['k', 'p']);
    expect(propertyAt(schema, ['map', 'x'])?.type).toEqual({ kind: 'int' });
  });

  it('keeps what bounds a value', () => {
    const bounded = { properties: { n: { type: 'number', minimum: 0 }, l: { type: 'array', minItems: 2 } } };
    expect(propertyAt(bounded, ['n'])?.bounded).toEqual({ below: true, above: false });
    expect(propertyAt(bounded, ['l'])?.minItems).toBe(2);
  });
});
