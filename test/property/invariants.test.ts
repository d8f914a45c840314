// SPDX-License-Identifier: Apache-2.0
// I1 to I8 (docs/language.md) on a finite abstraction of how rules combine: every multiset of up to six units, where a rule of each
// kind is false, unknown or true, and blocks have up to four cases. Decided by the reference interpreter itself.
import { describe, expect, it } from 'vitest';
import type { EffectIr, ExprIr, OutcomeIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import { decide } from '../../compiler/reference.js';
import type { DecisionEffect, Request } from '../../stdlib/abi.js';

const EFFECTS = ['allow', 'review', 'deny', 'escalate'] as const satisfies readonly EffectIr[];
const TRUTHS = [false, null, true] as const;
type Truth = (typeof TRUTHS)[number];

const NO_SPAN = { start: 0, end: 0 };
const EVERYONE = { include: [{ kind: 'any' as const }], except: [] };
const EVERYTHING = { include: [{ kind: 'every' as const, toolsOnly: false }], except: [] };
const APPROVAL = { self: false, roles: ['lead'], quorum: 1, timeout: 1000 };

/** A fact that nobody knows is unknown. */
const condition = (truth: Truth): ExprIr =>
  truth === null
    ? { op: 'fact', name: 'unheard', type: { kind: 'bool' } }
    : { op: 'const', type: { kind: 'bool' }, value: { kind: 'bool', value: truth } };
const outcome = (effect: EffectIr): OutcomeIr => ({
  effect,
  approval: effect === 'review' || effect === 'escalate' ? APPROVAL : null,
  because: null,
});
const rule = (name: string, effect: EffectIr, truth: Truth): UnitIr => ({
  ...outcome(effect),
  kind: 'rule',
  name,
  phase: 'call',
  who: EVERYONE,
  what: EVERYTHING,
  when: condition(truth),
  tell: false,
  span: NO_SPAN,
});
type Case = readonly [Truth, EffectIr];
const block = (name: string, cases: readonly Case[], otherwise: EffectIr | null): UnitIr => ({
  kind: 'block',
  name,
  who: EVERYONE,
  what: EVERYTHING,
  cases: cases.map(([truth, effect]) => ({
    when: condition(truth),
    outcome: outcome(effect),
    span: NO_SPAN,
  })),
  otherwise: otherwise === null ? null : outcome(otherwise),
  span: NO_SPAN,
});

const request: Request = {
  principal: 'agent:x',
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  intent: { kind: 'tool', server: 'fs', name: 'read', args: {} },
};
const decideAll = (units: readonly UnitIr[]): DecisionEffect => {
  const ir: PolicyIr = { name: 'p', version: '1.0.0', roles: [], facts: [], tools: [], units };
  return decide(ir, request, {}, 'call').effect;
};
const STRICTNESS = { allow: 0, review: 1, deny: 2 } as const;
const stricter = (a: DecisionEffect, b: DecisionEffect): boolean => STRICTNESS[a] >= STRICTNESS[b];

const KINDS = EFFECTS.flatMap((effect) => TRUTHS.map((truth) => ({ effect, truth })));

/** Every multiset of so many of the twelve kinds of rules, as their indexes in order. */
function* multisets(size: number, from = 0): Generator<readonly number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = from; i < KINDS.length; i++) for (const rest of multisets(size - 1, i)) yield [i, ...rest];
}
const kindAt = (k: number): (typeof KINDS)[number] => {
  const kind = KINDS[k];
  if (kind === undefined) throw new Error(`there is no kind ${k}`);
  return kind;
};
const unitsOf = (kinds: readonly number[]): readonly UnitIr[] =>
  kinds.map((k, i) => rule(`r${i}`, kindAt(k).effect, kindAt(k).truth));

/** What section 3 says, by trying every way in which the unknowns can turn out. */
function byWorlds(kinds: readonly number[]): { readonly may: ReadonlySet<string>; readonly sure: boolean } {
  const yields = kinds.map((k) => {
    const { effect, truth } = kindAt(k);
    return truth === null ? [effect, null] : [truth ? effect : null];
  });
  const may = new Set(yields.flat().filter((effect) => effect !== null));
  const sure = yields.some((all) => all.every((effect) => effect === 'allow' || effect === 'review'));
  return { may, sure };
}

describe('the invariants, exhaustively', () => {
  it('I1, I2, I3, I5, I6 for every multiset of up to six rules', { timeout: 600_000 }, () => {
    const decided = new Map<string, DecisionEffect>();
    let count = 0;
    for (let size = 0; size <= 6; size++) {
      for (const kinds of multisets(size)) {
        count++;
        const units = unitsOf(kinds);
        const effect = decideAll(units);
        decided.set(kinds.join(), effect);
        const { may, sure } = byWorlds(kinds);
        const expected =
          may.has('deny') || !sure ? 'deny' : may.has('review') || may.has('escalate') ? 'review' : 'allow';
        if (effect !== expected) expect({ kinds, effect }).toEqual({ kinds, effect: expected });
        // I3: turned round, and with one twice.
        if (size > 1 && decideAll(units.toReversed()) !== effect) expect(kinds).toBe('the same in any order');
        // I5: without one restriction it is at most as strict.
        for (const [at, k] of kinds.entries()) {
          const restricts = KINDS[k]?.effect === 'deny' || KINDS[k]?.effect === 'escalate';
          const without = decided.get(kinds.filter((_, i) => i !== at).join());
          if (restricts && without !== undefined && !stricter(effect, without))
            expect(kinds).toBe('monotone');
        }
      }
    }
    process.stdout.write(`I1, I2, I3, I5, I6: ${count} policies of up to 6 rules of ${KINDS.length} kinds\n`);
    expect(count).toBe(18_564);
  });

  it('I4 and I6 for every block of up to four cases', { timeout: 600_000 }, () => {
    let count = 0;
    const cases: readonly Case[] = TRUTHS.flatMap((truth) => EFFECTS.map((effect): Case => [truth, effect]));
    const walk = (made: readonly Case[]): void => {
      for (const otherwise of [null, ...EFFECTS]) {
        count++;
        const effect = decideAll([rule('base', 'allow', true), block('b', made, otherwise)]);
        const possible: (EffectIr | null)[] = [];
        let open = true;
        for (const [truth, to] of made) {
          if (!open || truth === false) continue;
          possible.push(to);
          if (truth === true) open = false;
        }
        if (open) possible.push(otherwise);
        const has = (...effects: readonly string[]): boolean =>
          possible.some((p) => p !== null && effects.includes(p));
        const expected = has('deny') ? 'deny' : has('review', 'escalate') ? 'review' : 'allow';
        if (effect !== expected)
          expect({ made, otherwise, effect }).toEqual({ made, otherwise, effect: expected });
        // I4: two neighbours of which one is false can be swapped.
        const at = made.findIndex(([truth], i) => i > 0 && (truth === false || made[i - 1]?.[0] === false));
        if (at > 0) {
          const swapped = made.map(
            (one, i) => (i === at ? made[at - 1] : i === at - 1 ? made[at] : one) ?? one,
          );
          if (decideAll([rule('base', 'allow', true), block('b', swapped, otherwise)]) !== effect)
            expect(made).toBe('local');
        }
      }
      if (made.length < 4) for (const one of cases) walk([...made, one]);
    };
    walk([]);
    process.stdout.write(`I4, I6: ${count} blocks of up to 4 cases\n`);
    expect(count).toBe(5 * (1 + 12 + 12 ** 2 + 12 ** 3 + 12 ** 4));
  });

  it('I7: delegation only ever takes the stricter of two decisions', () => {
    const user: Request = { ...request, user: 'user:d' };
    const forWho = (unit: UnitIr, kind: 'agent' | 'user'): UnitIr => ({
      ...unit,
      name: `${kind}${unit.name}`,
      who: {
        include: [{ kind: 'principal', glob: { text: `${kind}:*`, parts: [`${kind}:`, ''], gaps: ['any'] } }],
        except: [],
      },
    });
    let count = 0;
    for (const a of multisets(2)) {
      for (const b of multisets(2)) {
        count++;
        const units = [
          ...unitsOf(a).map((u) => forWho(u, 'agent')),
          ...unitsOf(b).map((u) => forWho(u, 'user')),
        ].sort((x, y) => (x.name < y.name ? -1 : 1));
        const ir: PolicyIr = {
          name: 'p',
          version: '1.0.0',
          roles: [],
          facts: [],
          tools: [],
          units,
          delegation: 'strict',
        };
        const both = decide(ir, user, {}, 'call').effect;
        const [own, other] = [decideAll(unitsOf(a)), decideAll(unitsOf(b))];
        if (both !== (stricter(own, other) ? own : other)) expect({ a, b, both }).toBe('the stricter');
      }
    }
    process.stdout.write(`I7: ${count} pairs of policies of 2 rules\n`);
    expect(count).toBe(78 * 78);
  });
});
