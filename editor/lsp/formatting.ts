// SPDX-License-Identifier: Apache-2.0
/** `sepal fmt` for a text that is edited: parts that were formatted before are not formatted again. */
import { format } from '../../grammar/format.js';
import { parse } from '../../grammar/parse.js';
import type { Cells } from './cells.js';

const HEAD = 'sep 1\npolicy a 1.0.0';
const MAX_PARTS = 10_000;

export class Formatter {
  /** The canonical form of parts, by their text. */
  private readonly known = new Map<string, string>();

  /** The canonical form; null where the text has faults. */
  format(cells: Cells): string | null {
    if (cells.broken) return null;
    const { text, head, parts } = cells;
    if (head === '' || head.includes('//')) return whole(text);
    if (this.known.size > MAX_PARTS) this.known.clear();
    const formatted = [whole(head), ...parts.map((part) => this.part(part))];
    return formatted.includes(null) ? whole(text) : formatted.join('');
  }

  /** As it stands behind other text; null where that cannot be said of the part alone. */
  private part(text: string): string | null {
    const before = this.known.get(text);
    if (before !== undefined) return before;
    if (text !== '' && !/^\s/.test(text)) return null;
    const formatted = whole(HEAD + text);
    if (formatted?.startsWith(`${HEAD}\n`) !== true) return null;
    const own = formatted.slice(HEAD.length + 1);
    this.known.set(text, own);
    return own;
  }
}

function whole(text: string): string | null {
  const { file, faults } = parse(text);
  return faults.length > 0 ? null : format(file, text);
}
