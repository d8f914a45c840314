// SPDX-License-Identifier: Apache-2.0
/** The answers to `prove` statements: proved, refuted with a question that shows it, or undecided with the reason. */
import type { DecisionEffect } from '../../stdlib/abi.js';
import type { Subject } from './actions.js';
import { type ClaimIr, NO_CLAIMS } from './claims.js';
import type { Dead } from './dead.js';
import { differ, type Side } from './differ.js';
import { idleLimits } from './idle-limits.js';
import { type Survey, survey, type Verdict } from './survey.js';
import { type Engine, type Question, questionOf } from './witness.js';

export interface ProofHost {
  readonly engine: Engine;
  /** The bound on the steps of one decision that the compiler prints. */
  readonly steps: number;
  /** The policy at a path as written in the statement; a sentence when it cannot be had. */
  readonly open: (path: string) => Side | string;
}

export interface Proof {
  readonly claim: ClaimIr;
  readonly status: Verdict['status'];
  /** Proved, since nothing is in its scope. */
  readonly vacuous: boolean;
  readonly witness: Question | null;
  /** What the witness is answered. */
  readonly effect: DecisionEffect | null;
  /** Of `not wider than`: what the other policy decides of the witness. */
  readonly demands: DecisionEffect | null;
  readonly why: string | null;
  readonly help: string | null;
}

export interface Proofs {
  readonly proofs: readonly Proof[];
  readonly dead: readonly Dead[];
}

/** Answers every `prove` of the policy, in order. */
export function prove(subject: Subject, host: ProofHost): Proofs {
  const claims = subject.ir.claims ?? NO_CLAIMS;
  const found = survey(subject, claims, host.engine);
  const dead = [...found.dead.found(), ...idleLimits(subject.ir)];
  const proofs = claims.claims.map((claim, i) => proofOf(claim, found, i, dead, subject, host));
  return { proofs, dead };
}

const PLAIN = {
  vacuous: false,
  witness: null,
  effect: null,
  demands: null,
  why: null,
  help: null,
} as const;

function proofOf(
  claim: ClaimIr,
  found: Survey,
  i: number,
  dead: readonly Dead[],
  subject: Subject,
  host: ProofHost,
): Proof {
  switch (claim.kind) {
    case 'never': {
      const verdict = found.verdicts[i];
      if (verdict === null || verdict === undefined) return { ...PLAIN, claim, status: 'undecided' };
      const { witness } = verdict;
      // Where people stand in for a fact, a deny may be a review (language, 3): not told apart here.
      const standIns = subject.ir.facts.filter(({ review }) => review !== undefined).map(({ name }) => name);
      if (verdict.status === 'proved' && standIns.length > 0 && claim.effects.includes('review')) {
        const why = `a deny may become a review where ${standIns.join(', ')} cannot be had`;
        const help = 'prove `never allow`, or leave `on unknown review` out of the fact';
        return { ...PLAIN, claim, status: 'undecided', why, help };
      }
      return {
        ...verdict,
        claim,
        witness: witness && questionOf(witness.asked, [subject.ir]),
        effect: witness?.effects[0] ?? null,
        demands: null,
      };
    }
    case 'noRuleDead': {
      if (dead.length === 0) return { ...PLAIN, claim, status: 'proved' };
      return { ...PLAIN, claim, status: 'refuted', why: dead.map(deadWords).join('; ') };
    }
    case 'cost': {
      const fits = host.steps <= claim.steps;
      const why = fits ? null : `one decision may take ${host.steps} steps`;
      return { ...PLAIN, claim, status: fits ? 'proved' : 'refuted', why };
    }
    case 'notWider':
      return notWider(claim, subject, host);
  }
}

function notWider(claim: Extract<ClaimIr, { kind: 'notWider' }>, subject: Subject, host: ProofHost): Proof {
  const other = host.open(claim.than);
  if (typeof other === 'string') {
    return {
      ...PLAIN,
      claim,
      status: 'undecided',
      why: other,
      help: 'correct the path, which is read from this file',
    };
  }
  const { widened, notes } = differ(other, { subject, engine: host.engine });
  const sure = widened.find(({ witness }) => witness !== null);
  if (sure !== undefined) {
    const why = `${sure.actions.join(', ')}: ${sure.from} there, ${sure.to} here`;
    return {
      ...PLAIN,
      claim,
      status: 'refuted',
      witness: sure.witness,
      effect: sure.to,
      demands: sure.from,
      why,
    };
  }
  const open = [...widened.flatMap(({ why }) => why ?? []), ...notes];
  if (open.length === 0) return { ...PLAIN, claim, status: 'proved' };
  const help = 'see `sepal diff` for what was compared';
  return { ...PLAIN, claim, status: 'undecided', why: open.join('; '), help };
}

/** What is dead, and what covers it, in one sentence. */
export function deadWords({ unit, part, why, by }: Dead): string {
  const names = by.map((other) => `\`${other.name}\``).join(', ');
  const which =
    part === null
      ? `\`${unit.name}\``
      : part < 0
        ? `\`otherwise\` of \`${unit.name}\``
        : `case ${part + 1} of \`${unit.name}\``;
  switch (why) {
    case 'never holds':
      return `${which} can never yield anything: no call fits who, what and condition at once`;
    case 'never reached':
      return `${which} is never reached: an earlier case always holds, or it can never hold itself`;
    case 'denied':
      return `${which} can never allow: ${names} ${by.length > 1 ? 'deny' : 'denies'} all of it`;
    case 'covered':
      return `${which} changes nothing: ${names} ${by.length > 1 ? 'deny' : 'denies'} all of it already`;
  }
}
