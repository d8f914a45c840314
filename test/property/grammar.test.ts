// SPDX-License-Identifier: Apache-2.0
// The parser is total, and the formatter changes nothing but white space.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { format } from '../../grammar/format.js';
import { parse } from '../../grammar/parse.js';
import { sepalLexer } from '../../grammar/tokens.js';

const samples = join(import.meta.dirname, '../samples');
const design = join(import.meta.dirname, '../../../shared/design/examples');
const texts = [samples, ...(existsSync(design) ? [design] : [])].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.sep'))
    .map((name) => readFileSync(join(folder, name), 'utf8')),
);
const PIECES = [
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
  'a/b',
  'agent:*',
  'when',
  'not',
  'by',
  'role:',
  '15m',
  '1.0.0',
  '\n',
  ' ',
  '\\u{',
  '\u202e',
  'é',
  '\ud800',
  'allow',
  'deny',
  'test',
  'case',
  'otherwise',
  '0',
  '-',
  '.',
  '..',
];

/** A tree without positions: what must not change. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key]) => !['span', 'opSpan', 'whenSpan', 'comments', 'header'].includes(key),
  );
  return Object.fromEntries(kept.map(([key, inner]) => [key, bare(inner)]));
}

/** A sample with a few places cut, doubled or replaced. */
const mutated = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 30 }), fc.constantFrom('', ...PIECES)), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([text, edits]) =>
    edits.reduce((t, [at, length, piece]) => {
      const start = at % (t.length + 1);
      return t.slice(0, start) + piece + t.slice(start + length);
    }, text),
  );

describe('parse', () => {
  it.skipIf(!existsSync(design))('reads the five policies of the design (skipped: no ../shared)', () => {
    for (const name of readdirSync(design)) {
      expect(parse(readFileSync(join(design, name), 'utf8')).faults, name).toEqual([]);
    }
  });

  it('never throws, on random text', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary' }))), (pieces) => {
        const { faults } = parse(`sep 1 policy a 1.0.0 ${pieces.join(' ')}`);
        for (const fault of faults) expect(fault.span.start).toBeLessThanOrEqual(fault.span.end);
      }),
      { numRuns: 1500 },
    );
  });

  it('never throws, on mutated policies, and points into the text', () => {
    fc.assert(
      fc.property(mutated, (source) => {
        const { faults } = parse(source);
        for (const { span } of faults) {
          expect(span.start).toBeGreaterThanOrEqual(0);
          expect(span.end).toBeLessThanOrEqual(source.length + 1);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('format', () => {
  const check = (source: string): void => {
    const first = parse(source);
    if (first.faults.length > 0) return;
    const once = format(first.file, source);
    const second = parse(once);
    expect(second.faults).toEqual([]);
    expect(bare(second.file)).toEqual(bare(first.file));
    expect(second.file.comments.map((c) => c.text)).toEqual(first.file.comments.map((c) => c.text));
    expect(format(second.file, once)).toBe(once);
  };

  it.each(texts)('is idempotent and keeps tree and comments (sample %#)', check);

  it('is idempotent and keeps tree and comments, wherever comments stand', () => {
    const places = fc.array(
      fc.tuple(fc.nat(), fc.constantFrom(' // note', '\n// note', '\n\n\n// a // b', '//x')),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(fc.constantFrom(...texts), places, (text, comments) => {
        const source = withComments(text, comments);
        expect(parse(source).faults).toEqual([]);
        check(source);
      }),
      { numRuns: 2000 },
    );
  });

  it('is idempotent and keeps tree and comments, with a comment at every boundary of the tokens', () => {
    for (const text of texts) {
      const { tokens } = sepalLexer().tokenize(text);
      for (let first = 0; first < 7; first++) {
        const at = tokens.flatMap((_, i): [number, string][] => (i % 7 === first ? [[i, ` // ${i}`]] : []));
        check(withComments(text, at));
      }
      check(
        withComments(
          text,
          tokens.map((_, i) => [i, ` // ${i}`]),
        ),
      );
    }
  });
});

/** `text` with comments, each with a line break after it, behind some of its tokens. */
function withComments(text: string, comments: readonly (readonly [number, string])[]): string {
  const { tokens } = sepalLexer().tokenize(text);
  const ends = comments.map(([at, comment]) => {
    const token = tokens[at % tokens.length]!;
    return { end: token.startOffset + token.image.length, comment };
  });
  return ends
    .sort((a, b) => b.end - a.end)
    .reduce((t, { end, comment }) => `${t.slice(0, end)}${comment}\n${t.slice(end)}`, text);
}
