// SPDX-License-Identifier: Apache-2.0
// The policies of the articles that the importer was written for, as they stand there (skipped where they are not at hand).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareReadings, compileImported } from '../../cli/imported.js';
import { fullCompiler } from '../../cli/full-compiler.js';
import { guessedLock, importPolicy, toolGuesses } from '../../compiler/import/index.js';

const SEEDS = resolve(import.meta.dirname, '../../../shared/seeds');

/** From `rules:`, or the `version:` before it, to the first line of prose. One of the articles has lost its indentation. */
function policiesIn(text: string): readonly string[] {
  const found: string[] = [];
  let lines: string[] | null = null;
  for (const line of text.split('\n')) {
    if (lines === null) {
      if (/^(version: "1"|rules:)$/.test(line)) lines = [line];
    } else if (/^(default: \w+|rules:|\s.*|- .*|\w+:( .*)?|)$/.test(line)) {
      const lost = /^\w+:( |$)/.test(line) && lines.some((one) => one.startsWith('- '));
      const nested = lost && lines.at(-1)?.endsWith('parameter_constraints:') === true;
      lines.push(`${nested ? '    ' : lost ? '  ' : ''}${line}`);
    } else {
      found.push(lines.join('\n'));
      lines = null;
    }
  }
  return found;
}

const POLICIES = existsSync(SEEDS)
  ? readdirSync(SEEDS).flatMap((name) => policiesIn(readFileSync(join(SEEDS, name), 'utf8')))
  : [];

describe.skipIf(POLICIES.length === 0)(
  'policies of the articles (skipped where ../shared/seeds is not there)',
  () => {
    it('are three, one of each dialect', () => {
      const dialects = POLICIES.map((text) => {
        const imported = importPolicy(text, {
          file: 'p.yaml',
          name: null,
          lock: 'sepal.lock',
          server: null,
          approver: 'lead',
          tools: null,
        });
        return 'dialect' in imported ? imported.dialect : JSON.stringify(imported);
      });
      expect(dialects.sort()).toEqual(['principals', 'roles', 'tools']);
    });

    it.each(POLICIES.map((text, i) => [i + 1, text] as const))(
      'number %i means the same',
      async (_n, text) => {
        const options = {
          file: 'p.yaml',
          name: null,
          lock: 'sepal.lock',
          server: null,
          approver: 'lead',
          tools: null,
        };
        const imported = importPolicy(text, options);
        if (!('policy' in imported)) throw new Error(JSON.stringify(imported));
        const lock = guessedLock(toolGuesses(imported.policy), 'server', fullCompiler);
        const { compiled, diagnostics } = compileImported('p.sep', imported.text, lock);
        expect(diagnostics.map((d) => d.message)).toEqual([]);
        if (compiled === null) return;
        const { asked, faults, stricter, skipped } = await compareReadings(imported, compiled, null);
        expect([faults, skipped]).toEqual([[], []]);
        expect(asked).toBeGreaterThan(80);
        // Each has a path that only text was compared with.
        expect(stricter).toBeGreaterThan(0);
        expect(imported.text).toContain(' under "');
      },
    );
  },
);
