// SPDX-License-Identifier: Apache-2.0
// I1 to I8 (docs/language.md) on a finite abstraction of how rules combine: every multiset of up to six units, where a rule of each
// kind is false, unknown or true, and blocks have up to four cases. Decided by the reference interpreter itself.
import { describe, expect, it } from 'vitest';
import type { EffectIr, ExprIr, OutcomeIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import { emit } from '../../compiler/emit.js';
import { decide } from '../../compiler/reference.js';
import type { DecisionEffect, Facts, PolicyModule, Request } from '../../stdlib/abi.js';
import { loadOnce } from '../helpers/emitted.js';

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
function* multisets(size: number, from = 0, kinds = KINDS.length): Generator<readonly number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = from; i < kinds; i++) for (const rest of multisets(size - 1, i, kinds)) yield [i, ...rest];
}

/** Every list of so many of these. */
function* sequences<T>(of: readonly T[], size: number): Generator<readonly T[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (const rest of sequences(of, size - 1)) for (const one of of) yield [...rest, one];
}

/** Its condition is a fact, so that one compiled policy is asked all ways in which its conditions can turn out. */
const fact = (name: string): ExprIr => ({ op: 'fact', name, type: { kind: 'bool' } });
const openRule = (name: string, effect: EffectIr, on: string): UnitIr => {
  const made = rule(name, effect, null);
  return made.kind === 'rule' ? { ...made, when: fact(on) } : made;
};

interface Compiled {
  readonly module: PolicyModule;
  readonly steps: number;
}
function compiled(units: readonly UnitIr[], facts: number): Compiled {
  const names = Array.from({ length: facts }, (_, i) => `f${i}`);
  const declared = names.map(
    (name) => ({ name, type: { kind: 'bool' }, source: 'config', path: [name] }) as const,
  );
  const { js, steps } = emit({ name: 'p', version: '1.0.0', roles: [], facts: declared, tools: [], units });
  return { module: loadOnce(js), steps };
}

/** Decides, and counts how often a condition is asked: at most as often as the compiler says that steps are taken (I8). */
function decidedWithin(
  { module, steps }: Compiled,
  truths: readonly Truth[],
  tally: { decisions: number; steps: number },
): { readonly effect: DecisionEffect } {
  let asked = 0;
  const facts = Object.create(null) as Facts;
  for (const [i, truth] of truths.entries()) {
    const get = (): boolean | undefined => {
      asked++;
      return truth ?? undefined;
    };
    Object.defineProperty(facts, `f${i}`, { get, enumerable: true });
  }
  const decision = module.decide(request, facts, 'call');
  tally.decisions++;
  // Each condition once; where something is unknown, some times more for the list of unknowns, and for each of them.
  const unknowns = decision.unknowns.length;
  const most = unknowns === 0 ? steps : 4 * steps * (2 + unknowns);
  if (asked > most || decision.steps !== steps) expect({ asked, steps }).toBe('within the bound');
  tally.steps = Math.max(tally.steps, asked);
  if (!(decision.effect in STRICTNESS)) expect(decision.effect).toBe('one of three');
  return decision;
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

  it('I3, I6, I8 for every order of up to so many rules, as compiled', { timeout: 3_600_000 }, () => {
    const most = process.env['SEPAL_LONG'] === undefined ? 5 : 6;
    const tally = { policies: 0, decisions: 0, steps: 0 };
    for (let size = 0; size <= most; size++) {
      for (const effects of sequences(EFFECTS, size)) {
        const module = compiled(
          effects.map((effect, i) => openRule(`r${i}`, effect, `f${i}`)),
          size,
        );
        tally.policies++;
        for (const truths of sequences(TRUTHS, size)) {
          const { effect } = decidedWithin(module, truths, tally);
          // What the rules may yield, whatever their order is: I3 holds, since this reads none.
          let [deny, ask, sure] = [false, false, false];
          for (const [i, one] of effects.entries()) {
            const truth = truths[i];
            if (truth === false) continue;
            if (one === 'deny') deny = true;
            else if (one !== 'allow') ask = true;
            if (one !== 'deny' && one !== 'escalate') sure ||= truth === true;
          }
          const expected = deny || !sure ? 'deny' : ask ? 'review' : 'allow';
          if (effect !== expected)
            expect({ effects, truths, effect }).toEqual({ effects, truths, effect: expected });
        }
      }
    }
    process.stdout.write(`I3, I6, I8: ${JSON.stringify(tally)} in every order of up to ${most} rules\n`);
    expect(tally.decisions).toBe((12 ** (most + 1) - 1) / 11);
  });

  it('I4, I6, I8 for every block of up to four cases, as compiled', { timeout: 600_000 }, () => {
    const tally = { policies: 0, decisions: 0, steps: 0, swaps: 0 };
    const decided = new Map<string, DecisionEffect>();
    const keyOf = (effects: readonly EffectIr[], last: EffectIr | null, truths: readonly Truth[]): string =>
      `${effects.map((effect, i) => `${effect}${truths[i]}`).join()} ${last}`;
    for (let size = 0; size <= 4; size++) {
      for (const effects of sequences(EFFECTS, size)) {
        for (const otherwise of [null, ...EFFECTS]) {
          const open = block(
            'b',
            effects.map((effect): Case => [null, effect]),
            otherwise,
          );
          if (open.kind !== 'block') throw new Error('a block is a block');
          const cases = open.cases.map((one, i) => ({ ...one, when: fact(`f${i}`) }));
          const module = compiled([rule('base', 'allow', true), { ...open, cases }], size);
          tally.policies++;
          for (const truths of sequences(TRUTHS, size))
            decided.set(keyOf(effects, otherwise, truths), decidedWithin(module, truths, tally).effect);
        }
      }
    }
    for (let size = 2; size <= 4; size++) {
      for (const effects of sequences(EFFECTS, size)) {
        for (const truths of sequences(TRUTHS, size)) {
          for (const last of [null, ...EFFECTS]) {
            for (let i = 1; i < size; i++) {
              if (truths[i] !== false && truths[i - 1] !== false) continue;
              tally.swaps++;
              const swap = <T>(list: readonly T[]): readonly T[] =>
                list.map((one, j) => (j === i ? list[i - 1] : j === i - 1 ? list[i] : one) as T);
              const [is, was] = [keyOf(swap(effects), last, swap(truths)), keyOf(effects, last, truths)];
              if (decided.get(is) !== decided.get(was)) expect({ is, was }).toBe('local');
            }
          }
        }
      }
    }
    process.stdout.write(`I4, I6, I8: ${JSON.stringify(tally)} of blocks of up to 4 cases\n`);
    expect(tally.decisions).toBe(5 * (1 + 12 + 12 ** 2 + 12 ** 3 + 12 ** 4));
  });

  it('I2, I3, I5 for every multiset of units by what they may yield', { timeout: 3_600_000 }, () => {
    // A unit counts by the set of what it may yield: 31 sets, each met by a block of unknown cases (a rule, a limit and a block with
    // fewer cases have one of them as well). So these are all policies of that many units, blocks of any length included.
    const most = process.env['SEPAL_LONG'] === undefined ? 3 : 5;
    const parts = [...EFFECTS, null];
    const sets = Array.from({ length: 31 }, (_, n) => parts.filter((__, bit) => ((n + 1) >> bit) % 2 === 1));
    const units = sets.map((set, n) => {
      const effects = set.filter((effect) => effect !== null);
      // Without `nothing` among them, the last is what is left where no case holds.
      const last = set.includes(null) ? null : (effects.at(-1) ?? null);
      const cases = (last === null ? effects : effects.slice(0, -1)).map((effect): Case => [null, effect]);
      return block(`b${n}`, cases, last);
    });
    const decided = new Map<string, DecisionEffect>();
    let count = 0;
    for (let size = 0; size <= most; size++) {
      for (const chosen of multisets(size, 0, sets.length)) {
        count++;
        const effect = decideAll(chosen.map((n, i) => ({ ...(units[n] as UnitIr), name: `u${i}` })));
        decided.set(chosen.join(), effect);
        const all = chosen.map((n) => sets[n] ?? []);
        const may = (...effects: readonly EffectIr[]): boolean =>
          all.some((set) => set.some((one) => one !== null && effects.includes(one)));
        const sure = all.some((set) => set.every((one) => one === 'allow' || one === 'review'));
        const expected = may('deny') || !sure ? 'deny' : may('review', 'escalate') ? 'review' : 'allow';
        if (effect !== expected) expect({ all, effect }).toEqual({ all, effect: expected });
        for (const [at, n] of chosen.entries()) {
          const restricts = (sets[n] ?? []).every(
            (one) => one === null || one === 'deny' || one === 'escalate',
          );
          const without = decided.get(chosen.filter((_, i) => i !== at).join());
          if (restricts && without !== undefined && !stricter(effect, without)) expect(all).toBe('monotone');
        }
      }
    }
    process.stdout.write(`I2, I3, I5: ${count} policies of up to ${most} units of 31 sets of yields\n`);
    expect(count).toBe(most === 3 ? 5_984 : 376_992);
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
