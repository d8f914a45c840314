// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { unsealFile } from '../../runtime/export/index.js';
import { defineCommand, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure, why } from '../failure.js';
import { createFile, readText } from '../files.js';
import { orFail } from '../log-folder.js';
import { shortPath } from '../sources.js';

export const command = defineCommand({
  usage: 'log unseal FILE --key FILE [--out FILE]',
  about:
    'Opens the openings of an export that was sealed to your key (`sepal log export --seal-to`), and writes openings.jsonl beside\nthem, where `sepal verify` finds it.',
  options: {
    key: { type: 'string', value: 'FILE', help: 'your private key, as `sepal keygen auditor` made it' },
    out: { type: 'string', value: 'FILE', help: 'where to write (default openings.jsonl beside FILE)' },
  },
  takes: ['FILE'],
  run: async ({ values, rest }, io) => {
    const file = resolve(io.cwd, rest[0] ?? '');
    const pem = readText(resolve(io.cwd, required('key', values.key, 'auditor.pem')));
    const clear = await orFail(file, () => Promise.resolve(unsealFile(bytesOf(file), pem)));
    const out = values.out === undefined ? resolve(file, '../openings.jsonl') : resolve(io.cwd, values.out);
    createFile(out, clear.toString('utf8'), 0o600);
    io.err(`wrote ${shortPath(out, io)}\n`);
    return EXIT.ok;
  },
});

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${why(error)}`, 'name the file openings.sealed of the export');
  }
}
