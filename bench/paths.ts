// SPDX-License-Identifier: Apache-2.0
// Where the repository is, whether this runs from source or bundled.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above this file that holds `bench/` and `name`. */
export function findUp(name: string): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!(existsSync(join(at, name)) && existsSync(join(at, 'bench')))) {
    const up = dirname(at);
    if (up === at) throw new Error(`no folder above ${import.meta.url} holds bench/ and ${name}`);
    at = up;
  }
  return at;
}
