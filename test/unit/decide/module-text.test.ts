// SPDX-License-Identifier: Apache-2.0
// The scanner of compiled modules against the same grammar as one regular expression, on compiled modules and damaged ones.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moduleFault } from '../../../runtime/decide/module-text.js';

const TOKEN =
  /([ \n]+|\/\/[^\n]*)|("(?:[^"\\\n]|\\u[0-9a-f]{4})*")|([A-Za-z_$][\w$]*)|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(=>|===|[{}()[\],;:.=<>?-])/y;

/** Where the first text stands that is no token, or null. */
function untokened(text: string): number | null {
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    if (TOKEN.exec(text) === null) return at;
  }
  return null;
}

const folder = 'test/golden/emission';
const modules = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.js.txt'))
  .map((name) => readFileSync(`${folder}/${name}`, 'utf8'));

const placeOf = (text: string, at: number): string => {
  const lines = text.slice(0, at).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
};

describe('the text of a module', () => {
  it('of the compiler has no fault', () => {
    expect(modules.length).toBeGreaterThan(0);
    for (const text of modules) expect(moduleFault(text)).toBeNull();
  });

  it('is cut into tokens as one regular expression would', () => {
    const pieces = [
      '"a',
      '"',
      '\\u00e9',
      '\\u00E9',
      '\\n',
      '\n',
      '/',
      '//',
      '1.',
      '1.5e',
      '1e+9',
      '=',
      '=>',
      '===',
      '!',
      '`',
      '$',
      'K[1]',
      'q1',
      '.',
      '#',
    ];
    const damaged = fc
      .tuple(
        fc.constantFrom(...modules),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(...pieces),
        fc.nat(3),
      )
      .map(([text, where, piece, cut]) => {
        const at = Math.floor(where * text.length);
        return text.slice(0, at) + piece + text.slice(at + cut);
      });
    let refused = 0;
    fc.assert(
      fc.property(damaged, (text) => {
        const at = untokened(text);
        const fault = moduleFault(text);
        if (at !== null) expect(fault).not.toBeNull();
        if (fault?.startsWith('text that no compiled policy has')) {
          expect(fault).toContain(placeOf(text, at ?? -1));
        }
        if (fault !== null) refused++;
      }),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it.each([
    ['a member over a line end', 'std\n["x"]'],
    ['a member over a line end and spaces', 'std\n  ["x"]'],
    ['a member after a comment', 'std // \n["x"]'],
    ['a member of a constant', 'K[0]["x"]'],
    ['a member of a call', 'get(a, K[0])["x"]'],
    ['a computed constant', 'K[q1]'],
    ['a member by name', 'std.constructor'],
    ['a member by name over a line end', 'std.\nconstructor'],
    ['a global', 'globalThis'],
    ['a name that begins like an allowed one', 'getter'],
    ['a name that begins like a made one', 'q1a'],
    ['an import', 'import("x")'],
    ['a template', '`x`'],
    ['a key that is no key', 'name = 1'],
    ['a regular expression', 'return /x/'],
    ['a spread', '[...K]'],
    ['an escape', '"\\x41"'],
  ])('may not hold %s', (_, text) => {
    expect(moduleFault(text)).not.toBeNull();
  });

  it('has no line of more than a million characters', () => {
    for (const unit of ['(', 'q1 ', '"a"']) {
      expect(moduleFault(`\n${unit.repeat((1 << 20) + 1)}`)).toMatch(
        /longer than 1048576 characters, line 2/,
      );
      expect(moduleFault(unit.repeat((1 << 20) / 4))).toBeNull();
    }
  });

  it('is read in linear time where a long line fails', () => {
    for (const unit of ['1.5', '12', '"a"', '(', ' ', 'q1 ', '=>', 'K[1]', '"\\u0041"', '.name']) {
      const line = `${unit.repeat(100_000)}!`;
      expect(moduleFault(line)).toMatch(/at line 1, column|no compiled policy/);
    }
  });
});
