// SPDX-License-Identifier: Apache-2.0
/** From a pattern to a table: one step a character, whatever the text. */
import { assertNever } from '../assert.js';
import type { DfaIr } from '../ir.js';
import { LAST, type Ranges } from './ranges.js';
import { parseRegex, type Regex } from './syntax.js';

export type DfaResult =
  | { readonly ok: true; readonly dfa: DfaIr }
  | { readonly ok: false; readonly what: string };

const MAX_STATES = 2_000;
const MAX_PARTS = 4_000;
const MAX_CELLS = 40_000;
/** Steps of the construction: patterns are small, and what is not ends in time. */
const MAX_WORK = 4_000_000;

export function compileRegex(source: string): DfaResult {
  const parsed = parseRegex(source);
  if (!parsed.ok) return parsed;
  const nfa: Nfa = { edges: [], empty: [] };
  const start = state(nfa);
  const end = build(nfa, parsed.regex, start);
  if (end === null)
    return { ok: false, what: `written out, its repetitions have more than ${MAX_PARTS} parts` };
  const dfa = determinise(nfa, start, end);
  const what = `it needs more than ${MAX_STATES} states; bound its repetitions, or split it`;
  return dfa === null ? { ok: false, what } : { ok: true, dfa };
}

interface Nfa {
  readonly edges: ({ readonly set: Ranges; readonly to: number } | null)[];
  readonly empty: number[][];
}

function state(nfa: Nfa): number {
  nfa.edges.push(null);
  return nfa.empty.push([]) - 1;
}
const link = (nfa: Nfa, from: number, to: number): void => void nfa.empty[from]?.push(to);

/** Adds the pattern behind `from`, a state without edges; the state behind it, or null when there are too many. */
function build(nfa: Nfa, regex: Regex, from: number): number | null {
  if (nfa.edges.length > MAX_PARTS) return null;
  switch (regex.kind) {
    case 'set': {
      const to = state(nfa);
      const at = state(nfa);
      link(nfa, from, at);
      nfa.edges[at] = { set: regex.set, to };
      return to;
    }
    case 'cat': {
      let at: number | null = from;
      for (const item of regex.items) at = at === null ? null : build(nfa, item, at);
      return at;
    }
    case 'alt': {
      const to = state(nfa);
      for (const item of regex.items) {
        const at = state(nfa);
        link(nfa, from, at);
        const end = build(nfa, item, at);
        if (end === null) return null;
        link(nfa, end, to);
      }
      return to;
    }
    case 'repeat':
      return repeat(nfa, regex, from);
    default:
      return assertNever(regex);
  }
}

function repeat(
  nfa: Nfa,
  { item, min, max }: Extract<Regex, { kind: 'repeat' }>,
  from: number,
): number | null {
  let at: number | null = from;
  for (let i = 0; i < min && at !== null; i++) at = build(nfa, item, at);
  if (at === null) return null;
  const to = state(nfa);
  link(nfa, at, to);
  if (max === null) {
    const loop = state(nfa);
    link(nfa, at, loop);
    const end = build(nfa, item, loop);
    if (end === null) return null;
    link(nfa, end, loop);
    link(nfa, end, to);
    return to;
  }
  for (let i = min; i < max; i++) {
    const next: number | null = build(nfa, item, at);
    if (next === null) return null;
    link(nfa, next, to);
    at = next;
  }
  return to;
}

/** Runs of code points that no edge tells apart; those that the same edges take share a class. */
function classesOf(nfa: Nfa): Pick<DfaIr, 'starts' | 'classes'> & { readonly samples: readonly number[] } {
  const cuts = new Set([0]);
  const sets = nfa.edges.flatMap((edge) => (edge === null ? [] : [edge.set]));
  for (const set of sets) {
    for (const [low, high] of set) {
      cuts.add(low);
      if (high < LAST) cuts.add(high + 1);
    }
  }
  const starts = [...cuts].sort((a, b) => a - b);
  const unique = [...new Map(sets.map((set) => [JSON.stringify(set), set])).values()];
  const taken = starts.map(() => '');
  for (const set of unique) {
    let i = 0;
    for (const [at, start] of starts.entries()) {
      while (i < set.length && (set[i]?.[1] ?? 0) < start) i++;
      taken[at] += (set[i]?.[0] ?? LAST + 1) <= start ? '1' : '0';
    }
  }
  const numbers = new Map<string, number>();
  const samples: number[] = [];
  const classes = taken.map((key, at) => {
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, samples.length);
    return samples.push(starts[at] ?? 0) - 1;
  });
  return { starts, classes, samples };
}

/** State 0 is the one without a way out. */
function determinise(nfa: Nfa, start: number, end: number): DfaIr | null {
  const { starts, classes, samples } = classesOf(nfa);
  const width = samples.length;
  const sets: (readonly number[])[] = [[]];
  const numbers = new Map([['', 0]]);
  let work = 0;
  const number = (states: readonly number[]): number => {
    const closed = closure(nfa, states);
    work += closed.length + 1;
    const key = closed.join(' ');
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, sets.length);
    return sets.push(closed) - 1;
  };
  const first = number([start]);
  const next: number[] = [];
  for (let at = 0; at < sets.length; at++) {
    if (sets.length > MAX_STATES || sets.length * width > MAX_CELLS || work > MAX_WORK) return null;
    const edges = (sets[at] ?? []).flatMap((s) => nfa.edges[s] ?? []);
    work += edges.length * width;
    for (const sample of samples) {
      next.push(number(edges.filter((edge) => within(edge.set, sample)).map((edge) => edge.to)));
    }
  }
  const accepts = sets.flatMap((states, i) => (states.includes(end) ? [i] : []));
  return { starts, classes, width, first, next, accepts };
}

const within = (set: Ranges, point: number): boolean =>
  set.some(([low, high]) => point >= low && point <= high);

/** The states that can be reached without a character, in order. */
function closure(nfa: Nfa, states: readonly number[]): readonly number[] {
  const seen = new Set(states);
  for (const at of seen) for (const to of nfa.empty[at] ?? []) seen.add(to);
  return [...seen].sort((a, b) => a - b);
}
