// SPDX-License-Identifier: Apache-2.0
// Writes the worked example of docs/receipt-format.md between its markers; a test compares.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'sepal-example-'));
try {
  const outfile = join(scratch, 'example.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/arbitraries/example.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    outfile,
  });
  const { example } = await import(pathToFileURL(outfile).href);
  const page = join(root, 'docs/receipt-format.md');
  const [before, , after] = readFileSync(page, 'utf8').split(/^<!-- example (?:begins|ends) -->$/m);
  writeFileSync(page, `${before}<!-- example begins -->\n\n${example()}\n<!-- example ends -->${after}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
