// SPDX-License-Identifier: Apache-2.0
// The parser is total and loses nothing, and the formatter changes nothing but white space.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { format } from '../../grammar/format.js';
import { type ParseResult, parse } from '../../grammar/parse.js';
import { scan } from '../../grammar/scan.js';
import { OPERATOR_WORDS, RESERVED } from '../../grammar/tokens.js';
import type { File } from '../../grammar/tree.js';

const samples = join(import.meta.dirname, '../samples');
const design = join(import.meta.dirname, '../../../shared/design/examples');
const examples = existsSync(design) ? readdirSync(design).filter((name) => name.endsWith('.sep')) : [];
const texts = [
  ...readdirSync(samples)
    .filter((name) => name.endsWith('.sep'))
    .map((name) => readFileSync(join(samples, name), 'utf8')),
  ...examples.map((name) => readFileSync(join(design, name), 'utf8')),
];
const HEAD = 'sep 1\npolicy a.b 1.0.0\n';
/** Every statement of the samples by itself: short texts leave time for many cases. */
const statements = texts.flatMap((text) =>
  parse(text).file.statements.map((s) => text.slice(s.span.start, s.span.end)),
);

const MARKS = [
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '->',
  '=>',
  ':',
  '"',
  'r"',
  '//',
  '*',
  '/',
  'a/b',
  'agent:*',
  'role:',
  '<',
  '==',
  '15m',
  '1.0.0',
  '2026-12-25',
  '09:00',
  '0',
  '1.5',
  '-',
  '+',
  '.',
  '..',
  ',',
  '=',
  '\n',
  ' ',
  '\t',
  '\r\n',
  ';',
  '\\u{',
  '\\',
  '\u202e',
  'é',
  '\ud800',
  '\u0000',
  '\ufeff',
  '😀',
];
const PIECES = [...MARKS, ...RESERVED, ...OPERATOR_WORDS, 'x', 'name', 'list', 'mon', 'enum'];

const soup = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ unit: 'binary', maxLength: 6 })),
  {
    maxLength: 60,
  },
);

/** A few statements with a few places cut, doubled or replaced. */
const mutated = fc
  .tuple(
    fc.array(fc.constantFrom(...statements), { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 12 }), fc.constantFrom('', '', ...PIECES)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([chosen, edits]) =>
    edits.reduce((text, [at, length, piece]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + piece + text.slice(start + length);
    }, HEAD + chosen.join('\n')),
  );

/** A tree without positions: what must not change. */
function bare(value: unknown): unknown {
  const places = ['span', 'opSpan', 'whenSpan', 'comments', 'header'];
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !places.includes(key));
  return Object.fromEntries(kept.map(([key, inner]) => [key, bare(inner)]));
}

/** The code of a policy without what its canonical form may change: white space, comments, brackets, the inside of strings. */
function code(source: string): string {
  const { tokens } = scan(source);
  const text = tokens.map(({ image, tokenType }) =>
    ['OpenParen', 'CloseParen'].includes(tokenType.name) ? '' : image.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'),
  );
  return text.join('');
}

function checkFaults(source: string, { faults, file }: ParseResult): void {
  for (const { code: fault, span, args } of faults) {
    expect(fault).toMatch(/^SEP10(?:0\d|1[01])$/);
    expect(Number.isInteger(span.start) && Number.isInteger(span.end)).toBe(true);
    expect(0 <= span.start && span.start <= span.end && span.end <= source.length).toBe(true);
    expect(args['what'] ?? '').not.toContain('please report');
    for (const value of Object.values(args)) expect(value).not.toMatch(/undefined|NaN|\0/);
  }
  for (const statement of file.statements) checkSpans(statement, 0, source.length);
}

/** Nodes lie inside the nodes that hold them. */
function checkSpans(value: unknown, from: number, to: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) checkSpans(item, from, to);
    return;
  }
  const { span } = value as { readonly span?: { readonly start: number; readonly end: number } };
  if (span !== undefined && !(from <= span.start && span.start <= span.end && span.end <= to)) {
    throw new Error(`${JSON.stringify(value)} lies outside of ${from} to ${to}`);
  }
  const [start, end] = span === undefined ? [from, to] : [span.start, span.end];
  for (const [key, inner] of Object.entries(value)) if (key !== 'span') checkSpans(inner, start, end);
}

function checkFormat(source: string, file: File): void {
  const once = format(file, source);
  const again = parse(once);
  expect(again.faults).toEqual([]);
  expect(JSON.stringify(bare(again.file))).toBe(JSON.stringify(bare(file)));
  expect(again.file.comments.map((c) => c.text)).toEqual(file.comments.map((c) => c.text));
  expect(format(again.file, once)).toBe(once);
  expect(code(once)).toBe(code(source));
  expect(once).not.toMatch(/[ \t]\n|\n\n\n|\r|[^\n]$/);
}

describe('parse', () => {
  it.skipIf(examples.length === 0)('reads the five policies of the design (skipped: no ../shared)', () => {
    expect(examples).toHaveLength(5);
    for (const name of examples) {
      const source = readFileSync(join(design, name), 'utf8');
      const result = parse(source);
      expect(result.faults, name).toEqual([]);
      checkFaults(source, result);
    }
  });

  it('never throws, on random text', () => {
    fc.assert(
      fc.property(
        soup,
        fc.constantFrom(HEAD, HEAD, 'sep 1 ', ''),
        fc.constantFrom(' ', ''),
        (pieces, head, between) => {
          const source = head + pieces.join(between);
          checkFaults(source, parse(source));
        },
      ),
      { numRuns: 4000 },
    );
  });

  it('never throws, on mutated policies; what it takes, it takes whole', () => {
    let taken = 0;
    fc.assert(
      fc.property(mutated, (source) => {
        const result = parse(source);
        checkFaults(source, result);
        if (result.faults.length > 0) return;
        taken++;
        checkFormat(source, result.file);
      }),
      { numRuns: 4000 },
    );
    expect(taken).toBeGreaterThan(200);
  });

  it('keeps the statements around a broken one, and tells only that', () => {
    const broken = fc.constantFrom(
      'allow x any -> a/b',
      'deny x: any -> a/b when { a = 1 }',
      'decide d on a/b {\n  case a deny\n}',
      'test "t" {\n  nothing => allow\n}',
      'limit l: 1 per hour on a/b',
      'permit x: any -> a/b',
      'prove nothing',
    );
    const around = fc.array(fc.constantFrom(...statements), { maxLength: 3 });
    fc.assert(
      fc.property(around, broken, around, (before, wrong, after) => {
        const source = `${HEAD}${[...before, wrong, ...after].join('\n')}\n`;
        const { faults, file } = parse(source);
        const at = source.indexOf(`\n${wrong}`) + 1;
        expect(faults.map((f) => f.code)).toEqual(['SEP1002']);
        expect(faults[0]!.span.start).toBeGreaterThanOrEqual(at);
        // Where the end is missing, the next statement is what was found.
        expect(faults[0]!.span.start).toBeLessThanOrEqual(at + wrong.length + 1);
        expect(file.statements).toHaveLength(before.length + after.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('format', () => {
  const check = (source: string): void => {
    const { faults, file } = parse(source);
    expect(faults).toEqual([]);
    checkFormat(source, file);
  };

  it.each(texts)('is idempotent and keeps tree and comments (sample %#)', check);

  it('is idempotent and keeps tree and comments, wherever comments stand', () => {
    const kinds = [' // note', '\n// note', '\n\n\n// a // b', '//', '// é -> { } "', '\r\n  // x\r'];
    const places = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...kinds)), { minLength: 1, maxLength: 10 });
    const chosen = fc.array(fc.constantFrom(...statements), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(chosen, fc.constantFrom('\n', '\n\n\n', ' '), places, (some, between, comments) => {
        check(withComments(HEAD + some.join(between), comments));
      }),
      { numRuns: 1500 },
    );
  });

  it('is idempotent and keeps tree and comments, with a comment at every boundary of the tokens', () => {
    for (const text of texts) {
      const { tokens } = scan(text);
      for (let first = 0; first < 7; first++) {
        check(
          withComments(
            text,
            tokens.flatMap((_, i) => (i % 7 === first ? [[i, ` // ${i}`]] : [])),
          ),
        );
      }
      check(
        withComments(
          text,
          tokens.map((_, i) => [i, ` // ${i}`]),
        ),
      );
      check(
        withComments(
          text,
          tokens.map((_, i) => [i, `\n// ${i}`]),
        ),
      );
    }
  });
});

/** `text` with comments, each with a line break after it, behind some of its tokens. */
function withComments(text: string, comments: readonly (readonly [number, string])[]): string {
  const { tokens } = scan(text);
  const ends = comments.map(([at, comment]) => {
    const token = tokens[at % tokens.length]!;
    return { end: token.startOffset + token.image.length, comment };
  });
  return ends
    .sort((a, b) => b.end - a.end)
    .reduce((t, { end, comment }) => `${t.slice(0, end)}${comment}\n${t.slice(end)}`, text);
}
