// SPDX-License-Identifier: Apache-2.0
/**
 * Patterns of `matches`: the regular part of the usual notation, read without backtracking. `.` is every code point; letters are
 * compared as code points, with `(?i)` by simple case folding.
 */
import { folded } from './folding.js';
import { complement, ranges, type Ranges, union } from './ranges.js';

export type Regex =
  | { readonly kind: 'set'; readonly set: Ranges }
  | { readonly kind: 'cat' | 'alt'; readonly items: readonly Regex[] }
  | { readonly kind: 'repeat'; readonly item: Regex; readonly min: number; readonly max: number | null };

export type RegexResult =
  | { readonly ok: true; readonly regex: Regex }
  | { readonly ok: false; readonly what: string };

/** The pattern cannot be run by a machine with finitely many states, or is not a pattern. */
class Refusal extends Error {}

const MAX_LENGTH = 2_000;
const MAX_DEPTH = 64;
const MAX_COUNT = 1_000;

export function parseRegex(source: string): RegexResult {
  if (source.length > MAX_LENGTH) return { ok: false, what: `it is longer than ${MAX_LENGTH} characters` };
  try {
    return { ok: true, regex: new Reader(source).whole() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, what: error.message };
    throw error;
  }
}

const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = ranges([0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
const SPACE: Ranges = ranges(
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
);
const ANY: Ranges = [[0, 0x10ffff]];
const CLASSES = new Map<string, Ranges>([
  ['d', DIGIT],
  ['w', WORD],
  ['s', SPACE],
]);
const CONTROLS = new Map([
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['f', 0x0c],
  ['v', 0x0b],
]);
const SYNTAX = '^$\\.*+?()[]{}|/-"\'#&~,:;<>=!@%` ';

class Reader {
  private readonly text: readonly string[];
  private at = 0;
  private depth = 0;
  private insensitive = false;

  constructor(source: string) {
    this.text = Array.from(source);
  }

  whole(): Regex {
    this.insensitive = this.take('(?i)');
    this.take('^');
    const regex = this.alternatives();
    if (this.at < this.text.length) throw new Refusal('there is a `)` without its `(`');
    return regex;
  }

  private take(word: string): boolean {
    const letters = Array.from(word);
    const found = letters.every((c, i) => this.text[this.at + i] === c);
    if (found) this.at += letters.length;
    return found;
  }

  private alternatives(): Regex {
    if (++this.depth > MAX_DEPTH) throw new Refusal(`it is nested deeper than ${MAX_DEPTH} groups`);
    const items = [this.sequence()];
    while (this.take('|')) items.push(this.sequence());
    this.depth--;
    return items.length === 1 ? (items[0] as Regex) : { kind: 'alt', items };
  }

  private sequence(): Regex {
    const items: Regex[] = [];
    for (let c = this.text[this.at]; c !== undefined && c !== '|' && c !== ')'; c = this.text[this.at]) {
      if (c === '$' && this.at === this.text.length - 1) {
        this.at++;
        break;
      }
      items.push(this.repeated(this.one()));
    }
    return { kind: 'cat', items };
  }

  private repeated(item: Regex): Regex {
    const bounds = this.bounds();
    if (bounds === null) return item;
    // Greedy or not, the same texts match.
    this.take('?');
    if (this.bounds() !== null) throw new Refusal('a repetition is repeated; put the first one into a group');
    return { kind: 'repeat', item, ...bounds };
  }

  private bounds(): { readonly min: number; readonly max: number | null } | null {
    if (this.take('*')) return { min: 0, max: null };
    if (this.take('+')) return { min: 1, max: null };
    if (this.take('?')) return { min: 0, max: 1 };
    if (!this.take('{')) return null;
    const min = this.count();
    const max = this.take(',') ? (this.text[this.at] === '}' ? null : this.count()) : min;
    if (!this.take('}')) throw new Refusal('a `{` has no `}`; a brace itself is written `\\{`');
    if (max !== null && max < min) throw new Refusal(`\`{${min},${max}}\` counts backwards`);
    return { min, max };
  }

  private count(): number {
    let digits = '';
    for (let c = this.text[this.at] ?? ''; c >= '0' && c <= '9'; c = this.text[this.at] ?? '') {
      digits += c;
      this.at++;
    }
    if (digits === '')
      throw new Refusal('a `{` is not followed by a number; a brace itself is written `\\{`');
    if (Number(digits) > MAX_COUNT) throw new Refusal(`it repeats more than ${MAX_COUNT} times`);
    return Number(digits);
  }

  private one(): Regex {
    const c = this.text[this.at++] ?? '';
    switch (c) {
      case '.':
        return { kind: 'set', set: ANY };
      case '[':
        return { kind: 'set', set: this.members() };
      case '(':
        return this.group();
      case '\\':
        return { kind: 'set', set: this.escape() };
      case '^':
      case '$':
        throw new Refusal(`\`${c}\` stands inside; a pattern is anchored at both ends as it is`);
      case '*':
      case '+':
      case '?':
      case '{':
        throw new Refusal(`there is nothing before \`${c}\` to repeat`);
      case ']':
      case '}':
        throw new Refusal(`\`${c}\` has no beginning; the character itself is written \`\\${c}\``);
      default:
        return { kind: 'set', set: this.letter(c.codePointAt(0) ?? 0) };
    }
  }

  private letter(point: number): Ranges {
    return this.fold([[point, point]]);
  }
  private fold(set: Ranges): Ranges {
    return this.insensitive ? folded(set) : set;
  }

  private group(): Regex {
    if (this.take('?') && !this.take(':')) {
      if (this.take('i)')) throw new Refusal('`(?i)` stands only at the beginning, for the whole pattern');
      const look = ['=', '!', '<=', '<!'].some((word) => this.take(word));
      throw new Refusal(
        look
          ? 'looking ahead or behind is not regular; write two conditions joined by `and`'
          : 'only groups `(…)` and `(?:…)` are known',
      );
    }
    const inner = this.alternatives();
    if (!this.take(')')) throw new Refusal('a `(` has no `)`');
    return inner;
  }

  private escape(): Ranges {
    const c = this.text[this.at++];
    if (c === undefined) throw new Refusal('it ends with a `\\`');
    const named = CLASSES.get(c) ?? CLASSES.get(c.toLowerCase());
    if (named !== undefined && /^[a-z]$/i.test(c)) {
      const set = this.fold(named);
      return c === c.toLowerCase() ? set : complement(set);
    }
    const control = CONTROLS.get(c);
    if (control !== undefined) return [[control, control]];
    if (c === 'x' || c === 'u') return this.letter(this.hexadecimal(c));
    if (SYNTAX.includes(c)) return this.letter(c.codePointAt(0) ?? 0);
    if (c >= '1' && c <= '9') throw new Refusal('a reference to a group is not regular');
    if (c === 'b' || c === 'B')
      throw new Refusal('`\\b` looks at what stands beside it; write what may stand there');
    if (c === 'p' || c === 'P')
      throw new Refusal('properties of characters are not known; list them in `[…]`');
    throw new Refusal(`\`\\${c}\` is not known`);
  }

  /** `\xHH`, `\uHHHH` or `\u{…}`. */
  private hexadecimal(kind: string): number {
    const braced = kind === 'u' && this.take('{');
    const length = braced ? this.text.indexOf('}', this.at) - this.at : kind === 'x' ? 2 : 4;
    const digits = this.text.slice(this.at, this.at + Math.max(0, length)).join('');
    this.at += length + (braced ? 1 : 0);
    const point = Number.parseInt(digits, 16);
    if (!/^[0-9a-f]{1,6}$/i.test(digits) || (!braced && digits.length < length) || point > 0x10ffff) {
      throw new Refusal(`\`\\${kind}\` is not followed by a code point`);
    }
    return point;
  }

  private members(): Ranges {
    const negated = this.take('^');
    let set: Ranges = [];
    while (!this.take(']')) {
      if (this.at >= this.text.length) throw new Refusal('a `[` has no `]`');
      const low = this.member();
      const point = low.length === 1 && low[0]?.[0] === low[0]?.[1] ? low[0]?.[0] : undefined;
      if (this.text[this.at] === '-' && this.text[this.at + 1] !== ']') {
        this.at++;
        const high = this.member();
        const to = high.length === 1 && high[0]?.[0] === high[0]?.[1] ? high[0]?.[0] : undefined;
        if (point === undefined || to === undefined)
          throw new Refusal('a range in `[…]` goes from one character to one');
        if (to < point) throw new Refusal('a range in `[…]` goes backwards');
        set = union(set, [[point, to]]);
      } else set = union(set, low);
    }
    const members = this.fold(set);
    return negated ? complement(members) : members;
  }

  /** One member of a class, not folded yet. */
  private member(): Ranges {
    const c = this.text[this.at++] ?? '';
    if (c === '[') throw new Refusal('a `[` inside `[…]` is written `\\[`');
    if (c !== '\\') {
      const point = c.codePointAt(0) ?? 0;
      return [[point, point]];
    }
    const whole = this.insensitive;
    this.insensitive = false;
    const set = this.escape();
    this.insensitive = whole;
    return set;
  }
}
