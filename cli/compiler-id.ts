// SPDX-License-Identifier: Apache-2.0
/** Which compiler this is: its version, and a hash over the sources that it was built from. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompilerId } from '../compiler/compile.js';
import { digest } from '../runtime/verify/format/hash.js';
import { packageRoot, version } from './install.js';

/** Put in by the bundler; computed alike by scripts/build.mjs. */
declare const SEPAL_COMPILER: string | undefined;

/** The hash is `sha256:…` over path, NUL, text, NUL of every source file of grammar, compiler and stdlib, in order of path. */
export function compilerId(): CompilerId {
  const hash = typeof SEPAL_COMPILER === 'string' ? SEPAL_COMPILER : sourceHash(packageRoot());
  const { tz, unicode } = process.versions;
  return { version: version(), hash, tz: tz ?? 'none', unicode: unicode ?? 'none' };
}

function sourceHash(root: string): string {
  const files = ['compiler', 'grammar', 'stdlib'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  return digest(
    files
      .sort()
      .map((file) => `${file}\0${readFileSync(join(root, file), 'utf8')}\0`)
      .join(''),
  );
}
