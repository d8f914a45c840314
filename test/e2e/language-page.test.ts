// SPDX-License-Identifier: Apache-2.0
// Every policy of docs/language.md runs: checked, tested, proved; and together they hold every word of the grammar.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../cli/run.js';
import { digest } from '../../runtime/verify/format/hash.js';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/language.md'), 'utf8');
const policies = [...page.matchAll(/^```sep\n([^]*?)^```/gm)].map(([, text = '']) => text);
const nameOf = (text: string): string => /^policy (\S+)/m.exec(text)?.[1] ?? '';

const folder = mkdtempSync(join(tmpdir(), 'sepal-language-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const lock = JSON.parse(readFileSync(join(ROOT, 'examples/cookbook/sepal.lock'), 'utf8')) as object;
const modules: Record<string, string> = {};
for (const text of policies) {
  writeFileSync(join(folder, `${nameOf(text).split('.').at(-1)}.sep`), text);
  modules[nameOf(text)] = digest(text);
}
writeFileSync(
  join(folder, 'sepal.lock'),
  JSON.stringify({ ...lock, modules: { 'docs.baseline': modules['docs.baseline'] } }),
);

async function sepal(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const say = (text: string): void => void (said += text);
  const io = { out: say, err: say, env: {}, cwd: folder, colour: false, now: Date.now };
  return { code: await runCommand([...args], io), said };
}

describe('the policies of docs/language.md', () => {
  it.each(policies.map((text) => [nameOf(text), text] as const))('%s runs', async (name, text) => {
    const file = `${name.split('.').at(-1)}.sep`;
    const checked = await sepal('check', file);
    expect(checked.said).toContain(' 0 errors');
    if (/^(test|example) /m.test(text)) {
      const tested = await sepal('test', file);
      expect(tested.said).toMatch(/[1-9]\d* passed, 0 failed/);
      expect(tested.code).toBe(0);
    }
    if (/^prove /m.test(text)) {
      const proved = await sepal('prove', file);
      expect(proved.said).toContain(' 0 refuted, 0 undecided');
      expect(proved.code).toBe(0);
    }
  });

  it('hold every word of the grammar', () => {
    const grammar = readFileSync(join(ROOT, 'grammar/sepal.ebnf'), 'utf8');
    const words = new Set([...grammar.matchAll(/"([a-z_]{2,})"/g)].map(([, word = '']) => word));
    const used = new Set(policies.join('\n').match(/[A-Za-z_]+/g));
    expect(words.size).toBeGreaterThan(80);
    const rare = new Set(['tool', 'true', 'false', 'null']);
    expect([...words].filter((word) => !used.has(word) && !rare.has(word))).toEqual([]);
  });
});
