// SPDX-License-Identifier: Apache-2.0
// What would be published works where only it and its declared dependencies are: an empty folder, no source beside it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { folder } from '../helpers/command.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Packs what is built, without building again, and unpacks it as npm would install it. */
function install(from: string, into: string, name: string): Packed {
  const out = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], {
    cwd: from,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packed = JSON.parse(out) as readonly Packed[] | { readonly [name: string]: Packed };
  const [one] = Array.isArray(packed) ? (packed as readonly Packed[]) : Object.values(packed);
  if (one === undefined) throw new Error('npm packed nothing');
  const target = join(into, 'node_modules', name);
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['xzf', join(into, one.filename), '-C', target, '--strip-components=1']);
  const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as {
    readonly dependencies: { readonly [name: string]: string };
  };
  for (const dependency of Object.keys(manifest.dependencies)) {
    const link = join(into, 'node_modules', dependency);
    mkdirSync(dirname(link), { recursive: true });
    if (statSync(link, { throwIfNoEntry: false }) === undefined)
      symlinkSync(join(ROOT, 'node_modules', dependency), link);
  }
  return one;
}

describe('the package sepal', () => {
  let dir: string;
  let packed: Packed;
  const sepal = (cwd: string, ...args: readonly string[]): string =>
    execFileSync(process.execPath, [join(dir, 'node_modules/sepal/dist/cli/main.js'), ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  beforeAll(() => {
    dir = folder();
    packed = install(ROOT, dir, 'sepal');
  });

  it('holds what runs and what is read, and nothing else', () => {
    const folders = new Set(
      packed.files.map(({ path }) =>
        path
          .split('/')
          .slice(0, path.startsWith('dist/') ? 2 : 1)
          .join('/'),
      ),
    );
    for (const unwanted of ['test', 'bench', 'cli', 'compiler', 'runtime', '.ci', 'dist/examples'])
      expect([...folders]).not.toContain(unwanted);
    for (const wanted of [
      'README.md',
      'LICENSE',
      'SECURITY.md',
      'CHANGELOG.md',
      'dist/cli',
      'docs',
      'examples',
    ])
      expect([...folders]).toContain(wanted);
    // What V8 made of the script on this machine is of no use on another.
    expect(packed.files.filter(({ path }) => /\.(pem|key|cache)$|tokens\.json|\.tmp\./.test(path))).toEqual(
      [],
    );
  });

  it('writes a set-up, checks it, tests it and explains, without the repository', () => {
    expect(sepal(dir, '--version')).toMatch(/^\d/);
    sepal(dir, 'init', 'own');
    const own = join(dir, 'own');
    sepal(own, 'check');
    expect(sepal(own, 'test')).toContain('3 passed, 0 failed');
    expect(sepal(own, 'explain', '3007')).toContain('SEP3007');
    expect(sepal(own, 'verify', '.sepal/log', '--trust', 'trust.json')).toContain('\npass: ');
    // The server is not installed here: it is fetched, in the version that is pinned.
    expect(readFileSync(join(own, 'sepal.json'), 'utf8')).toMatch(
      /"npx",\s+"args": \[\s+"-y",\s+"@modelcontextprotocol\/server-filesystem@\d/,
    );
  });

  it('can be imported', () => {
    const script = `
      import { check, compile, format, parse } from 'sepal';
      import { createGateway, decide, loadPolicy } from 'sepal/runtime';
      console.log([check, compile, format, parse, createGateway, decide, loadPolicy].every((f) => typeof f === 'function'));`;
    expect(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: dir, encoding: 'utf8' }),
    ).toBe('true\n');
  });
});

describe('the package sepal-verify', () => {
  it('verifies with one dependency and nothing of the gateway', () => {
    const dir = folder();
    install(join(ROOT, 'runtime/verify'), dir, 'sepal-verify');
    expect(readdirSync(join(dir, 'node_modules')).sort()).toEqual(['sepal-verify', 'tweetnacl']);
    const log = join(ROOT, 'examples/receipts/log');
    const args = [
      join(dir, 'node_modules/sepal-verify/dist/main.js'),
      log,
      '--trust',
      join(log, '../trust.json'),
      '--second-opinion',
      'all',
    ];
    expect(execFileSync(process.execPath, args, { cwd: dir, encoding: 'utf8' })).toMatch(
      /\npass: 16 entries/,
    );
    const script = `import { verify } from 'sepal-verify'; console.log((await verify(process.argv[1])).result)`;
    expect(
      execFileSync(process.execPath, ['--input-type=module', '-e', script, log], {
        cwd: dir,
        encoding: 'utf8',
      }),
    ).toBe('incomplete\n');
  });
});
