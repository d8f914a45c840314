// SPDX-License-Identifier: Apache-2.0
// Bundles the command, the libraries and the verifier to dist/. Phases stay separate chunks, so that a verb loads only what
// it needs; Chevrotain is bundled because its unbundled import alone costs five times a bare node start.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildPage } from './page.mjs';
import { buildCommand, COMMAND_ENTRIES } from './script.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const external = Object.keys(manifest.dependencies)
  .filter((name) => name !== 'chevrotain')
  .flatMap((name) => [name, `${name}/*`]);

const shared = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  legalComments: 'none',
  logLevel: 'warning',
  charset: 'utf8',
};

const entries = [
  'compiler/index.ts',
  'runtime/index.ts',
  'runtime/client/index.ts',
  'runtime/scan/worker.ts',
  'runtime/gateway/large/worker.ts',
  'editor/lsp/worker.ts',
  'cli/compile-thread.ts',
  'examples/quickstart/main.ts',
  ...COMMAND_ENTRIES,
];
const define = {
  SEPAL_VERSION: JSON.stringify(manifest.version),
  SEPAL_COMPILER: JSON.stringify(compilerHash()),
};
rmSync(join(root, 'dist'), { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: entries.filter((file) => existsSync(join(root, file))),
  outbase: '.',
  outdir: 'dist',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  external,
  define,
});
await buildCommand(join(root, 'dist'), { ...shared, external, define });

/** The hash that manifests and receipts name the compiler by; computed alike by cli/compiler-id.ts. */
function compilerHash() {
  const files = ['compiler', 'grammar', 'stdlib'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  const text = files
    .sort((a, b) => (a < b ? -1 : 1))
    .map((file) => `${file}\0${readFileSync(join(root, file), 'utf8')}\0`);
  return `sha256:${createHash('sha256').update(text.join('')).digest('hex')}`;
}

const verify = ['runtime/verify/main.ts', 'runtime/verify/index.ts'].filter((file) =>
  existsSync(join(root, file)),
);
rmSync(join(root, 'runtime/verify/dist'), { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: verify,
  outbase: 'runtime/verify',
  outdir: 'runtime/verify/dist',
  external: ['tweetnacl'],
});

for (const place of ['dist', 'runtime/verify/dist'])
  await buildPage(root, define, join(root, place, 'auditor.html'));
