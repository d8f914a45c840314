// SPDX-License-Identifier: Apache-2.0
// test/vectors: what is there is what the script writes, and our verifier answers each as stated.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { vectors } from '../../arbitraries/vectors.js';
import { answer } from '../../helpers/vector-answer.js';

const folder = resolve(import.meta.dirname, '../../vectors');
const all = vectors();

describe('our vectors', () => {
  it('are those that the script writes (node scripts/vectors.mjs)', () => {
    const written = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && !['expected.json', 'README.md'].includes(file.name))
      .map((file) => relative(folder, join(file.parentPath, file.name)))
      .sort();
    const made = all.flatMap(({ name, files }) => [...files.keys()].map((path) => join(name, path))).sort();
    expect(written).toEqual(made);
    for (const { name, files } of all)
      for (const [path, bytes] of files)
        expect(readFileSync(join(folder, name, path)).equals(bytes), `${name}/${path}`).toBe(true);
    expect(all.length).toBeGreaterThan(100);
  });

  it.each(all.map((vector) => [vector.name, vector] as const))(
    '%s',
    async (name, { about, result, because }) => {
      const expected = JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8')) as object;
      const found = await answer(join(folder, name));
      expect({ about, ...found }).toEqual(expected);
      expect(found.result).toBe(result);
      for (const property of because)
        expect(found.properties[property]?.status, property).toBe(result === 'fail' ? 'fail' : 'not checked');
      expect(existsSync(join(folder, name, 'trust.json'))).toBe(name !== 'incomplete/no-trust');
    },
  );
});
