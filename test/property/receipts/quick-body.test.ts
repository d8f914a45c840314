// SPDX-License-Identifier: Apache-2.0
// The quick way to read a body takes nothing that the strict parser would refuse, and reads the same: texts changed in every way that JSON allows.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonical,
  checkBody,
  entryNote,
  parseEntry,
  parseStrict,
} from '../../../runtime/verify/format/index.js';
import { smallLog, testKey } from '../../arbitraries/log.js';

const log = smallLog();
const key = testKey('quick');
const bodies = log.entries.map((entry) => entry.toString().split('\n')[1] ?? '');

/** As the format page says it. */
function strictly(json: string): string | object {
  const parsed = parseStrict(json, { size: 65_534, depth: 64, keys: 10_000 });
  if (!parsed.ok) return 'not strict';
  if (canonical(parsed.value) !== json) return 'not canonical';
  return checkBody(parsed.value);
}

const pieces = [
  '"seq":3',
  '"seq":3.0',
  '"seq":3e0',
  '"seq":-0',
  '"seq":1e999',
  '"v":1,"v":1',
  '"__proto__":1',
  '"constructor":{}',
  '"ext":{}',
  '"ext":{"a":{"a":1}}',
  ' ',
  '\n',
  '\\u0041',
  '\\ud800',
  '\\udead',
  '\ud83d\ude00',
  '"roles":[]',
  '"10":1,"9":1',
  '{"b":1,"a":2}',
  '[[[[',
  ']',
  '}',
  ',',
  'null',
  'true',
  '\ufeff',
  '\u0000',
  '9007199254740993',
  '0.1',
  '1E1',
];
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat({ max: 12 }),
  piece: fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 5 })),
});

test('the quick way and the strict one agree', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...bodies), fc.array(change, { maxLength: 3 }), (body, changes) => {
      let json = body;
      for (const { at, cut, piece } of changes) {
        const place = Math.floor(at * json.length);
        json = json.slice(0, place) + piece + json.slice(place + cut);
      }
      if (json.includes('\n') || /\p{Cs}/u.test(json)) return;
      const text = `sepal.dev/receipt/v1\n${json}\n`;
      const found = parseEntry(entryNote(text, key.name, key.id, Buffer.alloc(64)));
      const expected = strictly(json);
      expect(found.ok).toBe(typeof expected !== 'string');
      if (found.ok) {
        taken++;
        expect(canonical(found.entry.body)).toBe(canonical(expected));
      }
    }),
    { numRuns: process.env['SEPAL_LONG'] === '1' ? 200_000 : 4_000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test('members swapped, doubled or nested keep their reading', () => {
  for (const body of bodies) {
    const value = JSON.parse(body) as Record<string, unknown>;
    const names = Object.keys(value);
    for (const [i, name] of names.entries()) {
      const moved = Object.fromEntries([...names.filter((n) => n !== name), name].map((n) => [n, value[n]]));
      const twice = `{${JSON.stringify(name)}:${JSON.stringify(value[name])},${body.slice(1)}`;
      for (const json of [JSON.stringify(moved), twice]) {
        const note = entryNote(`sepal.dev/receipt/v1\n${json}\n`, key.name, key.id, Buffer.alloc(64));
        expect(parseEntry(note).ok, json).toBe(typeof strictly(json) !== 'string');
        expect(parseEntry(note).ok).toBe(i === names.length - 1 && json !== twice);
      }
    }
  }
});
