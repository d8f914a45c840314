// SPDX-License-Identifier: Apache-2.0
// What `sepal check --format sarif` prints is valid by the SARIF 2.1.0 schema (as @microsoft/jest-sarif ships it), for every code.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@cfworker/json-schema';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js';
import { renderSarif } from '../../compiler/diagnostics/formats.js';
import { checkText, pinModules } from '../helpers/policy.js';
import { SHOP_LOCK } from '../helpers/shop.js';

const ROOT = join(import.meta.dirname, '../..');
const SCHEMA = join(
  ROOT,
  'test/matrix/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json',
);
const CASES = join(ROOT, 'test/errors');

/** The findings of each golden case, with the texts that they point at. */
function findings(): readonly {
  readonly name: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, string>;
}[] {
  return readdirSync(CASES)
    .filter((name) => name.startsWith('SEP'))
    .map((name) => {
      const text = readFileSync(join(CASES, name, 'input.sep'), 'utf8');
      const own = join(CASES, name, 'sepal.lock');
      const lock = existsSync(own) ? readFileSync(own, 'utf8') : pinModules(SHOP_LOCK, {});
      const { diagnostics } = checkText(text, lock, {}, true);
      return {
        name,
        diagnostics,
        sources: new Map([
          ['input.sep', text],
          ['sepal.lock', lock],
        ]),
      };
    });
}

describe.skipIf(!existsSync(SCHEMA))('SARIF 2.1.0 (skipped where test/matrix is not installed)', () => {
  const schema = existsSync(SCHEMA) ? (JSON.parse(readFileSync(SCHEMA, 'utf8')) as object) : {};
  const validator = new Validator(schema, '4', false);
  const faults = (text: string): readonly string[] =>
    validator
      .validate(JSON.parse(text))
      .errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);

  it('is the schema, and refuses what is wrong', () => {
    expect(Object.keys((schema as { readonly definitions: object }).definitions).length).toBeGreaterThan(50);
    const good = renderSarif([], new Map(), '1.0.0');
    expect(faults(good)).toEqual([]);
    expect(faults(good.replace('"2.1.0"', '"2.0.0"'))).not.toEqual([]);
    expect(faults(good.replace('"results"', '"result"'))).not.toEqual([]);
    expect(faults(good.replace('utf16CodeUnits', 'bytes'))).not.toEqual([]);
  });

  it('every code, with its places, labels and fixes, is valid', () => {
    let results = 0;
    const fixed = new Set<string>();
    for (const { name, diagnostics, sources } of findings()) {
      const log = renderSarif(diagnostics, sources, '1.0.0');
      expect(faults(log), name).toEqual([]);
      results += diagnostics.length;
      for (const d of diagnostics) if (d.fixes.length > 0) fixed.add(d.code);
    }
    expect(results).toBeGreaterThan(70);
    expect(fixed.size).toBeGreaterThan(8);
  });
});
