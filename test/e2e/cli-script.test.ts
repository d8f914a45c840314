// SPDX-License-Identifier: Apache-2.0
// The verbs that start from one script and from kept code say the same with it, without it, and where what was kept is of another.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { POLICY_VERBS } from '../../cli/policy-verbs.js';
import { SCRIPTED } from '../../cli/script.js';
import { folder } from '../helpers/command.js';

const ROOT = resolve(import.meta.dirname, '../..');
const POLICY = join(ROOT, 'examples/filesystem/policy.sep');
/** A condition on a result of the scanner, and one text with a mistake: both load what the script leaves out. */
const SCANS = join(ROOT, 'examples/cookbook/14-secrets-in-arguments.sep');

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe('the script of check, fmt, build and test', () => {
  let dir: string;
  let mistaken: string;
  let large: string;
  const dist = (name: string): string => {
    const copy = join(dir, name);
    cpSync(join(ROOT, 'dist'), join(copy, 'dist'), {
      recursive: true,
      preserveTimestamps: true,
      filter: (path) => !path.endsWith('.html') && !path.includes('examples'),
    });
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    return copy;
  };
  const sepal = (main: string, args: readonly string[], flags: readonly string[] = []): Said => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, main, ...args], {
      cwd: dir,
      encoding: 'utf8',
    });
    return { code: status, out: stdout, err: stderr };
  };
  const all = (main: string, flags?: readonly string[]): readonly Said[] =>
    [
      ['check', POLICY],
      ['check', '--format', 'json', mistaken],
      ['fmt', '--check', mistaken],
      ['test', SCANS],
      ['check', large],
      ['build', POLICY, '--out', join(dir, 'out')],
      ['check', '--no-such-option'],
    ].map((args) => sepal(main, args, flags));
  let whole: readonly Said[];
  let base: string;

  beforeAll(() => {
    dir = folder();
    mkdirSync(join(dir, 'bin'));
    mistaken = join(dir, 'mistaken.sep');
    writeFileSync(mistaken, 'sep 1\npolicy a.b 1.0.0\nallow x: any -> \n');
    // Large enough that V8 is told to optimise later.
    large = join(dir, 'large.sep');
    const rules = Array.from({ length: 200 }, (_, i) => `allow r${i}: agent:a${i} -> sampling from web\n`);
    writeFileSync(large, `sep 1\npolicy a.large 1.0.0\n${rules.join('')}`);
    base = dist('base');
    const plain = dist('plain');
    for (const name of ['quick.cjs', 'quick.cache']) rmSync(join(plain, 'dist/cli', name));
    whole = all(join(plain, 'dist/cli/main.js'));
    expect(whole.map(({ code }) => code)).toEqual([0, 3, 3, 0, 0, 0, 1]);
  });

  it('is of these verbs', () => {
    expect(SCRIPTED).toEqual(Object.keys(POLICY_VERBS));
  });

  it('says with kept code what the modules say, through a link and with other flags too', () => {
    const main = join(base, 'dist/cli/main.js');
    expect(all(main)).toEqual(whole);
    const link = join(dir, 'bin/sepal');
    symlinkSync(main, link);
    expect(all(link, ['--enable-source-maps', '--max-old-space-size=300'])).toEqual(whole);
  });

  it('has code kept that this node takes', () => {
    const taken = `const { readFileSync } = require('node:fs');
const kept = readFileSync('quick.cache');
const cachedData = kept.subarray(kept.indexOf(10) + 1);
const script = new (require('node:vm').Script)(readFileSync('quick.cjs', 'latin1'), { cachedData });
process.exit(script.cachedDataRejected ? 1 : 0);`;
    const cwd = join(base, 'dist/cli');
    expect(spawnSync(process.execPath, ['-e', taken], { cwd }).status).toBe(0);
  });

  it('leaves aside what was kept for another node or another text, and what is not whole', () => {
    const main = join(base, 'dist/cli/main.js');
    const [text, kept] = [join(base, 'dist/cli/quick.cjs'), join(base, 'dist/cli/quick.cache')];
    const bytes = readFileSync(kept);
    const head = bytes.subarray(0, bytes.indexOf(10) + 1);
    const other = Buffer.from(head.toString().replace(process.versions.v8, '1.2.3'));
    expect(other.equals(head)).toBe(false);
    const bad = [Buffer.concat([other, bytes.subarray(head.length)]), head, bytes.subarray(0, 40_000)];
    for (const content of [...bad, Buffer.alloc(0)]) {
      writeFileSync(kept, content);
      expect(sepal(main, ['check', POLICY])).toEqual(whole[0]);
    }
    writeFileSync(kept, bytes);
    // As long as before: V8 itself would not notice.
    const changed = readFileSync(text, 'latin1').replace('"policy", "policies"', '"POLICY", "policies"');
    writeFileSync(text, changed.replace('"policy","policies"', '"POLICY","policies"'), 'latin1');
    expect(sepal(main, ['check', POLICY]).err).toBe('1 POLICY: 0 errors, 0 warnings\n');
  });
});
