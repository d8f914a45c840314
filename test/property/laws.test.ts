// SPDX-License-Identifier: Apache-2.0
// The laws I1 to I6 and I8 of docs/language.md, and what decisions say of themselves, over generated policies and questions: on the
// emitted code and on the reference at once. I7 has no construct yet: `delegation` is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import type { ExprIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import { decide as reference } from '../../compiler/reference.js';
import { evaluate } from '../../compiler/reference-eval.js';
import { inWhat, inWho } from '../../compiler/reference-sets.js';
import type { Decision, Facts, Json, JsonRecord, Phase, PolicyModule, Request } from '../../stdlib/abi.js';
import { facts, policy, request, unitNamed } from '../arbitraries/policy.js';
import { soundPolicy } from '../arbitraries/sound-policy.js';
import { soundFacts, soundRequest } from '../arbitraries/sound-request.js';
import { loadOnce, meaning } from '../helpers/emitted.js';
import { checkText } from '../helpers/policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

const RANK = { allow: 0, review: 1, deny: 2 } as const;
type Case = readonly [PolicyIr, readonly [Request, Facts]];

const compiled = (ir: PolicyIr): PolicyModule => loadOnce(emit(ir).js);
/** The decision of both engines. */
function ask(ir: PolicyIr, q: Request, f: Facts, phase: Phase = 'call'): Decision {
  const decision = reference(ir, q, f, phase);
  expect(meaning(compiled(ir).decide(q, f, phase))).toEqual(meaning(decision));
  return decision;
}
const rank = (ir: PolicyIr, q: Request, f: Facts): number => RANK[ask(ir, q, f).effect];

function irOf(text: string): PolicyIr {
  const { output, diagnostics } = checkText(text, SHOP_LOCK);
  if (output === null) throw new Error(`${JSON.stringify(diagnostics)}\n${text}`);
  return output.ir;
}
/** A policy and a question about it, made as text or as IR. */
const sound: fc.Arbitrary<Case> = fc.tuple(soundPolicy.map(irOf), fc.tuple(soundRequest, soundFacts));
const asIr: fc.Arbitrary<Case> = fc.tuple(policy, fc.tuple(request, facts));
const anyCase = fc.oneof(sound, asIr);
const LONG = process.env['SEPAL_LONG'] === undefined ? 1 : 20;
const runs = { numRuns: 500 * LONG };

const always = (name: string, effect: 'allow' | 'deny'): UnitIr => ({
  kind: 'rule',
  name,
  effect,
  phase: 'call',
  who: { include: [{ kind: 'any' }], except: [] },
  what: { include: [{ kind: 'every', toolsOnly: false }], except: [] },
  when: null,
  approval: null,
  because: null,
  tell: false,
  span: { start: 0, end: 0 },
});
const adding = (ir: PolicyIr, unit: UnitIr): PolicyIr => ({ ...ir, units: [...ir.units, unit] });

/** Every outcome that the unit may have. */
const effectsOf = (unit: UnitIr): readonly string[] =>
  unit.kind === 'rule'
    ? [unit.effect]
    : [
        ...unit.cases.map((c) => c.outcome.effect),
        ...(unit.otherwise === null ? [] : [unit.otherwise.effect]),
      ];

describe('laws', () => {
  it('I1 default deny: without a grant nothing is allowed', () => {
    fc.assert(
      fc.property(anyCase, ([ir, [q, f]]) => {
        const grants = (unit: UnitIr) => effectsOf(unit).some((e) => e === 'allow' || e === 'review');
        const decision = ask({ ...ir, units: ir.units.filter((unit) => !grants(unit)) }, q, f);
        expect(decision.effect).toBe('deny');
      }),
      runs,
    );
  });

  it('I2 deny is final: neither allow, nor review, nor order undoes a deny; no allow undoes a review', () => {
    const grant = unitNamed('zz', fc.constantFrom('allow', 'review'));
    let denied = 0;
    fc.assert(
      fc.property(anyCase, grant, fc.constantFrom('0', 'zz'), ([ir, [q, f]], unit, name) => {
        expect(ask(adding(ir, always(name, 'deny')), q, f).effect).toBe('deny');
        const before = ask(ir, q, f);
        if (before.effect === 'deny' && before.default) return;
        if (before.effect === 'deny') denied++;
        const after = rank(adding(ir, { ...unit, name }), q, f);
        expect(after).toBeGreaterThanOrEqual(RANK[before.effect]);
      }),
      runs,
    );
    expect(denied).toBeGreaterThan(10);
  });

  it('I3 order independence: neither order nor repetition of rules changes a decision', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(), ([ir, [q, f]], turn) => {
        const at = ir.units.length === 0 ? 0 : turn % ir.units.length;
        const turned = { ...ir, units: [...ir.units.slice(at), ...ir.units.slice(0, at)].toReversed() };
        expect(emit(turned).js).toBe(emit(ir).js);
        expect(ask(turned, q, f)).toEqual(ask(ir, q, f));
        const again = ir.units.map((u) => ({ ...u, name: `${u.name}2` }));
        expect(ask({ ...ir, units: [...ir.units, ...again] }, q, f).effect).toBe(ask(ir, q, f).effect);
      }),
      { numRuns: 300 * LONG },
    );
  });

  it('I4 locality: swapping two cases changes only questions that match both', () => {
    let swapped = 0;
    fc.assert(
      fc.property(anyCase, fc.nat(), ([ir, [q, f]], turn) => {
        const blocks = ir.units.flatMap((u) => (u.kind === 'block' && u.cases.length > 1 ? [u] : []));
        const block = blocks[turn % Math.max(1, blocks.length)];
        if (block === undefined) return;
        const at = turn % (block.cases.length - 1);
        const [first, second] = [block.cases[at]!, block.cases[at + 1]!];
        const world = { policy: ir, request: q, facts: f };
        if (evaluate(first.when, world) !== false && evaluate(second.when, world) !== false) return;
        swapped++;
        const cases = block.cases.map((c, i) => (i === at ? second : i === at + 1 ? first : c));
        const units = ir.units.map((u) => (u === block ? { ...block, cases } : u));
        expect(meaning(ask({ ...ir, units }, q, f))).toEqual(meaning(ask(ir, q, f)));
      }),
      { numRuns: 1200 * LONG },
    );
    expect(swapped).toBeGreaterThan(60);
  });

  it('I5 monotone tightening: adding deny or escalate never loosens', () => {
    let tightened = 0;
    const unit = unitNamed('zz', fc.constantFrom('deny', 'escalate'));
    fc.assert(
      fc.property(anyCase, unit, ([ir, [q, f]], added) => {
        const [before, after] = [rank(ir, q, f), rank(adding(ir, added), q, f)];
        if (after > before) tightened++;
        expect(after).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 1500 * LONG },
    );
    expect(tightened).toBeGreaterThan(3);
  });

  it('I6 error safety: with facts unknown a decision is at least as strict as with any values of them', () => {
    let pessimistic = 0;
    fc.assert(
      fc.property(anyCase, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), ([ir, [q, f]], lost) => {
        const kept = Object.fromEntries(Object.entries(f).filter((_, i) => lost[i] !== true));
        const [known, unknown] = [rank(ir, q, f), rank(ir, q, kept)];
        if (unknown > known) pessimistic++;
        expect(unknown).toBeGreaterThanOrEqual(known);
      }),
      { numRuns: 1200 * LONG },
    );
    expect(pessimistic).toBeGreaterThan(8);
  });

  it('I6 exactly: the strictest decision over every way in which the open leaves could turn out', () => {
    const seen = new Map<number, number>();
    fc.assert(
      fc.property(anyCase, ([ir, [q, f]]) => {
        const inScope = { ...ir, units: ir.units.filter((unit) => speaksOf(unit, q)) };
        const open = openLeaves(inScope, q, f);
        seen.set(open, (seen.get(open) ?? 0) + 1);
        if (open > 9) return;
        let strictest = 0;
        for (let world = 0; world < 2 ** open; world++) {
          const settled = settle(inScope, q, f, world);
          strictest = Math.max(strictest, RANK[reference(settled, q, f, 'call').effect]);
        }
        expect(rank(ir, q, f)).toBe(strictest);
      }),
      { numRuns: 1200 * LONG },
    );
    const several = [...seen].filter(([open]) => open > 1).reduce((sum, [, count]) => sum + count, 0);
    expect(several).toBeGreaterThan(40);
  });

  it('I8 totality: every question gets one of three answers and never throws, hostile values included', () => {
    const anything = fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((d) => Object.assign(Object.create(null) as object, d));
    fc.assert(
      fc.property(anyCase, anything, fc.string(), fc.string(), ([ir, [q]], hostile, name, server) => {
        const module = compiled(ir);
        const odd = {
          ...q,
          principal: name,
          roles: [name, server],
          intent: { ...q.intent, name, server, args: hostile },
        } as unknown as Request;
        const values = Object.fromEntries(Object.keys(hostile).map((key) => [key, q.intent.args]));
        for (const r of [q, odd, { ...odd, intent: { ...q.intent, args: hostile as JsonRecord } }]) {
          for (const phase of ['call', 'list', 'result'] as const) {
            const decision = module.decide(r, values as Facts, phase);
            expect(['allow', 'review', 'deny']).toContain(decision.effect);
            expect(module.explain(r, values as Facts, phase).decision).toEqual(decision);
          }
          expect(typeof module.visible(r, r.intent)).toBe('boolean');
          module.needs(r);
          module.reads(r);
        }
      }),
      { numRuns: 200 * LONG },
    );
  });
});

function speaksOf(unit: UnitIr, { principal, roles, intent }: Request): boolean {
  if (unit.kind === 'rule' && unit.phase !== 'call') return false;
  return inWho(unit.who, principal, roles) && inWhat(unit.what, intent.kind, intent.server, intent.name);
}

/** Replaces each leaf below `and`, `or`, `not` that is unknown. */
function replaced(ir: PolicyIr, q: Request, f: Facts, by: (leaf: ExprIr) => ExprIr): PolicyIr {
  const world = { policy: ir, request: q, facts: f };
  const walk = (e: ExprIr): ExprIr => {
    if (e.op === 'not') return { ...e, operand: walk(e.operand) };
    if (e.op === 'and' || e.op === 'or') return { ...e, operands: e.operands.map(walk) };
    return evaluate(e, world) === 'unknown' ? by(e) : e;
  };
  const units = ir.units.map(
    (unit): UnitIr =>
      unit.kind === 'rule'
        ? { ...unit, when: unit.when === null ? null : walk(unit.when) }
        : { ...unit, cases: unit.cases.map((c) => ({ ...c, when: walk(c.when) })) },
  );
  return { ...ir, units };
}
function openLeaves(ir: PolicyIr, q: Request, f: Facts): number {
  let count = 0;
  replaced(ir, q, f, (leaf) => {
    count++;
    return leaf;
  });
  return count;
}
/** Every open leaf true or false, by the bits of `world`. */
function settle(ir: PolicyIr, q: Request, f: Facts, world: number): PolicyIr {
  let at = 0;
  return replaced(ir, q, f, () => {
    const value = ((world >> at++) & 1) === 1;
    return { op: 'const', type: { kind: 'bool' }, value: { kind: 'bool', value } };
  });
}

describe('what a decision says', () => {
  it('rules, default, reason, approvals and timeout are as language.md 2 says', () => {
    fc.assert(
      fc.property(anyCase, fc.constantFrom<Phase>('call', 'list', 'result'), ([ir, [q, f]], phase) => {
        const d = ask(ir, q, f, phase);
        const byName = new Map(ir.units.map((unit) => [unit.name, unit]));
        for (const name of d.rules) expect(effectsOf(byName.get(name)!)).not.toEqual([]);
        expect([...d.rules]).toEqual([...new Set(d.rules)].sort());
        expect(d.default).toBe(d.effect === 'deny' && d.rules.length === 0);
        if (d.effect !== 'review') {
          expect([d.approvals, d.timeout]).toEqual([[], null]);
          expect(d.rules.length).toBeLessThanOrEqual(1);
        } else {
          expect(d.approvals.length).toBeGreaterThan(0);
          expect([...new Set(d.approvals.map((a) => a.rule))]).toEqual(d.rules);
          expect(d.timeout).toBe(Math.min(...d.approvals.map((a) => a.timeout)));
        }
        if (d.effect === 'allow' && phase === 'call') expect(d.rules.length).toBe(1);
        expect(d.unknowns.map((u) => u.name)).toEqual([...new Set(d.unknowns.map((u) => u.name))].sort());
        for (const u of d.unknowns) expect(RANK[u.otherwise]).toBeLessThanOrEqual(2);
      }),
      runs,
    );
  });

  it('explain: what matched holds the deciding rules with their effect; near misses are the others in scope', () => {
    fc.assert(
      fc.property(anyCase, ([ir, [q, f]]) => {
        const { decision, matched, near } = compiled(ir).explain(q, f, 'call');
        const restricts = { allow: ['allow'], review: ['review', 'escalate'], deny: ['deny'] }[
          decision.effect
        ];
        for (const name of decision.rules) {
          expect(matched.some((m) => m.name === name && restricts.includes(m.effect))).toBe(true);
        }
        const inScope = ir.units.filter((unit) => speaksOf(unit, q)).map((unit) => unit.name);
        const named = [...new Set([...matched, ...near].map((m) => m.name))];
        expect(named.sort()).toEqual(inScope.toSorted());
        expect(near.filter((n) => matched.some((m) => m.name === n.name))).toEqual([]);
        expect(matched.map((m) => m.name)).toEqual(matched.map((m) => m.name).toSorted());
        if (decision.unknowns.length > 0) expect(matched.some((m) => m.unknown === true)).toBe(true);
      }),
      runs,
    );
  });

  it('needs and reads are all that a decision depends on', () => {
    fc.assert(
      fc.property(anyCase, fc.constantFrom<Phase>('call', 'list', 'result'), ([ir, [q, f]], phase) => {
        const module = compiled(ir);
        const needs = new Set(module.needs(q));
        const few = Object.fromEntries(Object.entries(f).filter(([name]) => needs.has(name)));
        const args = only(q.intent.args, module.reads(q));
        const narrowed = { ...q, intent: { ...q.intent, args } };
        expect(module.decide(narrowed, few, phase)).toEqual(module.decide(q, f, phase));
        expect([...module.reads(q)]).toEqual([...new Set(module.reads(q))].sort());
      }),
      runs,
    );
  });

  it('what is not visible is never allowed or reviewed', () => {
    let hidden = 0;
    fc.assert(
      fc.property(anyCase, ([ir, [q, f]]) => {
        const module = compiled(ir);
        if (module.visible(q, q.intent)) return;
        hidden++;
        expect(module.decide(q, f, 'call').effect).toBe('deny');
      }),
      runs,
    );
    expect(hidden).toBeGreaterThan(20);
  });
});

/** The arguments at these pointers alone. */
function only(args: JsonRecord, pointers: readonly string[]): JsonRecord {
  const out = Object.create(null) as { [key: string]: Json };
  for (const pointer of pointers) {
    const path = pointer
      .split('/')
      .slice(1)
      .map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
    let from: Json = args;
    let to: { [key: string]: Json } = out;
    for (const [i, key] of path.entries()) {
      if (typeof from !== 'object' || from === null || Array.isArray(from) || !Object.hasOwn(from, key))
        break;
      from = (from as JsonRecord)[key] as Json;
      if (i === path.length - 1 || Array.isArray(from)) {
        to[key] = from;
        break;
      }
      const next = Object.hasOwn(to, key) ? to[key] : {};
      to[key] = next as Json;
      if (typeof next !== 'object' || next === null) break;
      to = next as { [key: string]: Json };
    }
  }
  return out;
}
