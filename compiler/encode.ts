// SPDX-License-Identifier: Apache-2.0
/** The one encoder: every text of a policy enters a module through the table `K`, as a string literal of plain ASCII. */

export interface Constants {
  /** The expression that stands for `text` in emitted code, `K[n]`. */
  ref(text: string): string;
  /** The literals in order. */
  literals(): readonly string[];
}

export function constants(): Constants {
  const index = new Map<string, number>();
  return {
    ref: (text) => {
      const known = index.get(text);
      if (known !== undefined) return `K[${known}]`;
      index.set(text, index.size);
      return `K[${index.size - 1}]`;
    },
    literals: () => [...index.keys()].map(encode),
  };
}

/** A double-quoted literal of printable ASCII without `<`, `>`, backquotes and quotes other than its own. */
export function encode(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    out += isPlain(c) ? text[i] : `\\u${c.toString(16).padStart(4, '0')}`;
  }
  return `${out}"`;
}

/** Letters, digits, space and harmless punctuation; quotes, backslash, `<`, `>`, `*`, `/` after `*` and the like are escaped. */
function isPlain(c: number): boolean {
  if ((c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)) return true;
  return (
    c === 0x20 ||
    c === 0x2d ||
    c === 0x2e ||
    c === 0x2f ||
    c === 0x3a ||
    c === 0x5f ||
    c === 0x2c ||
    c === 0x40
  );
}
