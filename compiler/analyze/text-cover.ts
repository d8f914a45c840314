// SPDX-License-Identifier: Apache-2.0
/**
 * Texts that conditions tell apart. All tests on one field run as one automaton; each answer that it can give is reached by a
 * shortest text. Symbols that no test tells apart are one symbol.
 */
import { pathSegments } from '../../stdlib/path.js';
import type { GlobIr } from '../ir.js';

export type TextTest =
  | { readonly kind: 'glob'; readonly glob: GlobIr; readonly lower: boolean }
  | { readonly kind: 'under'; readonly root: string }
  | { readonly kind: 'order'; readonly text: string }
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
  const symbols = alphabet(tests).filter((c) => !without.includes(c));
  const parts = partsOf(tests, symbols, starts);
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
      for (const [i, c] of symbols.entries()) {
        const next = parts.map((part, p) => part.step(states[p] ?? 0, i));
        if (!visit(text + c, next, true)) return null;
      }
    }
  }
  return [...found.values()].flat();
}

/** Every character that a test mentions, what is special to one, and some that none mentions. */
function alphabet(tests: readonly TextTest[]): readonly string[] {
  const symbols = new Set<string>();
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
      for (const c of './;: ~a\u1680') mentioned.add(c);
    } else if (test.kind === 'order') {
      mention(test.text, false);
      for (const c of test.text) for (const n of neighbours(c)) mentioned.add(n);
    }
  }
  for (const other of FRESH) if (!mentioned.has(other)) symbols.add(other);
  const fresh = [...symbols].slice(0, 2);
  return [...fresh, ...[...mentioned].sort()];
}
/** Two of these stand for all characters that no test mentions (two, so that repetitions are not special). */
const FRESH = [...'x1zqwkjvy0_g7b9!,éλ\u{1f600}'];

function neighbours(c: string): readonly string[] {
  const point = c.codePointAt(0) ?? 0;
  return [point - 1, point + 1]
    .filter((p) => p >= 0x20 && p <= 0x10ffff && (p < 0xd800 || p > 0xdfff))
    .map((p) => String.fromCodePoint(p));
}

function partsOf(
  tests: readonly TextTest[],
  symbols: readonly string[],
  starts: readonly string[],
): readonly Part[] {
  // Starts are read with the same symbols: they must all be among them.
  const missing = starts.flatMap((start) => [...start]).filter((c) => !symbols.includes(c));
  if (missing.length > 0) (symbols as string[]).push(...new Set(missing));
  const globs = tests.flatMap((t) => (t.kind === 'glob' && !t.lower ? [t.glob] : []));
  const lowered = tests.flatMap((t) => (t.kind === 'glob' && t.lower ? [t.glob] : []));
  const roots = [...new Set(tests.flatMap((t) => (t.kind === 'under' ? [t.root] : [])))];
  const sizes = tests.flatMap((t) => (t.kind === 'size' ? [t.most] : []));
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
    ...(roots.length > 0 ? [refusalPart(symbols), rootsPart(roots, symbols)] : []),
    ...(sizes.length > 0 ? [sizePart(Math.max(...sizes))] : []),
    ...orders.map((text) => orderPart(text, symbols)),
  ];
}

/** States of any shape as numbers, with steps remembered. */
function numbered<S>(
  start: S,
  keyOf: (state: S) => string,
  stepOf: (state: S, symbol: number) => S,
  answerOf: (state: S) => string,
): Part {
  const states: S[] = [];
  const ids = new Map<string, number>();
  const answers: (string | undefined)[] = [];
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
    answer(state) {
      const known = answers[state];
      if (known !== undefined) return known;
      const answer = answerOf(states[state] as S);
      answers[state] = answer;
      return answer;
    },
  };
}

type Token = { readonly gap: 'any' | 'segment' } | { readonly char: string };

/** All globs at once: a state is the set of places that the globs can be at. */
function globPart(globs: readonly GlobIr[], read: readonly (readonly string[])[]): Part {
  const tokens: (Token | null)[] = [];
  const starts: number[] = [];
  for (const { parts, gaps } of uniqueGlobs(globs)) {
    starts.push(tokens.length);
    for (const [i, part] of parts.entries()) {
      for (const char of part) tokens.push({ char });
      const gap = gaps[i];
      if (gap !== undefined) tokens.push({ gap });
    }
    tokens.push(null);
  }
  /** A gap may be empty: what follows it is reached too. */
  const closed = (at: Iterable<number>): readonly number[] => {
    const all = new Set<number>();
    for (let place of at) {
      all.add(place);
      for (let token = tokens[place]; token && 'gap' in token; token = tokens[place]) all.add(++place);
    }
    return [...all].sort((a, b) => a - b);
  };
  const advance = (places: readonly number[], c: string): readonly number[] => {
    const next: number[] = [];
    for (const place of places) {
      const token = tokens[place];
      if (!token) continue;
      if ('char' in token) {
        if (token.char === c) next.push(place + 1);
      } else if (token.gap === 'any' || c !== '/') next.push(place);
    }
    return closed(next);
  };
  return numbered<readonly number[]>(
    closed(starts),
    (places) => places.join(),
    (places, symbol) => (read[symbol] ?? []).reduce(advance, places),
    (places) => places.filter((place) => tokens[place] === null).join(),
  );
}

function uniqueGlobs(globs: readonly GlobIr[]): readonly GlobIr[] {
  return [...new Map(globs.map((glob) => [JSON.stringify([glob.parts, glob.gaps]), glob])).values()];
}

const sizePart = (most: number): Part => ({
  start: 0,
  step: (state) => Math.min(state + 1, most + 1),
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
    answer: (state) => (state === points.length ? '=' : state === more ? '>' : '<'),
  };
}

/** Is the path one that `under` refuses? Finer than it need be: what a segment starts with, and how it ends. */
function refusalPart(symbols: readonly string[]): Part {
  const kinds = symbols.map(kindOf);
  return numbered<string>(
    'empty',
    (state) => state,
    (state, symbol) => refusalStep(state, kinds[symbol] ?? 'other'),
    (state) => (state === 'refused' || state === 'empty' || state.endsWith('!') ? 'refused' : 'path'),
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
  );
}
