// SPDX-License-Identifier: Apache-2.0
// `build --sign`, `trustedPublishers`, and builds that give the same bytes wherever and however they are made.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { edit, expectClear, folder, must, sepal, setup, spawned } from '../helpers/command.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const EXAMPLE = join(ROOT, 'examples/filesystem');
const BUNDLE = ['policy.ts', 'policy.js', 'policy.manifest.json'];

const keys = folder();
let vkey = '';
let stranger = '';
beforeAll(async () => {
  const made = async (file: string): Promise<string> =>
    (await must(keys, 0, 'keygen', 'publisher', '--name', 'acme.example/policies', '--out', file)).out.trim();
  vkey = await made('publisher.pem');
  stranger = await made('stranger.pem');
});

const signing = (file = 'publisher.pem'): readonly string[] => [
  '--sign',
  join(keys, file),
  '--publisher',
  'acme.example/policies',
];
const read = (dir: string, file: string): string => readFileSync(join(dir, file), 'utf8');

describe('build', () => {
  it('gives the same bytes in every folder, zone, language, mask and copy of Sepal, signed or not', async () => {
    const first = folder();
    cpSync(EXAMPLE, first, { recursive: true });
    await must(first, 0, 'build', 'policy.sep', '--out', 'bundle', ...signing());
    const wanted = BUNDLE.map((file) => read(join(first, 'bundle'), file));
    const outer = folder();
    const elsewhere = join(outer, 'another clone', 'ünïcode');
    mkdirSync(elsewhere, { recursive: true });
    cpSync(EXAMPLE, elsewhere, { recursive: true });
    symlinkSync(elsewhere, join(outer, 'link'));
    // A copy of the built command in another place, as another clone would have it.
    const copy = join(outer, 'sepal');
    cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    const runs = [
      {
        cwd: elsewhere,
        env: { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8' },
        mask: '077',
        sepal: commandFile(),
      },
      {
        cwd: join(outer, 'link'),
        env: { TZ: 'America/St_Johns', LANG: 'C' },
        mask: '000',
        sepal: join(copy, 'dist/cli/main.js'),
      },
    ];
    for (const { cwd, env, mask, sepal: command } of runs) {
      const line = `umask ${mask}; exec "$0" "$@"`;
      const args = [
        '-c',
        line,
        process.execPath,
        command,
        'build',
        'policy.sep',
        '--out',
        'bundle',
        ...signing(),
      ];
      const ran = spawnSync('sh', args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
      expect(ran.status, ran.stderr).toBe(0);
      // In this process the compiler names itself by its sources, in the built command by what was built: else nothing differs.
      const own = BUNDLE.map((file) => read(join(cwd, 'bundle'), file));
      expect(own.slice(0, 2)).toEqual(wanted.slice(0, 2));
    }
    expect(read(join(elsewhere, 'bundle'), 'policy.manifest.json')).toBe(
      read(join(outer, 'link', 'bundle'), 'policy.manifest.json'),
    );
  });

  it('says what a signature needs', async () => {
    expectClear(
      await sepal(EXAMPLE, ['build', 'policy.sep', '--expires', '2027-01-01']),
      1,
      'add `--sign KEY`',
    );
    expectClear(await sepal(EXAMPLE, ['build', 'policy.sep', '--sign', 'nowhere.pem']), 1, 'nowhere.pem');
    expectClear(
      await sepal(EXAMPLE, ['build', 'policy.sep', ...signing(), '--expires', 'soon']),
      1,
      '`--expires soon` is not a day',
    );
  });
});

describe('trustedPublishers', () => {
  const question = ['--as', 'agent:local', '--call', 'files/read_note', '--args', '{}'];

  async function guarded(...build: readonly string[]): Promise<string> {
    const dir = await setup();
    const policy = /"policy": "([^"]+)"/.exec(read(dir, 'sepal.json'))?.[1] ?? '';
    await must(dir, 0, 'build', policy, '--out', 'bundle', ...build);
    const name = policy.replace(/^.*\//, '').replace(/\.sep$/, '');
    edit(dir, 'sepal.json', (text) =>
      text.replace(
        `"policy": "${policy}"`,
        `"policy": "bundle/${name}.js",\n  "trustedPublishers": ["${vkey}"]`,
      ),
    );
    return dir;
  }
  const bundleFile = (dir: string, end: string): string =>
    `bundle/${/"policy": "bundle\/([^"]+)\.js"/.exec(read(dir, 'sepal.json'))?.[1] ?? ''}${end}`;

  it('lets a bundle of theirs decide and start', async () => {
    const dir = await guarded(...signing());
    const ran = await sepal(dir, ['decide', '--config', 'sepal.json', ...question]);
    expect([0, 2, 4]).toContain(ran.code);
  });

  it.each([
    ['unsigned', [], null, 'the bundle is not signed'],
    ['signed by a stranger', signing('stranger.pem'), null, 'is not among `trustedPublishers`'],
    ['too old', [...signing(), '--expires', '2025-12-31'], null, 'was good until 2025-12-31'],
    ['with another manifest', signing(), '.manifest.json', 'it was changed after it was signed'],
    ['with another module', signing(), '.js', "the module's hash is"],
    ['with another text to read', signing(), '.ts', 'is not the text that was signed'],
  ] as const)(
    'refuses one that is %s, in `decide`, and so at the start of the gateway',
    async (_name, build, change, said) => {
      const dir = await guarded(...build);
      if (change === '.manifest.json')
        edit(dir, bundleFile(dir, change), (text) => text.replace(/"steps": \d+/, '"steps": 1'));
      else if (change !== null) edit(dir, bundleFile(dir, change), (text) => `${text}\n// more\n`);
      expectClear(await sepal(dir, ['decide', '--config', 'sepal.json', ...question]), 1, said);
      // One way leads to both: two of the cases start a gateway as well.
      if (change === '.js' || build.length === 0) expectClear(await spawned(dir, ['gateway']), 1, said);
    },
  );

  it('refuses a policy that would be compiled on the spot', async () => {
    const dir = await setup();
    edit(dir, 'sepal.json', (text) => text.replace('{', `{\n  "trustedPublishers": ["${stranger}"],`));
    expectClear(await spawned(dir, ['gateway']), 1, 'is not signed, and `trustedPublishers` is set');
    expectClear(
      await sepal(dir, ['decide', '--config', 'sepal.json', ...question]),
      1,
      'name the bundle that',
    );
    writeFileSync(join(dir, 'sepal.json'), read(dir, 'sepal.json').replace(stranger, 'x'));
    expectClear(
      await sepal(dir, ['decide', '--config', 'sepal.json', ...question]),
      1,
      '`trustedPublishers.0` is not the verifier key',
    );
  });
});
