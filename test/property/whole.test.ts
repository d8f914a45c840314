// SPDX-License-Identifier: Apache-2.0
// What stands around the rules, in both engines: I7 (delegation takes the stricter of two decisions), rules in the shadow decide nothing, and
// limits, counters and scores count what the reference says; a limit only ever tightens.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import type { ExprIr, KeyIr, MeasureIr, PolicyIr, RuleIr } from '../../compiler/ir.js';
import { decide as reference } from '../../compiler/reference.js';
import { additions } from '../../compiler/reference-whole.js';
import type { Decision, Facts, Json, PolicyModule, Request } from '../../stdlib/abi.js';
import { condition } from '../arbitraries/conditions.js';
import { facts, policy, request } from '../arbitraries/policy.js';
import { what, who } from '../arbitraries/sets.js';
import { loadOnce, meaning } from '../helpers/emitted.js';

const RANK = { allow: 0, review: 1, deny: 2 } as const;
const LONG = process.env['SEPAL_LONG'] === undefined ? 1 : 20;
const DECIMAL = { kind: 'decimal' } as const;
const arg = (name: string): ExprIr => ({ op: 'arg', path: [name], type: DECIMAL, nullable: false });
const read = (name: string): ExprIr => ({ op: 'fact', name, type: DECIMAL });

const amount: fc.Arbitrary<ExprIr | null> = fc.oneof(
  fc.constant(null),
  fc.constantFrom<ExprIr>(
    { op: 'amount', operand: arg('n') },
    { op: 'amount', operand: { op: 'negate', operand: arg('i') } },
    { op: 'amount', operand: { op: 'arith', fn: '*', left: arg('n'), right: arg('n') } },
  ),
);
const whole = (text: string): ExprIr => ({
  op: 'const',
  type: { kind: 'int' },
  value: { kind: 'number', text },
});
const keys = fc.subarray<KeyIr>(['principal', 'user', 'session', 'server', 'tool', 'all'], {
  minLength: 1,
  maxLength: 3,
});
const base = fc.record({
  window: fc.constantFrom(null, 1000),
  fixed: fc.boolean(),
  attempts: fc.boolean(),
  keys,
});
const when = fc.option(
  fc.oneof(
    condition,
    fc
      .constantFrom('m', 'n')
      .map(
        (name): ExprIr => ({ op: 'compare', cmp: '>', on: 'number', left: read(name), right: whole('1') }),
      ),
  ),
  { nil: null },
);
const measureNamed = (name: string): fc.Arbitrary<MeasureIr> =>
  fc.oneof(
    fc.tuple(base, who, what, amount).map(
      ([b, w, x, a]): MeasureIr => ({
        kind: 'limit',
        name,
        ...b,
        decay: null,
        cap: null,
        additions: [{ who: w, what: x, when: null, amount: a }],
      }),
    ),
    fc
      .tuple(
        base,
        fc.array(fc.tuple(who, what, when, fc.constantFrom('0', '10', '40')), { minLength: 1, maxLength: 3 }),
      )
      .map(
        ([b, adds]): MeasureIr => ({
          kind: 'score',
          name,
          ...b,
          fixed: false,
          attempts: false,
          decay: null,
          cap: 90,
          additions: adds.map(([w, x, c, a]) => ({ who: w, what: x, when: c, amount: whole(a) })),
        }),
      ),
  );

/** The rule that a limit is. */
const limitRule = ({ name, additions: [one] }: MeasureIr): RuleIr => ({
  kind: 'rule',
  name,
  effect: 'deny',
  phase: 'call',
  who: one!.who,
  what: one!.what,
  when:
    one!.amount === null
      ? { op: 'compare', cmp: '>=', on: 'number', left: read(name), right: whole('3') }
      : {
          op: 'compare',
          cmp: '>',
          on: 'number',
          left: { op: 'arith', fn: '+', left: read(name), right: one!.amount },
          right: whole('3'),
        },
  approval: null,
  because: null,
  tell: false,
  span: { start: 0, end: 0 },
});

const used = fc.option(fc.constantFrom<Json>(0, 1, 2, 3, 4, 2.5, 'x'), { nil: undefined });
const everything = fc
  .tuple(
    policy,
    fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    fc.boolean(),
    measureNamed('m'),
    measureNamed('n'),
  )
  .map(([ir, hidden, strict, m, n]): PolicyIr => {
    const units = ir.units.map((unit, i) =>
      hidden[i] === true && unit.kind === 'rule' ? { ...unit, shadow: '2030-01-01' } : unit,
    );
    const limits = [m, n].filter((one) => one.kind === 'limit').map(limitRule);
    return {
      ...ir,
      units: [...units, ...limits],
      measures: [m, n],
      ...(strict ? { delegation: 'strict' } : {}),
    };
  });
const known = fc
  .tuple(facts, used, used, used, used)
  .map(([f, m, n, mu, nu]): Facts => ({ ...f, m, n, 'm for user': mu, 'n for user': nu }));
const question = fc.tuple(everything, request, known);

const compiled = (ir: PolicyIr): PolicyModule => loadOnce(emit(ir).js);
function ask(ir: PolicyIr, q: Request, f: Facts): Decision {
  const decision = reference(ir, q, f, 'call');
  expect(meaning(compiled(ir).decide(q, f, 'call'))).toEqual(meaning(decision));
  return decision;
}
const asUser = (q: Request): Request => ({ ...q, principal: q.user ?? q.principal, roles: q.userRoles });

describe('the whole policy', () => {
  it('decides and counts alike in both engines, and explains what it decides', () => {
    const seen = { shadow: 0, counted: 0, unknown: 0, tied: 0 };
    fc.assert(
      fc.property(question, ([ir, q, f]) => {
        const decision = ask(ir, q, f);
        const module = compiled(ir);
        const counts = module.counts?.(q, f) ?? [];
        expect(counts).toEqual(additions(ir, q, f));
        expect(module.explain(q, f, 'call').decision).toEqual(module.decide(q, f, 'call'));
        if (decision.shadow.length > 0) seen.shadow++;
        if (counts.some((one) => one.add !== null)) seen.counted++;
        if (counts.some((one) => one.add === null)) seen.unknown++;
        if (ir.delegation === 'strict' && decision.approvals.length > 1) seen.tied++;
        for (const { fact, key } of module.usage?.(q) ?? []) {
          expect(module.needs(q)).toContain(fact);
          if (key === null) expect(q.user === null && !q.principal.startsWith('user:')).toBe(true);
        }
      }),
      { numRuns: 2000 * LONG },
    );
    expect(Math.min(seen.shadow, seen.counted, seen.unknown)).toBeGreaterThan(100);
    expect(seen.tied).toBeGreaterThan(0);
  });

  it('I7 non-escalation: a delegated call gets the stricter of the agent’s and the user’s decision', () => {
    const seen = { users: 0, agents: 0 };
    fc.assert(
      fc.property(question, ([ir, q, f]) => {
        if (q.user === null) return;
        const { delegation: _, ...loose } = ir;
        const strict = ask({ ...ir, delegation: 'strict' }, q, f);
        const own = ask(loose, q, f);
        const users = ask(loose, asUser(q), { ...f, m: f['m for user'], n: f['n for user'] });
        expect(RANK[strict.effect]).toBe(Math.max(RANK[own.effect], RANK[users.effect]));
        if (RANK[own.effect] > RANK[users.effect]) {
          expect(strict.rules).toEqual(own.rules);
          seen.agents++;
        } else if (RANK[users.effect] > RANK[own.effect]) {
          expect(strict.rules).toEqual(users.rules);
          seen.users++;
        } else if (strict.effect === 'review') {
          expect([...strict.rules].sort()).toEqual([...new Set([...own.rules, ...users.rules])].sort());
          for (const need of [...own.approvals, ...users.approvals])
            expect(strict.approvals).toContainEqual(need);
        }
      }),
      { numRuns: 2000 * LONG },
    );
    expect(Math.min(seen.users, seen.agents)).toBeGreaterThan(20);
  });

  it('rules in the shadow decide nothing, and are written down', () => {
    fc.assert(
      fc.property(question, ([ir, q, f]) => {
        const { shadow: _, ...decided } = ask(ir, q, f);
        const inForce = ir.units.filter((unit) => unit.kind === 'block' || unit.shadow === undefined);
        const { shadow: none, ...without } = ask({ ...ir, units: inForce }, q, f);
        expect(none).toEqual([]);
        expect(decided).toEqual(without);
      }),
      { numRuns: 700 * LONG },
    );
  });

  it('I5 a limit only tightens, the more so the more is used', () => {
    let denied = 0;
    fc.assert(
      fc.property(question, ([ir, q, f]) => {
        const without = ir.units.filter((unit) => unit.name !== 'm');
        const [before, after] = [ask({ ...ir, units: without }, q, f), ask(ir, q, f)];
        expect(RANK[after.effect]).toBeGreaterThanOrEqual(RANK[before.effect]);
        if (after.rules.includes('m')) denied++;
        const unknown = ask(ir, q, { ...f, m: undefined, 'm for user': undefined });
        const full = ask(ir, q, { ...f, m: 4, 'm for user': 4 });
        if (ir.units.length === without.length) return;
        expect(RANK[unknown.effect]).toBeGreaterThanOrEqual(RANK[before.effect]);
        if (full.rules.includes('m')) expect(full.effect).toBe('deny');
      }),
      { numRuns: 700 * LONG },
    );
    expect(denied).toBeGreaterThan(20);
  });
});
