// SPDX-License-Identifier: Apache-2.0
// An open policy that is edited step by step is read and checked as its text is when it is read afresh.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullCompiler } from '../../cli/full-compiler.js';
import { check, type Result, type Checked } from '../../compiler/check.js';
import { Memo } from '../../compiler/memo.js';
import { Cells } from '../../editor/lsp/cells.js';
import { Formatter } from '../../editor/lsp/formatting.js';
import { format } from '../../grammar/format.js';
import { parse } from '../../grammar/parse.js';
import { policyText } from '../arbitraries/policy-text.js';
import { soundPolicy } from '../arbitraries/sound-policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

const RUNS = process.env['SEPAL_LONG'] === undefined ? 150 : 5_000;

/** What authors type: bits of statements, broken and whole. */
const typed = fc.constantFrom(
  ...'x { } " // , . => : any */* é 1 role -> not'.split(' '),
  '\n',
  '\n\n\n',
  ' ',
  '\r\n',
  'when { ',
  'on unknown',
  ' tighten',
  ' // said\n',
  '\n  // said\n',
  '\nallow extra: any -> fs/read_file\n',
  '\nrole lead2\n',
  '\nlet small = true\n',
  '\nlet twice = true\nlet twice = true\n',
  ' by role:lead timeout 1h',
  ' else escalate',
  '\ndeny small: any -> *\n',
  ', agent:zed',
  ' when { trusted }',
  ' => deny',
);
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 400 })),
  text: fc.oneof(fc.constant(''), typed),
  /** Is what was cut put back, as undo does? */
  undo: fc.boolean(),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function* textsOf(text: string, edits: readonly Edit[]): Generator<string> {
  for (const { at, cut, text: typedText, undo } of edits) {
    const from = Math.floor(at * text.length);
    const edited = text.slice(0, from) + typedText + text.slice(from + cut);
    yield edited;
    if (undo) yield text;
    else text = edited;
  }
}

/** The value with every span as `cells` places it. */
function placed(value: unknown, cells: Cells): unknown {
  if (Array.isArray(value)) return value.map((each) => placed(each, cells));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map) return placed([...value], cells);
  const own = Object.entries(value);
  if ('start' in value && 'end' in value) return cells.place(value as { start: number; end: number });
  return Object.fromEntries(own.map(([key, each]) => [key, placed(each, cells)]));
}

const LOCK = { path: 'sepal.lock', text: SHOP_LOCK };
const checked = (text: string, cells?: Cells, memo?: Memo): Result<Checked> =>
  check(
    {
      source: { path: 'p.sep', text },
      readLock: () => LOCK,
      today: '2026-01-05',
      ...(cells === undefined ? {} : { parsed: cells.parsed }),
      ...(memo === undefined ? {} : { memo }),
    },
    fullCompiler,
  );

const byPlace = (result: { readonly diagnostics: readonly unknown[] }): readonly string[] =>
  result.diagnostics.map((d) => JSON.stringify(d)).sort();

describe('a policy that is edited', () => {
  const texts = fc.oneof(soundPolicy, policyText);

  it('is read and formatted as its text is, and refused when its text is', () => {
    const formatter = new Formatter();
    fc.assert(
      fc.property(texts, fc.array(edit, { minLength: 1, maxLength: 6 }), (first, edits) => {
        let cells = Cells.of(first);
        for (const text of textsOf(first, edits)) {
          cells = cells.update(text);
          const afresh = parse(text);
          expect(cells.broken).toBe(afresh.faults.length > 0);
          if (cells.broken) continue;
          expect(placed(cells.parsed.file.statements, cells)).toEqual(afresh.file.statements);
          expect(formatter.format(cells)).toBe(format(afresh.file, text));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('is checked as its text is', () => {
    fc.assert(
      fc.property(texts, fc.array(edit, { minLength: 1, maxLength: 6 }), (first, edits) => {
        let cells = Cells.of(first);
        const memo = new Memo();
        checked(first, cells, memo);
        for (const text of textsOf(first, edits)) {
          cells = cells.update(text);
          if (cells.broken) continue;
          const again = checked(text, cells, memo);
          const afresh = checked(text);
          expect(byPlace(placed(again, cells) as typeof afresh)).toEqual(byPlace(afresh));
          const { ir } = again.output ?? { ir: null };
          expect(placed(ir, cells)).toEqual(afresh.output?.ir ?? null);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
