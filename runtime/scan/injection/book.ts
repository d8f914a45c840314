// SPDX-License-Identifier: Apache-2.0
/** Phrases as steps over the words of a text: each step is taken at its first place, at most its gap ahead. */
import { type PhraseText, PHRASES } from './phrases.js';
import { Lexicon, type Words } from './lexicon.js';
import { SETS } from './words.js';

interface Step {
  /** `wanted[id] === 1` for the words of the step. */
  readonly wanted: Uint8Array;
  readonly gap: number;
}
export interface Phrase {
  readonly rule: string;
  readonly kind: string;
  readonly weight: number;
  readonly steps: readonly Step[];
  /** Goes on over the end of a sentence. */
  readonly crosses: boolean;
}

interface Parsed {
  readonly text: PhraseText;
  readonly crosses: boolean;
  readonly steps: readonly { readonly words: readonly string[]; readonly gap: number }[];
}

function parse(text: PhraseText): Parsed {
  const crosses = text.text.endsWith(' ~');
  const steps: { words: string[]; gap: number }[] = [];
  let gap = 0;
  for (const part of (crosses ? text.text.slice(0, -2) : text.text).split(' ')) {
    if (part.startsWith('..')) gap = Number(part.slice(2));
    else {
      steps.push({ words: part.split('|').flatMap((w) => [...(SETS.get(w) ?? [w])]), gap });
      gap = 0;
    }
  }
  return { text, crosses, steps };
}

const parsed = PHRASES.map(parse);
const lexicon = new Lexicon(parsed.flatMap((p) => p.steps.flatMap((s) => s.words)));

const byFirst: Phrase[][] = Array.from({ length: lexicon.size }, () => []);
{
  const counts = new Map<string, number>();
  for (const { text, crosses, steps } of parsed) {
    const number = (counts.get(text.kind) ?? 0) + 1;
    counts.set(text.kind, number);
    const phrase: Phrase = {
      rule: `injection/${text.kind}-${number}`,
      kind: text.kind,
      weight: text.weight,
      crosses,
      steps: steps.map(({ words, gap }) => ({ wanted: lexicon.table(words), gap })),
    };
    for (const word of new Set(steps[0]?.words)) byFirst[lexicon.idOf(word)]?.push(phrase);
  }
}

/** All phrases in a text, with the offsets of their first and last word. */
export function findPhrases(text: string, found: (phrase: Phrase, start: number, end: number) => void): void {
  const words = lexicon.read(text);
  for (let i = 0; i < words.count; i++) {
    const id = words.ids[i] ?? -1;
    if (id < 0) continue;
    for (const phrase of byFirst[id] ?? []) {
      const last = follow(phrase, words, i);
      if (last >= 0) found(phrase, words.starts[i] ?? 0, words.ends[last] ?? 0);
    }
  }
}

/** The word at which the phrase that starts at `first` ends, or -1. */
function follow(phrase: Phrase, words: Words, first: number): number {
  let at = first;
  for (let s = 1; s < phrase.steps.length; s++) {
    const step = phrase.steps[s];
    if (step === undefined) return -1;
    const limit = Math.min(words.count, at + 2 + step.gap);
    let next = at + 1;
    for (; next < limit; next++) {
      if (words.stops[next] === 1 && !phrase.crosses) return -1;
      const id = words.ids[next] ?? -1;
      if (id >= 0 && step.wanted[id] === 1) break;
    }
    if (next >= limit) return -1;
    at = next;
  }
  return at;
}
