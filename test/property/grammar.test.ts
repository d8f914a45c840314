// SPDX-License-Identifier: Apache-2.0
// The parser is total, and the formatter changes nothing but white space.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { format } from '../../grammar/format.js';
import { parse } from '../../grammar/parse.js';

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
    ([key]) => !['span', 'opSpan', 'comments', 'header'].includes(key),
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

  it('is idempotent and keeps tree and comments, on policies that still parse after a mutation', () => {
    let parsed = 0;
    const comments = fc.array(fc.nat(), { maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(...texts), comments, (text, places) => {
        const lines = text.split('\n');
        for (const place of places) {
          const at = place % lines.length;
          lines[at] += place % 2 === 0 ? ' // note' : '\n\n\n// note';
        }
        const source = lines.join('\n');
        if (parse(source).faults.length === 0) parsed++;
        check(source);
      }),
      { numRuns: 300 },
    );
    expect(parsed).toBeGreaterThan(200);
  });
});
