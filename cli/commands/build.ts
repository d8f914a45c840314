// SPDX-License-Identifier: Apache-2.0
import { basename, dirname, join, resolve } from 'node:path';
import { compilePolicy, policyOrFail } from '../compiled.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { replaceFile } from '../files.js';
import { dayOf, policyPath, shortPath } from '../project.js';

export const command = defineCommand({
  usage: 'build [POLICY] [--out FOLDER] [--today DAY]',
  about:
    'Compiles a policy: NAME.ts to read, NAME.js (no imports) to load, NAME.manifest.json with the hashes of source, module,\ncompiler and pinned tools. The same input gives the same bytes.',
  options: {
    out: { type: 'string', value: 'FOLDER', help: 'where to write (default: beside the policy)' },
    today: {
      type: 'string',
      value: 'DAY',
      help: 'the day with which `shadow until` is compared (default: today)',
    },
  },
  takes: ['POLICY?'],
  run: async ({ values, rest }, io) => {
    const path = policyPath(rest[0], io);
    const { compiled } = policyOrFail(await compilePolicy(path, io, dayOf(values.today)), io);
    const folder = values.out === undefined ? dirname(path) : resolve(io.cwd, values.out);
    const name = basename(path).replace(/\.sep$/, '');
    const files: readonly (readonly [string, string])[] = [
      [`${name}.ts`, compiled.ts],
      [`${name}.js`, compiled.js],
      [`${name}.manifest.json`, `${JSON.stringify(compiled.manifest, null, 2)}\n`],
    ];
    for (const [file, text] of files) {
      const target = join(folder, file);
      replaceFile(target, text);
      io.out(`${shortPath(target, io)}\n`);
    }
    return EXIT.ok;
  },
});
