// SPDX-License-Identifier: Apache-2.0
// What the loader refuses, with words that say what to do; and that the bytes it hashes are the bytes that it evaluates.
import { describe, expect, it } from 'vitest';
import { compile } from '../../../compiler/compile.js';
import { loadPolicy } from '../../../runtime/decide/load.js';
import { moduleFault } from '../../../runtime/decide/module-text.js';
import { digest } from '../../../runtime/verify/format/hash.js';
import { host, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const COMPILER = { version: '1.0.0', hash: digest('compiler'), tz: '2025b', unicode: '16.0' };
const source = policy(`role lead
fact region: string from config.region
allow a: any -> fs/* when { args.path under "/data" and region == "eu" }
review r: role:lead -> pay/transfer when { any(args.tags, t => t starts with "x") and args.amount > -1.5 } by role:lead timeout 5m
`);
const { output } = compile(
  { source: { path: 'p.sep', text: source }, readLock: (path) => ({ path, text: SHOP_LOCK }) },
  host,
  COMPILER,
);
if (output === null) throw new Error('the policy of this test does not compile');
const { js, manifest } = output;
const failure = async (text: string | Uint8Array, m: unknown): Promise<string> => {
  const error: unknown = await loadPolicy(text, m).then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Error);
  return `${(error as Error).name}: ${(error as Error).message}`;
};
/** With a manifest that fits the changed text, as an attacker or a broken tool would write it. */
const changed = (text: string): Promise<string> => failure(text, { ...manifest, module: digest(text) });

describe('the loader', () => {
  it('loads what the compiler wrote, as text and as bytes', async () => {
    for (const text of [js, Buffer.from(js)]) {
      const loaded = await loadPolicy(text, JSON.parse(JSON.stringify(manifest)));
      expect([loaded.module.name, loaded.module.version]).toEqual(['acme.case', '1.0.0']);
    }
  });

  it('refuses another hash, one byte off, truncation', async () => {
    const hash = /the module's hash is sha256:[0-9a-f]{64}, but its manifest says sha256:[0-9a-f]{64}/;
    expect(await failure(js, { ...manifest, module: digest('other') })).toMatch(hash);
    expect(await failure(`${js} `, manifest)).toMatch(hash);
    expect(await failure(js.slice(0, -1), manifest)).toMatch(hash);
    expect(await failure('', manifest)).toMatch(hash);
    for (const cut of [0, 20, js.length >> 1, js.length - 4]) {
      expect(await changed(js.slice(0, cut))).toMatch(/not whole|exports no|says ABI undefined/);
    }
  });

  it('refuses at once what no compiler writes into a row, whatever decision would come to it', async () => {
    const first = (table: string): RegExp => new RegExp(`(const ${table} = \\[\\n {2}")([^"]+)(")`);
    const damages: readonly ((rows: string) => string)[] = [
      (rows) => `${rows},9999999`,
      (rows) => rows.replace(/\d+/, '9999999'),
      (rows) => rows.replace(/\d+/, '0.5'),
      (rows) => rows.replace(/\d+/, 'null'),
      (rows) => rows.replace(/\d+/, '[]'),
      (rows) => rows.replace(/,[^,]+$/, ','),
      (rows) => `${rows} 0,0`,
    ];
    const tables = ['tools', 'globs', 'whos', 'whats', 'outcomes', 'asks', 'below', 'units'];
    expect(tables.filter((table) => first(table).test(js))).toEqual(tables);
    for (const table of tables)
      for (const damage of damages) {
        const text = js.replace(first(table), (_, before, rows, after) => before + damage(rows) + after);
        expect(text).not.toBe(js);
        const loaded = await loadPolicy(text, { ...manifest, module: digest(text) }).then(
          () => 'loaded',
          String,
        );
        expect(loaded, `${table} ${String(damage)}`).toMatch('does not fit the library');
      }
  });

  it('refuses another ABI, in the manifest and in the module itself', async () => {
    expect(await failure(js, { ...manifest, abi: 2 })).toMatch('compiled for ABI 2, this is ABI 1');
    expect(await changed(js.replace('export const abi = 1;', 'export const abi = 2;'))).toMatch(
      'the module itself says ABI 2',
    );
    expect(await changed(js.replace('export function link', 'function link'))).toMatch('exports no `link`');
  });

  it('refuses a manifest that it does not understand to the last key', async () => {
    const without = Object.fromEntries(Object.entries(manifest).filter(([key]) => key !== 'tz'));
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [{ ...manifest, priority: 1 }, /unknown key `priority`/],
      [JSON.parse(`{"__proto__": 1, ${JSON.stringify(manifest).slice(1)}`), /unknown key `__proto__`/],
      [{ ...manifest, version: 2 }, /a version that is not 1/],
      [{ ...manifest, signature: { key: 'x' } }, /has a `signature` that this release cannot read/],
      [without, /lacks `tz`/],
      [{ ...manifest, source: 'sha256:0' }, /a `source` that this release cannot read/],
      [{ ...manifest, compiler: { ...manifest.compiler, by: 'x' } }, /a `compiler` that/],
      [{ ...manifest, facts: [{ name: 'x' }] }, /a `facts` that/],
      [{ ...manifest, facts: {} }, /a `facts` that/],
      [{ ...manifest, tools: { 'fs/x': 1 } }, /a `tools` that/],
      [{ ...manifest, abi: '1' }, /an? `abi` that/],
      [null, /is not an object/],
      [[], /is not an object/],
      ['{}', /is not an object/],
    ];
    for (const [m, words] of cases) expect(await failure(js, m)).toMatch(words);
  });

  it('reads the hashes of imported modules, which only some bundles have', async () => {
    const modules = { 'acme.base': digest('base') };
    expect((await loadPolicy(js, { ...manifest, modules })).manifest.modules).toEqual(modules);
    expect(await failure(js, { ...manifest, modules: { 'acme.base': 'x' } })).toMatch(/a `modules` that/);
    expect(await failure(js, { ...manifest, modules: [] })).toMatch(/a `modules` that/);
  });

  it('refuses a manifest of another policy', async () => {
    const other = { ...manifest, policy: { name: 'acme.other', version: '1.0.0' } };
    expect(await failure(js, other)).toMatch('name different policies');
  });

  it.each([
    ['an import', 'import "node:fs";\n', ''],
    ['an import of a binding', 'import { readFileSync } from "node:fs";\n', ''],
    ['a dynamic import', '', 'import("node:fs");'],
    ['import.meta', '', 'import.meta.url;'],
    ['a re-export', 'export * from "node:fs";\n', ''],
    ['a global', '', 'process.exit(1);'],
    ['globalThis', '', 'globalThis.x;'],
    ['eval', '', 'eval("1");'],
    ['a constructor', '', 'std.constructor;'],
    ['a computed member', '', 'std[K[0]];'],
    ['a computed member of a call', '', 'get(a, K[0])[K[1]];'],
    ['a computed member of a text', '', '"a"["constructor"];'],
    ['a computed index of K', '', 'K[K];'],
    ['a template', '', '`x`;'],
    ['a single quote', '', "'x';"],
    ['a block comment', '', '/* x */'],
    ['an escape of JavaScript', '', '"\\x41";'],
    ['an identifier by escape', '', '\\u0065val("1");'],
    ['a loop', '', 'for (;;) {}'],
    ['an await', '', 'await f;'],
    ['new', '', 'new a;'],
    ['this', '', 'this.name;'],
    ['a line separator', '', '// \u2028 eval("1")'],
    ['a byte order mark', '\ufeff', ''],
    ['a carriage return', '', '// \r eval("1")'],
    ['a regular expression', '', 'a = /x/;'],
    ['text beyond ASCII', '', '"é";'],
  ])('refuses a module with %s before it runs', async (_, before, inside) => {
    const text = `${before}${js.replace('} = std;\n', `} = std;\n${inside}\n`)}`;
    expect(text).not.toBe(js);
    expect(await changed(text)).toMatch(/^LoadFailure: the module has .* at line \d+, column \d+/);
  });

  it('takes nothing but ASCII text without faults, and stays linear', () => {
    expect(moduleFault(js)).toBeNull();
    const start = performance.now();
    for (const text of [
      '"'.repeat(500_000),
      '"\\u0'.repeat(200_000),
      '1.1e'.repeat(200_000),
      ' '.repeat(1e6),
    ]) {
      moduleFault(text);
    }
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it('evaluates the bytes that it hashed, whatever happens to the caller’s buffer', async () => {
    const bytes = Buffer.from(js);
    const loading = loadPolicy(bytes, manifest);
    bytes.fill(0x20);
    expect((await loading).module.name).toBe('acme.case');
  });
});

describe('the manifest', () => {
  it('has the hashes, versions and bounds of the bundle', () => {
    expect(Object.keys(manifest)).toEqual([
      'version',
      'abi',
      'policy',
      'source',
      'module',
      'compiler',
      'tz',
      'unicode',
      'steps',
      'tools',
      'narrowing',
      'facts',
      'signature',
    ]);
    expect(manifest.source).toBe(digest(source));
    expect(manifest.module).toBe(digest(js));
    expect(manifest.compiler).toEqual({ version: '1.0.0', hash: digest('compiler') });
    expect([manifest.tz, manifest.unicode, manifest.signature]).toEqual(['2025b', '16.0', null]);
    expect(manifest.steps).toBeGreaterThan(1000);
    expect(Object.keys(manifest.tools)).toContain('pay/transfer');
    expect(manifest.facts).toEqual([
      { name: 'region', type: { kind: 'string' }, source: 'config', path: ['region'] },
    ]);
  });
});
