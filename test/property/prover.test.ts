// SPDX-License-Identifier: Apache-2.0
// What the prover says of random policies, attacked: a pool of questions that fit the schemas, random ones and ones at the boundaries
// of the constants, looks for one that contradicts it. Witnesses are confirmed by both engines where they are found.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaimIr } from '../../compiler/analyze/claims.js';
import { differ, type Side } from '../../compiler/analyze/differ.js';
import { prove } from '../../compiler/analyze/prove.js';
import { answerOf } from '../../compiler/analyze/space.js';
import type { Engine } from '../../compiler/analyze/witness.js';
import { emit } from '../../compiler/emit.js';
import type { ExprIr, PolicyIr, UnitIr } from '../../compiler/ir.js';
import { inWhat, inWho } from '../../compiler/reference-sets.js';
import type { DecisionEffect, Facts, Request } from '../../stdlib/abi.js';
import { soundPolicy } from '../arbitraries/sound-policy.js';
import { edgeFacts, edgeRequest, soundFacts, soundRequest } from '../arbitraries/sound-request.js';
import { statementNumbers, statementOf } from '../arbitraries/statements.js';
import { fitsOf, sideOf } from '../helpers/analysis.js';
import { loadOnce } from '../helpers/emitted.js';
import { SHOP_LOCK } from '../helpers/shop.js';

const LONG = process.env['SEPAL_LONG'] !== undefined;
const STATEMENTS = Number(process.env['SEPAL_STATEMENTS'] ?? (LONG ? 200_000 : 2_000));
const PER_POLICY = 20;
const QUESTIONS = 10_000;

type Question = readonly [Request, Facts];
const fits = fitsOf(SHOP_LOCK);
const admitted = ([{ intent }]: Question): boolean =>
  intent.kind !== 'tool' || fits(intent.server, intent.name, intent.args) === null;

/** Questions that the schemas admit: as many random ones as ones at the edges of what the policies speak of. */
function pool(): readonly Question[] {
  return [fc.tuple(soundRequest, soundFacts), fc.tuple(edgeRequest, edgeFacts)].flatMap((questions) => {
    const found: Question[] = [];
    for (let seed = 1; found.length < QUESTIONS; seed++)
      found.push(...fc.sample(questions, { numRuns: 20_000, seed }).filter(admitted));
    return found.slice(0, QUESTIONS);
  });
}

interface Tally {
  proved: number;
  refuted: number;
  undecided: number;
  vacuous: number;
}

/** Does the question contradict the claim? */
function violates(
  claim: Extract<ClaimIr, { kind: 'never' }>,
  ir: PolicyIr,
  [request, facts]: Question,
  effect: DecisionEffect,
): boolean {
  if (!claim.effects.includes(effect)) return false;
  const { kind, server, name } = request.intent;
  if (!inWhat(claim.what, kind, server, name)) return false;
  if (claim.who !== null && !inWho(claim.who, request.principal, request.roles)) return false;
  const value = (e: ExprIr): number => answerOf(e, { request, facts }, ir);
  if (claim.when !== null && value(claim.when) === 0) return false;
  return claim.unless === null || value(claim.unless) !== 2;
}

const questions = pool();

describe('the prover', () => {
  const runs = Math.ceil(STATEMENTS / PER_POLICY);
  it(`is right about ${runs * PER_POLICY} statements, each asked of ${QUESTIONS} random questions and ${QUESTIONS} at the edges`, {
    timeout: 24 * 3_600_000,
  }, () => {
    const tally: Tally = { proved: 0, refuted: 0, undecided: 0, vacuous: 0 };
    fc.assert(
      fc.property(soundPolicy, statementNumbers(PER_POLICY), (text, rests) => {
        const { subject, engine, steps } = sideOf(text);
        const { ir } = subject;
        const claims = rests.map((rest) => statementOf(ir.units, rest));
        const claimed = { ...subject, ir: { ...ir, claims: { claims, assumptions: [] } } };
        const { proofs } = prove(claimed, { engine, steps, open: () => 'no other' });
        const effects = questions.map(([request, facts]) => engine.decide(request, facts));
        for (const { claim, status, vacuous } of proofs) {
          tally[status]++;
          if (vacuous) tally.vacuous++;
          if (status !== 'proved' || claim.kind !== 'never') continue;
          const against = questions.find((q, i) => violates(claim, ir, q, effects[i] ?? 'deny'));
          if (against !== undefined) expect({ text, claim, against }).toBeUndefined();
        }
      }),
      { numRuns: runs, seed: LONG ? Date.now() % 2 ** 31 : 6 },
    );
    process.stdout.write(`of ${runs * PER_POLICY} statements: ${JSON.stringify(tally)}\n`);
    expect(tally.proved - tally.vacuous).toBeGreaterThan(runs * PER_POLICY * 0.1);
    expect(tally.refuted).toBeGreaterThan(runs * PER_POLICY * 0.1);
    expect(tally.undecided).toBeLessThan(runs * PER_POLICY * 0.35);
  });
});

/** The policy with one change. */
function changed(ir: PolicyIr, which: number, how: number): PolicyIr {
  const at = which % ir.units.length;
  const change = (unit: UnitIr): readonly UnitIr[] => {
    if (how % 4 === 0) return [];
    if (unit.kind === 'block') return [{ ...unit, cases: unit.cases.toReversed() }];
    if (how % 4 === 1) return [{ ...unit, when: null }];
    if (how % 4 === 2) return [{ ...unit, who: { include: [{ kind: 'any' }], except: [] } }];
    return [
      unit.effect === 'deny' ? { ...unit, effect: 'allow' } : { ...unit, effect: 'deny', approval: null },
    ];
  };
  return { ...ir, units: ir.units.flatMap((unit, i) => (i === at ? change(unit) : [unit])) };
}

function engineOf(ir: PolicyIr): Engine {
  const module = loadOnce(emit(ir).js);
  return { ir, fits, decide: (request, facts) => module.decide(request, facts, 'call').effect };
}

describe('the comparison of policies', () => {
  const runs = Math.ceil(STATEMENTS / (LONG ? 20 : 50));
  it(`finds every difference that ${2 * QUESTIONS} questions find, in ${runs} pairs`, {
    timeout: 24 * 3_600_000,
  }, () => {
    const tally = { equal: 0, widened: 0, tightened: 0, open: 0 };
    fc.assert(
      fc.property(soundPolicy, fc.nat(99), fc.nat(99), (text, which, how) => {
        const old: Side = sideOf(text);
        const ir = changed(old.subject.ir, which, how);
        const now: Side = { subject: { ...old.subject, ir }, engine: engineOf(ir) };
        const found = differ(old, now);
        const pairs = questions.map(
          ([request, facts]) =>
            [old.engine.decide(request, facts), now.engine.decide(request, facts)] as const,
        );
        const differs = new Set(pairs.filter(([a, b]) => a !== b).map(([a, b]) => `${a} ${b}`));
        const said = new Set([...found.widened, ...found.tightened].map(({ from, to }) => `${from} ${to}`));
        for (const pair of differs) if (!said.has(pair)) expect({ text, which, how, pair }).toBeUndefined();
        tally.equal += Number(found.equal);
        tally.widened += Number(found.widened.length > 0);
        tally.tightened += Number(found.tightened.length > 0);
        tally.open += Number([...found.widened, ...found.tightened].some(({ witness }) => witness === null));
      }),
      { numRuns: runs, seed: LONG ? Date.now() % 2 ** 31 : 7 },
    );
    process.stdout.write(`of ${runs} pairs: ${JSON.stringify(tally)}\n`);
    expect(Math.min(tally.equal, tally.widened, tally.tightened)).toBeGreaterThan(runs * 0.02);
  });
});
