// SPDX-License-Identifier: Apache-2.0
// `sepal check` from the outside: formats, streams, exit codes, colours.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../../cli/commands/check.js';
import { SHOP_LOCK } from '../../../helpers/shop.js';
import { pinModules, policy } from '../../../helpers/policy.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sepal-check-'));
  writeFileSync(join(folder, 'sepal.lock'), SHOP_LOCK);
  writeFileSync(join(folder, 'good.sep'), policy('deny a: any -> fs/*\n'));
  writeFileSync(join(folder, 'warned.sep'), policy('deny a: any -> nope/*\n'));
  writeFileSync(join(folder, 'bad.sep'), policy('deny a: any -> fs/read_file when { args.pth == "x" }\n'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(format: string | undefined, files: readonly string[], colour = false) {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    env: {},
    cwd: folder,
    colour,
    now: () => 0,
  };
  const code = await command.run({ values: { format }, rest: files }, io);
  return { out, err, code };
}

describe('sepal check', () => {
  it('says nothing on stdout where nothing is wrong, and counts on stderr', async () => {
    expect(await run(undefined, ['good.sep'])).toEqual({
      out: '',
      err: '1 policy: 0 errors, 0 warnings\n',
      code: 0,
    });
  });

  it('passes with warnings and fails with errors, in every format', async () => {
    for (const format of ['human', 'json', 'sarif', 'github', 'junit', 'plain']) {
      expect((await run(format, ['good.sep', 'warned.sep'])).code, format).toBe(0);
      const failed = await run(format, ['good.sep', 'bad.sep']);
      expect(failed.code, format).toBe(3);
      expect(failed.out, format).toContain('SEP2011');
    }
  });

  it('prints the JSON that scripts read', async () => {
    const { out } = await run('json', ['bad.sep']);
    const parsed = JSON.parse(out) as { readonly version: number; readonly diagnostics: readonly object[] };
    expect(parsed.version).toBe(1);
    const [first] = parsed.diagnostics;
    for (const key of ['code', 'severity', 'message', 'file', 'start', 'end', 'help', 'fixes']) {
      expect(first).toHaveProperty(key);
    }
    expect(first).toMatchObject({
      code: 'SEP2011',
      severity: 'error',
      file: 'bad.sep',
      start: { line: 5, column: 36, offset: 84 },
      end: { line: 5, column: 44, offset: 92 },
      help: 'did you mean `path`?',
      fixes: [{ safe: false, edits: [{ text: 'args.path', file: 'bad.sep' }] }],
    });
  });

  it('colours where it may, and only there', async () => {
    expect((await run('human', ['bad.sep'])).out).not.toContain('\u001b');
    expect((await run('human', ['bad.sep'], true)).out).toContain('\u001b[1;31m');
    for (const format of ['json', 'sarif', 'github', 'junit', 'plain']) {
      expect((await run(format, ['bad.sep'], true)).out, format).not.toContain('\u001b');
    }
  });

  it('says what is wrong with a format or a file', async () => {
    await expect(run('jsn', ['good.sep'])).rejects.toThrow('`--format jsn`: not a known value');
    await expect(run('json', ['none.sep'])).rejects.toThrow('none.sep');
  });
});

describe('modules', () => {
  const baseline = 'sep 1\npolicy acme.baseline 1.0.0 tighten\ndeny no_shell: any -> */run_*\n';
  const root = (lock: string): string =>
    `sep 1\npolicy acme.root 1.0.0\ntools "${lock}"\nimport acme.baseline\n`;

  it('stand beside the file or in modules/, and are pinned', async () => {
    mkdirSync(join(folder, 'modules'));
    writeFileSync(join(folder, 'modules', 'baseline.sep'), baseline);
    writeFileSync(join(folder, 'pinned.lock'), pinModules(SHOP_LOCK, { 'acme.baseline': baseline }));
    writeFileSync(join(folder, 'root.sep'), root('pinned.lock'));
    writeFileSync(join(folder, 'unpinned.sep'), root('sepal.lock'));
    expect((await run('plain', ['root.sep'])).out).toBe('');
    const unpinned = await run('plain', ['unpinned.sep']);
    expect(unpinned.code).toBe(3);
    expect(unpinned.out).toMatch(/^unpinned\.sep:4:8: error SEP2017: .*"acme\.baseline": "sha256:/);
  });

  it('with faults are shown with their own frames', async () => {
    writeFileSync(join(folder, 'modules', 'baseline.sep'), baseline.replace('deny', 'denny'));
    const { out } = await run('human', ['root.sep']);
    expect(out).toContain(`--> ${join('modules', 'baseline.sep')}:3:1`);
    expect(out).toContain(' 3 | denny no_shell');
  });
});
