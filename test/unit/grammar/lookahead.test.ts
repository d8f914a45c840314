// SPDX-License-Identifier: Apache-2.0
// grammar/lookahead.ts is what Chevrotain finds in the grammar (UPDATE_GOLDEN=1 writes it): the parser of correct texts goes by it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getLookaheadPaths, type ILookaheadStrategy, LLkLookaheadStrategy } from 'chevrotain';
import { expect, it } from 'vitest';
import { type Choice, choiceKey } from '../../../grammar/engine.js';
import { Chevrotain } from '../../../grammar/recovery.js';

const path = join(import.meta.dirname, '../../../grammar/lookahead.ts');
const HEAD = `// SPDX-License-Identifier: Apache-2.0
/**
 * With what each alternative of each choice of the grammar starts, by its rule, its kind and its number there: written by
 * test/unit/grammar/lookahead.test.ts from what Chevrotain finds.
 */
export const LOOKAHEAD: ReadonlyMap<string, readonly string[]> = new Map([
`;

/** A line and its end, as the formatter breaks them. */
const WIDTH = 111;

const CHOICES = new Map<string, Choice>([
  ['Option', 'option'],
  ['Repetition', 'many'],
  ['RepetitionWithSeparator', 'many sep'],
]);

/** Chevrotain's own strategy, which writes down what it finds. */
class Noting extends LLkLookaheadStrategy implements ILookaheadStrategy {
  readonly starts = new Map<string, readonly string[]>();

  private note(choice: Choice | undefined, prodType: string, { rule, prodOccurrence }: Asked): void {
    if (choice === undefined) return;
    const wanted = { maxLookahead: 1, occurrence: prodOccurrence, prodType, rule };
    const paths = getLookaheadPaths(wanted as Parameters<typeof getLookaheadPaths>[0]);
    const alternatives = choice === 'or' ? paths : paths.slice(0, 1);
    for (const token of alternatives.flat()) expect(token).toHaveLength(1);
    this.starts.set(
      choiceKey(rule.name, choice, prodOccurrence),
      alternatives.map((starts) => starts.map(([token]) => token!.name).join(' ')),
    );
  }
  override buildLookaheadForAlternation(
    asked: Parameters<ILookaheadStrategy['buildLookaheadForAlternation']>[0],
  ) {
    this.note('or', 'Alternation', asked);
    return super.buildLookaheadForAlternation(asked);
  }
  override buildLookaheadForOptional(asked: Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0]) {
    this.note(CHOICES.get(asked.prodType), asked.prodType, asked);
    return super.buildLookaheadForOptional(asked);
  }
}
interface Asked {
  readonly rule: Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0]['rule'];
  readonly prodOccurrence: number;
}

it('has what Chevrotain finds, which holds the grammar for sound', () => {
  const noting = new Noting({ maxLookahead: 1 });
  new Chevrotain(noting).grammar();
  const lines = [...noting.starts].map(([key, starts]) => {
    const list = starts.map((each) => `'${each}'`);
    const line = `  ['${key}', [${list.join(', ')}]],\n`;
    if (line.length <= WIDTH) return line;
    const short = `    [${list.join(', ')}],\n`;
    const long = `    [\n${list.map((each) => `      ${each},\n`).join('')}    ],\n`;
    return `  [\n    '${key}',\n${short.length <= WIDTH ? short : long}  ],\n`;
  });
  const text = `${HEAD}${lines.join('')}]);\n`;
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(path, text);
  expect(readFileSync(path, 'utf8')).toBe(text);
});
