// SPDX-License-Identifier: Apache-2.0
/** The one encoder: every text of a policy enters a module through the table `K`, as a string literal of plain ASCII. */

export interface Constants {
  /** The expression that stands for `text` in emitted code, `K[n]`. */
  ref(text: string): string;
  /** Its number alone. */
  place(text: string): number;
  /** The literals in order. */
  literals(): readonly string[];
}

export function constants(): Constants {
  const index = new Map<string, number>();
  const place = (text: string): number => {
    const known = index.get(text);
    if (known !== undefined) return known;
    index.set(text, index.size);
    return index.size - 1;
  };
  return {
    ref: (text) => `K[${place(text)}]`,
    place,
    literals: () => [...index.keys()].map(encode),
  };
}

/** A double-quoted literal of printable ASCII without `<`, backquotes and quotes other than its own. */
export function encode(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    out += isPlain(c) ? text[i] : `\\u${c.toString(16).padStart(4, '0')}`;
  }
  return `${out}"`;
}

/** Letters, digits and harmless punctuation. Quotes, backslash, `<`, `*`, `$`, braces and the like are escaped. */
const isPlain = (c: number): boolean => PLAIN.includes(String.fromCharCode(c));
const PLAIN = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -./:_,@()[]=!+>';
