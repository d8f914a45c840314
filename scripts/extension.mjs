// SPDX-License-Identifier: Apache-2.0
// The VS Code extension as it is loaded: one CommonJS file, its manifest, the grammar.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

export async function stageExtension(root, folder) {
  const source = join(root, 'editor/vscode');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await build({
    entryPoints: [join(source, 'extension.ts')],
    outfile: join(folder, 'extension.js'),
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: ['vscode'],
    legalComments: 'none',
    logLevel: 'warning',
  });
  // VS Code loads CommonJS; the sources are modules.
  const own = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  const { type: _type, private: _private, ...manifest } = own;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);
  for (const name of ['language-configuration.json', 'README.md'])
    copyFileSync(join(source, name), join(folder, name));
  copyFileSync(join(root, 'editor/grammar/sepal.tmLanguage.json'), join(folder, 'sepal.tmLanguage.json'));
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
}
