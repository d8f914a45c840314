// SPDX-License-Identifier: Apache-2.0
// Definitions come from servers, and a lock from anyone who can write the file: one clear message each, and no long wait.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullCompiler } from '../../../cli/full-compiler.js';
import { check } from '../../../compiler/check.js';
import type { JsonValue } from '../../../compiler/lock.js';
import { propertyAt, propertyNames } from '../../../compiler/schema.js';
import { lockText, policy, tool } from '../../helpers/policy.js';

/** What checking `body` against `lock` says, with the milliseconds that it took. */
function said(body: string, lock: string): { readonly messages: readonly string[]; readonly ms: number } {
  const start = performance.now();
  const { diagnostics } = check(
    { source: { path: 'p.sep', text: policy(body) }, readLock: (path) => ({ path, text: lock }) },
    fullCompiler,
  );
  return { messages: diagnostics.map((d) => `${d.code} ${d.message}`), ms: performance.now() - start };
}
const DENY = 'deny d: any -> s/t when { args.x == "y" }\n';
const pinning = (inputSchema: JsonValue, name = 't'): string => lockText({ s: [{ name, inputSchema }] });
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('a lock that', () => {
  it.each([
    ['names __proto__', '{"version":1,"servers":{"__proto__":{}}}', '"__proto__" is not allowed'],
    [
      'names constructor',
      '{"version":1,"servers":{"s":{"tools":{"constructor":{}}}}}',
      '"constructor" is not allowed',
    ],
    ['pins a tool twice', '{"version":1,"servers":{"s":{"tools":{"t":{},"t":{}}}}}', 'stands twice'],
    [
      'pins a tool twice in another spelling',
      '{"version":1,"servers":{"s":{"tools":{"t":{},"\\u0074":{}}}}}',
      'stands twice',
    ],
    [
      'is nested without end',
      `{"version":1,"servers":{"s":{"info":${nested(5_000)}}}}`,
      'nesting deeper than',
    ],
    ['has a lone surrogate', '{"version":1,"servers":{"\\ud800":{}}}', 'surrogate'],
    ['has a number that no double holds', '{"version":1e400,"servers":{}}', 'number'],
    ['is cut off', '{"version":1,"servers":{"s":', 'SEP2010 the lock cannot be read: '],
    ['has an empty server name', '{"version":1,"servers":{"":{}}}', 'the server name `` is empty'],
    ['has a slash in a server name', '{"version":1,"servers":{"a/b":{}}}', 'the server name `a/b`'],
    ['has a server that is a list', '{"version":1,"servers":{"s":[]}}', 'the server `s` is not an object'],
    [
      'has a long unknown key',
      `{"version":1,"${'k'.repeat(5_000)}":1}`,
      `unknown key \`${'k'.repeat(80)}…\``,
    ],
  ])('%s', (_, lock, expected) => {
    const { messages, ms } = said(DENY, lock);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(expected);
    expect(messages[0]).toMatch(/^SEP2010 /);
    expect(messages[0]?.length).toBeLessThan(300);
    expect(ms).toBeLessThan(2_000);
  });

  it('has another hash at each of many tools says the first faults and counts the rest', () => {
    const tools = Array.from({ length: 3_000 }, (_, i) => tool(`t${i}`, { x: { type: 'string' } }));
    const { messages, ms } = said(DENY, lockText({ s: tools }).replaceAll('sha256:', 'sha256:0'));
    expect(messages).toHaveLength(21);
    expect(messages).toContain('SEP2010 the lock has 2980 more faults of this kind');
    expect(ms).toBeLessThan(5_000);
  });

  it('says nothing of a tool but its name', () => {
    const lock = '{"version":1,"servers":{"s":{"tools":{"t":{"hash":"x","definition":{"name":"t"}}}}}}';
    expect(said(DENY, lock).messages).toEqual(['SEP2010 the hash of `s/t` does not fit its definition']);
  });
});

describe('a schema that', () => {
  const many = (n: number): { [name: string]: JsonValue } =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, { type: 'string' }]));

  it.each<[string, JsonValue, readonly string[]]>([
    ['has 20,000 members', { type: 'object', properties: many(20_000) }, ['SEP2011']],
    [
      'has an enum of 20,000 members',
      { properties: { x: { enum: Object.keys(many(20_000)) } }, required: ['x'] },
      ['SEP3004'],
    ],
    ['refers to itself', { $ref: '#' }, ['SEP2011']],
    [
      'refers to itself in a ring',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      ['SEP2011'],
    ],
    [
      'is itself in every branch',
      { anyOf: [{ $ref: '#' }, { $ref: '#' }], allOf: [{ $ref: '#' }, { $ref: '#' }] },
      ['SEP2011'],
    ],
    ['refers to what is not there', { properties: { x: { $ref: '#/$defs/none' } }, required: ['x'] }, []],
    ['refers to a prototype', { properties: { x: { $ref: '#/toString' } }, required: ['x'] }, []],
    ['is not an object', 'hello', ['SEP2011']],
    ['is false', false, ['SEP2011']],
    [
      'has members of other types',
      { properties: [], required: 'x', allOf: {}, anyOf: 3, type: 7, enum: 'x' },
      ['SEP2011'],
    ],
  ])('%s', (_, schema, codes) => {
    const { messages, ms } = said(DENY, pinning(schema));
    expect(messages.map((m) => m.slice(0, 7))).toEqual(codes);
    for (const message of messages) expect(message.length).toBeLessThan(600);
    expect(ms).toBeLessThan(2_000);
  });

  it('branches at every level is given up on, in time', () => {
    let schema: JsonValue = { type: 'object', properties: { x: { type: 'string' } } };
    for (let i = 0; i < 30; i++) schema = { anyOf: [schema, { oneOf: [schema, { $ref: '#' }] }] };
    const start = performance.now();
    propertyAt(schema, ['x', 'x', 'x']);
    propertyNames(schema, ['x']);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it.each(['toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'])(
    'lacks %s, which every object has',
    (name) => {
      expect(propertyAt({ type: 'object', properties: {} }, [name])).toBeNull();
      const condition = `deny d: any -> s/t when { args.${name} == "y" }\n`;
      expect(said(condition, pinning({ type: 'object', properties: {} })).messages[0]).toMatch(/^SEP2011 /);
      const own = { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] };
      expect(said(condition, pinning(own)).messages).toEqual([]);
    },
  );

  it.each(['toString', 'odd name', 'a/b', 'x\u202ey', '*', ''])('tools may be called %j', (name) => {
    const { messages } = said('deny d: any -> s/*\n', pinning({ type: 'object' }, name));
    expect(messages).toEqual([]);
  });

  const keywords =
    'type properties items required enum const anyOf oneOf allOf $ref nullable additionalProperties minItems';
  const values = 'x string object array number # #/properties/x #/anyOf/0';
  const word = fc.constantFrom(...`${keywords} ${values}`.split(' '));
  const { schema } = fc.letrec<{ schema: JsonValue }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(word, fc.boolean(), fc.integer(), fc.constant(null)),
      fc.array(tie('schema'), { maxLength: 3 }),
      fc.dictionary(word, tie('schema'), { maxKeys: 5 }),
    ) as fc.Arbitrary<JsonValue>,
  }));
  it('is any JSON at all never throws', () => {
    fc.assert(
      fc.property(schema, (any) => {
        propertyAt(any, ['x']);
        propertyAt(any, ['x', 'type', 'items']);
        propertyNames(any, ['x']);
      }),
      { numRuns: 3_000 },
    );
  });
});
