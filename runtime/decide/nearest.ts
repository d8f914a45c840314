// SPDX-License-Identifier: Apache-2.0
/**
 * The nearest changes to a denied call that would be permitted: other values of arguments, as few as do, or the same call later. Every
 * change is decided before it is named, by the policy that denied, on the facts of the denial: what is named here is true of that moment.
 */
import type { Facts, Json, JsonRecord, PolicyModule, Request } from '../../stdlib/abi.js';
import type { Nearest, Scalar } from './manifest.js';

export interface Change {
  /** Arguments that change together; none where waiting alone is enough. */
  readonly values: readonly Part[];
  /** How long to wait; null: now. */
  readonly ms: number | null;
  readonly effect: Permitted;
}
/** One argument by JSON pointer, and a value that is permitted for it. */
export interface Part {
  readonly pointer: string;
  readonly value: Scalar;
  /** Every number between these is (with the others of the change anywhere in theirs); null where only the value is known to be. */
  readonly range: Range | null;
  /** More values that are. */
  readonly or: readonly Scalar[];
}
/** Null is unbounded. */
export interface Range {
  readonly low: Edge | null;
  readonly high: Edge | null;
}
interface Edge {
  readonly at: number;
  readonly open: boolean;
}
type Permitted = 'allow' | 'review';

export interface Denied {
  readonly module: PolicyModule;
  readonly request: Request;
  readonly facts: Facts;
  readonly nearest: Nearest;
  /** Checks arguments against the pinned schema: null when they fit. */
  readonly fits: (args: JsonRecord) => string | null;
  readonly now: number;
  /** The facts at later moments, nearest first. */
  readonly later: Iterable<Later>;
}
export interface Later {
  readonly at: number;
  readonly facts: Facts;
}

const MOST_TRIES = 512;
const MOST_WAITS = 1_024;
/** Arguments that change together, values tried for each then, and moments tried with a changed value. */
const TOGETHER = 3;
const EACH = 6;
const MOST_LATER = 48;
/** Decisions that the bounds of one change may cost. */
const MOST_CHECKS = 2_000;

/** A change of values and one of the time, as far as there are any, or one of both; those that allow before those that ask. */
export function nearestChanges(denied: Denied): readonly Change[] {
  const later = [...first(denied.nearest.wait ? denied.later : [], MOST_WAITS)];
  const found = [
    changedValues(denied, denied.facts, null, TOGETHER),
    best(
      later.map(
        ({ at, facts }) =>
          () =>
            waited(denied, at, facts),
      ),
    ),
  ].filter((change) => change !== null);
  if (found.length > 0) return found;
  const both = later.slice(0, MOST_LATER).map(
    ({ at, facts }) =>
      () =>
        changedValues(denied, facts, at - denied.now, 1, EACH),
  );
  return [best(both)].filter((change) => change !== null);
}

/** The first that allows, else the first that asks. */
function best(tries: readonly (() => Change | null)[]): Change | null {
  let asks: Change | null = null;
  for (const one of tries) {
    const change = one();
    if (change?.effect === 'allow') return change;
    asks ??= change;
  }
  return asks;
}

function* first<T>(items: Iterable<T>, most: number): Generator<T> {
  let left = most;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}

function waited({ module, request, now }: Denied, at: number, facts: Facts): Change | null {
  const { effect } = module.decide(request, facts, 'call');
  return effect === 'deny' ? null : { values: [], ms: at - now, effect };
}

/** With as few arguments changed as do. */
function changedValues(
  denied: Denied,
  facts: Facts,
  ms: number | null,
  together: number,
  each = MOST_TRIES,
): Change | null {
  const { args } = denied.request.intent;
  const candidates = candidatesOf(args, denied.nearest);
  const trial = new Trial(denied, facts);
  for (let count = 1; count <= Math.min(together, candidates.length); count++) {
    let asks: Choice | null = null;
    const most = count === 1 ? each : EACH;
    for (const choice of first(choices(candidates, count, most), MOST_TRIES)) {
      const effect = trial.admits(choice) ? trial.effect(choice) : 'deny';
      if (effect === 'allow') return trial.change(choice, candidates, ms, effect);
      if (effect === 'review') asks ??= choice;
    }
    if (asks !== null) return trial.change(asks, candidates, ms, 'review');
  }
  return null;
}

type Choice = readonly { readonly pointer: string; readonly value: Scalar }[];

/** Values to try, those nearest to the present one first. */
interface Candidates {
  readonly pointer: string;
  readonly values: readonly Scalar[];
}

/** Every choice of so many arguments with a value for each. */
function* choices(all: readonly Candidates[], count: number, most: number): Generator<Choice> {
  if (count === 0) {
    yield [];
    return;
  }
  for (const [i, { pointer, values }] of all.entries())
    for (const value of values.slice(0, most))
      for (const rest of choices(all.slice(i + 1), count - 1, most)) yield [{ pointer, value }, ...rest];
}

/** Decides changed calls, on the same facts. */
class Trial {
  readonly #denied: Denied;
  readonly #facts: Facts;
  #checks = MOST_CHECKS;

  constructor(denied: Denied, facts: Facts) {
    this.#denied = denied;
    this.#facts = facts;
  }

  #args(choice: Choice): JsonRecord | null {
    return choice.reduce<JsonRecord | null>(
      (args, { pointer, value }) => args && replaced(args, pointer, value),
      this.#denied.request.intent.args,
    );
  }

  admits(choice: Choice): boolean {
    const args = this.#args(choice);
    return args !== null && this.#denied.fits(args) === null;
  }

  effect(choice: Choice): 'allow' | 'review' | 'deny' {
    const { module, request } = this.#denied;
    const args = this.#args(choice);
    if (args === null) return 'deny';
    return module.decide({ ...request, intent: { ...request.intent, args } }, this.#facts, 'call').effect;
  }

  /** The change, each part as wide as it may be: one after the other, with those before it anywhere in theirs. */
  change(choice: Choice, candidates: readonly Candidates[], ms: number | null, effect: Permitted): Change {
    const parts: Part[] = [];
    const tested: (readonly Scalar[])[] = choice.map(({ value }) => [value]);
    for (const [i, { pointer, value }] of choice.entries()) {
      const permits = (other: Scalar): boolean =>
        this.#all(choice, tested.with(i, [other]), (changed) => this.effect(changed) === effect);
      const turns = this.#denied.nearest.turns?.[pointer];
      if (typeof value === 'number') {
        const wide = turns === undefined ? null : widest(value, turns, permits);
        if (wide !== null) tested[i] = wide.tested;
        parts.push({ pointer, value, range: wide?.range ?? null, or: [] });
        continue;
      }
      const others = candidates.find((one) => one.pointer === pointer)?.values ?? [];
      const fit = (other: Scalar): boolean =>
        this.#all(choice, tested.with(i, [other]), (changed) => this.admits(changed)) && permits(other);
      const or = others.filter(
        (other) => other !== value && isChoice(other) && isChoice(value) && fit(other),
      );
      tested[i] = [value, ...or];
      parts.push({ pointer, value, range: null, or });
    }
    return { values: parts, ms, effect };
  }

  /** Whether it holds of every combination of these values. */
  #all(choice: Choice, values: readonly (readonly Scalar[])[], holds: (choice: Choice) => boolean): boolean {
    const all = (chosen: Choice, i: number): boolean => {
      const one = choice[i];
      if (one === undefined) return this.#checks-- > 0 && holds(chosen);
      return (values[i] ?? []).every((value) => all([...chosen, { pointer: one.pointer, value }], i + 1));
    };
    return all([], 0);
  }
}

/** Not a path that was made up of a folder and a name. */
const isChoice = (value: Scalar): boolean => typeof value !== 'string' || !value.startsWith('/');

/**
 * The widest range around the value in which all are permitted. Between two neighbouring turns no condition changes, so one number
 * stands for all between them; `tested` are those.
 */
function widest(
  value: number,
  turns: readonly number[],
  permits: (value: number) => boolean,
): { readonly range: Range; readonly tested: readonly number[] } | null {
  const points = [...new Set(turns)].sort((a, b) => a - b);
  // Gaps and points by turns: a gap before the first point, one behind each.
  const cells = [Number.NEGATIVE_INFINITY, ...points].flatMap((low, i): readonly Cell[] => {
    const gap = { at: within(low, points[i] ?? Number.POSITIVE_INFINITY), low, high: points[i] ?? null };
    const own = low === Number.NEGATIVE_INFINITY ? [] : [{ at: low, low, high: low }];
    return [...own, gap];
  });
  const home = cells.findIndex(({ at, low, high }) =>
    low === high ? value === at : value > low && (high === null || value < high),
  );
  const holds = (i: number): boolean => {
    const at = cells[i]?.at ?? null;
    // Between two doubles that are neighbours there is nothing.
    return i in cells && (at === null || permits(at));
  };
  if (home < 0 || !holds(home)) return null;
  let [from, to] = [home, home];
  while (holds(from - 1)) from--;
  while (holds(to + 1)) to++;
  const [lowest, highest] = [cells[from], cells[to]];
  if (lowest === undefined || highest === undefined) return null;
  const low = lowest.low === Number.NEGATIVE_INFINITY ? null : edge(lowest.low, lowest);
  const high = highest.high === null ? null : edge(highest.high, highest);
  return { range: { low, high }, tested: cells.slice(from, to + 1).flatMap(({ at }) => at ?? []) };
}

/** A point (`low` is `high`), or what lies between two; null is no bound. */
interface Cell {
  readonly at: number | null;
  readonly low: number;
  readonly high: number | null;
}
const edge = (at: number, { low, high }: Cell): Edge => ({ at, open: low !== high });

/** A number between, whole if there is one; null where there is none. */
function within(low: number, high: number): number | null {
  const middle = Number.isFinite(low)
    ? Number.isFinite(high)
      ? low / 2 + high / 2
      : low + Math.max(1, Math.abs(low))
    : Number.isFinite(high)
      ? high - Math.max(1, Math.abs(high))
      : 0;
  return [Math.floor(low) + 1, Math.ceil(high) - 1, middle].find((x) => x > low && x < high) ?? null;
}

function candidatesOf(args: JsonRecord, { values, under }: Nearest): readonly Candidates[] {
  const found = new Map<string, Scalar[]>();
  const put = (pointer: string, all: readonly Scalar[]): void => {
    if (all.length > 0) found.set(pointer, [...new Set([...(found.get(pointer) ?? []), ...all])]);
  };
  for (const [pointer, all] of Object.entries(values)) {
    const present = at(args, pointer);
    const gap = (value: Scalar): number =>
      typeof value === 'number' && typeof present === 'number' ? Math.abs(value - present) : 0;
    const other = (value: Scalar): boolean =>
      value !== present && (present === undefined || typeof value === typeof present);
    put(
      pointer,
      all.filter(other).toSorted((a, b) => gap(a) - gap(b)),
    );
  }
  for (const [pointer, roots] of Object.entries(under)) {
    const present = at(args, pointer);
    if (typeof present !== 'string') continue;
    const last = present.split('/').findLast((segment) => segment !== '');
    put(
      pointer,
      roots.map((root) => `${root.replace(/\/$/, '')}/${last ?? ''}`),
    );
  }
  return [...found].map(([pointer, all]) => ({ pointer, values: all }));
}

const segmentsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));

const isRecord = (value: Json | undefined): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function at(args: JsonRecord, pointer: string): Json | undefined {
  let found: Json | undefined = args;
  for (const name of segmentsOf(pointer))
    found = isRecord(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  return found;
}

/** The arguments with another value there; null where its parent is not there. */
export function replaced(args: JsonRecord, pointer: string, value: Scalar): JsonRecord | null {
  const put = (parent: Json | undefined, [name, ...rest]: readonly string[]): JsonRecord | null => {
    if (!isRecord(parent) || name === undefined) return null;
    const child = Object.hasOwn(parent, name) ? parent[name] : undefined;
    const inner = rest.length === 0 ? value : put(child, rest);
    if (inner === null) return null;
    const entries = Object.entries(parent).filter(([key]) => key !== name);
    return Object.assign(Object.create(null) as object, Object.fromEntries([...entries, [name, inner]]));
  };
  return put(args, segmentsOf(pointer));
}

const QUARTER = 15 * 60_000;
const WEEK = 7 * 24 * 3_600_000;
/** As many as the ledger lists. */
const MANY_TURNS = 64;

/** When measures change, and for policies that read the clock (`clocks` are those facts) the quarters of an hour of a week: the facts then. */
export function* laterFacts(
  facts: Facts,
  turns: readonly { readonly at: number; readonly values: Facts }[],
  clocks: readonly string[],
  now: number,
): Generator<Later> {
  const quarters = clocks.length === 0 ? [] : Array.from({ length: WEEK / QUARTER }, (_, i) => i + 1);
  const begin = Math.floor(now / QUARTER) * QUARTER;
  // Past the last of very many turns it is not known what is counted.
  const end = turns.length < MANY_TURNS ? Number.POSITIVE_INFINITY : (turns.at(-1)?.at ?? now);
  const moments = [...turns.map((turn) => turn.at), ...quarters.map((i) => begin + i * QUARTER)].filter(
    (moment) => moment <= end,
  );
  for (const moment of [...new Set(moments)].sort((a, b) => a - b)) {
    const values = turns.findLast((turn) => turn.at <= moment)?.values ?? {};
    const clock = Object.fromEntries(clocks.map((name) => [name, new Date(moment).toISOString()]));
    yield { at: moment, facts: Object.assign(Object.create(null) as object, facts, values, clock) };
  }
}

/** One sentence for each change, as callers are told. */
export function changeWords({ values, ms, effect }: Change): string {
  const then = effect === 'allow' ? 'would be allowed' : 'would be put before people';
  const when = ms === null ? '' : values.length === 0 ? ` again in ${waitWords(ms)}` : ` in ${waitWords(ms)}`;
  const parts = values.map(partWords);
  const last = parts.pop();
  if (last === undefined) return `It ${then}${when}.`;
  return `It ${then}${when} with ${parts.length === 0 ? '' : `${parts.join(', ')} and `}${last}.`;
}

function partWords({ pointer, value, range, or }: Part): string {
  const name = `\`${segmentsOf(pointer).join('.')}\``;
  const { low, high } = range ?? { low: null, high: null };
  if (low !== null && high !== null && low.at < high.at && !low.open && !high.open)
    return `${name} from ${low.at} to ${high.at}`;
  const bounds = [
    ...(low === null ? [] : [low.open ? `above ${low.at}` : `of at least ${low.at}`]),
    ...(high === null ? [] : [high.open ? `below ${high.at}` : `of at most ${high.at}`]),
  ];
  if (bounds.length > 0 && low?.at !== high?.at) return `${name} ${bounds.join(' and ')}`;
  return `${name} ${[value, ...or].map((one) => JSON.stringify(one)).join(' or ')}`;
}

function waitWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3_600)} h`;
}
