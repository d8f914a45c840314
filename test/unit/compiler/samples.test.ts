// SPDX-License-Identifier: Apache-2.0
// The policies of the design, as far as this release compiles them.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emit } from '../../../compiler/emit.js';
import { runTests } from '../../../compiler/testing/index.js';
import { loadOnce } from '../../helpers/emitted.js';
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

const RECORDS_LOCK = lockText({
  crm: [tool('delete_record', { id: text })],
  fs: [tool('read_file', { path: text }), tool('write_file', { path: text, content: text })],
  lake: [tool('read_file', { path: text })],
  sh: [tool('execute_command', { command: text })],
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

  it('baseline.sep compiles', () => {
    const { output, diagnostics } = checkText(sample('baseline.sep'), LOCK);
    expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    expect(output?.ir.units.map((u) => u.name)).toEqual(['mail_out', 'no_shell']);
  });

  it('records.sep compiles, and its tests pass', () => {
    const source = sample('records.sep');
    const { output, diagnostics } = checkText(source, RECORDS_LOCK);
    expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    if (output === null) throw new Error('it has errors');
    const report = runTests({
      path: 'records.sep',
      source,
      file: output.file,
      ir: output.ir,
      module: loadOnce(emit(output.ir).js),
      misfit: () => null,
      scan: () => undefined,
    });
    expect(report.tests.flatMap((test) => test.failures)).toEqual([]);
    expect(report.passed).toBe(2);
  });

  it('runtime.sep: every refusal has its own code', () => {
    const { output, diagnostics } = checkText(sample('runtime.sep'), LOCK);
    const codes = diagnostics.filter((d) => d.severity === 'error').map((d) => d.code);
    expect(output).toBeNull();
    expect(codes.filter((code) => code.startsWith('SEP1'))).toEqual([]);
  });
});
