// SPDX-License-Identifier: Apache-2.0
// Patterns that are found in one pass are those that match, asked one by one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policy } from '../../../stdlib/compose.js';
import { listed, pinned } from '../../../stdlib/listed.js';
import { middleOf, middlesIn, middlesOf } from '../../../stdlib/middles.js';
import { every, matchesWho, type Who } from '../../../stdlib/sets.js';
import { std } from '../../../stdlib/std.js';
import type { Unit } from '../../../stdlib/tables.js';

const { who, principal, glob } = std;
const letters = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet), { maxLength }).map((some) => some.join(''));
const beginning = fc.constantFrom('', 'a', 'ab', 'ab-');
const between = fc
  .tuple(letters('ab-/', 3), letters('ab', 2), fc.constantFrom('', '', 'b'))
  .map(([text, more, last]) => [`${text}-${more}`, last] as readonly string[]);
const pattern = fc
  .tuple(
    beginning,
    fc.oneof({ arbitrary: between, weight: 3 }, fc.array(letters('ab-/', 3), { minLength: 1, maxLength: 3 })),
  )
  .chain(([first, rest]) =>
    fc
      .array(fc.constantFrom('a', 'a', 's'), { minLength: rest.length, maxLength: rest.length })
      .map((gaps) => glob([first, ...rest], gaps.join(''))),
  );
const anyName = fc.tuple(beginning, letters('ab-/', 10)).map((parts) => parts.join(''));
const set: fc.Arbitrary<Who> = fc
  .tuple(pattern, fc.option(pattern, { nil: null, freq: 4 }))
  .map(([one, but]) => who([principal(one)], but === null ? [] : [principal(but)]));

const made = (sets: readonly Who[]) =>
  policy({
    name: 'p',
    version: '1.0.0',
    tools: pinned([]),
    units: listed(
      sets.map(
        (one, i): Unit => ({
          kind: 'rule',
          name: `u${String(i).padStart(2, '0')}`,
          phase: 'call',
          who: one,
          what: { include: [every], except: [] },
          outcome: { effect: 'allow', approval: null, because: null },
          tests: [],
          words: '',
        }),
      ),
    ),
    steps: 1,
  });
const asked = (name: string) => ({
  principal: name,
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  intent: { kind: 'tool', server: 's', name: 't', args: {} } as const,
});

describe('patterns with a middle', () => {
  it('match as one by one, whoever is asked about', () => {
    fc.assert(
      fc.property(
        fc.array(set, { minLength: 1, maxLength: 12 }),
        fc.array(anyName, { minLength: 1, maxLength: 12 }),
        (sets, names) => {
          const p = made(sets);
          // Only callers who come in numbers are found in one pass.
          for (let i = 0; i < 160; i++) p.decide(asked(`${['', 'a', 'ab', 'ab-'][i % 4]}${i}`), {}, 'call');
          for (const name of [...names, ...names]) {
            const { matched } = p.explain(asked(name), {}, 'call');
            const expected = sets.flatMap((one, i) =>
              matchesWho(one, name, []) ? [`u${String(i).padStart(2, '0')}`] : [],
            );
            expect(matched.map((one) => one.name)).toEqual(expected);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('are found each once, in the order of their sets', () => {
    const all = ['-b-', '-a-', 'a-b'].map((text, i) => middleOf(i, glob(['x', text, ''], 'aa')));
    const middles = middlesOf(all.flatMap((one) => one ?? []));
    const found = (name: string) => (middles === null ? [] : middlesIn(middles, name).map((one) => one.who));
    expect(found('x-a-b-a-b-')).toEqual([0, 1, 2]);
    expect(found('x-a-')).toEqual([1]);
    expect(found('x')).toEqual([]);
    expect(found('')).toEqual([]);
  });

  it('need two letters to be found by', () => {
    expect(middleOf(0, glob(['x', '-', ''], 'aa'))).toBeNull();
    expect(middleOf(0, glob(['x', 'y'], 'a'))).toBeNull();
    expect(middlesOf([])).toBeNull();
  });
});
