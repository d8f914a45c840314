// SPDX-License-Identifier: Apache-2.0
// The policies of the design, as far as this release compiles them.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkText, lockText, tool } from '../../helpers/policy.js';

const folder = resolve(import.meta.dirname, '../../../../shared/design/examples');
const sample = (name: string): string => readFileSync(resolve(folder, name), 'utf8');
const text = { type: 'string' };
const LOCK = lockText({
  fs: [
    tool('delete_file', { path: text }),
    tool('read_file', { path: text }),
    tool('write_file', { path: text, content: text }),
  ],
});

describe.skipIf(!existsSync(folder))('samples (skipped without the design folder)', () => {
  it('content.sep compiles', () => {
    const { output, diagnostics } = checkText(sample('content.sep'), LOCK);
    expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    expect(output?.ir.units.map((u) => u.name)).toEqual([
      'admin_locked',
      'deletion',
      'drafts_only',
      'read_open',
    ]);
    expect(output?.ir.claims?.claims.map((claim) => claim.kind)).toEqual(['never', 'never', 'noRuleDead']);
  });

  it('vaults.sep compiles', () => {
    const { output, diagnostics } = checkText(sample('vaults.sep'), LOCK);
    expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    expect(output?.ir.units.map((u) => u.name)).toEqual([
      'finance.edit',
      'finance.use',
      'legal.edit',
      'legal.use',
    ]);
  });

  it.each(['baseline.sep', 'records.sep', 'runtime.sep'])(
    '%s: every refusal has its own code',
    (name) => {
      const { output, diagnostics } = checkText(sample(name), LOCK);
      const codes = diagnostics.filter((d) => d.severity === 'error').map((d) => d.code);
      expect(output).toBeNull();
      expect(codes.filter((code) => code.startsWith('SEP1'))).toEqual([]);
      expect(codes.some((code) => code.startsWith('SEP49'))).toBe(true);
    },
  );
});
