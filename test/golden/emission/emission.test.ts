// SPDX-License-Identifier: Apache-2.0
// The bytes of bundles: of the quickstart, and of a policy with every construct. `npx vitest run --project golden -u` accepts a
// change of them. The same bytes come out of other processes, folders, time zones and locales.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build, transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../../../compiler/compile.js';
import { emit } from '../../../compiler/emit.js';
import { libraryNames, typesOf } from '../../../compiler/emit-types.js';
import { loadPolicy } from '../../../runtime/decide/load.js';
import { digest } from '../../../runtime/verify/format/hash.js';
import { host } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const root = resolve(import.meta.dirname, '../../..');
const COMPILER = { version: '0.0.0', hash: digest('golden'), tz: 'golden', unicode: 'golden' };
const file = (path: string): string => readFileSync(join(root, path), 'utf8');

const POLICIES = {
  quickstart: { text: file('examples/quickstart/policy.sep'), lock: file('examples/quickstart/sepal.lock') },
  constructs: { text: file('test/golden/emission/constructs.sep'), lock: SHOP_LOCK },
} as const;
type Name = keyof typeof POLICIES;
const names = Object.keys(POLICIES) as Name[];

function bundle(name: Name): Compiled {
  const { text, lock } = POLICIES[name];
  const readLock = (path: string) => ({ path, text: lock });
  const { output, diagnostics } = compile({ source: { path: `${name}.sep`, text }, readLock }, host, COMPILER);
  if (output === null) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join('\n'));
  return output;
}
const manifestText = ({ manifest }: Compiled): string => `${JSON.stringify(manifest, null, 2)}\n`;

describe.each(names)('the bundle of %s', (name) => {
  const compiled = bundle(name);

  it('has these bytes', async () => {
    await expect(compiled.ts).toMatchFileSnapshot(`${name}.ts.txt`);
    await expect(compiled.js).toMatchFileSnapshot(`${name}.js.txt`);
    await expect(manifestText(compiled)).toMatchFileSnapshot(`${name}.manifest.json.txt`);
  });

  it('has a .js that is the .ts without its types', async () => {
    const options = { target: 'es2023', charset: 'utf8', legalComments: 'none', minifyWhitespace: true } as const;
    const stripped = await transform(compiled.ts, { ...options, loader: 'ts' });
    const plain = await transform(compiled.js, { ...options, loader: 'js' });
    expect(stripped.code).toBe(plain.code);
  });

  it('imports nothing and loads', async () => {
    expect(compiled.js).not.toMatch(/\bimport\b|\brequire\b/);
    const { module } = await loadPolicy(compiled.js, compiled.manifest);
    expect(module.name).toBe(compiled.manifest.policy.name);
  });

  it('does not depend on the order of its rules', () => {
    const { ir } = compiled;
    expect(emit({ ...ir, units: ir.units.toReversed() }).js).toBe(compiled.js);
  });
});

describe('elsewhere', () => {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sepal-golden-'));
    await build({
      stdin: {
        contents: `
          import { readFileSync } from 'node:fs';
          import { compile } from './compiler/compile.ts';
          import { host } from './test/helpers/policy.ts';
          const { policies, compiler } = JSON.parse(readFileSync(0, 'utf8'));
          const out = policies.map(({ name, text, lock }) => {
            const readLock = (path) => ({ path, text: lock });
            const { output } = compile({ source: { path: name + '.sep', text }, readLock }, host, compiler);
            return [output.ts, output.js, JSON.stringify(output.manifest, null, 2) + '\\n'];
          });
          process.stdout.write(JSON.stringify({ out, zone: new Date(0).getTimezoneOffset() }));`,
        resolveDir: root,
      },
      bundle: true,
      format: 'esm',
      platform: 'node',
      outfile: join(folder, 'compile.mjs'),
      logLevel: 'silent',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['/', 'UTC', 'C', 0],
    ['.', 'Pacific/Kiritimati', 'tr_TR.UTF-8', 640],
  ])('in %s with TZ=%s and LC_ALL=%s the bytes are the same', (cwd, tz, locale, zone) => {
    const policies = names.map((name) => ({ name, ...POLICIES[name] }));
    const stdout = execFileSync(process.execPath, [join(folder, 'compile.mjs')], {
      cwd: cwd === '.' ? folder : cwd,
      env: { TZ: tz, LC_ALL: locale, LANG: locale },
      input: JSON.stringify({ policies, compiler: COMPILER }),
      encoding: 'utf8',
    });
    const answer = JSON.parse(stdout) as { out: readonly (readonly string[])[]; zone: number };
    expect(Math.abs(answer.zone)).toBe(zone);
    expect(answer.out).toEqual(
      names.map((name) => {
        const compiled = bundle(name);
        return [compiled.ts, compiled.js, manifestText(compiled)];
      }),
    );
  });
});

describe('the types of the .ts', () => {
  it('hold under the strictest settings of tsc, against the library itself', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sepal-types-'));
    try {
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      const calls = names.map((name, i) => {
        writeFileSync(join(folder, `${name}.ts`), bundle(name).ts);
        return `import { link as link${i} } from './${name}.js';\nexport const policy${i}: PolicyModule = link${i}(std);\n`;
      });
      const head = `import type { PolicyModule } from '${root}/stdlib/abi.js';\nimport { std } from '${root}/stdlib/std.js';\n`;
      const all = [...typesOf(libraryNames), 'export const library: Std = std;'];
      writeFileSync(join(folder, 'all.ts'), `import { std } from '${root}/stdlib/std.js';\n${all.join('\n')}`);
      writeFileSync(join(folder, 'check.ts'), head + calls.join(''));
      const compilerOptions = { rootDir: '/', noEmit: true, types: [] };
      const settings = { extends: `${root}/tsconfig.json`, files: ['check.ts', 'all.ts'], include: [], compilerOptions };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
      const tsc = join(root, 'node_modules/.bin/tsc');
      const { stdout, status } = spawnSync(tsc, ['-p', folder], { encoding: 'utf8', cwd: root });
      expect(stdout).toBe('');
      expect(status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
