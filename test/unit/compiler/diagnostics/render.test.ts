// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../../compiler/diagnostics/diagnostic.js';
import { explain } from '../../../../compiler/diagnostics/explain.js';
import { position, renderHuman, renderJson, renderPlain } from '../../../../compiler/diagnostics/render.js';

const source = 'sep 1\npolicy a.b 1.0.0\ndeny x: any -> "tab\tbed" // done\n';
const sources = new Map([['a.sep', source]]);
const at = (word: string) => ({ start: source.indexOf(word), end: source.indexOf(word) + word.length });
const unknown = (name: string) => diagnose('SEP2001', 'a.sep', at(name), { name });

describe('human', () => {
  it('shows place, frame, labels, help, notes and where to read on', () => {
    const finding = diagnose(
      'SEP2002',
      'a.sep',
      at('any'),
      { name: 'any' },
      {
        label: 'here',
        labels: [{ file: 'a.sep', span: at('policy'), text: 'first' }],
        notes: ['a note'],
      },
    );
    expect(renderHuman([finding], sources)).toBe(
      [
        'error[SEP2002]: the name `any` is already taken',
        '  --> a.sep:3:9',
        '   |',
        ' 3 | deny x: any -> "tab bed" // done',
        '   |         ^^^ here',
        '  ::: a.sep:2:1',
        '   |',
        ' 2 | policy a.b 1.0.0',
        '   | ^^^^^^ first',
        '   = help: rename one of the two: rules, sets, lets and facts share one namespace',
        '   = note: a note',
        '   = see: sepal explain SEP2002',
        '',
      ].join('\n'),
    );
  });

  it('colours only when asked to', () => {
    expect(renderHuman([unknown('any')], sources)).not.toContain('\u001b');
    expect(renderHuman([unknown('any')], sources, true)).toContain('\u001b[1;31merror[SEP2001]\u001b[0m');
  });

  it('lets no text of a policy steer the terminal', () => {
    const evil = 'deny \u001b[2J\u202e\u061c\u200bx\r';
    const finding = diagnose('SEP2001', 'e', { start: 5, end: evil.length }, { name: evil });
    const out = renderHuman([finding], new Map([['e', evil]]));
    expect(Array.from(out).filter((c) => c !== '\n' && /[\p{Cc}\p{Cf}]/u.test(c))).toEqual([]);
    expect(out).toContain('\\u{1b}[2J\\u{202e}');
  });

  it('marks stand below wide and combining characters', () => {
    const wide = 'because "日本e\u0301" x';
    const start = wide.indexOf('x');
    const finding = diagnose('SEP2001', 'w', { start, end: start + 1 }, { name: 'x' });
    const [, , , line, marks] = renderHuman([finding], new Map([['w', wide]])).split('\n');
    expect(line).toContain('日本');
    expect(marks?.indexOf('^')).toBe(' 1 | because "????e" '.length);
  });

  it('cuts long lines around the place', () => {
    const long = `${'a'.repeat(500)}X${'b'.repeat(500)}`;
    const finding = diagnose('SEP2001', 'l', { start: 500, end: 501 }, { name: 'X' });
    const [, , , line, marks] = renderHuman([finding], new Map([['l', long]])).split('\n');
    expect(line?.length).toBeLessThan(140);
    expect(line?.[marks?.indexOf('^') ?? 0]).toBe('X');
  });

  it('works at the end of the text, in an empty text and without a source', () => {
    for (const text of ['', 'a\n', 'a']) {
      const finding = diagnose('SEP2001', 'f', { start: text.length, end: text.length }, { name: 'x' });
      expect(renderHuman([finding], new Map([['f', text]]))).toContain('^');
      expect(renderHuman([finding], new Map())).toContain('--> f\n');
    }
  });
});

it('plain is one line each, in order of place', () => {
  expect(renderPlain([unknown('any'), unknown('policy')], sources)).toBe(
    'a.sep:2:1: error SEP2001: `policy` is not defined (define it with `principals`, `actions`, `let` or `fact`)\n' +
      'a.sep:3:9: error SEP2001: `any` is not defined (define it with `principals`, `actions`, `let` or `fact`)\n',
  );
});

it('json has the promised keys and does not depend on the order of findings', () => {
  const findings = [unknown('any'), unknown('policy')];
  const json = renderJson(findings, sources);
  expect(renderJson([...findings].reverse(), sources)).toBe(json);
  const parsed: unknown = JSON.parse(json);
  expect(parsed).toMatchObject({
    version: 1,
    diagnostics: [
      {
        code: 'SEP2001',
        severity: 'error',
        file: 'a.sep',
        start: { line: 2, column: 1, offset: 6 },
        fixes: [],
      },
      { end: { line: 3, column: 12, offset: 34 } },
    ],
  });
});

it('positions count lines and columns from one', () => {
  expect(position('a\nb', 0)).toEqual({ line: 1, column: 1, offset: 0 });
  expect(position('a\nb', 1)).toEqual({ line: 1, column: 2, offset: 1 });
  expect(position('a\nb', 2)).toEqual({ line: 2, column: 1, offset: 2 });
  expect(position('a\nb', 99)).toEqual({ line: 2, column: 2, offset: 3 });
});

it('explains codes, and only codes', () => {
  expect(explain('SEP3001')).toMatchObject({ severity: 'error', page: 'docs/errors/SEP3001.md' });
  expect(explain('toString')).toBeNull();
});
