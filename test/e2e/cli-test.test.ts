// SPDX-License-Identifier: Apache-2.0
// `sepal test`: filters, several policies, coverage and its minimum, formats, watching.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { edit, expectClear, folder, must, sepal } from '../helpers/command.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

function example(): string {
  const dir = folder();
  cpSync(join(ROOT, 'examples/filesystem'), dir, { recursive: true });
  return dir;
}

describe('sepal test', () => {
  it('takes filters, several policies, and says what there is', async () => {
    const dir = example();
    cpSync(join(dir, 'policy.sep'), join(dir, 'other.sep'));
    expect((await must(dir, 0, 'test', 'policy.sep', '--filter', 'person')).out).toContain('1 passed');
    expect(
      (await must(dir, 0, 'test', 'policy.sep', '--filter', 'person', '--filter', 'reads')).out,
    ).toContain('2 passed');
    expectClear(
      await sepal(dir, ['test', 'policy.sep', '--filter', 'nothing']),
      1,
      'there are "reads and writes"',
    );
    const both = JSON.parse(
      (await must(dir, 0, 'test', 'policy.sep', 'other.sep', '--format', 'json')).out,
    ) as {
      readonly passed: number;
      readonly coverage: { readonly rules: number };
    };
    expect([both.passed, both.coverage.rules]).toEqual([4, 8]);
    expectClear(await sepal(dir, ['test', 'policy.sep', 'other.sep', '--mutate']), 1, '--mutate');
  });

  it('measures coverage, and fails below the minimum', async () => {
    const dir = example();
    const ran = await must(dir, 6, 'test', 'policy.sep', '--coverage-min', '95');
    expect(ran.out).toContain('policy.sep:7:49  read');
    expect(ran.out).toContain('= it is never false');
    expect(ran.err).toContain('coverage is 90 %, and 95 % are wanted');
    await must(dir, 0, 'test', 'policy.sep', '--coverage-min', '90');
    edit(dir, 'policy.sep', (text) =>
      text.replace(
        'test "reads and writes" {\n',
        'test "reads and writes" {\n  as agent:writer\n  fs/read_text_file { path: "/etc/passwd" } => deny by default\n',
      ),
    );
    expect((await must(dir, 0, 'test', 'policy.sep', '--coverage-min', '100')).out).toContain(
      '(masking MC/DC): 100 %',
    );
    expectClear(await sepal(dir, ['test', 'policy.sep', '--coverage-min', '120']), 1, 'is not a percentage');
    await must(dir, 0, 'test', 'policy.sep', '--coverage', '--coverage-format', 'lcov');
    expect(readFileSync(join(dir, 'lcov.info'), 'utf8')).toMatch(
      /^TN:\nSF:policy\.sep\n[^]*end_of_record\n$/,
    );
    await must(dir, 0, 'test', 'policy.sep', '--coverage-format', 'json', '--coverage-out', 'c.json');
    const json = JSON.parse(readFileSync(join(dir, 'c.json'), 'utf8')) as {
      readonly policies: readonly { readonly percent: number }[];
    };
    expect(json.policies[0]?.percent).toBe(100);
    // What a program reads stays alone on stdout.
    expect((await must(dir, 0, 'test', 'policy.sep', '--coverage', '--format', 'junit')).out).toMatch(
      /<\/testsuites>\n$/,
    );
    const report = JSON.parse(
      (await must(dir, 0, 'test', 'policy.sep', '--coverage', '--format', 'json')).out,
    ) as { readonly coverage: { readonly percent: number; readonly rules: number } };
    expect(report.coverage).toMatchObject({ percent: 100, rules: 4 });
  });

  it('watches: runs again after each change, and lives through broken and missing files', async () => {
    const dir = example();
    const child = spawn(process.execPath, [commandFile(), 'test', 'policy.sep', '--watch'], {
      cwd: dir,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let said = '';
    const waiting = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
        for (const each of waiting) each();
      });
    }
    const until = (pattern: RegExp): Promise<string> =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${String(pattern)} in:\n${said}`)), 60_000);
        const look = (): void => {
          if (!pattern.test(said)) return;
          clearTimeout(timer);
          waiting.delete(look);
          const all = said;
          said = '';
          resolve(all);
        };
        waiting.add(look);
        look();
      });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    try {
      expect(await until(/watching policy\.sep.*Ctrl-C/)).toContain('2 passed, 0 failed');
      const good = readFileSync(join(dir, 'policy.sep'), 'utf8');
      writeFileSync(join(dir, 'policy.sep'), good.replace('under "/srv/data"', 'undr "/srv/data"'));
      expect(await until(/watching/)).toContain('SEP1');
      rmSync(join(dir, 'policy.sep'));
      expect(await until(/watching/)).toContain('there is no such file');
      writeFileSync(join(dir, 'policy.sep'), good.replace('=> allow by read\n', '=> deny\n'));
      expect(await until(/watching/)).toContain('1 passed, 1 failed');
      rmSync(join(dir, 'sepal.lock'));
      expect(await until(/watching/)).toContain('SEP2010');
      cpSync(join(ROOT, 'examples/filesystem/sepal.lock'), join(dir, 'sepal.lock'));
      expect(await until(/watching/)).toContain('1 passed, 1 failed');
      child.kill('SIGINT');
      expect(await ended).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

const XML = join(ROOT, 'test/matrix/node_modules/sax/lib/sax.js');

/** Elements with their attributes, by a strict XML parser that is not ours. */
async function elements(
  text: string,
): Promise<readonly { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[]> {
  const sax = (await import(XML)) as {
    readonly default: {
      parser(strict: boolean): {
        onopentag: unknown;
        onerror: unknown;
        write(text: string): { close(): void };
      };
    };
  };
  const found: { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[] = [];
  const parser = sax.default.parser(true);
  parser.onopentag = (tag: (typeof found)[number]) => found.push(tag);
  parser.onerror = (error: Error) => {
    throw error;
  };
  parser.write(text).close();
  return found;
}

describe.skipIf(!existsSync(XML))('JUnit (skipped where test/matrix is not installed)', () => {
  it('of tests and of checks is XML of the usual shape', async () => {
    const dir = example();
    edit(
      dir,
      'policy.sep',
      (text) =>
        `${text.replace('=> allow by read\n', '=> deny\n')}\ntest "odd <&\\"'> ünïcode" { as agent:x fs/move_file { source: "/a<b>&", destination: "/c" } => deny }\n`,
    );
    const tests = await elements((await sepal(dir, ['test', 'policy.sep', '--format', 'junit'])).out);
    expect(tests.map((tag) => tag.name)).toEqual([
      'testsuites',
      'testsuite',
      'testcase',
      'failure',
      'testcase',
      'testcase',
      'failure',
    ]);
    expect(tests[0]?.attributes).toMatchObject({ tests: '3', failures: '2' });
    expect(tests[5]?.attributes).toMatchObject({ name: 'odd <&"\'> ünïcode', classname: 'policy.sep' });
    expect(tests[3]?.attributes['message']).toContain('expected deny, got allow by read');
    edit(dir, 'policy.sep', (text) => `${text}\ndeny nothing: any -> fs/no_such_tool because "<a & 'b'>"\n`);
    const checks = await elements((await sepal(dir, ['check', 'policy.sep', '--format', 'junit'])).out);
    expect(checks.map((tag) => tag.name)).toEqual(['testsuites', 'testsuite', 'testcase', 'failure']);
    expect(checks[3]?.attributes).toMatchObject({ type: 'SEP2005' });
  });
});
