// SPDX-License-Identifier: Apache-2.0
// The thread of large messages for a gateway that runs from source: bundled once, when the first large message comes.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');
let built: URL | null = null;

/** Inside node_modules, so that the bundle finds the packages that stay outside of it. */
export function largeThread(): URL {
  if (built !== null) return built;
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const file = join(mkdtempSync(join(cache, 'sepal-large-')), 'worker.mjs');
  buildSync({
    entryPoints: [join(root, 'runtime/gateway/large/worker.ts')],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
  built = pathToFileURL(file);
  return built;
}
