// SPDX-License-Identifier: Apache-2.0
/**
 * How a compiled policy answers: units in scope are found by action class and principal (scopes.ts), and combined as
 * docs/language.md says. The common path allocates next to nothing (quick.ts); what an unknown touches goes to `weigh` (explain.ts).
 */
import type { Decision, Explanation, Facts, Phase, PolicyModule, Request, Subject } from './abi.js';
import { DEFAULT_DENY, explainUnits, valuesIn, weigh, type World } from './explain.js';
import { frozen, type Ground, inOrder, quick } from './quick.js';
import { askedOf, namesOf, type Scope, scopes } from './scopes.js';
import type { ActionClass } from './actions.js';
import { argsOf, type Test } from './ask.js';
import type { Caller } from './principals.js';
import type { Block, Tables, Unit } from './tables.js';
import { type Args, type Kleene, UNKNOWN_ARGS } from './values.js';

const PHASES = ['call', 'list', 'result'] as const;

/** The module of a policy from its tables (compiler/emit.ts writes them down). */
export function policy(tables: Tables): PolicyModule {
  const { name, version, steps } = tables;
  const { classify, callerOf, scopeOf, planOf, ...found } = scopes(tables);
  const nothing = frozen(DEFAULT_DENY(steps));
  const told = frozen({ ...nothing, tell: true });
  const ground: Ground = { ...found.ground, nothing, told };
  const options = { steps, standIns: tables.standIns ?? [] };

  const scopeIn = (phase: Phase, request: Request): Scope => {
    const { kind, server, name: action } = request.intent;
    const found = classify(phase, kind, server, action);
    return scopeOf(phase, found, callerOf(request.principal, request.roles));
  };
  const names = (request: Request, of: 'facts' | 'reads', only?: Phase): readonly string[] => {
    const lists = (only === undefined ? PHASES : [only])
      .map((phase) => namesOf(scopeIn(phase, request), of))
      .filter((list) => list.length > 0);
    return lists.length < 2 ? (lists[0] ?? []) : [...new Set(lists.flat())].sort();
  };

  const plainly = (
    action: ActionClass,
    caller: Caller,
    args: Args,
    request: Request,
    facts: Facts,
  ): Decision | null => {
    const begin = planOf(action, caller);
    if (begin >= 0) return quick(ground, begin, args, request, facts, action.pin);
    const { entries, tells } = scopeOf('call', action, caller);
    return inOrder(entries, args, request, facts, action.pin, tells ? told : nothing);
  };

  return {
    name,
    version,
    phases: PHASES.filter((phase) => tables.units.phase.includes(phase)),
    needs: (request, phase) => names(request, 'facts', phase),
    reads: (request, phase) => names(request, 'reads', phase),
    decide: (request: Request, facts: Facts, phase: Phase): Decision => {
      const { kind, server, name: action, args: given } = request.intent;
      const of = classify(phase, kind, server, action);
      const caller = callerOf(request.principal, request.roles);
      const args = argsOf(given);
      const plain = phase === 'call' ? plainly(of, caller, args, request, facts) : null;
      if (plain !== null) return plain;
      return weigh(
        askedOf(scopeOf(phase, of, caller)),
        { args, request, facts, pin: of.pin },
        phase,
        options,
      );
    },
    visible: (subject: Subject, action): boolean => {
      const found = classify('call', action.kind, action.server, action.name);
      const scope = scopeOf('call', found, callerOf(subject.principal, subject.roles));
      const request = asking(subject, action);
      return mayGrant(askedOf(scope).units, { args: UNKNOWN_ARGS, request, facts: {}, pin: found.pin });
    },
    explain: (request: Request, facts: Facts, phase: Phase): Explanation => {
      const { kind, server, name: action } = request.intent;
      const found = classify(phase, kind, server, action);
      const scope = scopeOf(phase, found, callerOf(request.principal, request.roles));
      return explainUnits(
        askedOf(scope),
        { args: argsOf(request.intent.args), request, facts, pin: found.pin },
        phase,
        options,
      );
    },
  };
}

/** A request without arguments. Member by member: a subject may be a whole request, and its intent is not asked about. */
export function asking(
  subject: Subject,
  { kind, server, name }: Parameters<PolicyModule['visible']>[1],
): Request {
  const { principal, roles, user, userRoles, session } = subject;
  return { principal, roles, user, userRoles, session, intent: { kind, server, name, args: {} } };
}

/** Optimistic: some unit may grant, and no deny is sure. */
function mayGrant(units: readonly Unit[], world: World): boolean {
  const value = valuesIn(world);
  let grant = false;
  for (const unit of units) {
    if (unit.kind === 'rule') {
      const v = value(unit.tests);
      const { effect } = unit.outcome;
      if (effect === 'deny' && v === 2) return false;
      if ((effect === 'allow' || effect === 'review') && v > 0) grant = true;
      continue;
    }
    const outcomes = possibleEffects(unit, value);
    if (outcomes.every((effect) => effect === 'deny')) return false;
    if (outcomes.includes('allow') || outcomes.includes('review')) grant = true;
  }
  return grant;
}

function possibleEffects(block: Block, value: (tests: readonly Test[]) => Kleene): readonly string[] {
  const effects: string[] = [];
  for (const { test, outcome } of block.cases) {
    const v = value([test]);
    if (v > 0) effects.push(outcome.effect);
    if (v === 2) return effects;
  }
  return [...effects, block.otherwise?.effect ?? 'nothing'];
}
