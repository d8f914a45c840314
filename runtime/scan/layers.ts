// SPDX-License-Identifier: Apache-2.0
/**
 * The readings of a text: as it stands, folded, and decoded, one inside the other, within bounds. Each knows the way back to the
 * text that was given.
 */
import { decodeParts } from './decode.js';
import { type Folded, fold, isAscii } from './fold.js';
import { CORE } from './injection/words.js';
import type { Incomplete } from './types.js';

const MAX_DEPTH = 3;
const MAX_EXPANSION = 8;
/** Small texts may be decoded beyond the ratio: the bound is there for work, and this is none. */
const FREE = 16 * 1024;

export interface Layer {
  readonly raw: string;
  readonly folded: Folded;
  readonly via: readonly string[];
  /** Offsets in the text that was given. */
  readonly place: (start: number, end: number) => readonly [start: number, end: number];
}

interface Reading {
  readonly text: string;
  readonly via: readonly string[];
  readonly depth: number;
  readonly place: Layer['place'];
}

/** What a layer showed while it was scanned that makes another reading worth the work. */
export interface Hints {
  readonly rot13: boolean;
  readonly reversed: boolean;
}

const SHORT = 512;

/** The same text: what was cut out of another, or put together, is slow to read character by character. */
function inOnePiece(text: string): string {
  if (text.length < SHORT) return text;
  const encoding = isAscii(text) ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}

/** Gives `visit` each reading of `given`; says which bound cut the work short, if one did. */
export function eachLayer(given: string, visit: (layer: Layer) => Hints): Incomplete | null {
  const text = inOnePiece(given);
  const queue: Reading[] = [{ text, via: [], depth: 0, place: (start, end) => [start, end] }];
  const seen = new Set<string>([text]);
  let budget = Math.max(FREE, MAX_EXPANSION * text.length);
  let incomplete: Incomplete | null = null;
  for (let head = 0; head < queue.length; head++) {
    const reading = queue[head];
    if (reading === undefined) break;
    const folded = fold(reading.text);
    const hints = visit({
      raw: reading.text,
      folded,
      via: reading.via,
      place: through(folded.origin, reading.place),
    });
    if (folded.joined) visit(asItStands(reading));
    for (const next of readingsOf(reading, folded, hints)) {
      if (seen.has(next.text)) continue;
      budget -= next.text.length;
      if (budget < 0) return 'expansion';
      if (next.depth > MAX_DEPTH) {
        incomplete = 'depth';
        continue;
      }
      seen.add(next.text);
      queue.push(next);
    }
  }
  return incomplete;
}

/** The reading without folding: a `¹` behind a number makes another number of it only where it is folded. */
const asItStands = ({ text, via, place }: Reading): Layer => ({
  raw: '',
  folded: { text, origin: null, hidden: '', hiddenAt: null, invisible: 0, reordering: 0, joined: false },
  via,
  place,
});

function through(origin: Uint32Array | null, place: Layer['place']): Layer['place'] {
  return origin === null ? place : (start, end) => place(origin[start] ?? 0, lastOf(origin, end));
}

/** The end of a span goes to the end of the character before it. */
const lastOf = (origin: Uint32Array, end: number): number => origin[end] ?? origin[origin.length - 1] ?? 0;

/** One step of decoding. Rearrangements (spaced letters, rot13 …) cost no depth of their own, but are not rearranged again. */
function* readingsOf(reading: Reading, folded: Folded, hints: Hints): Generator<Reading> {
  const { via, depth, place } = reading;
  for (const part of decodeParts(reading.text)) {
    const inner: Layer['place'] =
      part.origin === null
        ? () => place(part.start, part.end)
        : (start, end) => place(part.origin?.[start] ?? 0, lastOf(part.origin ?? new Uint32Array(), end));
    yield { text: part.text, via: [...via, part.via], depth: depth + 1, place: inner };
  }
  if (folded.hiddenAt !== null && folded.hidden.length > 0) {
    const { start, end } = folded.hiddenAt;
    yield { text: folded.hidden, via: [...via, 'tags'], depth: depth + 1, place: () => place(start, end) };
  }
  if (via.some((v) => REARRANGED.has(v))) return;
  const here = through(folded.origin, place);
  for (const other of rearranged(folded.text, hints)) {
    const { origin } = other;
    yield {
      text: other.text,
      via: [...via, other.via],
      depth,
      place: (start, end) => here(origin[start] ?? 0, lastOf(origin, end)),
    };
  }
}

const REARRANGED = new Set(['spaced', 'split', 'rot13', 'reversed', 'leet']);

interface Rearranged {
  readonly text: string;
  readonly origin: Uint32Array;
  readonly via: string;
}

function* rearranged(text: string, hints: Hints): Generator<Rearranged> {
  if (text.length < 8) return;
  const spaced = hasSpacedLetters(text) ? spacedLetters(text) : null;
  if (spaced !== null) yield spaced;
  const split = splitLines(text);
  if (split !== null) yield split;
  if (hints.rot13) yield { text: rot13(text), origin: identity(text.length), via: 'rot13' };
  if (hints.reversed) yield reversed(text);
  const plain = leet(text);
  if (plain !== null) yield { text: plain, origin: identity(text.length), via: 'leet' };
}

const identity = (length: number): Uint32Array => Uint32Array.from({ length: length + 1 }, (_, i) => i);

const LONG = CORE.filter((word) => word.length >= 6);
/** Words that show that a text may be worth turning. */
export const ROT13_WORDS: readonly string[] = LONG.map(rot13);
export const REVERSED_WORDS: readonly string[] = LONG.map((word) => [...word].reverse().join(''));

function rot13(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const u = text.charCodeAt(i);
    const base = u >= 65 && u <= 90 ? 65 : u >= 97 && u <= 122 ? 97 : 0;
    out += base === 0 ? text[i] : String.fromCharCode(((u - base + 13) % 26) + base);
  }
  return out;
}

/** Read from its end; also what bidirectional overrides show. Origins are swapped, so spans take the whole. */
function reversed(text: string): Rearranged {
  const out = [...text].reverse().join('');
  const origin = new Uint32Array(text.length + 1);
  origin[text.length] = text.length;
  return { text: out, origin: wholeSpan(origin, text.length), via: 'reversed' };
}

function wholeSpan(origin: Uint32Array, length: number): Uint32Array {
  origin.fill(0);
  for (let i = 1; i <= length; i++) origin[i] = length;
  return origin;
}

const isSeparator = (u: number): boolean =>
  u === 32 || u === 9 || u === 46 || u === 95 || u === 42 || u === 45;

/** Most of the words are single characters. */
function hasSpacedLetters(text: string): boolean {
  let singles = 0;
  let tokens = 0;
  for (let i = 0; i < text.length; ) {
    if (isSeparator(text.charCodeAt(i))) {
      i++;
      continue;
    }
    const start = i;
    while (i < text.length && !isSeparator(text.charCodeAt(i))) i++;
    tokens++;
    if (i - start === 1) singles++;
    // Ordinary text shows itself soon.
    if (tokens === 4096 && singles < 1024) return false;
  }
  return singles >= 8 && singles >= 0.7 * tokens;
}

/** `I g n o r e   a l l`: single characters with one separator between, words apart by more. */
function spacedLetters(text: string): Rearranged {
  const out: string[] = [];
  const origin: number[] = [];
  for (let i = 0; i < text.length; ) {
    const from = i;
    while (i < text.length && ' \t._*-'.includes(text[i] ?? '')) i++;
    const gap = i - from;
    if (gap > 1) {
      out.push(' ');
      origin.push(from);
    } else if (gap === 1 && from > 0 && !single(text, from)) {
      out.push(text[from] ?? '');
      origin.push(from);
    }
    if (i < text.length) {
      out.push(text[i] ?? '');
      origin.push(i);
      i++;
    }
  }
  origin.push(text.length);
  return { text: out.join(''), origin: Uint32Array.from(origin), via: 'spaced' };
}

/** The separator at `at` has one character on each side, alone. */
const single = (text: string, at: number): boolean => {
  const apart = (c: string | undefined): boolean => c === undefined || ' \t._*-\n'.includes(c);
  return apart(text[at - 2]) || apart(text[at + 2]);
};

const MAX_LINE = 24;

/** Words broken over short lines. */
function splitLines(text: string): Rearranged | null {
  if (!text.includes('\n')) return null;
  if (text.indexOf('\n') > MAX_LINE) return null;
  const lines = text.split('\n');
  if (lines.length < 3 || lines.slice(0, -1).some((l) => l.length > MAX_LINE || l.length < 2)) return null;
  const width = lines[0]?.length ?? 0;
  const even = lines.slice(0, -1).filter((l) => l.length === width).length;
  if (even < 0.8 * (lines.length - 1)) return null;
  const out: string[] = [];
  const origin: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\n') continue;
    out.push(text[i] ?? '');
    origin.push(i);
  }
  origin.push(text.length);
  return { text: out.join(''), origin: Uint32Array.from(origin), via: 'split' };
}

const LEET = new Map([
  ['0', 'o'],
  ['1', 'i'],
  ['3', 'e'],
  ['4', 'a'],
  ['5', 's'],
  ['7', 't'],
  ['@', 'a'],
  ['$', 's'],
  ['!', 'i'],
]);
const CORE_SET = new Set(CORE);

/** 1 for letters, 2 for what stands for one, 4 for all that ends a word. */
const KIND = (() => {
  const table = new Uint8Array(128);
  for (let u = 0; u < 128; u++) {
    const letter = (u >= 97 && u <= 122) || (u >= 65 && u <= 90);
    table[u] = u <= 32 ? 4 : letter ? 1 : LEET.has(String.fromCharCode(u)) ? 2 : 0;
  }
  return table;
})();

/** `1gn0r3 pr3v10us`: only where a word of orders comes out. */
function leet(text: string): string | null {
  if (!hasLeet(text)) return null;
  const out: string[] = [];
  let from = 0;
  eachLeetWord(text, (start, end) => {
    let plain = '';
    for (let j = start; j < end; j++) plain += LEET.get(text[j] ?? '') ?? text[j];
    out.push(text.slice(from, start), plain);
    from = end;
    return false;
  });
  out.push(text.slice(from));
  return out.join('');
}

/** Calls `visit` for each word of letters and what stands for letters, until it says that this is enough. */
function eachLeetWord(text: string, visit: (start: number, end: number) => boolean): boolean {
  for (let i = 0; i < text.length; i++) {
    const start = i;
    let kinds = 0;
    for (; i < text.length; i++) {
      const kind = KIND[text.charCodeAt(i)] ?? 0;
      if (kind === 4) break;
      kinds |= kind;
    }
    if (kinds === 3 && i - start <= 32 && visit(start, i)) return true;
  }
  return false;
}

/** What a character is read as: a small letter, or 0. */
const READ = (() => {
  const table = new Uint8Array(128);
  for (let u = 97; u <= 122; u++) table[u] = u;
  for (let u = 65; u <= 90; u++) table[u] = u + 32;
  for (const [c, letter] of LEET) table[c.charCodeAt(0)] = letter.charCodeAt(0);
  return table;
})();
const LONGEST_CORE = Math.max(...CORE.map((word) => word.length));
/** First letters of the words of orders, two by two. */
const CORE_STARTS = new Set(CORE.map((word) => word.charCodeAt(0) * 128 + word.charCodeAt(1)));
const read = new Uint8Array(32);

const hasLeet = (text: string): boolean =>
  eachLeetWord(text, (start, end) => {
    let length = 0;
    for (let i = start; i < end; i++) {
      const unit = READ[text.charCodeAt(i)] ?? 0;
      if (unit !== 0) read[length++] = unit;
      if (length === 2 && !CORE_STARTS.has((read[0] ?? 0) * 128 + (read[1] ?? 0))) return false;
    }
    if (length < 6 || length > LONGEST_CORE) return false;
    return CORE_SET.has(Buffer.from(read.subarray(0, length)).toString('latin1'));
  });
