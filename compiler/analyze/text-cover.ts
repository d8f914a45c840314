// SPDX-License-Identifier: Apache-2.0
/**
 * Texts that conditions tell apart. All tests on one field run as one automaton; each answer that it can give is reached by a
 * shortest text. Symbols that no test tells apart are one symbol.
 */
import { pathSegments } from '../../stdlib/path.js';
import type { DfaIr, GlobIr } from '../ir.js';
import { globAutomaton, type GlobState } from './glob-cover.js';

export type TextTest =
  | { readonly kind: 'glob'; readonly glob: GlobIr; readonly lower: boolean }
  | { readonly kind: 'under'; readonly root: string }
  | { readonly kind: 'order'; readonly text: string }
  | { readonly kind: 'dfa'; readonly dfa: DfaIr }
  /** Lengths up to `most` and beyond. */
  | { readonly kind: 'size'; readonly most: number };

export interface Bounds {
  readonly states: number;
  readonly answers: number;
}
const BOUNDS: Bounds = { states: 30_000, answers: 3_000 };
const KEPT = 3;
/** More than a part has states. */
const WIDE = 2 ** 26;

/** A deterministic part of the automaton; states are numbers of its own. */
interface Part {
  readonly start: number;
  readonly step: (state: number, symbol: number) => number;
  /** Symbols that lead elsewhere than those that no test mentions. */
  readonly live: (state: number) => readonly number[];
  /** What the tests of this part answer when the text ends here. */
  readonly answer: (state: number) => string;
}

/** Texts that meet every combination of answers, each starting with one of `starts`; null past the bounds. */
export function coverTexts(
  tests: readonly TextTest[],
  starts: readonly string[] = [''],
  without = '',
  bounds = BOUNDS,
): readonly string[] | null {
  const has = (kind: TextTest['kind']): boolean => tests.some((test) => test.kind === kind);
  // Neighbours in the order of characters and classes of a regex would have to be told apart together.
  if (has('dfa') && has('order')) return null;
  const { mentioned, fresh } = alphabet(tests);
  const symbols = [...fresh, ...mentioned];
  for (const c of starts.join('')) if (!symbols.includes(c)) symbols.push(c);
  const all = partsOf(tests, symbols, new Set(fresh));
  const parts = all.length === 1 ? all : all.map((part) => remembered(part, symbols.length));
  const barred = symbols.map((c) => without.includes(c));
  const walk = new Walk(parts, symbols, bounds);
  for (const start of starts) {
    const states = parts.map((part) =>
      [...start].reduce((s, c) => part.step(s, symbols.indexOf(c)), part.start),
    );
    walk.begin(states, start);
  }
  const told = new Uint32Array(symbols.length);
  const next = parts.map(() => 0);
  // Nearest first: every answer is met by a shortest text.
  for (let at = 0; at < walk.size; at++) {
    const states = walk.statesAt(at);
    tell(told, at + 1, parts, states);
    for (let symbol = 0; symbol < told.length; symbol++) {
      if (told[symbol] !== at + 1 || barred[symbol] === true) continue;
      for (let p = 0; p < next.length; p++) next[p] = parts[p]?.step(states[p] ?? 0, symbol) ?? 0;
      if (!walk.visit(next, at, symbol)) return null;
    }
  }
  return walk.texts();
}

/** The states of the whole, each with the one that it was reached from, and by which symbol; the first ones by what a text starts with. */
class Walk {
  readonly #states: (readonly number[])[] = [];
  readonly #from: number[] = [];
  readonly #symbol: number[] = [];
  readonly #starts: string[] = [];
  readonly #seen = new Set<number>();
  readonly #pairs: Map<number, number>[] = [];
  readonly #found = new Map<string, string[]>();
  readonly #parts: readonly Part[];
  readonly #symbols: readonly string[];
  readonly #bounds: Bounds;

  constructor(parts: readonly Part[], symbols: readonly string[], bounds: Bounds) {
    this.#parts = parts;
    this.#symbols = symbols;
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#states.length;
  }

  statesAt(node: number): readonly number[] {
    return this.#states[node] ?? [];
  }

  begin(states: readonly number[], start: string): void {
    // What a text starts with is not yet one: the state behind it is met again.
    const number = this.#number(states);
    const key = start === '' ? number : -1 - number;
    if (this.#seen.has(key)) return;
    this.#starts.push(start);
    this.#add(key, states, -this.#starts.length, 0);
    if (start === '') this.#note(states);
  }

  /** False past the bounds. `states` is copied. */
  visit(states: readonly number[], from: number, symbol: number): boolean {
    const key = this.#number(states);
    if (this.#seen.has(key)) return true;
    const kept = states.slice();
    this.#add(key, kept, from, symbol);
    this.#note(kept);
    return this.#seen.size <= this.#bounds.states && this.#found.size <= this.#bounds.answers;
  }

  #add(key: number, states: readonly number[], from: number, symbol: number): void {
    this.#seen.add(key);
    this.#states.push(states);
    this.#from.push(from);
    this.#symbol.push(symbol);
  }

  /** One number for the states of all parts. */
  #number(states: readonly number[]): number {
    let whole = states[0] ?? 0;
    for (let i = 1; i < states.length; i++) {
      const pairs = (this.#pairs[i] ??= new Map());
      const pair = whole * WIDE + (states[i] ?? 0);
      whole = pairs.get(pair) ?? pairs.size;
      if (whole === pairs.size) pairs.set(pair, whole);
    }
    return whole;
  }

  #note(states: readonly number[]): void {
    let answer = '';
    for (let i = 0; i < states.length; i++) answer += `${this.#parts[i]?.answer(states[i] ?? 0) ?? ''} `;
    const texts = this.#found.get(answer);
    if (texts === undefined) this.#found.set(answer, [this.#text()]);
    else if (texts.length < KEPT) texts.push(this.#text());
  }

  /** Of the last one. */
  #text(): string {
    let text = '';
    let at = this.size - 1;
    while (at >= 0) {
      const from = this.#from[at] ?? -1;
      if (from < 0) return (this.#starts[-from - 1] ?? '') + text;
      text = (this.#symbols[this.#symbol[at] ?? 0] ?? '') + text;
      at = from;
    }
    return text;
  }

  texts(): readonly string[] {
    return [...this.#found.values()].flat();
  }
}

/** Marks the symbols that some part tells from others in this state, and one that none does. */
function tell(told: Uint32Array, mark: number, parts: readonly Part[], states: readonly number[]): void {
  told[0] = told[1] = mark;
  for (let p = 0; p < parts.length; p++)
    for (const symbol of parts[p]?.live(states[p] ?? 0) ?? []) told[symbol] = mark;
}

/** Every character that a test mentions, what is special to one, and some that none mentions. */
function alphabet(tests: readonly TextTest[]): {
  readonly mentioned: readonly string[];
  readonly fresh: readonly string[];
} {
  const mentioned = new Set<string>();
  const mention = (text: string, lower: boolean): void => {
    for (const c of text) {
      mentioned.add(c);
      if (!lower) continue;
      for (const variant of [c.toUpperCase(), '\u212a', '\u212b', '\u0130']) {
        if ([...variant].length === 1 && variant.toLowerCase() === c) mentioned.add(variant);
      }
    }
  };
  for (const test of tests) {
    if (test.kind === 'glob') {
      for (const part of test.glob.parts) mention(part, test.lower);
      if (test.glob.gaps.includes('segment')) mentioned.add('/');
      if (test.lower) mentioned.add('\u0130');
    } else if (test.kind === 'under') {
      mention(test.root, false);
      for (const c of './;: \u1680') mentioned.add(c);
    } else if (test.kind === 'order') {
      mention(test.text, false);
      for (const c of test.text) for (const n of neighbours(c)) mentioned.add(n);
    }
  }
  const unused = (among: string): readonly string[] =>
    [...among].filter((c) => !mentioned.has(c)).slice(0, 1);
  const refused = tests.some((test) => test.kind === 'under') ? unused(REFUSED) : [];
  const plain = [...unused(LETTERS), ...unused(OTHERS), ...refused];
  const dfas = tests.flatMap((test) => (test.kind === 'dfa' ? [test.dfa] : []));
  const classes = dfas.length === 0 ? [] : classSymbols(dfas, (c) => !mentioned.has(c) && !plain.includes(c));
  return { fresh: [...plain, ...classes], mentioned: [...mentioned].sort() };
}
/** For each combination of classes of the regexes, characters of every kind that no other test mentions. */
function classSymbols(dfas: readonly DfaIr[], free: (c: string) => boolean): readonly string[] {
  const points = new Set<number>();
  for (const { starts } of dfas) {
    // A run of characters is met by its ends, and by a few in between.
    for (const [i, start] of starts.entries()) {
      const end = (starts[i + 1] ?? 0x110000) - 1;
      for (let k = 0; k < 8; k++) points.add(start + k).add(end - k);
    }
  }
  for (const c of LETTERS + OTHERS + REFUSED) points.add(c.codePointAt(0) ?? 0);
  const found = new Map<string, string>();
  for (const point of [...points].sort((a, b) => a - b)) {
    if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) continue;
    const c = String.fromCodePoint(point);
    const key = `${kindOf(c)} ${dfas.map((dfa) => classOf(dfa, point)).join()}`;
    if (free(c) && !found.has(key)) found.set(key, c);
  }
  return [...found.values()];
}

function classOf({ starts, classes }: DfaIr, point: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= point) low = middle;
    else high = middle - 1;
  }
  return classes[low] ?? 0;
}

/** A regex that the compiler has made an automaton of. */
function dfaPart(dfa: DfaIr, symbols: readonly string[]): Part {
  const classes = symbols.map((c) => classOf(dfa, c.codePointAt(0) ?? 0));
  const all = symbols.map((_, i) => i);
  return {
    start: dfa.first,
    step: (state, symbol) => (state === 0 ? 0 : (dfa.next[state * dfa.width + (classes[symbol] ?? 0)] ?? 0)),
    live: (state) => (state === 0 ? [] : all),
    answer: (state) => (dfa.accepts.includes(state) ? 'y' : 'n'),
  };
}

/** One of each stands for all characters that no test mentions. */
const LETTERS = 'xzqwkjvygabcdefhilmnoprstuXZQWKJVYGABCDEFHILMNOPRSTU';
const OTHERS = '10_79!,25683=+&^$#@()[]{}|éλ\u{1f600}';

/** What `under` refuses. */
const REFUSED = '~%\\\u0007\u2044\uff0f';

function neighbours(c: string): readonly string[] {
  const point = c.codePointAt(0) ?? 0;
  return [point - 1, point + 1]
    .filter((p) => p >= 0x20 && p <= 0x10ffff && (p < 0xd800 || p > 0xdfff))
    .map((p) => String.fromCodePoint(p));
}

function partsOf(
  tests: readonly TextTest[],
  symbols: readonly string[],
  fresh: ReadonlySet<string>,
): readonly Part[] {
  const globs = tests.flatMap((t) => (t.kind === 'glob' && !t.lower ? [t.glob] : []));
  const lowered = tests.flatMap((t) => (t.kind === 'glob' && t.lower ? [t.glob] : []));
  const roots = [...new Set(tests.flatMap((t) => (t.kind === 'under' ? [t.root] : [])))];
  const sizes = tests.flatMap((t) => (t.kind === 'size' ? [t.most] : []));
  const dfas = tests.flatMap((t) => (t.kind === 'dfa' ? [t.dfa] : []));
  const orders = [...new Set(tests.flatMap((t) => (t.kind === 'order' ? [t.text] : [])))];
  return [
    ...(globs.length > 0
      ? [
          globPart(
            globs,
            symbols.map((c) => [c]),
          ),
        ]
      : []),
    ...(lowered.length > 0
      ? [
          globPart(
            lowered,
            symbols.map((c) => [...c.toLowerCase()]),
          ),
        ]
      : []),
    ...(roots.length > 0 ? [refusalPart(symbols, fresh), rootsPart(roots, symbols)] : []),
    ...(sizes.length > 0 ? [sizePart(Math.max(...sizes))] : []),
    ...orders.map((text) => orderPart(text, symbols)),
    ...dfas.map((dfa) => dfaPart(dfa, symbols)),
  ];
}

/** States of any shape as numbers. */
function numbered<S>(
  start: S,
  keyOf: (state: S) => string,
  stepOf: (state: S, symbol: number) => S,
  answerOf: (state: S) => string,
  liveOf: (state: S) => readonly number[],
): Part {
  const states: S[] = [];
  const ids = new Map<string, number>();
  const id = (state: S): number => {
    const key = keyOf(state);
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, states.length);
    states.push(state);
    return states.length - 1;
  };
  return {
    start: id(start),
    step: (state, symbol) => id(stepOf(states[state] as S, symbol)),
    live: (state) => liveOf(states[state] as S),
    answer: (state) => answerOf(states[state] as S),
  };
}

/** One of several parts is asked the same again and again; a part alone never is. */
function remembered({ start, step, live, answer }: Part, symbols: number): Part {
  const remember = <T>(of: (key: number) => T): ((key: number) => T) => {
    const known = new Map<number, T>();
    return (key) => {
      const before = known.get(key);
      if (before !== undefined) return before;
      const found = of(key);
      known.set(key, found);
      return found;
    };
  };
  const next = remember((key) => step(Math.floor(key / symbols), key % symbols));
  return {
    start,
    step: (state, symbol) => next(state * symbols + symbol),
    live: remember(live),
    answer: remember(answer),
  };
}

/** All globs at once. One symbol may be read as several characters: what it is in small letters. */
function globPart(globs: readonly GlobIr[], read: readonly (readonly string[])[]): Part {
  const automaton = globAutomaton(globs);
  const readers = new Map<string, number[]>();
  const several: number[] = [];
  for (const [i, chars] of read.entries()) {
    const [first = ''] = chars;
    if (chars.length > 1) several.push(i);
    else readers.set(first, [...(readers.get(first) ?? []), i]);
  }
  const states: GlobState[] = [];
  const idOf = (state: GlobState): number => {
    states[state.id] = state;
    return state.id;
  };
  const at = (id: number): GlobState => states[id] ?? automaton.start;
  const readBy = (chars: readonly string[]): readonly number[] => chars.flatMap((c) => readers.get(c) ?? []);
  const staying: (readonly number[])[] = [];
  const onwards: (readonly number[])[] = [];
  return {
    start: idOf(automaton.start),
    step: (id, symbol) => {
      let state = at(id);
      for (const char of read[symbol] ?? []) state = automaton.step(state, char);
      return idOf(state);
    },
    live: (id) => {
      const { stay, moving } = at(id);
      const always = (staying[stay.id] ??= [...several, ...readBy(stay.chars)]);
      if (moving.length === 0) return always;
      const found = always.slice();
      for (const place of moving)
        for (const i of (onwards[place] ??= readBy(automaton.chars(place)))) found.push(i);
      return found;
    },
    answer: (id) => at(id).answer,
  };
}

const sizePart = (most: number): Part => ({
  start: 0,
  step: (state) => Math.min(state + 1, most + 1),
  live: () => [],
  answer: String,
});

/** By code points against one text: before it, the same so far (as many characters), a part of it only, or after it. */
function orderPart(text: string, symbols: readonly string[]): Part {
  const points = [...text].map((c) => c.codePointAt(0) ?? 0);
  const [less, more] = [points.length + 1, points.length + 2];
  return {
    start: 0,
    step(state, symbol) {
      if (state >= less) return state;
      if (state === points.length) return more;
      const point = symbols[symbol]?.codePointAt(0) ?? 0;
      const other = points[state] ?? 0;
      return point === other ? state + 1 : point < other ? less : more;
    },
    live: (state) => (state < points.length ? symbols.map((_, i) => i) : []),
    answer: (state) => (state === points.length ? '=' : state === more ? '>' : '<'),
  };
}

/** Is the path one that `under` refuses? Finer than it need be: what a segment starts with, and how it ends. */
function refusalPart(symbols: readonly string[], fresh: ReadonlySet<string>): Part {
  const kinds = symbols.map(kindOf);
  // One of each kind, if no other test mentions it.
  const mentioned = (c = ''): boolean => !fresh.has(c) && /[^./;: \u1680]/.test(c);
  const one = kinds.flatMap((kind, i) => {
    const first = kinds.indexOf(kind);
    return i === first || (mentioned(symbols[first]) && first !== i) ? [i] : [];
  });
  return numbered<string>(
    'empty',
    (state) => state,
    (state, symbol) => refusalStep(state, kinds[symbol] ?? 'other'),
    (state) => (state === 'refused' || state === 'empty' || state.endsWith('!') ? 'refused' : 'path'),
    (state) => (state === 'refused' ? [] : one),
  );
}

type Kind = 'slash' | 'dot' | 'space' | 'wide-space' | 'colon' | 'semicolon' | 'letter' | 'refused' | 'other';

function kindOf(c: string): Kind {
  if (c === '/') return 'slash';
  if (c === '.') return 'dot';
  if (c === ' ') return 'space';
  if (c === ':') return 'colon';
  if (c === ';') return 'semicolon';
  if (c === '\u1680') return 'wide-space';
  if (/[a-zA-Z]/.test(c)) return 'letter';
  return pathSegments(`/x${c}x`) === null ? 'refused' : 'other';
}

/** A state with `!` at its end is one in which the segment may not end. */
function refusalStep(state: string, kind: Kind): string {
  if (state === 'refused' || kind === 'refused') return 'refused';
  if (state === 'empty') return kind === 'slash' ? 'root' : 'refused';
  if (kind === 'slash') return state === 'root' || state.endsWith('!') ? 'refused' : 'begin';
  const at = state === 'root' ? 'begin' : state.replace('!', '');
  const ends = kind === 'dot' || kind === 'space' ? '!' : '';
  switch (at) {
    case 'begin':
      if (kind === 'dot') return 'dot';
      if (kind === 'letter') return 'letter';
      return kind === 'space' || kind === 'wide-space' ? `blank${ends}` : `inside${ends}`;
    case 'blank':
      if (kind === 'dot') return 'blank-dot!';
      if (kind === 'letter') return 'letter';
      return kind === 'space' || kind === 'wide-space' ? `blank${ends}` : `inside${ends}`;
    case 'dot':
    case 'blank-dot':
      return kind === 'dot' ? 'dots!' : `inside${ends}`;
    case 'dots':
      return kind === 'colon' || kind === 'semicolon' ? 'refused' : `inside${ends}`;
    case 'letter':
      return kind === 'colon' ? 'refused' : `inside${ends}`;
    default:
      return `inside${ends}`;
  }
}

interface RootState {
  /** Roots that may still hold the path, and how many of their segments are behind. */
  readonly open: readonly number[];
  readonly behind: number;
  readonly inside: readonly number[];
  /** The segment so far, as long as some open root has one that starts so; null when none has. */
  readonly segment: string | null;
}

/** Which of the roots hold the path, for paths that are not refused. */
function rootsPart(roots: readonly string[], symbols: readonly string[]): Part {
  const segments = roots.map((root) => root.split('/').filter((s) => s !== '' && s !== '.'));
  const settle = (open: readonly number[], behind: number, inside: readonly number[]): RootState => {
    const done = open.filter((i) => segments[i]?.length === behind);
    return {
      open: open.filter((i) => (segments[i]?.length ?? 0) > behind),
      behind,
      inside: [...inside, ...done].sort((a, b) => a - b),
      segment: '',
    };
  };
  const close = (state: RootState): RootState => {
    if (state.segment === '' || state.segment === '.') return { ...state, segment: '' };
    const { segment } = state;
    const open = segment === null ? [] : state.open.filter((i) => segments[i]?.[state.behind] === segment);
    return settle(open, state.behind + 1, state.inside);
  };
  const step = (state: RootState, symbol: number): RootState => {
    const c = symbols[symbol] ?? '';
    if (c === '/') return close(state);
    if (state.segment === null) return state;
    const segment = state.segment + c;
    const starts =
      segment === '.' || state.open.some((i) => segments[i]?.[state.behind]?.startsWith(segment));
    return { ...state, segment: starts ? segment : null };
  };
  return numbered(
    settle(
      roots.map((_, i) => i),
      0,
      [],
    ),
    ({ open, behind, inside, segment }) =>
      JSON.stringify([
        open,
        open.length === 0 ? 0 : behind,
        inside,
        open.length === 0 && segment !== '' && segment !== '.' ? null : segment,
      ]),
    step,
    (state) => close(state).inside.join(),
    ({ open, behind, segment }) => {
      if (segment === null) return open.length === 0 ? [] : [symbols.indexOf('/')];
      const next = open.map((i) => segments[i]?.[behind] ?? '').filter((s) => s.startsWith(segment));
      const chars = next.map((s) => {
        const [c = '/'] = s.slice(segment.length);
        return c;
      });
      return [...new Set(['/', '.', ...chars])].map((c) => symbols.indexOf(c));
    },
  );
}
