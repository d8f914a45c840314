// SPDX-License-Identifier: Apache-2.0
// Writes test/vectors: the files of each vector, and what our verifier says of it. A test compares both with what is there.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'sepal-vectors-'));
try {
  const outfile = join(scratch, 'vectors.mjs');
  await build({
    absWorkingDir: root,
    stdin: {
      contents:
        "export { vectors } from './test/arbitraries/vectors.js'; export { answer } from './test/helpers/vector-answer.js';",
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    outfile,
  });
  const { vectors, answer } = await import(pathToFileURL(outfile).href);
  const folder = join(root, 'test/vectors');
  const wrong = [];
  for (const kind of ['good', 'bad', 'incomplete', 'refused'])
    rmSync(join(folder, kind), { recursive: true, force: true });
  for (const { name, about, files, result, because } of vectors()) {
    const place = join(folder, name);
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(place, path)), { recursive: true });
      writeFileSync(join(place, path), bytes);
    }
    const expected = await answer(place);
    const status = result === 'fail' ? 'fail' : 'not checked';
    const differs = because.filter((property) => expected.properties[property]?.status !== status);
    if (expected.result !== result || differs.length > 0)
      wrong.push(`${name}: should be ${result} because of ${because}: ${JSON.stringify(expected)}`);
    writeFileSync(join(place, 'expected.json'), `${JSON.stringify({ about, ...expected }, null, 1)}\n`);
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
