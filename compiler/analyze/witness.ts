// SPDX-License-Identifier: Apache-2.0
/** From a part of the space to one concrete question, which both engines confirm. */
import { quote } from '../../grammar/literals.js';
import type { DecisionEffect, Facts, Json, JsonRecord, Request } from '../../stdlib/abi.js';
import type { ExprIr, PolicyIr } from '../ir.js';
import type { JsonValue } from '../lock.js';
import { decide as reference } from '../reference.js';
import type { Action, ActionClass } from './actions.js';
import type { Cell } from './diagram.js';
import { ABSENT, type Found, sample } from './place.js';
import { schemaShape } from './shape.js';
import { answerOf, type Asked, type Space, worldOf } from './space.js';

/** What the host knows of a compiled policy. */
export interface Engine {
  readonly ir: PolicyIr;
  /** Checks arguments against the pinned schema: null when they fit. A tool that is not pinned fits nothing. */
  readonly fits: (server: string, tool: string, args: JsonRecord) => string | null;
  /** The emitted code. */
  readonly decide: (request: Request, facts: Facts) => DecisionEffect;
}

/** A question as `sepal decide --batch` reads it. */
export interface Question {
  readonly as: string;
  readonly roles: readonly string[];
  readonly for?: string;
  readonly userRoles?: readonly string[];
  readonly call: string;
  readonly args: JsonRecord;
  readonly session?: string;
  /** Null is unknown. */
  readonly facts: { readonly [name: string]: Json };
}

const MOST_TRIES = 3_000;

/** Questions from this part of the space, plainest first; free conditions have the values that the part asks for. */
export function* questionsIn(
  space: Space,
  cell: Cell,
  all: readonly Action[],
  policy: PolicyIr,
): Generator<Asked> {
  const { dimensions } = space;
  const wanted: { readonly expr: ExprIr; readonly answers: readonly number[] }[] = [];
  const chosen = new Map<string, readonly Found[]>();
  for (const [level, { key, atoms }] of dimensions.entries()) {
    const picked = cell.at.get(level);
    const free = space.free.get(key.slice('open:'.length));
    if (key.startsWith('open:') && free !== undefined) {
      if (picked !== undefined) wanted.push({ expr: free, answers: picked });
      continue;
    }
    const values = (picked ?? atoms.map((_, i) => i)).flatMap((i) => atoms[i]?.values ?? []);
    chosen.set(key, plainest(key, values));
  }
  const open = wanted.length > 0;
  for (const values of combinations(chosen, open ? MOST_TRIES : 24)) {
    for (const action of open ? all.slice(0, 1) : all.slice(0, 3)) {
      const asked = complete(worldOf(action, values), action);
      if (wanted.every(({ expr, answers }) => answers.includes(answerOf(expr, asked, policy)))) yield asked;
    }
  }
}

/** Optional arguments are left out, and nobody is called for, where it makes no difference. */
function plainest(key: string, values: readonly Found[]): readonly Found[] {
  const out = key.startsWith('arg:') || key === 'user';
  if (!out || !values.includes(ABSENT)) return values;
  return [ABSENT, ...values.filter((value) => value !== ABSENT)];
}

/** Choices of one value for each dimension, nearest to the first of each; at most so many. */
function* combinations(
  chosen: ReadonlyMap<string, readonly Found[]>,
  most: number,
): Generator<ReadonlyMap<string, Found>> {
  const names = [...chosen.keys()];
  const lists = [...chosen.values()].map((list): readonly Found[] => (list.length === 0 ? [ABSENT] : list));
  const at = names.map(() => 0);
  const now = (): ReadonlyMap<string, Found> =>
    new Map(names.map((name, i): readonly [string, Found] => [name, valueAt(lists[i] ?? [], at[i] ?? 0)]));
  let left = most;
  yield now();
  // One dimension at a time first, then a walk through all.
  for (const [i, list] of lists.entries()) {
    for (let k = 1; k < list.length && left-- > 0; k++) {
      at[i] = k;
      yield now();
    }
    at[i] = 0;
  }
  while (left-- > 0) {
    let i = 0;
    for (; i < at.length; i++) {
      at[i] = ((at[i] ?? 0) + 1) % (lists[i]?.length ?? 1);
      if (at[i] !== 0) break;
    }
    if (i === at.length) return;
    yield now();
  }
}

/** Null is a value too. */
function valueAt(list: readonly Found[], i: number): Found {
  const value = list[i];
  return value === undefined ? ABSENT : value;
}

/** Arguments that no condition reads, but that the schema requires. */
function complete(asked: Asked, action: Action): Asked {
  const [schema] = action.schemas;
  const shape = schema === undefined ? null : schemaShape(schema).object;
  if (shape === null) return asked;
  const { args } = asked.request.intent;
  const missing = shape.required.filter((name) => !Object.hasOwn(args, name) && !shape.member(name).absent);
  const more: { [name: string]: JsonValue } = Object.create(null);
  for (const name of missing) more[name] = sample(shape.member(name));
  const intent = { ...asked.request.intent, args: { ...more, ...args } as JsonRecord };
  return { ...asked, request: { ...asked.request, intent } };
}

export interface Answered {
  readonly asked: Asked;
  readonly effects: readonly DecisionEffect[];
}

/** What each engine of each policy decides; null where two engines of one policy differ. */
export function answers(engines: readonly Engine[], asked: Asked): readonly DecisionEffect[] | null {
  const effects: DecisionEffect[] = [];
  for (const { ir, fits, decide } of engines) {
    const { kind, server, name, args } = asked.request.intent;
    if (kind === 'tool' && fits(server, name, args) !== null) {
      effects.push('deny');
      continue;
    }
    const effect = decide(asked.request, asked.facts);
    if (reference(ir, asked.request, asked.facts, 'call').effect !== effect) return null;
    effects.push(effect);
  }
  return effects;
}

/** The first question of these parts that some policy admits and that `confirms`. */
export function confirmed(
  space: Space,
  cells: Iterable<Cell>,
  { all }: ActionClass,
  engines: readonly Engine[],
  confirms: (effects: readonly DecisionEffect[], asked: Asked) => boolean,
  patience = 200,
): Answered | null {
  const [first] = engines;
  if (first === undefined) return null;
  let left = patience;
  for (const cell of cells) {
    for (const asked of questionsIn(space, cell, all, first.ir)) {
      const { kind, server, name, args } = asked.request.intent;
      const possible = kind !== 'tool' || engines.some(({ fits }) => fits(server, name, args) === null);
      const effects = possible ? answers(engines, asked) : null;
      if (effects !== null && confirms(effects, asked)) return { asked, effects };
    }
    if (left-- <= 0) return null;
  }
  return null;
}

/** The question in the form of `sepal decide --batch`. */
export function questionOf({ request, facts }: Asked, policies: readonly PolicyIr[]): Question {
  const { intent, principal, roles, user, userRoles, session } = request;
  const names = [...new Set(policies.flatMap((policy) => policy.facts.map((fact) => fact.name)))].sort();
  const values = names.map(
    (name) => [name, Object.hasOwn(facts, name) ? (facts[name] ?? null) : null] as const,
  );
  return {
    as: principal,
    roles,
    ...(user === null ? {} : { for: user, userRoles }),
    call: callText(intent),
    args: intent.args,
    ...(session === 's1' ? {} : { session }),
    facts: Object.fromEntries(values),
  };
}

const partOf = (text: string): string => (/^[\w.@-]+$/.test(text) ? text : quote(text));

/** An action as it stands in a test. */
export function callText({ kind, server, name }: Pick<Action, 'kind' | 'server' | 'name'>): string {
  if (kind === 'sampling' || kind === 'elicitation' || kind === 'roots')
    return `${kind} from ${partOf(server)}`;
  return `${kind === 'tool' ? '' : `${kind} `}${partOf(server)}/${partOf(name)}`;
}
