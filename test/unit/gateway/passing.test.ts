// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Passing } from '../../../runtime/passing.js';

const step = fc.oneof(
  fc.record({ does: fc.constant('set' as const), key: fc.nat(4) }),
  fc.record({ does: fc.constant('delete' as const), key: fc.nat(4) }),
  fc.record({ does: fc.constant('clear' as const), key: fc.constant(0) }),
);

it('is a Map', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const [own, map] = [new Passing<number, object>(), new Map<number, object>()];
      for (const { does, key } of steps) {
        if (does === 'clear') {
          own.clear();
          map.clear();
        } else if (does === 'delete') expect(own.delete(key)).toBe(map.delete(key));
        else {
          const value = {};
          own.set(key, value);
          map.set(key, value);
        }
        expect([own.size, own.has(key), own.get(key)]).toEqual([map.size, map.has(key), map.get(key)]);
        expect([...own.keys()]).toEqual([...map.keys()]);
        expect([...own.values()].map((value, i) => value === [...map.values()][i])).toEqual(
          [...map].map(() => true),
        );
      }
    }),
  );
});

it('leaves out what goes while it is walked', () => {
  const own = new Passing<number, { readonly at: number }>();
  for (let at = 0; at < 4; at++) own.set(at, { at });
  const seen: number[] = [];
  for (const { at } of own.values()) {
    seen.push(at);
    own.delete(at + 1);
  }
  expect(seen).toEqual([0, 2]);
});
