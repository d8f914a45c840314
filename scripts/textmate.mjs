// SPDX-License-Identifier: Apache-2.0
// Writes editor/grammar/sepal.tmLanguage.json from the tokens of the language. test/unit/editor/textmate.test.ts says when it is due.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { outputFiles } = await build({
  entryPoints: [join(root, 'editor/grammar/textmate.ts')],
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
  logLevel: 'warning',
});
const [{ text }] = outputFiles;
const { textmate } = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
writeFileSync(join(root, 'editor/grammar/sepal.tmLanguage.json'), textmate());
