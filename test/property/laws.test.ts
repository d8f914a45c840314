// SPDX-License-Identifier: Apache-2.0
// The laws of docs/language.md over generated policies and questions, and the two engines against each other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import type { ExprIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import { decide as reference } from '../../compiler/reference.js';
import type { Decision, Facts, PolicyModule, Request } from '../../stdlib/abi.js';
import { std } from '../../stdlib/std.js';
import { facts, policy, request, unitNamed } from '../arbitraries/policy.js';

const RANK = { allow: 0, review: 1, deny: 2 } as const;
const QUESTIONS = 40;
/** Pairs of policy and question; `SEPAL_PAIRS` for the long run (10 million). */
const PAIRS = Number(process.env['SEPAL_PAIRS'] ?? 24_000);

async function load(js: string): Promise<PolicyModule> {
  const module = (await import(`data:text/javascript;base64,${Buffer.from(js).toString('base64')}`)) as {
    link(library: unknown): PolicyModule;
  };
  return module.link(std);
}
const compiled = (ir: PolicyIr): Promise<PolicyModule> => load(emit(ir).js);

/** Everything but the bound, which only the emitter knows. */
const meaning = ({ steps: _, ...decision }: Decision): unknown => decision;
const ask = (ir: PolicyIr, q: Request, f: Facts): Decision => reference(ir, q, f, 'call');
const questions = fc.array(fc.tuple(request, facts), { minLength: QUESTIONS, maxLength: QUESTIONS });
const question = fc.tuple(request, facts);

describe('two engines', () => {
  it(`decide alike on ${PAIRS} generated pairs`, { timeout: 4 * 3_600_000 }, async () => {
    const effects = new Set<string>();
    let unknowns = 0;
    await fc.assert(
      fc.asyncProperty(policy, questions, async (ir, qs) => {
        const module = await compiled(ir);
        for (const [q, f] of qs) {
          const expected = ask(ir, q, f);
          effects.add(expected.effect);
          unknowns += expected.unknowns.length;
          expect(meaning(module.decide(q, f, 'call'))).toEqual(meaning(expected));
        }
      }),
      { numRuns: Math.ceil(PAIRS / QUESTIONS) },
    );
    expect([...effects].sort()).toEqual(['allow', 'deny', 'review']);
    expect(unknowns).toBeGreaterThan(PAIRS / 100);
  });

  it('notice a deny that was dropped, effects that were swapped, a guard that was inverted', async () => {
    const mutations: readonly (readonly [string, (js: string) => string])[] = [
      ['a deny dropped', (js) => js.replace(/^ {6}rule\([^\n]*"call", (o\d+)[^\n]*\n/m, '')],
      ['deny and allow swapped', (js) => js.replaceAll('outcome("deny"', 'outcome("allow"')],
      ['review made allow', (js) => js.replaceAll('outcome("review"', 'outcome("allow"')],
      [
        'a guard inverted',
        (js) =>
          js.replace(/return (has|under|equalText|compareNum|inWho)\(([^\n]*)\);/, 'return 2 - $1($2);'),
      ],
      [
        'unknown made false',
        (js) => js.replace(/return (\w+)\(([^\n]*)\);/g, 'return $1($2) === 2 ? 2 : 0;'),
      ],
      [
        'and made or',
        (js) =>
          js
            .replace(
              /if \(v === 0\) return v;\n( *)\{ const w = ([^;]*); if \(w < v\) v = w; \}/g,
              '$1{ const w = $2; if (w > v) v = w; }',
            )
            .replace(/\[([cq]\d+), ([cq]\d+)\]/g, '[(...q) => Math.max($1(...q), $2(...q))]'),
      ],
      ['a conjunct dropped', (js) => js.replace(/\[[cq]\d+, ([cq]\d+)/, '[$1')],
      ['a prefix made a suffix', (js) => js.replaceAll('askText("startsWith"', 'askText("endsWith"')],
      ['a guard forgotten', (js) => js.replace(/(ask\w+\((?:"[^"]*", )?K\[\d+\], )true/g, '$1false')],
      ['a guard added', (js) => js.replace(/(ask\w+\((?:"[^"]*", )?K\[\d+\], )false/g, '$1true')],
      ['a missing argument made unknown', (js) => js.replace(/return absent\([^\n]*\);/g, 'return 1;')],
      [
        'a principal forgotten',
        (js) => js.replace(/^( *const w\d+ =) who\([^\n]*$/m, '$1 who([std.anyone], []);'),
      ],
      ['a case dropped', (js) => js.replace(/^ {8}when\([^\n]*\n/m, '')],
    ];
    for (const [name, mutate] of mutations) {
      let caught = 0;
      await fc.assert(
        fc.asyncProperty(policy, questions, async (ir, qs) => {
          const { js } = emit(ir);
          const mutant = mutate(js);
          if (mutant === js) return;
          const module = await load(mutant);
          const differs = qs.some(
            ([q, f]) =>
              JSON.stringify(meaning(module.decide(q, f, 'call'))) !== JSON.stringify(meaning(ask(ir, q, f))),
          );
          if (differs) caught++;
        }),
        { numRuns: 120, seed: 7 },
      );
      expect(caught, name).toBeGreaterThan(0);
    }
  });
});

describe('laws', () => {
  const runs = { numRuns: 1500 };

  it('I1 default deny: without a grant nothing is allowed', () => {
    fc.assert(
      fc.property(policy, question, (ir, [q, f]) => {
        const restrictions = ir.units.filter(
          (u) => u.kind === 'rule' && (u.effect === 'deny' || u.effect === 'escalate'),
        );
        expect(ask({ ...ir, units: restrictions }, q, f).effect).toBe('deny');
      }),
      runs,
    );
  });

  it('I2 deny is final: with a deny that holds, nothing else matters', () => {
    const always: UnitIr = {
      kind: 'rule',
      name: 'zz',
      effect: 'deny',
      phase: 'call',
      who: { include: [{ kind: 'any' }], except: [] },
      what: { include: [{ kind: 'every', toolsOnly: false }], except: [] },
      when: null,
      approval: null,
      because: null,
      tell: false,
      span: { start: 0, end: 0 },
    };
    fc.assert(
      fc.property(policy, question, (ir, [q, f]) => {
        expect(ask({ ...ir, units: [...ir.units, always] }, q, f).effect).toBe('deny');
      }),
      runs,
    );
  });

  it('I3 order independence: neither order nor repetition of rules changes a decision', async () => {
    await fc.assert(
      fc.asyncProperty(policy, question, fc.nat(), async (ir, [q, f], turn) => {
        const at = ir.units.length === 0 ? 0 : turn % ir.units.length;
        const turned = { ...ir, units: [...ir.units.slice(at), ...ir.units.slice(0, at)].toReversed() };
        expect(emit(turned).js).toBe(emit(ir).js);
        expect(ask(turned, q, f)).toEqual(ask(ir, q, f));
        const repeated = {
          ...ir,
          units: [...ir.units, ...ir.units.map((u) => ({ ...u, name: `${u.name}2` }))],
        };
        expect(ask(repeated, q, f).effect).toBe(ask(ir, q, f).effect);
      }),
      { numRuns: 600 },
    );
  });

  it('I4 locality: swapping two cases changes only questions that match both', () => {
    let swapped = 0;
    fc.assert(
      fc.property(policy, question, (ir, [q, f]) => {
        const block = ir.units.find((u) => u.kind === 'block' && u.cases.length > 1);
        if (block?.kind !== 'block') return;
        const [first, second, ...rest] = block.cases;
        const cases = [second!, first!, ...rest];
        const units = ir.units.map((u) => (u === block ? { ...block, cases } : u));
        const truth = (when: ExprIr): boolean => {
          const probe: UnitIr = {
            ...(block as UnitIr & { kind: 'block' }),
            name: 'p',
            cases: [],
            otherwise: null,
          };
          const rule: UnitIr = {
            ...probe,
            kind: 'rule',
            effect: 'allow',
            phase: 'call',
            when,
            approval: null,
            because: null,
            tell: false,
          } as UnitIr;
          const decision = ask({ ...ir, units: [rule] }, q, f);
          return decision.effect === 'allow' || decision.unknowns.length > 0;
        };
        if (truth(first!.when) && truth(second!.when)) return;
        swapped++;
        expect(ask({ ...ir, units }, q, f).effect).toBe(ask(ir, q, f).effect);
      }),
      { numRuns: 3000 },
    );
    expect(swapped).toBeGreaterThan(100);
  });

  it('I5 monotone tightening: adding deny or escalate never loosens', () => {
    fc.assert(
      fc.property(
        policy,
        question,
        unitNamed('zz', fc.constantFrom('deny', 'escalate')),
        (ir, [q, f], unit) => {
          const before = ask(ir, q, f).effect;
          const after = ask({ ...ir, units: [...ir.units, unit] }, q, f).effect;
          expect(RANK[after]).toBeGreaterThanOrEqual(RANK[before]);
        },
      ),
      runs,
    );
  });

  it('I6 error safety: a decision with unknown facts is at least as strict as with every value of them', () => {
    const values: readonly Facts[string][] = ['a', 'b', '', 0, 1, -1, 0.1, true, false];
    let pessimistic = 0;
    fc.assert(
      fc.property(policy, request, (ir, q) => {
        const unknown = ask(ir, q, {}).effect;
        for (const region of ['a', 'b', '']) {
          for (const limit of [0, 1, -1, 0.1, 2]) {
            for (const open of [true, false]) {
              const known = ask(ir, q, { region, limit, open }).effect;
              if (known !== unknown) pessimistic++;
              expect(RANK[unknown]).toBeGreaterThanOrEqual(RANK[known]);
            }
          }
        }
        for (const value of values) {
          const some = ask(ir, q, { region: value }).effect;
          const none = ask(ir, q, {}).effect;
          if (typeof value === 'string') expect(RANK[none]).toBeGreaterThanOrEqual(RANK[some]);
        }
      }),
      { numRuns: 600 },
    );
    expect(pessimistic).toBeGreaterThan(50);
  });

  it('I8 totality: every question gets one of three answers and never throws, hostile values included', async () => {
    const anything = fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((d) => Object.assign(Object.create(null) as object, d));
    await fc.assert(
      fc.asyncProperty(policy, request, anything, fc.string(), async (ir, q, hostile, name) => {
        const module = await compiled(ir);
        const odd = {
          ...q,
          principal: name,
          intent: { ...q.intent, name, args: hostile },
        } as unknown as Request;
        for (const r of [q, odd]) {
          const decision = module.decide(r, {}, 'call');
          expect(['allow', 'review', 'deny']).toContain(decision.effect);
          expect(module.explain(r, {}, 'call').decision).toEqual(decision);
          expect(typeof module.visible(r, r.intent)).toBe('boolean');
          module.needs(r);
          module.reads(r);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('what is not visible is never allowed or reviewed', async () => {
    await fc.assert(
      fc.asyncProperty(policy, questions, async (ir, qs) => {
        const module = await compiled(ir);
        for (const [q, f] of qs) {
          if (!module.visible(q, q.intent)) expect(module.decide(q, f, 'call').effect).toBe('deny');
        }
      }),
      { numRuns: 200 },
    );
  });
});
