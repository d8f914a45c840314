// SPDX-License-Identifier: Apache-2.0
/** Where this command is installed, and which version it is. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Put in by the bundler. */
declare const SEPAL_VERSION: string | undefined;

/** The folder of the package: the nearest one above this file whose package.json is Sepal's. */
export function packageRoot(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const file = join(dir, 'package.json');
    if (existsSync(file) && manifestOf(file).name === 'sepal') return dir;
    if (dir === dirname(dir)) throw new Error('the package folder of sepal was not found');
  }
}

function manifestOf(file: string): { readonly name?: unknown; readonly version?: unknown } {
  return JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: unknown; readonly version?: unknown };
}

export function version(): string {
  if (typeof SEPAL_VERSION === 'string') return SEPAL_VERSION;
  return String(manifestOf(join(packageRoot(), 'package.json')).version);
}

/** The bundled command, for starting it again as a child. */
export function commandFile(): string {
  return join(packageRoot(), 'dist', 'cli', 'main.js');
}
