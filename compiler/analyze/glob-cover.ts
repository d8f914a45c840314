// SPDX-License-Identifier: Apache-2.0
/**
 * Many globs as one automaton. A state is the set of places that the globs can be at: those inside a wildcard, where one stays, and
 * those on the way through a literal piece. Few states have others of the first kind, so what they lead to is remembered.
 */
import type { GlobIr } from '../ir.js';

export interface GlobAutomaton {
  readonly start: GlobState;
  readonly key: (state: GlobState) => string;
  readonly step: (state: GlobState, char: string) => GlobState;
  /** Which globs hold when the text ends here. */
  readonly answer: (state: GlobState) => string;
  /** The characters that lead on from some place. */
  readonly chars: (state: GlobState) => readonly string[];
}

/** `moving` in order. */
export interface GlobState {
  readonly stay: Stay;
  readonly moving: readonly number[];
}

/** Wildcards that one is in. */
interface Stay {
  readonly id: number;
  readonly spots: readonly number[];
  readonly next: Map<string, GlobState>;
  readonly chars: readonly string[];
}

/** A place in the globs; globs that begin alike share their places. */
interface Spot {
  readonly id: number;
  /** The gap that one may stay in here. */
  readonly gap: 'any' | 'segment' | null;
  readonly chars: Map<string, Spot>;
  readonly gaps: Map<string, Spot>;
  /** Some glob ends here. */
  ends: boolean;
  /** Itself and, since a gap may be empty, what follows it. */
  reach: readonly number[];
  /** Where all globs through here end for good (`…*` holds for every longer text): null where one ends otherwise, or they are many. */
  settled: readonly number[] | null;
}

const MOST_SETTLED = 4;

export function globAutomaton(globs: readonly GlobIr[]): GlobAutomaton {
  const spots = spotsOf(globs);
  const stays = new Map<string, Stay>();
  const at = (id: number): Spot => spots[id] as Spot;

  const stayOf = (ids: ReadonlySet<number>): Stay => {
    const kept = [...ids].filter((id) => !isSettled(at(id), ids)).sort((a, b) => a - b);
    const key = kept.join();
    const known = stays.get(key);
    if (known !== undefined) return known;
    const made: Stay = { id: stays.size, spots: kept, next: new Map(), chars: charsOf(kept.map(at)) };
    stays.set(key, made);
    return made;
  };
  const stateOf = (ids: ReadonlySet<number>): GlobState => {
    const stay = stayOf(new Set([...ids].filter((id) => at(id).gap !== null)));
    const inside = new Set(stay.spots);
    const moving = [...ids].filter((id) => at(id).gap === null && !isSettled(at(id), inside));
    return { stay, moving: moving.sort((a, b) => a - b) };
  };
  /** Where the wildcards alone lead. */
  const onwards = (stay: Stay, char: string): GlobState => {
    const known = stay.next.get(char);
    if (known !== undefined) return known;
    const next = new Set<number>();
    for (const { chars, gap, reach } of stay.spots.map(at)) {
      for (const id of chars.get(char)?.reach ?? []) next.add(id);
      if (gap === 'any' || char !== '/') for (const id of reach) next.add(id);
    }
    const made = stateOf(next);
    stay.next.set(char, made);
    return made;
  };
  const step = ({ stay, moving }: GlobState, char: string): GlobState => {
    const base = onwards(stay, char);
    let more: number[] | null = null;
    for (const id of moving) {
      const on = at(id).chars.get(char);
      if (on !== undefined) more = [...(more ?? []), ...on.reach];
    }
    return more === null ? base : stateOf(new Set([...base.stay.spots, ...base.moving, ...more]));
  };
  return {
    start: stateOf(new Set(at(0).reach)),
    key: ({ stay, moving }) => `${stay.id}:${moving.join()}`,
    step,
    answer: ({ stay, moving }) => [...stay.spots, ...moving].filter((id) => at(id).ends).join(),
    chars: ({ stay, moving }) =>
      moving.length === 0 ? stay.chars : [...stay.chars, ...moving.flatMap((id) => [...at(id).chars.keys()])],
  };
}

const charsOf = (spots: readonly Spot[]): readonly string[] => [
  ...new Set(spots.flatMap(({ chars, gap }) => [...chars.keys(), ...(gap === 'segment' ? ['/'] : [])])),
];

/** Nothing that is still to come can change what the globs through this place say. */
const isSettled = ({ id, settled }: Spot, inside: ReadonlySet<number>): boolean =>
  settled?.every((end) => end !== id && inside.has(end)) ?? false;

/** The first is where all of them begin. */
function spotsOf(globs: readonly GlobIr[]): readonly Spot[] {
  const spots: Spot[] = [];
  const spot = (gap: Spot['gap']): Spot => {
    const made: Spot = {
      id: spots.length,
      gap,
      chars: new Map(),
      gaps: new Map(),
      ends: false,
      reach: [],
      settled: null,
    };
    spots.push(made);
    return made;
  };
  const root = spot(null);
  const child = (map: Map<string, Spot>, key: string, gap: Spot['gap']): Spot => {
    const next = map.get(key) ?? spot(gap);
    map.set(key, next);
    return next;
  };
  for (const { parts, gaps } of globs) {
    let at = root;
    for (const [i, part] of parts.entries()) {
      for (const char of part) at = child(at.chars, char, null);
      const gap = gaps[i];
      if (gap !== undefined) at = child(at.gaps, gap, gap);
    }
    at.ends = true;
  }
  // What follows a place was made after it.
  for (const at of spots.toReversed()) {
    at.reach = [...new Set([at.id, ...[...at.gaps.values()].flatMap(({ reach }) => reach)])];
    at.settled = settledOf(at);
  }
  return spots;
}

function settledOf(at: Spot): readonly number[] | null {
  const found = at.ends ? (at.gap === 'any' ? [at.id] : null) : [];
  if (found === null) return null;
  for (const { settled } of [...at.chars.values(), ...at.gaps.values()]) {
    if (settled === null) return null;
    found.push(...settled);
  }
  return found.length <= MOST_SETTLED ? found : null;
}
