// SPDX-License-Identifier: Apache-2.0
// Every recipe of the cookbook checks without a warning, is formatted, passes its tests with every rule met, and its proofs hold;
// the page is what the script prints from them.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../cli/run.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const FOLDER = join(ROOT, 'examples/cookbook');
const RECIPES = readdirSync(FOLDER).filter((name) => name.endsWith('.sep'));

async function sepal(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const say = (text: string): void => void (said += text);
  const io = { out: say, err: say, env: {}, cwd: FOLDER, colour: false, now: Date.now };
  return { code: await runCommand([...args], io), said };
}

describe('the cookbook', () => {
  it('has twenty recipes and more', () => {
    expect(RECIPES.length).toBeGreaterThanOrEqual(20);
  });

  it.each(RECIPES)('%s', async (name) => {
    const checked = await sepal('check', name);
    expect(checked.said).toContain('0 errors, 0 warnings');
    const tested = await sepal('test', name);
    expect(tested.said).toMatch(/[1-9]\d* passed, 0 failed; (\d+) of \1 rules? met/);
    expect(tested.code).toBe(0);
    expect((await sepal('fmt', '--check', name)).code).toBe(0);
    if (/^prove /m.test(readFileSync(join(FOLDER, name), 'utf8'))) {
      const proved = await sepal('prove', name);
      expect(proved.said).toContain(' 0 refuted, 0 undecided');
      expect(proved.said).not.toContain('vacuous');
      expect(proved.code).toBe(0);
    }
  });

  it('is on its page as it stands (else: node scripts/cookbook.mjs)', () => {
    const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts/cookbook.mjs'), '--check']);
    expect(status).toBe(0);
  });
});
