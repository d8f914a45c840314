// SPDX-License-Identifier: Apache-2.0
/**
 * The reference reading of what stands around the rules: `delegation strict`, rules in the shadow, and what a call adds to the
 * measures (docs/language.md, "Limits", "Delegation").
 */
import type {
  Decision,
  DecisionEffect,
  Facts,
  Json,
  Match,
  MeasureAdd,
  Request,
  Unknown,
} from '../stdlib/abi.js';
import type { ExprIr, MeasureIr, PolicyIr, RuleIr } from './ir.js';
import { evaluate, exactText, type World } from './reference-eval.js';
import { inWhat, inWho } from './reference-sets.js';

type One = (policy: PolicyIr, request: Request, facts: Facts) => Decision;

const ORDER: readonly DecisionEffect[] = ['allow', 'review', 'deny'];
const rank = (effect: DecisionEffect): number => ORDER.indexOf(effect);

/** The decisions that one call needs: the agent's, and under `delegation strict` that of the user for whom it calls. */
export function worlds(policy: PolicyIr, request: Request, facts: Facts): readonly World[] {
  const own = { policy, request, facts };
  if (policy.delegation !== 'strict' || request.user === null) return [own];
  const users: { [name: string]: Json | undefined } = { ...facts };
  for (const { name } of policy.measures ?? []) users[name] = facts[`${name} for user`];
  return [
    own,
    { policy, request: { ...request, principal: request.user, roles: request.userRoles }, facts: users },
  ];
}

/** The stricter of all decisions; rules in the shadow are only written down. */
export function whole(
  policy: PolicyIr,
  request: Request,
  facts: Facts,
  phase: RuleIr['phase'],
  one: One,
): Decision {
  const inForce = policy.units.filter((unit) => unit.kind === 'block' || unit.shadow === undefined);
  const decisions = worlds(policy, request, facts).map((world) =>
    one({ ...policy, units: inForce }, world.request, world.facts),
  );
  const shadow = worlds(policy, request, facts).flatMap((world) => shadowed(world, phase));
  const stands = decisions.reduce((a, b) => (rank(b.effect) > rank(a.effect) ? b : a));
  const same = decisions.filter((d) => d.effect === stands.effect);
  const unknowns = unknownsOf(decisions, same);
  const distinct = <T>(items: readonly T[]): readonly T[] => [
    ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
  ];
  const all = { ...stands, unknowns, shadow: distinct(shadow) };
  if (stands.effect !== 'review' || same.length < 2) return all;
  const approvals = distinct(same.flatMap((d) => d.approvals)).toSorted((a, b) =>
    a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0,
  );
  const rules = [...new Set(same.flatMap((d) => d.rules))].sort();
  const reasoned = same
    .filter((d) => d.reason !== null)
    .toSorted((a, b) =>
      (a.rules[0] ?? '') < (b.rules[0] ?? '') ? -1 : (b.rules[0] ?? '') < (a.rules[0] ?? '') ? 1 : 0,
    );
  const timeout = Math.min(...approvals.map((need) => need.timeout));
  return { ...all, approvals, rules, reason: reasoned[0]?.reason ?? null, timeout };
}

function shadowed(world: World, phase: RuleIr['phase']): readonly Match[] {
  const { principal, roles, intent } = world.request;
  return world.policy.units
    .filter(
      (unit): unit is RuleIr => unit.kind === 'rule' && unit.shadow !== undefined && unit.phase === phase,
    )
    .filter(
      ({ who, what }) =>
        inWho(who, principal, roles) && inWhat(what, intent.kind, intent.server, intent.name),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, effect, when }): Match[] => {
      const holds = when === null ? true : evaluate(when, world);
      if (holds === false) return [];
      return [holds === true ? { name, effect } : { name, effect, unknown: true }];
    });
}

function unknownsOf(decisions: readonly Decision[], same: readonly Decision[]): readonly Unknown[] {
  const named = new Map(same.flatMap((d) => d.unknowns).map((unknown) => [unknown.name, unknown]));
  return [...named.keys()].sort().flatMap((name) => {
    const unknown = named.get(name);
    const without = decisions.map((d) => d.unknowns.find((u) => u.name === name)?.otherwise ?? d.effect);
    const otherwise = without.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    return unknown === undefined ? [] : [{ ...unknown, otherwise }];
  });
}

/** What the call adds to each measure, under the keys of both decisions, once where they are equal. */
export function additions(policy: PolicyIr, request: Request, facts: Facts): readonly MeasureAdd[] {
  return (policy.measures ?? []).flatMap((measure) => {
    const found: MeasureAdd[] = [];
    for (const world of worlds(policy, request, facts)) {
      const key = keyOf(measure, world.request);
      const add = key === null ? '0' : amountIn(measure, world);
      if (key === null || add === '0') continue;
      const at = found.findIndex((other) => JSON.stringify(other.key) === JSON.stringify(key));
      const before = at < 0 ? undefined : found[at]?.add;
      const made: MeasureAdd = {
        name: measure.name,
        key,
        add: add === null ? null : written(add),
        attempt: measure.attempts,
      };
      if (before === undefined) found.push(made);
      else if (before !== null && (add === null || Number(add) > Number(before))) found[at] = made;
    }
    return found;
  });
}

const written = (text: string): number | string =>
  /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;

function keyOf({ keys }: MeasureIr, { principal, user, session, intent }: Request): readonly string[] | null {
  const named = {
    principal,
    user: user ?? (principal.startsWith('user:') ? principal : null),
    session,
    server: intent.server,
    tool:
      intent.kind === 'tool'
        ? `${intent.server}/${intent.name}`
        : `${intent.kind} ${intent.server}/${intent.name}`,
  };
  const parts = keys.flatMap((key) => (key === 'all' ? [] : [named[key]]));
  return parts.every((part): part is string => part !== null) ? parts : null;
}

function amountIn(measure: MeasureIr, world: World): string | null {
  const { principal, roles, intent } = world.request;
  let total = 0;
  for (const { who, what, when, amount } of measure.additions) {
    if (!inWho(who, principal, roles) || !inWhat(what, intent.kind, intent.server, intent.name)) continue;
    const holds = when === null ? true : evaluate(when, world);
    if (holds === false) continue;
    const text = amount === null ? '1' : exactText(notNegative(amount), world);
    if (holds === 'unknown' || text === null) return null;
    if (measure.kind !== 'score') return text;
    total += Number(text);
  }
  return String(total);
}

const notNegative = (e: ExprIr): ExprIr => (e.op === 'amount' ? e : { op: 'amount', operand: e });
