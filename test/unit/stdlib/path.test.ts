// SPDX-License-Identifier: Apache-2.0
// `under` against a model, character by character over all of Unicode, and against what servers make of a path.
import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathSegments, under } from '../../../stdlib/path.js';

describe('under', () => {
  it.each([
    ['/data', '/data', 2],
    ['/data/', '/data', 2],
    ['/data', '/data/', 2],
    ['/data/a', '/data', 2],
    ['/data/./a//b/.', '/data', 2],
    ['/./data/a', '/data/.', 2],
    ['/', '/', 2],
    ['/anything', '/', 2],
    ['/database', '/data', 0],
    ['/dat', '/data', 0],
    ['/', '/data', 0],
    ['/Data/a', '/data', 0],
    ['/data/..foo', '/data', 2],
    ['/data/.hidden', '/data', 2],
    ['/data/a.b', '/data', 2],
    ['/data/a;b', '/data', 2],
    ['/data/ a', '/data', 2],
    ['/data/12:30.log', '/data', 2],
    ['/data/é/ü', '/data/é', 2],
    ['/data/日本', '/data', 2],
  ] as const)('%j under %j is %j', (path, root, expected) => {
    expect(under(path, root)).toBe(expected);
  });

  it.each([
    ['relative', 'data/a'],
    ['relative with a dot', './data/a'],
    ['empty', ''],
    ['parent', '/data/../etc'],
    ['parent that stays inside', '/data/a/../b'],
    ['parent at the end', '/data/..'],
    ['parent at the start', '/../data'],
    ['only dots', '/data/.../a'],
    ['many dots', '/data/......'],
    ['matrix parameter', '/data/..;/etc'],
    ['matrix parameter with text', '/data/..;x=1/etc'],
    ['trailing dot', '/data/a./b'],
    ['trailing space', '/data/a /b'],
    ['dots and a space', '/data/.. /b'],
    ['a space and dots', '/data/ ../b'],
    ['a dot and a space', '/data/. /b'],
    ['NUL', '/data/a\0b'],
    ['newline', '/data/a\nb'],
    ['tab', '/data/\t../b'],
    ['DEL', '/data/\x7f'],
    ['C1 control', '/data/\x85'],
    ['backslash', '/data\\..\\etc'],
    ['drive', 'C:/data'],
    ['drive below the root', '/C:/data'],
    ['drive without a slash', '/c:data'],
    ['UNC', '//server/share'],
    ['UNC with backslashes', '\\\\server\\share'],
    ['device', '//?/C:/data'],
    ['home', '~/data'],
    ['home of a user', '/data/~root'],
    ['percent escape', '/data/%2e%2e/etc'],
    ['double percent escape', '/data/%252e'],
    ['a percent sign alone', '/data/100%'],
    ['fullwidth dots', '/data/\uff0e\uff0e/etc'],
    ['two-dot leader', '/data/\u2025/etc'],
    ['one-dot leaders', '/data/\u2024\u2024/etc'],
    ['fullwidth slash', '/data/..\uff0fetc'],
    ['division slash', '/data\u2215etc'],
    ['fraction slash', '/data\u2044etc'],
    ['set minus', '/data\u2216etc'],
    ['fullwidth backslash', '/data\uff3cetc'],
    ['zero width', '/data/.\u200b./etc'],
    ['soft hyphen', '/data/.\u00ad./etc'],
    ['variation selector', '/data/.\ufe0f./etc'],
    ['bidi override', '/data/\u202ecod'],
    ['no-break space at the end', '/data/..\u00a0/etc'],
    ['lone surrogate', '/data/\ud800'],
    ['tag character', '/data/\u{e0041}'],
  ])('refuses %s', (_, path) => {
    expect(under(path, '/data')).toBe(1);
    expect(under('/data', path)).toBe(1);
  });

  it('is the model: segments without `.` and empty ones, root first', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '.', '', '..', '..x', 'a.', ' ', 'é');
    const path = fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`);
    const model = (p: string): readonly string[] | null => {
      const segments = p.split('/').slice(1);
      if (segments.length > 1 && segments[0] === '') return null;
      const named = segments.filter((s) => s !== '' && s !== '.');
      return named.some((s) => ['..', 'a.', ' '].includes(s)) ? null : named;
    };
    fc.assert(
      fc.property(path, path, (p, root) => {
        const [a, b] = [model(p), model(root)];
        expect(pathSegments(p)).toEqual(a);
        expect(under(p, root)).toBe(a === null || b === null ? 1 : b.every((s, i) => a[i] === s) ? 2 : 0);
      }),
      { numRuns: 5000 },
    );
  });

  it('whatever it accepts, no server resolves outside: POSIX, Windows, percent-decoded, NFKC-folded, any of them twice', () => {
    const piece = fc.constantFrom(
      'a',
      'data',
      '.',
      '..',
      '...',
      '/',
      '//',
      '\\',
      '%2e',
      '%2f',
      ';',
      ' ',
      ':',
      'C:',
      '~',
      '\0',
      '\u2025',

      '\uff0e',
      '\uff0f',
      '\u2215',
      '\u00a0',
      '\u200b',
      '\u0338',
      '\u0300',
      'é',
      '|',
      '*',
      '?',
      '$',
      '\u{1f600}',
    );
    const path = fc.array(piece, { maxLength: 8 }).map((parts) => `/data/${parts.join('')}`);
    const decode = (p: string): string => {
      try {
        return decodeURIComponent(p);
      } catch {
        return p;
      }
    };
    const readings: readonly ((p: string) => string)[] = [
      (p) => p,
      decode,
      (p) => p.normalize('NFKC'),
      (p) => p.replaceAll('\\', '/'),
      (p) =>
        p
          .split('/')
          .map((s) => s.replace(/;.*$/, ''))
          .join('/'),
      (p) =>
        p
          .split('/')
          .map((s) =>
            s.replace(/[. ]+$/, (end) => (s === '..' || s === '.' ? s : end.length === s.length ? '..' : '')),
          )
          .join('/'),
    ];
    fc.assert(
      fc.property(path, fc.constantFrom(...readings), fc.constantFrom(...readings), (p, first, second) => {
        if (under(p, '/data') !== 2) return;
        const read = second(first(p));
        expect(`${posix.normalize(read)}/`.startsWith('/data/')).toBe(true);
        expect(`${win32.normalize(read).replaceAll('\\', '/')}/`.startsWith('/data/')).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  it('over every code point: accepts none that folds or is read as a dot, slash, space or escape', () => {
    for (let c = 0; c <= 0x10ffff; c++) {
      const letter = String.fromCodePoint(c);
      if (letter === '/') continue;
      if (pathSegments(`/a/x${letter}y`) === null) continue;
      const folded = letter.normalize('NFKC');
      const special = '\\~%\0'.includes(letter) || (folded !== letter && /[./\\~%:; ]/.test(folded));
      if (special || /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/u.test(letter)) {
        expect.fail(`accepts U+${c.toString(16)}`);
      }
    }
  });

  it('is linear', () => {
    const start = performance.now();
    for (const piece of ['/', '/.', '/a', ' ', '/ ', '\u00e9', 'a\u0300', ';', '/..;']) {
      under(`/${piece.repeat(1_000_000)}`, '/data');
    }
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
