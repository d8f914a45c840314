// SPDX-License-Identifier: Apache-2.0
/**
 * A whole policy from its rules (engine.ts): what rules in the shadow would have done, `delegation strict` (the stricter of the
 * agent's and the user's decision), and what a call reads of the measures and adds to them.
 */
import type { Facts, Json, MeasureAdd, MeasureRead, Phase, PolicyModule, Request, Subject } from './abi.js';
import { compareNumbers, decimalText, type Num } from './decimal.js';
import { asking, policy as rules } from './engine.js';
import { amountOf, covers, keyOf, larger, type Measure } from './measure.js';
import { stricter, together } from './stricter.js';
import type { PinTable, Tables, UnitTable } from './tables.js';

export interface WholeTables extends Tables {
  /** Rules that decide nothing yet, sorted by name. */
  readonly shadows?: UnitTable;
  readonly strict?: true;
  readonly measures?: readonly Measure[];
}

/** One decision's request, and its facts under the names that its rules know. */
interface View {
  readonly request: Request;
  readonly name: (fact: string) => string;
  readonly facts: (facts: Facts) => Facts;
}

/** Most policies are their rules, and nothing more. */
export function policy(tables: WholeTables): PolicyModule {
  const live = rules(tables);
  const { shadows, measures, strict } = tables;
  const more = shadows !== undefined || (measures?.length ?? 0) > 0 || strict === true;
  return more ? whole(live, tables) : live;
}

function whole(live: PolicyModule, tables: WholeTables): PolicyModule {
  const { shadows, measures = [], strict } = tables;
  const shadow = shadows === undefined ? null : rules({ ...tables, units: shadows });
  const names = new Set(measures.map(({ name }) => name));
  const views = (request: Request): readonly View[] => viewsOf(request, names, strict === true);
  const added = (request: Request, of: 'facts' | 'reads'): readonly string[] =>
    measures.flatMap(({ additions }) =>
      additions.flatMap((one) => (one[of].length > 0 && covers(one, request) ? one[of] : [])),
    );
  const needs = (view: View, phase?: Phase): readonly string[] => [
    ...live.needs(view.request, phase),
    ...(shadow?.needs(view.request, phase) ?? []),
    ...(phase === undefined || phase === 'call' ? added(view.request, 'facts') : []),
  ];
  const reads = ({ request }: View, phase?: Phase): readonly string[] => [
    ...live.reads(request, phase),
    ...(shadow?.reads(request, phase) ?? []),
    ...(phase === undefined || phase === 'call' ? added(request, 'reads') : []),
  ];
  const decideIn = (view: View, all: Facts, phase: Phase): ReturnType<PolicyModule['decide']> => {
    const facts = view.facts(all);
    const decision = live.decide(view.request, facts, phase);
    const matched = shadow?.explain(view.request, facts, phase).matched ?? [];
    return matched.length === 0 ? decision : { ...decision, shadow: matched };
  };
  const decide: PolicyModule['decide'] = (request, facts, phase) =>
    views(request)
      .map((view) => decideIn(view, facts, phase))
      .reduce(stricter);
  return {
    ...live,
    phases: [...new Set([...live.phases, ...(shadow?.phases ?? [])])],
    needs: (request, phase) => sorted(views(request).flatMap((v) => needs(v, phase).map(v.name))),
    reads: (request, phase) => sorted(views(request).flatMap((view) => reads(view, phase))),
    decide,
    visible: (subject: Subject, action) =>
      views(asking(subject, action)).every(({ request }) => live.visible(request, action)),
    explain: (request, facts, phase) => ({
      ...together(views(request).map((view) => live.explain(view.request, view.facts(facts), phase))),
      decision: decide(request, facts, phase),
    }),
    measures: measures.map(({ additions: _, ...spec }) => spec),
    usage: (request) => views(request).flatMap((view) => usageIn(measures, view, new Set(needs(view)))),
    counts: (request, facts) => countsOf(tables.tools, measures, views(request), facts),
  };
}

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();

/** In the user's decision the principal is the user, and the measures are the user's: they stand beside the agent's, as `x for user`. */
function viewsOf(request: Request, measures: ReadonlySet<string>, strict: boolean): readonly View[] {
  const own: View = { request, name: (fact) => fact, facts: (facts) => facts };
  if (!strict || request.user === null) return [own];
  const name = (fact: string): string => (measures.has(fact) ? `${fact} for user` : fact);
  const facts = (all: Facts): Facts => {
    const seen: { [fact: string]: Json | undefined } = { ...all };
    for (const measure of measures) seen[measure] = all[name(measure)];
    return seen;
  };
  const users = { ...request, principal: request.user, roles: request.userRoles };
  return [own, { request: users, name, facts }];
}

function usageIn(
  measures: readonly Measure[],
  view: View,
  needed: ReadonlySet<string>,
): readonly MeasureRead[] {
  return measures.flatMap((one) =>
    needed.has(one.name)
      ? [{ fact: view.name(one.name), name: one.name, key: keyOf(one, view.request) }]
      : [],
  );
}

/** Under the keys of both decisions, once where they are equal. */
function countsOf(
  pins: PinTable,
  measures: readonly Measure[],
  views: readonly View[],
  facts: Facts,
): readonly MeasureAdd[] {
  const adds: MeasureAdd[] = [];
  for (const one of measures) {
    const byKey = new Map<string, { readonly key: readonly string[]; readonly amount: Num | null }>();
    for (const view of views) {
      const { intent } = view.request;
      const pin = intent.kind === 'tool' ? pins.at(intent.server, intent.name) : undefined;
      const key = keyOf(one, view.request);
      const amount = key === null ? 0 : amountOf(one, view.request, view.facts(facts), pin);
      if (key === null || (amount !== null && compareNumbers(amount, 0) === 0)) continue;
      const text = JSON.stringify(key);
      const before = byKey.get(text);
      byKey.set(text, { key, amount: before === undefined ? amount : larger(before.amount, amount) });
    }
    for (const { key, amount } of byKey.values()) {
      const add = amount === null ? null : written(amount);
      adds.push({ name: one.name, key, add, attempt: one.attempts });
    }
  }
  return adds;
}

/** As receipts write it: an integer, or the decimal as text. */
function written(amount: Num): number | string {
  if (typeof amount === 'number' && Number.isSafeInteger(amount)) return amount;
  const text = decimalText(amount);
  return Number.isSafeInteger(Number(text)) && String(Number(text)) === text ? Number(text) : text;
}
