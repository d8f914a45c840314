// SPDX-License-Identifier: Apache-2.0
// Questions about one argument: only a member of the arguments themselves answers them, whatever stands on their prototype.
import { describe, expect, it } from 'vitest';
import { asking, KINDS, type Kind, OPS, type Other } from '../../../stdlib/ask.js';
import { glob } from '../../../stdlib/glob.js';
import { type Args, type Kleene, UNKNOWN_ARGS } from '../../../stdlib/values.js';

const REQUEST = {
  principal: 'agent:a',
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  intent: { kind: 'tool', server: 'a', name: 'b', args: {} },
} as const;
const other: Other = { text: '/ab', set: new Set(['/ab']), glob: glob(['/ab'], ''), low: 5, high: 5 };
const run = (op: string, kind: Kind, guarded: boolean, args: Args): Kleene =>
  asking(OPS.indexOf(op as (typeof OPS)[number]), 'x', kind, guarded, other).run(
    args,
    REQUEST,
    {},
    undefined,
  );

const TEXTS = ['startsWith', 'endsWith', 'contains', 'under', 'equal', 'differ', 'like', 'in'];
const NUMBERS = ['==', '!=', '<', '<=', '>', '>=', 'between'];
const kindsOf = (op: string): readonly Kind[] => (NUMBERS.includes(op) ? ['int', 'num'] : ['text']);
const VALUES = ['/ab', '/c', 5, 4, 6, 4.5, true, null, [], {}, Number.NaN];
const CASES = [...TEXTS, ...NUMBERS].flatMap((op) =>
  kindsOf(op).flatMap((kind) => [true, false].map((guarded) => ({ op, kind, guarded }))),
);

describe('questions', () => {
  it('are about own members only', () => {
    for (const { op, kind, guarded } of CASES)
      for (const value of VALUES) {
        const inherited = Object.create({ x: value }) as Args;
        expect(run(op, kind, guarded, inherited), `${op} ${kind} ${guarded}`).toBe(guarded ? 0 : 1);
        expect(run('has', kind, false, inherited)).toBe(0);
      }
  });

  it('are false behind `has` where nothing is there, and unknown else', () => {
    for (const { op, kind, guarded } of CASES) {
      expect(run(op, kind, guarded, {})).toBe(guarded ? 0 : 1);
      expect(run(op, kind, guarded, UNKNOWN_ARGS)).toBe(1);
    }
  });

  it('are answered by values of their kind, and unknown of others, behind `has` or not', () => {
    for (const guarded of [true, false]) {
      for (const op of TEXTS) {
        const [holds, fails] = op === 'differ' ? ['/c', '/ab'] : ['/ab', '/c'];
        expect(run(op, 'text', guarded, { x: holds }), op).toBe(2);
        expect(run(op, 'text', guarded, { x: fails }), op).toBe(0);
        for (const value of [5, true, null, ['/ab'], { '/ab': 1 }])
          expect(run(op, 'text', guarded, { x: value }), op).toBe(1);
      }
      for (const kind of KINDS.filter((one) => one === 'int' || one === 'num')) {
        const at = (value: unknown): readonly Kleene[] =>
          NUMBERS.map((op) => run(op, kind, guarded, { x: value }));
        expect(at(4)).toEqual([0, 2, 2, 2, 0, 0, 0]);
        expect(at(5)).toEqual([2, 0, 0, 2, 0, 2, 2]);
        expect(at(6)).toEqual([0, 2, 0, 0, 2, 2, 0]);
        for (const value of ['5', true, null, [5], Number.NaN, ...(kind === 'int' ? [4.5] : [])])
          expect(at(value)).toEqual(NUMBERS.map(() => 1));
      }
    }
  });
});
