// SPDX-License-Identifier: Apache-2.0
// Two engines that share no code: emitted policies decide as the reference interpreter does, on policies that are generated as text
// and on policies that are generated as IR. `npm run test:pairs` asks ten million pairs.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import type { ExprIr, OutcomeIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import { decide as reference } from '../../compiler/reference.js';
import type { Decision, Facts, Phase, PolicyModule, Request } from '../../stdlib/abi.js';
import { std } from '../../stdlib/std.js';
import { facts, markedIr, policy as plainIr, request } from '../arbitraries/policy.js';
import { markedPolicy, soundPolicy as plainPolicy } from '../arbitraries/sound-policy.js';
import { soundFacts, soundRequest } from '../arbitraries/sound-request.js';
import { load, loadOnce, meaning } from '../helpers/emitted.js';
import { checkText } from '../helpers/policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

/** Pairs of policy and question, half from texts, half from IR. */
const PAIRS = Number(
  process.env['SEPAL_PAIRS'] ?? (process.env['SEPAL_LONG'] === undefined ? 30_000 : 1_000_000),
);
const QUESTIONS = PAIRS > 100_000 ? 400 : 40;
const PHASES = ['call', 'call', 'call', 'list', 'result'] as const;

const policy = fc.oneof(plainIr, markedIr);
const soundPolicy = fc.oneof(plainPolicy, markedPolicy);
type Question = readonly [Request, Facts, Phase];
const questionsOf = (r: fc.Arbitrary<Request>, f: fc.Arbitrary<Facts>): fc.Arbitrary<readonly Question[]> =>
  fc.array(fc.tuple(r, f, fc.constantFrom(...PHASES)), { minLength: QUESTIONS, maxLength: QUESTIONS });
const irQuestions = questionsOf(request, facts);
const soundQuestions = questionsOf(soundRequest, soundFacts);

function irOf(text: string): PolicyIr {
  const { output, diagnostics } = checkText(text, SHOP_LOCK);
  if (output === null) throw new Error(`${JSON.stringify(diagnostics)}\n${text}`);
  return output.ir;
}

/** What was seen, to show that the pairs are not all alike. */
class Tally {
  readonly effects = new Map<string, number>();
  unknowns = 0;
  pairs = 0;
  readonly ops = new Set<string>();
  add(decision: Decision): void {
    this.pairs++;
    this.effects.set(decision.effect, (this.effects.get(decision.effect) ?? 0) + 1);
    if (decision.unknowns.length > 0) this.unknowns++;
  }
  note(ir: PolicyIr): void {
    for (const [, op] of JSON.stringify(ir.units).matchAll(/"op":"(\w+)"/g)) this.ops.add(op ?? '');
  }
  /** Each answer in at least 2 of 100 pairs, unknowns too. */
  check(): void {
    for (const effect of ['allow', 'review', 'deny']) {
      expect(this.effects.get(effect) ?? 0, effect).toBeGreaterThan(this.pairs * 0.02);
    }
    expect(this.unknowns).toBeGreaterThan(this.pairs * 0.02);
    expect([...this.ops].sort()).toEqual([...OPS].sort());
  }
}
const OPS: readonly ExprIr['op'][] = [
  'const',
  'arg',
  'has',
  'subject',
  'fact',
  'hint',
  'hasRole',
  'inWho',
  'not',
  'and',
  'or',
  'compare',
  'inList',
  'inValue',
  'startsWith',
  'endsWith',
  'contains',
  'like',
  'matches',
  'under',
  'quantifier',
  'param',
  'arith',
  'negate',
  'lower',
  'size',
  'url',
  'ip',
  'inDomain',
  'inCidr',
  'moment',
  'span',
  'member',
  'hasMember',
];

function agree(module: PolicyModule, ir: PolicyIr, questions: readonly Question[], tally: Tally): void {
  tally.note(ir);
  for (const [q, f, phase] of questions) {
    const expected = reference(ir, q, f, phase);
    const decided = module.decide(q, f, phase);
    tally.add(expected);
    if (!isDeepStrictEqual(meaning(decided), meaning(expected))) {
      expect(meaning(decided)).toEqual(meaning(expected));
    }
  }
}

describe('two engines', () => {
  const numRuns = Math.ceil(PAIRS / 2 / QUESTIONS);
  const timeout = 6 * 3_600_000;

  it(`decide alike on ${PAIRS / 2} pairs of policies as text`, { timeout }, () => {
    const tally = new Tally();
    fc.assert(
      fc.property(soundPolicy, soundQuestions, (text, questions) => {
        const ir = irOf(text);
        agree(loadOnce(emit(ir).js), ir, questions, tally);
      }),
      { numRuns },
    );
    tally.check();
  });

  it(`decide alike on ${PAIRS / 2} pairs of policies as IR`, { timeout }, () => {
    const tally = new Tally();
    fc.assert(
      fc.property(policy, irQuestions, (ir, questions) => {
        agree(loadOnce(emit(ir).js), ir, questions, tally);
      }),
      { numRuns },
    );
    tally.check();
  });

  it('are the same two when the module loader loads the module', async () => {
    await fc.assert(
      fc.asyncProperty(soundPolicy, soundQuestions, async (text, questions) => {
        const { js } = emit(irOf(text));
        const [loaded, once] = [await load(js), loadOnce(js)];
        for (const [q, f, phase] of questions.slice(0, 10)) {
          expect(loaded.decide(q, f, phase)).toEqual(once.decide(q, f, phase));
          const [explained, expected] = [loaded.explain(q, f, phase), once.explain(q, f, phase)];
          expect(explained).toEqual(expected);
          expect(explained.near).toEqual(expected.near);
        }
      }),
      { numRuns: 50 },
    );
  });
});

type Compare = Extract<ExprIr, { op: 'compare' }>;
/** An emitter with a fault: it emits another policy than it was given. */
type Fault = (ir: PolicyIr) => PolicyIr;
const mapUnits =
  (change: (unit: UnitIr) => UnitIr): Fault =>
  (ir) => ({ ...ir, units: ir.units.map(change) });
const mapOutcomes = (change: <O extends OutcomeIr>(outcome: O) => O): Fault =>
  mapUnits((unit) =>
    unit.kind === 'rule'
      ? change(unit)
      : {
          ...unit,
          cases: unit.cases.map((c) => ({ ...c, outcome: change(c.outcome) })),
          otherwise: unit.otherwise === null ? null : change(unit.otherwise),
        },
  );
const mapGuards = (change: (when: ExprIr) => ExprIr): Fault =>
  mapUnits((unit) =>
    unit.kind === 'rule'
      ? { ...unit, when: unit.when === null ? null : change(unit.when) }
      : { ...unit, cases: unit.cases.map((c) => ({ ...c, when: change(c.when) })) },
  );
const mapExpr = (e: ExprIr, change: (e: ExprIr) => ExprIr): ExprIr =>
  change(JSON.parse(JSON.stringify(e), (_, v: unknown) => (isExpr(v) ? change(v) : v)) as ExprIr);
const isExpr = (v: unknown): v is ExprIr => typeof v === 'object' && v !== null && 'op' in v;
const swap = (a: string, b: string) => (effect: string) => (effect === a ? b : effect === b ? a : effect);
const APPROVAL = { self: false, roles: ['lead'], quorum: 1, timeout: 1000 };
const withEffect = <O extends OutcomeIr>(outcome: O, effect: string): O => ({
  ...outcome,
  effect,
  approval: effect === 'review' || effect === 'escalate' ? (outcome.approval ?? APPROVAL) : null,
});

const LOOSER = new Map<Compare['cmp'], Compare['cmp']>([
  ['<', '<='],
  ['<=', '<'],
  ['>', '>='],
  ['>=', '>'],
]);
const FAULTS: readonly (readonly [string, Fault])[] = [
  [
    'a deny dropped',
    (ir) => {
      const at = ir.units.findIndex((u) => u.kind === 'rule' && u.effect === 'deny');
      return { ...ir, units: ir.units.filter((_, i) => i !== at) };
    },
  ],
  ['deny and allow swapped', mapOutcomes((o) => withEffect(o, swap('deny', 'allow')(o.effect)))],
  ['review and escalate swapped', mapOutcomes((o) => withEffect(o, swap('review', 'escalate')(o.effect)))],
  ['review made allow', mapOutcomes((o) => withEffect(o, o.effect === 'review' ? 'allow' : o.effect))],
  ['a guard inverted', mapGuards((operand) => ({ op: 'not', operand }))],
  [
    'a guard dropped',
    mapGuards(() => ({ op: 'const', type: { kind: 'bool' }, value: { kind: 'bool', value: true } })),
  ],
  ['and made or', mapGuards((when) => mapExpr(when, (e) => (e.op === 'and' ? { ...e, op: 'or' } : e)))],
  ['or made and', mapGuards((when) => mapExpr(when, (e) => (e.op === 'or' ? { ...e, op: 'and' } : e)))],
  ['not dropped', mapGuards((when) => mapExpr(when, (e) => (e.op === 'not' ? e.operand : e)))],
  [
    'a bound off by one',
    mapGuards((when) =>
      mapExpr(when, (e) => (e.op === 'compare' ? { ...e, cmp: LOOSER.get(e.cmp) ?? e.cmp } : e)),
    ),
  ],
  [
    'all made any',
    mapGuards((when) =>
      mapExpr(when, (e) => (e.op === 'quantifier' ? { ...e, mode: e.mode === 'all' ? 'any' : 'all' } : e)),
    ),
  ],
  ['except forgotten', mapUnits((unit) => ({ ...unit, who: { ...unit.who, except: [] } }))],
  ['every principal', mapUnits((unit) => ({ ...unit, who: { include: [{ kind: 'any' }], except: [] } }))],
  [
    'every action',
    mapUnits((unit) => ({ ...unit, what: { include: [{ kind: 'every', toolsOnly: false }], except: [] } })),
  ],
  [
    'a case dropped',
    mapUnits((unit) => (unit.kind === 'block' ? { ...unit, cases: unit.cases.slice(1) } : unit)),
  ],
  [
    'cases turned round',
    mapUnits((unit) => (unit.kind === 'block' ? { ...unit, cases: unit.cases.toReversed() } : unit)),
  ],
  ['otherwise dropped', mapUnits((unit) => (unit.kind === 'block' ? { ...unit, otherwise: null } : unit))],
  [
    'a quorum of one',
    mapOutcomes((o) => ({ ...o, approval: o.approval === null ? null : { ...o.approval, quorum: 1 } })),
  ],
  ['hints forgotten', (ir) => ({ ...ir, tools: [] })],
];

/** Faults of the code itself, where the text of the module gives them away. */
const SLIPS: readonly (readonly [string, object])[] = [
  ['has of an absent argument true', { has: () => 2 }],
  [
    'unknown paths not under',
    { under: (...a: Parameters<typeof std.under>) => (std.under(...a) === 2 ? 2 : 0) },
  ],
  ['unknown booleans false', { bool: (value: unknown) => (value === true ? 2 : 0) }],
  ['the user taken for the principal', { userInWho: std.inWho, userHasRole: std.hasRole }],
  ['null taken for a value', { json: (value: unknown) => value }],
];

interface Case {
  readonly ir: PolicyIr;
  readonly asked: readonly (readonly [Request, Facts, Phase, Omit<Decision, 'steps'>])[];
}
const CASES = { seed: 11, numRuns: 90 };
function casesOf(): readonly Case[] {
  const answered = (ir: PolicyIr, questions: readonly Question[]): Case => ({
    ir,
    asked: questions.slice(0, 40).map(([q, f, p]) => [q, f, p, meaning(reference(ir, q, f, p))]),
  });
  const texts = fc.sample(fc.tuple(soundPolicy, soundQuestions), CASES);
  const irs = fc.sample(fc.tuple(policy, irQuestions), CASES);
  return [...texts.map(([text, qs]) => answered(irOf(text), qs)), ...irs.map(([ir, qs]) => answered(ir, qs))];
}

describe('a fault in the emitter or its library is caught', () => {
  let cases: readonly Case[] = [];
  beforeAll(() => {
    cases = casesOf();
  });
  const caughtBy = (moduleOf: (ir: PolicyIr) => PolicyModule): number =>
    cases.filter(({ ir, asked }) => {
      const module = moduleOf(ir);
      return asked.some(
        ([q, f, p, expected]) => !isDeepStrictEqual(meaning(module.decide(q, f, p)), expected),
      );
    }).length;

  it('and without one nothing is', () => {
    expect(caughtBy((ir) => loadOnce(emit(ir).js))).toBe(0);
  });

  it.each(FAULTS)('%s', (_, fault) => {
    expect(caughtBy((ir) => loadOnce(emit(fault(ir)).js))).toBeGreaterThan(1);
  });

  it.each(SLIPS)('%s', (_, slip) => {
    expect(caughtBy((ir) => loadOnce(emit(ir).js, { ...std, ...slip }))).toBeGreaterThan(0);
  });
});
