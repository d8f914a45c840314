// SPDX-License-Identifier: Apache-2.0
/** Public test vectors, read from beside the repository; the suites skip, saying so, where they are absent. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe } from 'vitest';

const folder = resolve(import.meta.dirname, '../../../../shared/vectors');
export const present = existsSync(folder);
export const suite = (name: string, body: () => void): void => {
  if (present) describe(name, body);
  else describe.skip(`${name} (skipped: ../shared/vectors is absent)`, body);
};
export const textOf = (path: string): string => readFileSync(join(folder, path), 'utf8');
export const bytesOf = (path: string): Buffer => readFileSync(join(folder, path));
export const jsonOf = <T>(path: string): T => JSON.parse(textOf(path)) as T;
export const filesIn = (path: string): readonly string[] =>
  readdirSync(join(folder, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
