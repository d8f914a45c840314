// SPDX-License-Identifier: Apache-2.0
/** One pass over all actions of a policy: claims and rules that do nothing, each class of actions in a space of its own. */
import type { ExprIr, PolicyIr, UnitIr, WhatIr } from '../ir.js';
import { inWho } from '../reference-sets.js';
import { type ActionClass, actionClasses, type Subject } from './actions.js';
import { shownAlive } from './alive.js';
import type { ClaimIr, Claims } from './claims.js';
import { conditionsIn, decisionOf, decisionOps, EFFECTS, yields } from './decision.js';
import { DeadRules } from './dead.js';
import { type Node, opOf, TooLarge } from './diagram.js';
import { scopeOf } from './conditions.js';
import { answerOf, type Condition, freeWords, type Shared, sharedBy, Space } from './space.js';
import { type Answered, confirmed, type Engine } from './witness.js';

export interface Survey {
  /** By claim, for `never` (and what is rewritten to it): null for the other kinds. */
  readonly verdicts: readonly (Verdict | null)[];
  readonly dead: DeadRules;
  readonly cells: number;
}

export interface Verdict {
  readonly status: 'proved' | 'refuted' | 'undecided';
  /** Nothing is in its scope. */
  readonly vacuous: boolean;
  readonly witness: Answered | null;
  readonly why: string | null;
  readonly help: string | null;
}

type Never = Extract<ClaimIr, { kind: 'never' }>;
const NONE: ReadonlySet<UnitIr> = new Set();
const EVERYTHING: WhatIr = { include: [{ kind: 'every', toolsOnly: false }], except: [] };

interface Open {
  readonly claim: Never;
  scoped: boolean;
  verdict: Verdict | null;
}

/** Answers every claim and finds dead rules. Without an engine no witness is looked for: what is not proved is undecided. */
export function survey(subject: Subject, { claims, assumptions }: Claims, engine: Engine | null): Survey {
  const open = claims.map((claim): Open | null =>
    claim.kind === 'never' ? { claim, scoped: false, verdict: null } : null,
  );
  const dead = new DeadRules(subject.ir.units);
  const { ir } = subject;
  const shared = sharedBy([
    ...conditionsIn(ir.units, ir),
    ...assumptions.map((expr) => ({ expr, policy: ir })),
    ...claims.flatMap((claim) => (claim.kind === 'never' ? conditionsOfClaim(claim, ir) : [])),
  ]);
  const extra = claims.map((claim) => (claim.kind === 'never' ? claim.what : EVERYTHING));
  let cells = 0;
  const classes = actionClasses([subject], extra);
  // For claims every class counts.
  const shown = claims.length === 0 ? shownAlive(subject, classes) : NONE;
  dead.alive(shown);
  for (const found of classes) {
    if (claims.length === 0 && found.live[0]?.units.every((unit) => shown.has(unit)) === true) continue;
    const asks = open.map((one, i) => (one !== null && found.within[i] === true ? one : null));
    try {
      cells += surveyClass(found, subject, assumptions, asks, engine, shared, dead);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      for (const one of asks)
        if (one !== null && one.verdict?.status !== 'refuted') one.verdict = tooLarge(found);
      dead.skip(found.live[0]?.units ?? []);
    }
  }
  return { verdicts: open.map((one) => one && settled(one)), dead, cells };
}

const settled = ({ verdict, scoped }: Open): Verdict =>
  verdict ?? { status: 'proved', vacuous: !scoped, witness: null, why: null, help: null };

function tooLarge({ action }: ActionClass): Verdict {
  return {
    status: 'undecided',
    vacuous: false,
    witness: null,
    why: `what is decided about ${action.server}/${action.name} hangs on too many conditions at once`,
    help: 'narrow the claim with `on` and `for`, or split the policy so that fewer rules speak of one tool',
  };
}

function surveyClass(
  found: ActionClass,
  { ir }: Subject,
  assumptions: readonly ExprIr[],
  asks: readonly (Open | null)[],
  engine: Engine | null,
  shared: Shared,
  dead: DeadRules,
): number {
  const units = found.live[0]?.units ?? [];
  const given = assumptions.map((expr): Condition => ({ expr, policy: ir }));
  const claimed = asks.flatMap((one) => (one === null ? [] : conditionsOfClaim(one.claim, ir)));
  const space = new Space(found.action, [ir], [...conditionsIn(units, ir), ...given, ...claimed], shared);
  const ops = decisionOps();
  const nodes = units.map((unit) => yields(space, ops, unit, ir));
  const decision = decisionOf(space, ops, nodes);
  dead.look(space, units, nodes, ir);
  const possible = space.diagrams.join(
    space.kleene.and,
    given.map((condition) => space.diagrams.map(space.condition(condition), (v) => (v === 0 ? 0 : 2))),
    2,
  );
  for (const one of asks)
    if (one !== null) ask(one, found, space, decision, possible, assumptions, ir, engine);
  return space.diagrams.size;
}

function conditionsOfClaim({ who, when, unless }: Never, policy: PolicyIr): readonly Condition[] {
  const exprs: ExprIr[] = [when, unless].filter((e) => e !== null);
  if (who !== null) exprs.push(scopeOf(who));
  return exprs.map((expr) => ({ expr, policy }));
}

function ask(
  one: Open,
  found: ActionClass,
  space: Space,
  decision: Node,
  possible: Node,
  assumptions: readonly ExprIr[],
  ir: PolicyIr,
  engine: Engine | null,
): void {
  if (one.verdict?.status === 'refuted') return;
  const { claim } = one;
  const { diagrams, kleene } = space;
  const violates = (e: ExprIr, unless: boolean): Node =>
    diagrams.map(space.condition({ expr: e, policy: ir }), (v) => (v === 1 || (v === 2) !== unless ? 2 : 0));
  const scope = diagrams.join(
    kleene.and,
    [
      possible,
      claim.who === null ? 2 : space.who(claim.who, ir),
      claim.when === null ? 2 : violates(claim.when, false),
    ],
    2,
  );
  if (diagrams.answers(scope).has(2)) one.scoped = true;
  const bad = diagrams.apply(kleene.and, scope, claim.unless === null ? 2 : violates(claim.unless, true));
  const forbidden = new Set(claim.effects.map((effect) => EFFECTS.indexOf(effect)));
  const both = opOf((v, d) => (v === 2 && forbidden.has(d) ? 1 : 0));
  const refuting = diagrams.apply(both, bad, decision);
  if (!diagrams.answers(refuting).has(1)) return;
  const holds = (
    e: ExprIr | null,
    wrong: readonly number[],
    asked: Parameters<typeof answerOf>[1],
  ): boolean => e === null || wrong.includes(answerOf(e, asked, ir));
  const witness =
    engine &&
    confirmed(
      space,
      diagrams.cells(refuting, (v) => v === 1),
      found,
      [engine],
      ([effect], asked) => {
        const { principal, roles } = asked.request;
        return (
          effect !== undefined &&
          claim.effects.includes(effect) &&
          (claim.who === null || inWho(claim.who, principal, roles)) &&
          holds(claim.when, [1, 2], asked) &&
          holds(claim.unless, [0, 1], asked) &&
          assumptions.every((e) => answerOf(e, asked, ir) !== 0)
        );
      },
    );
  one.verdict = witness === null ? undecided(space, found) : { ...REFUTED, witness };
}

const REFUTED = { status: 'refuted', vacuous: false, why: null, help: null } as const;

/** Something may go wrong, but no question was found that shows it. */
function undecided(space: Space, { action }: ActionClass): Verdict {
  const free = freeWords(space);
  const reasons = space.dimensions.flatMap(({ key, open }) =>
    open !== null && open !== 'free' ? [`${key}: ${open}`] : [],
  );
  const of = `${action.server}/${action.name}`;
  const why =
    free.length > 0
      ? `for ${of} it hangs on conditions that are taken as free: ${free.slice(0, 4).join('; ')}${free.length > 4 ? '; …' : ''}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`
      : `for ${of} no arguments were found that its schema admits and that show it`;
  const help =
    free.length > 0
      ? 'compare with constants instead, or `assume` what is known of these values'
      : 'the schema says more than the prover models (patterns, formats): add a `test` with arguments that fit';
  return { status: 'undecided', vacuous: false, witness: null, why, help };
}
