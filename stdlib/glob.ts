// SPDX-License-Identifier: Apache-2.0
/** Anchored, case-sensitive patterns, matched in linear time without RegExp. */
import type { Kleene } from './values.js';

export type Matcher = (text: string) => boolean;

export interface Glob {
  readonly parts: readonly string[];
  /** One letter a gap: `a` any run, `s` any run without `/`. */
  readonly gaps: string;
  readonly matches: Matcher;
}

export function glob(parts: readonly string[], gaps: string): Glob {
  return { parts, gaps, matches: matcher(parts, gaps) };
}

function matcher(parts: readonly string[], gaps: string): Matcher {
  const first = parts[0] ?? '';
  if (gaps === '') return (text) => text === first;
  const last = parts.at(-1) ?? '';
  if (gaps === 'a') return anyGap(first, last);
  if (gaps === 'aa') return anyGaps(first, parts[1] ?? '', last);
  return gaps.includes('s') ? (text) => walk(parts, gaps, text) : (text) => greedy(parts, text);
}

function anyGap(first: string, last: string): Matcher {
  const least = first.length + last.length;
  if (least === 0) return () => true;
  if (last === '') return (text) => text.startsWith(first);
  if (first === '') return (text) => text.endsWith(last);
  return (text) => text.length >= least && text.startsWith(first) && text.endsWith(last);
}

/** The leftmost place of the middle is always good. */
function anyGaps(first: string, middle: string, last: string): Matcher {
  const rest = middle.length + last.length;
  return (text) => {
    if (!text.startsWith(first)) return false;
    const at = text.indexOf(middle, first.length);
    return at >= 0 && at + rest <= text.length && (last === '' || text.endsWith(last));
  };
}

/** Only `any` gaps: the leftmost place of each part is always good. */
function greedy(parts: readonly string[], text: string): boolean {
  const first = parts[0] as string;
  const last = parts[parts.length - 1] as string;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let at = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] as string;
    at = text.indexOf(part, at);
    if (at < 0 || at + part.length > end) return false;
    at += part.length;
  }
  return at <= end;
}

/**
 * With `segment` gaps: one pass over the text per part keeps the set of places where the part may end. Patterns are short, so
 * this stays linear in the text.
 */
function walk(parts: readonly string[], gaps: string, text: string): boolean {
  const first = parts[0] as string;
  if (!text.startsWith(first)) return false;
  let ends = new Uint8Array(text.length + 1);
  ends[first.length] = 1;
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] as string;
    const next = new Uint8Array(text.length + 1);
    let open = false;
    for (let at = 0; at + part.length <= text.length; at++) {
      if (ends[at] === 1) open = true;
      if (open && text.startsWith(part, at)) next[at + part.length] = 1;
      if (gaps[i - 1] === 's' && text[at] === '/') open = false;
    }
    ends = next;
  }
  return ends[text.length] === 1;
}

export function like(text: string | undefined, pattern: Glob): Kleene {
  return text === undefined ? 1 : pattern.matches(text) ? 2 : 0;
}
