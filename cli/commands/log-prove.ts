// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { proveReceipts } from '../../runtime/export/index.js';
import { openSource } from '../../runtime/verify/verify.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { replaceFile } from '../files.js';
import { entryNumber, logFolder, orFail } from '../log-folder.js';
import { shortPath } from '../sources.js';

export const command = defineCommand({
  usage: 'log prove SEQ [LOG] [--out FILE]',
  about:
    'Writes one receipt with its way to the root of the last checkpoint (SEQ.tlog-proof, c2sp.org/tlog-proof), for somebody who gets\nnothing else of the log. SEQ is its number or its id; LOG is a log folder (default: that of sepal.json). Check it with\n`sepal verify SEQ.tlog-proof --trust trust.json`.',
  options: {
    out: {
      type: 'string',
      value: 'FILE',
      help: 'where to write it; `-` for stdout (default SEQ.tlog-proof)',
    },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['SEQ', 'LOG?'],
  run: async ({ values, rest }, io) => {
    const seq = entryNumber(rest[0] ?? '');
    const folder = logFolder(rest[1], values.config, io);
    const proofs = await orFail(folder, async () => proveReceipts(await openSource(folder), [seq]));
    const proof = proofs.get(seq) ?? '';
    if (values.out === '-') io.out(proof);
    else {
      const file = resolve(io.cwd, values.out ?? `${seq}.tlog-proof`);
      replaceFile(file, proof);
      io.err(`wrote ${shortPath(file, io)}\n`);
    }
    return EXIT.ok;
  },
});
