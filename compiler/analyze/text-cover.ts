// SPDX-License-Identifier: Apache-2.0
/**
 * Texts that conditions tell apart. All tests on one field run as one automaton; each answer that it can give is reached by a
 * shortest text. Symbols that no test tells apart are one symbol.
 */
import { pathSegments } from '../../stdlib/path.js';
import type { DfaIr, GlobIr } from '../ir.js';

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

/** A deterministic part of the automaton; states are numbers of its own. */
interface Part {
  readonly start: number;
  step(state: number, symbol: number): number;
  /** Symbols that lead elsewhere than those that no test mentions. */
  live(state: number): readonly number[];
  /** What the tests of this part answer when the text ends here. */
  answer(state: number): string;
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
  const parts = partsOf(tests, symbols, new Set(fresh));
  const found = new Map<string, string[]>();
  const seen = new Set<string>();
  let open: { readonly text: string; readonly states: readonly number[] }[] = [];
  const visit = (text: string, states: readonly number[], counts: boolean): boolean => {
    // What a text starts with is not yet one: the state behind it is met again.
    const key = `${counts ? '' : 's'}${states.join(' ')}`;
    if (seen.has(key)) return true;
    seen.add(key);
    if (counts) {
      const answer = parts.map((part, i) => part.answer(states[i] ?? 0)).join(' ');
      const texts = found.get(answer);
      if (texts === undefined) found.set(answer, [text]);
      else if (texts.length < KEPT) texts.push(text);
    }
    open.push({ text, states });
    return seen.size <= bounds.states && found.size <= bounds.answers;
  };
  for (const start of starts) {
    const states = parts.map((part) =>
      [...start].reduce((s, c) => part.step(s, symbols.indexOf(c)), part.start),
    );
    visit(start, states, start === '');
  }
  while (open.length > 0) {
    const now = open;
    open = [];
    for (const { text, states } of now) {
      for (const i of toldApart(parts, states)) {
        const c = symbols[i];
        if (c === undefined || without.includes(c)) continue;
        const next = parts.map((part, p) => part.step(states[p] ?? 0, i));
        if (!visit(text + c, next, true)) return null;
      }
    }
  }
  return [...found.values()].flat();
}

/** The symbols that some part tells from others in this state, and one that none does. */
function toldApart(parts: readonly Part[], states: readonly number[]): readonly number[] {
  const found = new Set([0, 1]);
  for (const [p, part] of parts.entries()) for (const symbol of part.live(states[p] ?? 0)) found.add(symbol);
  return [...found].sort((a, b) => a - b);
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

/** States of any shape as numbers, with steps remembered. */
function numbered<S>(
  start: S,
  keyOf: (state: S) => string,
  stepOf: (state: S, symbol: number) => S,
  answerOf: (state: S) => string,
  liveOf: (state: S) => readonly number[],
): Part {
  const states: S[] = [];
  const ids = new Map<string, number>();
  const answers: (string | undefined)[] = [];
  const lives: (readonly number[] | undefined)[] = [];
  const steps: (number | undefined)[][] = [];
  const id = (state: S): number => {
    const key = keyOf(state);
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, states.length);
    states.push(state);
    steps.push([]);
    return states.length - 1;
  };
  return {
    start: id(start),
    step(state, symbol) {
      const row = steps[state] ?? [];
      const known = row[symbol];
      if (known !== undefined) return known;
      const next = id(stepOf(states[state] as S, symbol));
      row[symbol] = next;
      return next;
    },
    live: (state) => (lives[state] ??= liveOf(states[state] as S)),
    answer(state) {
      const known = answers[state];
      if (known !== undefined) return known;
      const answer = answerOf(states[state] as S);
      answers[state] = answer;
      return answer;
    },
  };
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
}

/** All globs at once: a state is the set of places that the globs can be at. */
function globPart(globs: readonly GlobIr[], read: readonly (readonly string[])[]): Part {
  let count = 0;
  const spot = (gap: Spot['gap']): Spot => ({
    id: count++,
    gap,
    chars: new Map(),
    gaps: new Map(),
    ends: false,
  });
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
  const advance = (spots: readonly Spot[], c: string): readonly Spot[] => {
    const next = new Set<Spot>();
    for (const at of spots) {
      const on = at.chars.get(c);
      if (on !== undefined) reach(on, next);
      if (at.gap === 'any' || (at.gap === 'segment' && c !== '/')) reach(at, next);
    }
    return next.size < 2 ? [...next] : [...next].sort((a, b) => a.id - b.id);
  };
  const start = new Set<Spot>();
  reach(root, start);
  return numbered<readonly Spot[]>(
    [...start],
    (spots) => spots.map(({ id }) => id).join(),
    (spots, symbol) => (read[symbol] ?? []).reduce(advance, spots),
    (spots) => spots.flatMap(({ id, ends }) => (ends ? [id] : [])).join(),
    liveIn(read),
  );
}

/** A gap may be empty: what follows it is reached too. */
function reach(at: Spot, found: Set<Spot>): void {
  found.add(at);
  for (const gap of at.gaps.values()) if (!found.has(gap)) reach(gap, found);
}

/** The symbols that lead on from some place. One that reads as several characters is always looked at. */
function liveIn(read: readonly (readonly string[])[]): (spots: readonly Spot[]) => readonly number[] {
  const readers = new Map<string, number[]>();
  const several: number[] = [];
  for (const [i, chars] of read.entries()) {
    const [first = ''] = chars;
    if (chars.length > 1) several.push(i);
    else readers.set(first, [...(readers.get(first) ?? []), i]);
  }
  return (spots) => {
    const chars = new Set<string>();
    for (const at of spots) {
      for (const c of at.chars.keys()) chars.add(c);
      if (at.gap === 'segment') chars.add('/');
    }
    return [...several, ...[...chars].flatMap((c) => readers.get(c) ?? [])];
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
