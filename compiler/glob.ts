// SPDX-License-Identifier: Apache-2.0
/** Patterns with `*`: how they are classified, and a plain matcher for compile time. */
import type { GlobIr } from './ir.js';

/**
 * In names every run of stars is one wildcard. In URIs and texts `*` stays within a segment and `**` does not; as a whole URI
 * a bare `*` is any.
 */
export function globIr(text: string, of: 'name' | 'uri' | 'text' = 'name'): GlobIr {
  const segments = of === 'text' || (of === 'uri' && text !== '*');
  const parts: string[] = [];
  const gaps: ('any' | 'segment')[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '*') {
      part += text[i];
      continue;
    }
    let stars = 1;
    while (text[i + stars] === '*') stars++;
    parts.push(part);
    gaps.push(segments && stars === 1 ? 'segment' : 'any');
    part = '';
    i += stars - 1;
  }
  return { text, parts: [...parts, part], gaps };
}

export const literalGlob = (text: string): GlobIr => ({ text, parts: [text], gaps: [] });
export const isLiteral = (glob: GlobIr): boolean => glob.gaps.length === 0;

/** Does the whole text match? Quadratic at worst; for names at compile time only. */
export function matchesGlob(glob: GlobIr, text: string): boolean {
  const { parts, gaps } = glob;
  if (!text.startsWith(parts[0] ?? '') || !text.endsWith(parts.at(-1) ?? '')) return false;
  if (gaps.length === 0) return text === parts[0];
  let states = new Set([0]);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string;
    const next = new Set<number>();
    for (const at of states) {
      if (i === 0) {
        if (text.startsWith(part)) next.add(part.length);
        continue;
      }
      for (let from = at; from <= text.length; from++) {
        if (text.startsWith(part, from)) next.add(from + part.length);
        if (gaps[i - 1] === 'segment' && text[from] === '/') break;
      }
    }
    states = next;
  }
  return states.has(text.length);
}
