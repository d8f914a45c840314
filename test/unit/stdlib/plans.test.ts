// SPDX-License-Identifier: Apache-2.0
// The table of plans is a Map of pairs: what was put in is found, nothing else is, however it grows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Plans } from '../../../stdlib/plans.js';

const number = fc.oneof(fc.nat(40), fc.nat(1 << 20));
const plan = fc.array(fc.nat(), { minLength: 1, maxLength: 40 });

describe('plans', () => {
  it('are found by their pair, and by no other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number, plan), { maxLength: 400, size: 'max' }), (all) => {
        const plans = new Plans();
        for (let round = 0; round < 2; round++) {
          const model = new Map<string, readonly number[]>();
          for (const [actions, callers, words] of all) {
            const key = `${actions} ${callers}`;
            expect(plans.find(actions, callers) === undefined).toBe(!model.has(key));
            if (model.has(key)) continue;
            model.set(key, words);
            plans.put(actions, callers, plans.add(words));
          }
          for (const [actions, callers] of all) {
            const words = model.get(`${actions} ${callers}`) ?? [];
            const begin = plans.find(actions, callers) ?? -1;
            expect(Array.from(plans.words.subarray(begin, begin + words.length))).toEqual(words);
            expect(plans.find(callers, actions) === undefined).toBe(!model.has(`${callers} ${actions}`));
          }
          expect(plans.words[0]).toBe(0);
          plans.clear();
        }
      }),
      { numRuns: 20 },
    );
  });

  it('keep a place below zero for pairs without a plan', () => {
    const plans = new Plans();
    plans.put(0, 0, -1);
    expect(plans.find(0, 0)).toBe(-1);
    expect(plans.find(1, 0)).toBeUndefined();
    expect(plans.find(0, 1)).toBeUndefined();
  });
});
