// SPDX-License-Identifier: Apache-2.0
// What is large is read, what is deep is refused, and neither takes the parser down.
import { describe, expect, it } from 'vitest';
import { format } from '../../../grammar/format.js';
import { parse } from '../../../grammar/parse.js';

const head = 'sep 1\npolicy a.b 1.0.0\n';
const codes = (source: string): readonly string[] => parse(source).faults.map((f) => f.code);
const many = (count: number, text: (i: number) => string, between = ''): string =>
  Array.from({ length: count }, (_, i) => text(i)).join(between);
const when = (condition: string): string => `${head}allow x: any -> a/b when { ${condition} }`;

describe('size', () => {
  it('reads a condition with hundreds of comparisons', () => {
    expect(codes(when(many(400, (i) => `args.a < ${i}`, ' and ')))).toEqual([]);
    expect(codes(when(many(400, (i) => `args.list < ${i}`, ' or ')))).toEqual([]);
  });

  it('reads thousands of statements, with and without conditions', () => {
    const plain = head + many(5000, (i) => `allow r${i}: agent:a, agent:b -> fs/t*, fs/u_${i}\n`);
    const guarded =
      head + many(1500, (i) => `allow r${i}: any -> a/b when { args.a < ${i} or args.b.c > 2 * 3 }\n`);
    const lets = head + many(1500, (i) => `let l${i} = a and b and c\n`);
    for (const source of [plain, guarded, lets]) {
      const { file, faults } = parse(source);
      expect(faults).toEqual([]);
      expect(file.statements.length).toBeGreaterThanOrEqual(1500);
    }
  });

  it('counts the operators of each condition by itself, in cases and in tests too', () => {
    const cases = many(300, (i) => `case ${many(20, () => `args.a < ${i}`, ' or ')} => deny\n`);
    const steps = many(300, () => `as agent:x with a -(1 + ${many(5, () => '2', ' * ')}) a/b => deny\n`);
    expect(codes(`${head}decide d on a/b {\n${cases}otherwise => deny\n}\ntest "t" {\n${steps}}`)).toEqual(
      [],
    );
  });

  it.each([
    ['or', 2000, (n: number) => many(n + 1, () => 'a', ' or ')],
    ['and', 2000, (n: number) => many(n + 1, () => 'a', ' and ')],
    ['comparisons', 2000, (n: number) => many((n + 1) / 2, () => 'a == 1', ' or ')],
    ['sums', 250, (n: number) => many(n + 1, () => '1', ' + ')],
    ['products', 250, (n: number) => many(n + 1, () => '1', ' * ')],
    [
      'sums of sums',
      250,
      (n: number) => `${many(n - 100, () => '1', ' + ')} + (${many(101, () => '1', ' - ')})`,
    ],
    ['members', 258, (n: number) => many(n + 1, () => 'a', '.')],
  ])('refuses a condition of too many operators (%s), and not of a few less', (_, most, chain) => {
    expect(codes(when(chain(most + 2)))).toEqual(['SEP1009']);
    const source = when(chain(most));
    const { file, faults } = parse(source);
    expect(faults).toEqual([]);
    expect(parse(format(file, source)).faults).toEqual([]);
  });

  it('tells at most a hundred faults, whatever their kind', () => {
    for (const text of [
      'allow x any -> a/b\n',
      ';\n',
      '\u0007\n',
      '1x\n',
      'let x = "\\q"\n',
      'wо\n',
      '"\n',
      '} ',
    ]) {
      const { faults } = parse(head + text.repeat(3000));
      expect(faults.length).toBeGreaterThan(0);
      expect(faults.length).toBeLessThanOrEqual(100);
    }
  });
});

describe('depth', () => {
  const nests: readonly (readonly [string, (n: number) => string])[] = [
    ['brackets', (n) => when(`${'('.repeat(n)}true${')'.repeat(n)}`)],
    ['negations', (n) => when(`${'not '.repeat(n)}true`)],
    ['bracketed negations', (n) => when(`${'not ('.repeat(n)}true${')'.repeat(n)}`)],
    ['minus signs', (n) => when(`1 == ${'-'.repeat(n)}1`)],
    ['sums', (n) => when(`${'1 + ('.repeat(n)}1${')'.repeat(n)}`)],
    ['comparisons', (n) => when(`${'1 < ('.repeat(n)}1${')'.repeat(n)}`)],
    ['lists', (n) => when(`${'['.repeat(n)}1${']'.repeat(n)}`)],
    ['calls', (n) => when(`${'f('.repeat(n)}1${')'.repeat(n)}`)],
    ['members of brackets', (n) => when(`${'('.repeat(n)}a${').b'.repeat(n)}`)],
    ['quantifiers', (n) => when(`${'any(x, y => '.repeat(n)}y${')'.repeat(n)}`)],
    ['types', (n) => `${head}let x(a: ${'list<'.repeat(n)}int${'>'.repeat(n)}) = a`],
    ['arrays', (n) => `${head}test "t" { a/b { a: ${'['.repeat(n)}1${']'.repeat(n)} } => deny }`],
    ['objects', (n) => `${head}test "t" { a/b { a: ${'{a: '.repeat(n)}1${'}'.repeat(n)} } => deny }`],
    ['answers', (n) => `${head}test "t" { a/b => ${'review then approved => '.repeat(n)}deny }`],
    ['templates', (n) => `${head}${'template t(a: int) { '.repeat(n)}${'}'.repeat(n)}`],
    [
      'given values',
      (n) => `${head}test "t" { as agent:a with x ${'-('.repeat(n)}1${')'.repeat(n)} a/b => deny }`,
    ],
    ['arguments of an instance', (n) => `${head}instance x = y(${'('.repeat(n)}1${')'.repeat(n)})`],
  ];

  it.each(nests)('reads and prints %s thirty levels deep', (_, nest) => {
    const source = nest(30);
    const { file, faults } = parse(source);
    expect(faults).toEqual([]);
    expect(parse(format(file, source)).faults).toEqual([]);
  });

  it.each(nests)('refuses %s without end, closed or not', (_, nest) => {
    for (const depth of [100, 1000, 50_000]) {
      const source = nest(depth);
      expect(codes(source)).toContain('SEP1009');
      expect(parse(source.slice(0, source.length / 2)).faults).not.toEqual([]);
    }
  });

  it('is still right after a file that was too deep', () => {
    expect(codes(when(`${'('.repeat(5000)}true`))).toEqual(['SEP1009']);
    expect(codes(when(`${'('.repeat(60)}true${')'.repeat(60)}`))).toEqual([]);
  });

  it('says that the stack ended where it ends early, and does not throw', () => {
    // Called from ever deeper, the parser meets the end of the stack at every place where it could.
    let refused = 0;
    let read = 0;
    const source = when(`${'(not ['.repeat(8)}1${'])'.repeat(8)}`);
    const dive = (depth: number): void => {
      try {
        if (depth > 0) dive(depth - 1);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      if (depth % 50 !== 0) return;
      try {
        if (codes(source).includes('SEP1009')) refused++;
        else read++;
      } catch (error) {
        // Too deep even to start: that is the caller's overflow.
        if (!(error instanceof RangeError)) throw error;
      }
    };
    dive(20_000);
    expect(read).toBeGreaterThan(0);
    expect(refused + read).toBeGreaterThan(1);
  });
});

describe('time', () => {
  const LENGTH = 240_000;
  const fill = (unit: string): string => unit.repeat(LENGTH / unit.length);
  const numbered = (unit: (i: number) => string): string => many(LENGTH / 12, unit);
  const texts: readonly (readonly [string, string])[] = [
    ['one long word', fill('a')],
    ['dashes', fill('-')],
    ['dots', fill('a.')],
    ['slashes', fill('a/')],
    ['quotes', fill('"')],
    ['strings that do not end', fill('a/"\\')],
    ['strings that do not end, on many lines', fill('x: "abc\n')],
    ['escapes', `deny x: any -> a/b because "${fill('\\q')}"`],
    ['patterns that do not end', fill('r"\\')],
    ['principals', fill('user:"')],
    ['digits', fill('1')],
    ['digits and points', fill('1.')],
    ['versions', fill('1.1.1-')],
    ['a long server', `sampling from ${fill('a')}`],
    ['keys', `test "t" { a/b { ${numbered((i) => `k${i}: 1, `)}z: 1 } => deny }`],
    ['one key again and again', `test "t" { a/b { ${fill('k: 1, ')}z: 1 } => deny }`],
    ['keys in strings', `test "t" { a/b { ${numbered((i) => `"k${i}":"x",`)}z: 1 } => deny }`],
    ['an array', `test "t" { a/b { k: [${fill('1,')}1] } => deny }`],
    ['a list', `let x = y in [${fill('"a",')}"b"]`],
    ['one clause again and again', `allow x: any -> a/b ${fill('tell ')}`],
    ['cases', `decide d on a/b { ${fill('case a => deny ')} }`],
    ['comments', fill('// a\n')],
    ['trailing comments', `decide d on a/b {\n${fill('case a => deny // a\n')} }`],
    ['comments after all code', `${many(9000, (i) => `allow r${i}: any -> a/b\n`)}${fill('// a\n')}`],
    ['broken statements', fill('allow x any -> a/b\n')],
    ['statements on one line', fill('deny x: any -> a/b ')],
    ['statements on one line behind a mistake', `deny x any -> a/b ${fill('deny x: any -> a/b ')}`],
    ['stray characters', fill('é ')],
    ['stray words', fill('é')],
    ['mixed scripts', fill('wо ')],
    ['one word of mixed scripts', fill('wо')],
    ['half characters', fill('\ud83d')],
    ['tags', fill('\u{e0041}')],
    ['line breaks', fill('\n')],
    ['brackets', fill('{')],
  ];

  // A quadratic pass over 60,000 characters took six seconds, over these it would take minutes.
  it.each(texts)('reads and prints %s in time that grows with the text', (_, text) => {
    const source = head + text;
    const start = performance.now();
    const { file, faults } = parse(source);
    if (faults.length === 0) format(file, source);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
