// SPDX-License-Identifier: Apache-2.0
/** The reference interpreter's patterns: from the positions where a part may begin, those where it may end. */
import { holds } from './regex/ranges.js';
import { parseRegex, type Regex } from './regex/syntax.js';

export function regexMatches(source: string, text: string): boolean {
  const parsed = parseRegex(source);
  if (!parsed.ok) return false;
  const points = Array.from(text, (c) => c.codePointAt(0) ?? 0);
  return ends(parsed.regex, points, new Set([0])).has(points.length);
}

function ends(regex: Regex, points: readonly number[], begins: ReadonlySet<number>): ReadonlySet<number> {
  switch (regex.kind) {
    case 'set':
      return new Set(
        [...begins]
          .filter((i) => i < points.length && holds(regex.set, points[i] as number))
          .map((i) => i + 1),
      );
    case 'cat':
      return regex.items.reduce((at, item) => ends(item, points, at), begins);
    case 'alt':
      return new Set(regex.items.flatMap((item) => [...ends(item, points, begins)]));
    case 'repeat': {
      let at = begins;
      for (let i = 0; i < regex.min; i++) at = ends(regex.item, points, at);
      const all = new Set(at);
      for (let i = regex.min; i < (regex.max ?? Number.POSITIVE_INFINITY) && at.size > 0; i++) {
        const size = all.size;
        at = ends(regex.item, points, at);
        for (const end of at) all.add(end);
        if (regex.max === null && all.size === size) break;
      }
      return all;
    }
  }
}
