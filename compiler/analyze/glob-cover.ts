// SPDX-License-Identifier: Apache-2.0
/**
 * Many globs as one automaton. A state is the set of places that the globs can be at: those inside a wildcard, where one stays, and
 * those on the way through a literal piece. Few states have others of the first kind, so what they lead to is remembered.
 */
import type { GlobIr } from '../ir.js';

export interface GlobAutomaton {
  readonly start: GlobState;
  readonly step: (state: GlobState, char: string) => GlobState;
  /** The characters that lead on from one of the places that move. */
  readonly chars: (place: number) => readonly string[];
}

/** One object for one state. */
export interface GlobState {
  /** Numbered as they are met. */
  readonly id: number;
  readonly stay: Stay;
  /** In order. */
  readonly moving: readonly number[];
  /** Which globs hold when the text ends here. */
  readonly answer: string;
}

/** Wildcards that one is in. */
interface Stay {
  readonly id: number;
  readonly key: string;
  readonly spots: readonly number[];
  readonly next: Map<string, GlobState>;
  /** The characters that lead on from some of them. */
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
  const states = new States(spots);
  const at = (id: number): Spot => spots[id] as Spot;
  /** Where the wildcards alone lead. */
  const onwards = (stay: Stay, char: string): GlobState => {
    const known = stay.next.get(char);
    if (known !== undefined) return known;
    states.begin();
    for (const id of stay.spots) {
      const { chars, gap, reach } = at(id);
      states.add(chars.get(char)?.reach ?? NOWHERE);
      if (gap === 'any' || char !== '/') states.add(reach);
    }
    const made = states.end();
    stay.next.set(char, made);
    return made;
  };
  const step = ({ stay, moving }: GlobState, char: string): GlobState => {
    const base = onwards(stay, char);
    let begun = false;
    for (const id of moving) {
      const on = at(id).chars.get(char);
      if (on === undefined) continue;
      if (!begun) states.begin();
      begun = true;
      states.add(on.reach);
    }
    if (!begun) return base;
    states.add(base.stay.spots);
    states.add(base.moving);
    return states.end();
  };
  states.begin();
  states.add(at(0).reach);
  return {
    start: states.end(),
    step,
    chars: (place) => [...at(place).chars.keys()],
  };
}

const NOWHERE: readonly number[] = [];

/** Collects the places of one state at a time: `begin`, `add`, `end`. */
class States {
  readonly #spots: readonly Spot[];
  readonly #stays = new Map<string, Stay>();
  readonly #states = new Map<string, GlobState>();
  /** The round in which a place was last added, and in which it was last kept as one to stay in. */
  readonly #added: Uint32Array;
  readonly #inside: Uint32Array;
  #round = 0;
  #staying: number[] = [];
  #moving: number[] = [];

  constructor(spots: readonly Spot[]) {
    this.#spots = spots;
    this.#added = new Uint32Array(spots.length);
    this.#inside = new Uint32Array(spots.length);
  }

  begin(): void {
    this.#round++;
    this.#staying = [];
    this.#moving = [];
  }

  add(ids: readonly number[]): void {
    for (const id of ids) {
      if (this.#added[id] === this.#round) continue;
      this.#added[id] = this.#round;
      (this.#spots[id]?.gap === null ? this.#moving : this.#staying).push(id);
    }
  }

  end(): GlobState {
    const staying = this.#kept(this.#staying, this.#added);
    for (const id of staying) this.#inside[id] = this.#round;
    const stay = this.#stayOf(staying);
    const moving = this.#kept(this.#moving, this.#inside);
    const key = moving.length === 0 ? stay.key : `${stay.key} ${moving.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    let answer = '';
    for (const id of stay.spots) if (this.#spots[id]?.ends === true) answer += `${id},`;
    for (const id of moving) if (this.#spots[id]?.ends === true) answer += `${id},`;
    const made = { id: this.#states.size, stay, moving, answer };
    this.#states.set(key, made);
    return made;
  }

  /** Those that are not settled, in order. They are few: put in their places one by one. */
  #kept(ids: readonly number[], among: Uint32Array): readonly number[] {
    const found: number[] = [];
    for (const id of ids) {
      if (this.#settled(id, among)) continue;
      let at = found.push(id) - 1;
      for (let before = found[at - 1]; before !== undefined && before > id; before = found[at - 1])
        found[at--] = before;
      found[at] = id;
    }
    return found;
  }

  /** Nothing that is still to come can change what the globs through this place say: they hold for good in wildcards that are `kept`. */
  #settled(id: number, kept: Uint32Array): boolean {
    const ends = this.#spots[id]?.settled ?? null;
    if (ends === null) return false;
    for (const end of ends) if (end === id || kept[end] !== this.#round) return false;
    return true;
  }

  #stayOf(spots: readonly number[]): Stay {
    const key = spots.join();
    const known = this.#stays.get(key);
    if (known !== undefined) return known;
    const chars = new Set<string>();
    for (const id of spots) {
      const spot = this.#spots[id];
      for (const char of spot?.chars.keys() ?? []) chars.add(char);
      if (spot?.gap === 'segment') chars.add('/');
    }
    const made: Stay = { id: this.#stays.size, key, spots, next: new Map(), chars: [...chars] };
    this.#stays.set(key, made);
    return made;
  }
}

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
    at.reach = at.gaps.size === 0 ? [at.id] : reachOf(at);
    at.settled = settledOf(at);
  }
  return spots;
}

const reachOf = (at: Spot): readonly number[] => [
  ...new Set([at.id, ...[...at.gaps.values()].flatMap(({ reach }) => reach)]),
];

function settledOf(at: Spot): readonly number[] | null {
  const found = at.ends ? (at.gap === 'any' ? [at.id] : null) : [];
  if (found === null) return null;
  for (const next of [at.chars, at.gaps]) {
    for (const { settled } of next.values()) {
      if (settled === null) return null;
      found.push(...settled);
    }
  }
  return found.length <= MOST_SETTLED ? found : null;
}
