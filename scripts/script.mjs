// SPDX-License-Identifier: Apache-2.0
// The verbs that start often, as one script (cli/script.ts), and what V8 kept of it after they ran on policies of the examples.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What the code is kept after: two that use much of the language. */
const WARM = ['examples/filesystem/policy.sep', 'examples/sep-client/policy.sep'];

/** Large, seldom needed, and asked for data only: they stay modules beside the script, for who imports them when it is time. */
export const SELDOM = ['grammar/parse.ts', 'runtime/scan/index.ts'];

const seldom = {
  name: 'seldom',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\.js$/ }, ({ kind, path, resolveDir }) => {
      const source = relative(ROOT, resolve(resolveDir, path)).replaceAll('\\', '/').replace(/\.js$/, '.ts');
      if (kind !== 'dynamic-import' || !SELDOM.includes(source)) return undefined;
      return { path: `../${source.replace(/\.ts$/, '.js')}`, external: true };
    }),
};

/** Modules that the rest is built with: what the command of `buildCommand` imports when it is time. */
export const COMMAND_ENTRIES = ['cli/run.ts', 'cli/keep.ts', ...SELDOM];

/** Writes main.js, quick.cjs and quick.cache to `out`/cli, where the modules of COMMAND_ENTRIES stand already. */
export async function buildCommand(out, options) {
  // One file: each module more that a start imports costs it what a thousand lines do.
  await build({
    ...options,
    absWorkingDir: ROOT,
    entryPoints: ['cli/main.ts'],
    outfile: join(out, 'cli/main.js'),
    format: 'esm',
    external: [...options.external, './run.js'],
  });
  const file = join(out, 'cli/quick.cjs');
  await build({
    ...options,
    absWorkingDir: ROOT,
    entryPoints: ['cli/quick.ts'],
    outfile: file,
    format: 'cjs',
    charset: 'ascii',
    minifyWhitespace: true,
    // One expression: what it needs comes in as arguments.
    banner: { js: '(function (require, __load, url) {\nconst module = { exports: {} };' },
    footer: { js: 'return module.exports;\n})' },
    define: { ...options.define, 'import.meta.url': 'url' },
    plugins: [seldom],
  });
  writeFileSync(file, ascii(loading(readFileSync(file, 'utf8'))));
  // Flags of this very process would be part of what is kept.
  execFileSync(process.execPath, [join(out, 'cli/keep.js'), ...WARM], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: 'inherit',
  });
}

/** Read as Latin-1, which is a copy, and not decoded at each start. esbuild leaves letters in regular expressions as they are. */
const ascii = (text) =>
  text.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Nothing but a flag of node allows a script to import: what started it does it. */
function loading(text) {
  const done = text.replaceAll('await import(', 'await __load(');
  if (/\bimport\s*\(/.test(done)) throw new Error('there is an import that is not awaited on the spot');
  return done;
}
