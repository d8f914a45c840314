// SPDX-License-Identifier: Apache-2.0
// The policies of the design, unchanged: over locks that are written here from the arguments they use they compile, and their own
// tests and claims hold, as the command has it.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sepal } from '../../helpers/command.js';
import { DESIGN_LOCKS } from '../../helpers/design-locks.js';
import { lockText, pinModules } from '../../helpers/policy.js';

const folder = resolve(import.meta.dirname, '../../../../shared/design/examples');
const sample = (name: string): string => readFileSync(resolve(folder, `${name}.sep`), 'utf8');
describe.skipIf(!existsSync(folder))('samples (skipped without the design folder)', () => {
  let work = '';
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'sepal-samples-'));
    const modules = { 'acme.baseline': sample('baseline') };
    for (const name of ['baseline', 'content', 'records', 'runtime', 'vaults'])
      writeFileSync(join(work, `${name}.sep`), sample(name));
    for (const [name, servers] of Object.entries(DESIGN_LOCKS))
      writeFileSync(join(work, `${name}.lock`), pinModules(lockText(servers), modules));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it.each(['baseline', 'content', 'records', 'runtime', 'vaults'])(
    '%s.sep checks without an error',
    async (name) => {
      const { code, out, err } = await sepal(work, ['check', `${name}.sep`, '--today', '2026-06-30']);
      expect(`${out}${err}`).not.toContain('error[');
      expect(code).toBe(0);
    },
  );

  it.each([
    ['content', 2],
    ['records', 2],
    ['runtime', 3],
    ['vaults', 1],
  ] as const)('the tests of %s.sep pass', async (name, tests) => {
    const { code, out, err } = await sepal(work, ['test', `${name}.sep`]);
    expect(`${out}${err}`).toContain(`${tests} passed`);
    expect(code).toBe(0);
  });

  it.each(['baseline', 'content', 'records', 'runtime', 'vaults'])(
    'the claims of %s.sep are proved',
    async (name) => {
      const { code, out, err } = await sepal(work, ['prove', `${name}.sep`]);
      expect(`${out}${err}`).toContain(' 0 refuted, 0 undecided');
      expect(code).toBe(0);
    },
  );
});
