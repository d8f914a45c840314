// SPDX-License-Identifier: Apache-2.0
// The three-valued tables in full, comparison of texts and JSON, membership, sizes, substrings.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal } from '../../../stdlib/decimal.js';
import {
  all,
  among,
  and,
  any,
  bool,
  compareText,
  contains,
  endsWith,
  equalBool,
  equalJson,
  equalText,
  get,
  has,
  int,
  inTexts,
  json,
  type Kleene,
  known,
  list,
  not,
  num,
  or,
  size,
  startsWith,
  text,
  texts,
  UNKNOWN_ARGS,
} from '../../../stdlib/values.js';

const KLEENE: readonly Kleene[] = [0, 1, 2];
/** What a three-valued function must be: true or false only where every resolution of its unknowns agrees. */
function resolved(inputs: readonly Kleene[], f: (values: readonly boolean[]) => boolean): Kleene {
  let worlds: readonly (readonly boolean[])[] = [[]];
  for (const input of inputs) {
    const values = input === 1 ? [false, true] : [input === 2];
    worlds = worlds.flatMap((w) => values.map((v) => [...w, v]));
  }
  const results = new Set(worlds.map(f));
  return results.size === 2 ? 1 : results.has(true) ? 2 : 0;
}

describe('three values', () => {
  it('not, and, or, equality of booleans: every entry of every table', () => {
    for (const a of KLEENE) {
      expect(not(a)).toBe(resolved([a], ([x]) => x !== true));
      expect(known(a)).toBe(a === 1 ? undefined : a);
      for (const b of KLEENE) {
        expect(and(a, b)).toBe(resolved([a, b], ([x, y]) => x === true && y === true));
        expect(or(a, b)).toBe(resolved([a, b], ([x, y]) => x === true || y === true));
        expect(equalBool(a, b)).toBe(resolved([a, b], ([x, y]) => x === y));
        for (const c of KLEENE) {
          expect(and(a, b, c)).toBe(resolved([a, b, c], (w) => w.every((x) => x)));
          expect(or(a, b, c)).toBe(resolved([a, b, c], (w) => w.some((x) => x)));
        }
      }
    }
    expect([and(), or()]).toEqual([2, 0]);
  });

  it('all and any are and and or over the items; of nothing true and false; of a missing list unknown', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...KLEENE), { maxLength: 6 }), (items) => {
        expect(all(items, (x) => x as Kleene)).toBe(and(...items));
        expect(any(items, (x) => x as Kleene)).toBe(or(...items));
        expect(among(items, (x) => x as Kleene)).toBe(or(...items));
      }),
    );
    expect([all([], () => 0), any([], () => 2), all(undefined, () => 0), any(undefined, () => 2)]).toEqual([
      2, 0, 1, 1,
    ]);
  });

  it('quantifiers refuse more than 1,000 items, so that the step bound holds; membership does not', () => {
    const long = Array.from({ length: 1001 }, (_, i) => i);
    expect([all(long, () => 2), any(long, () => 2), among(long, () => 2)]).toEqual([1, 1, 2]);
    expect([all(long.slice(1), () => 2), any(long.slice(1), () => 2)]).toEqual([2, 2]);
  });
});

describe('reading', () => {
  const hostile = JSON.parse('{"__proto__": {"x": 1}, "constructor": null, "a": {"b": null}}') as unknown;

  it('takes own members only', () => {
    for (const key of ['toString', 'valueOf', 'hasOwnProperty', '__defineGetter__']) {
      expect(get(hostile, key)).toBeUndefined();
      expect(get({}, key)).toBeUndefined();
      expect(has({}, key)).toBe(0);
    }
    expect(get({}, '__proto__')).toBeUndefined();
    expect(get(hostile, '__proto__')).toEqual({ x: 1 });
    expect(get(get(hostile, '__proto__'), 'x')).toBe(1);
    expect(get(hostile, 'constructor')).toBeNull();
    for (const value of [null, undefined, 'text', 7, true]) expect(get(value, 'length')).toBeUndefined();
  });

  it('has: present even if null; of arguments that nobody knows yet, unknown', () => {
    expect(has(hostile as never, 'a', 'b')).toBe(2);
    expect(has(hostile as never, 'a', 'b', 'c')).toBe(0);
    expect(has(hostile as never, 'constructor')).toBe(2);
    expect(has(UNKNOWN_ARGS, 'a')).toBe(1);
    expect(has({ a: 'text' }, 'a', 'length')).toBe(0);
  });

  it('values of another type are unknown', () => {
    const samples = ['x', '', 0, 1.5, true, false, null, [], ['a'], {}, undefined, Number.NaN, Infinity];
    for (const value of samples) {
      expect(text(value)).toBe(typeof value === 'string' ? value : undefined);
      expect(list(value)).toBe(Array.isArray(value) ? value : undefined);
      expect(bool(value)).toBe(value === true ? 2 : value === false ? 0 : 1);
      expect(json(value)).toBe(value ?? undefined);
      expect(num(value)).toBe(value === 0 || value === 1.5 ? value : undefined);
      expect(int(value)).toBe(value === 0 ? 0 : undefined);
    }
    expect([num(1e21), int(1e21), num(2 ** 53), int(-(2 ** 53))]).toEqual([1e21, 1e21, 2 ** 53, -(2 ** 53)]);
  });
});

const surrogates = fc.constantFrom('\ud800', '\ud83d', '\udbff', '\udc00', '\ude00', '\udfff');
const letters = fc.oneof(
  fc.constantFrom('a', 'b', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}'),
  surrogates,
);
const odd = fc.array(letters, { maxLength: 5 }).map((parts) => parts.join(''));

describe('texts', () => {
  const points = (s: string): readonly number[] => Array.from(s, (c) => c.codePointAt(0) ?? 0);
  const order = (a: string, b: string): number => {
    const [x, y] = [points(a), points(b)];
    for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
    return x.length - y.length;
  };

  it('compare by code point, lone surrogates included', () => {
    fc.assert(
      fc.property(odd, odd, (a, b) => {
        const o = order(a, b);
        expect(compareText('<', a, b)).toBe(o < 0 ? 2 : 0);
        expect(compareText('<=', a, b)).toBe(o <= 0 ? 2 : 0);
        expect(compareText('>', a, b)).toBe(o > 0 ? 2 : 0);
        expect(compareText('>=', a, b)).toBe(o >= 0 ? 2 : 0);
        expect(compareText('==', a, b)).toBe(o === 0 ? 2 : 0);
        expect(compareText('!=', a, b)).toBe(equalText(a, b) === 2 ? 0 : 2);
      }),
      { numRuns: 5000 },
    );
  });

  it('starts with, ends with and contains are those of whole texts; size counts code points', () => {
    const word = fc.array(fc.constantFrom('a', 'b', '\u{1f600}'), { maxLength: 8 }).map((w) => w.join(''));
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(startsWith(a, b)).toBe(a.slice(0, b.length) === b ? 2 : 0);
        expect(endsWith(a, b)).toBe(b === '' || a.slice(-b.length) === b ? 2 : 0);
        expect(contains(a, b)).toBe(a.split(b).length > 1 || b === '' ? 2 : 0);
        expect(size(a)).toBe([...a].length);
      }),
    );
    fc.assert(
      fc.property(odd, (a) => {
        expect(size(a)).toBe([...a].length);
      }),
    );
    expect([size(undefined), size([1, 2])]).toEqual([undefined, 2]);
  });

  it('contains agrees with the built-in search for long parts', () => {
    const run = fc.integer({ min: 60, max: 90 });
    fc.assert(
      fc.property(run, run, run, fc.constantFrom('b', 'a', 'ab'), (before, left, right, middle) => {
        const whole = `${'a'.repeat(before)}${middle}${'a'.repeat(left)}b${'a'.repeat(right)}`;
        const part = `${'a'.repeat(left)}b${'a'.repeat(before)}`;
        expect(contains(whole, part)).toBe(whole.includes(part) ? 2 : 0);
        expect(contains(part, whole)).toBe(part.includes(whole) ? 2 : 0);
      }),
      { numRuns: 500 },
    );
  });

  it('contains is linear where the built-in search is not', () => {
    const seconds = (n: number): number => {
      const [whole, part] = ['a'.repeat(n), `${'a'.repeat(n / 4)}b${'a'.repeat(n / 4)}`];
      const start = performance.now();
      expect(contains(whole, part)).toBe(0);
      return (performance.now() - start) / 1000;
    };
    seconds(100_000);
    expect(seconds(2_000_000)).toBeLessThan(2);
  });

  it('unknown operands give unknown', () => {
    for (const f of [startsWith, endsWith, contains, equalText]) {
      expect([f(undefined, 'a'), f('a', undefined), f(undefined, undefined)]).toEqual([1, 1, 1]);
    }
    expect(compareText('!=', undefined, 'a')).toBe(1);
    expect(inTexts(undefined, texts(['a']))).toBe(1);
    expect([inTexts('a', texts(['a'])), inTexts('constructor', texts(['a']))]).toEqual([2, 0]);
  });
});

describe('JSON', () => {
  it('equal are those that write the same canonical text', () => {
    const canonical = (v: unknown): string =>
      Array.isArray(v)
        ? `[${v.map(canonical).join()}]`
        : typeof v === 'object' && v !== null
          ? `{${Object.entries(v)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([k, m]) => `${JSON.stringify(k)}:${canonical(m)}`)
              .join()}}`
          : JSON.stringify(v);
    const value = fc.jsonValue({ maxDepth: 3 });
    const pair = fc.oneof(
      fc.tuple(value, value),
      value.map((v) => [v, JSON.parse(JSON.stringify(v)) as unknown] as const),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(equalJson(a, b)).toBe(canonical(a) === canonical(b) ? 2 : 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('has no depth at which it starts to say unequal, or overflows', () => {
    const deep = (n: number): unknown => {
      let value: unknown = 'x';
      for (let i = 0; i < n; i++) value = i % 2 === 0 ? [value] : { a: value };
      return value;
    };
    for (const n of [99, 100, 101, 128, 50_000]) {
      expect(equalJson(deep(n), deep(n))).toBe(2);
      expect(equalJson(deep(n), deep(n + 2))).toBe(0);
    }
  });

  it('compares computed decimals as numbers', () => {
    expect(equalJson(0.3, decimal('0.30'))).toBe(2);
    expect(equalJson([2], [decimal('2')])).toBe(2);
    expect(equalJson({ c: 2, scale: 0 }, decimal('2'))).toBe(0);
    expect(equalJson('2', decimal('2'))).toBe(0);
    expect([equalJson(undefined, 1), equalJson(null, null)]).toEqual([1, 2]);
  });
});
