// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  ActaChain,
  CSV_HEADER,
  csvLine,
  type Disclose,
  dsseLine,
  exportFolder,
  exportTiles,
  jsonLine,
  type Receipt,
  receipts,
  Sealer,
} from '../../runtime/export/index.js';
import { loadKey } from '../../runtime/log/index.js';
import type { LogSource } from '../../runtime/verify/source.js';
import { openSource } from '../../runtime/verify/verify.js';
import { choice, defineCommand, type Input, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure, why } from '../failure.js';
import { exists } from '../files.js';
import { logFolder, orFail } from '../log-folder.js';
import { type LogPlace, sealKey } from '../log-keys.js';
import { openConfig } from '../project.js';
import { shortPath } from '../sources.js';
import type { Io } from '../terminal.js';

const OPTIONS = {
  out: { type: 'string', value: 'PATH', help: 'the folder or file to write; must not exist, but for tiles' },
  format: { type: 'string', value: 'FORMAT', help: 'folder (default), tiles, jsonl, csv, dsse or acta' },
  disclose: {
    type: 'string',
    value: 'WHAT',
    help: 'folder: full, reads or none of the clear text (default: that of sepal.json)',
  },
  'seal-to': {
    type: 'string',
    value: 'KEY',
    help: 'folder: seal the openings to this key of an auditor (`sepal keygen auditor`)',
  },
  key: {
    type: 'string',
    value: 'FILE',
    help: 'dsse, acta: the key that signs the export (a PKCS#8 PEM file)',
  },
  'key-name': { type: 'string', value: 'NAME', help: 'dsse, acta: name of that key (default export)' },
  config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
} as const;
type Given = Input<typeof OPTIONS>['values'];

const FORMATS = ['folder', 'tiles', 'jsonl', 'csv', 'dsse', 'acta'] as const;

export const command = defineCommand({
  usage: 'log export [LOG] --out PATH [--format FORMAT] [--disclose full|reads|none]',
  about: `Writes a log in the form that somebody needs. LOG is a log folder (default: that of sepal.json).
  folder  for an auditor: entries, checkpoints, and openings.jsonl with as much clear text as --disclose says;
          \`reads\` opens only the arguments and facts that decisions read
  tiles   static files (c2sp.org/tlog-tiles) up to the last checkpoint, for any web server; again into the same folder adds to them
  jsonl   one receipt a line          csv   for a spreadsheet
  dsse    in-toto statements, signed again with --key          acta  draft-farley-acta-signed-receipts-03, likewise
Without --out, the formats of lines go to stdout.`,
  options: OPTIONS,
  takes: ['LOG?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, FORMATS);
    if (values.disclose !== undefined && format !== 'folder')
      throw new Failure('`--disclose` speaks of `--format folder`', 'the other formats hold no clear text');
    const folder = logFolder(rest[0], values.config, io);
    await orFail(folder, async () => {
      const source = await openSource(folder);
      if (format === 'folder') await asFolder(source, folder, values, io);
      else if (format === 'tiles') {
        const out = resolve(io.cwd, required('out', values.out, 'public/log'));
        io.err(`wrote ${await exportTiles(source, out)} entries as tiles to ${shortPath(out, io)}\n`);
      } else await asLines(source, lineOf(format, values, io), values, io);
    });
    return EXIT.ok;
  },
});

async function asFolder(source: LogSource, folder: string, values: Given, io: Io): Promise<void> {
  const out = resolve(io.cwd, required('out', values.out, 'export'));
  if (values['seal-to'] !== undefined) new Sealer(values['seal-to'], () => {});
  if (exists(out)) throw new Failure(`${shortPath(out, io)} exists already`, 'name a folder that does not');
  const own = values.disclose === undefined || values.disclose !== 'none' ? configured(values, io) : null;
  const disclose: Disclose =
    values.disclose === undefined
      ? (own?.disclose ?? 'reads')
      : choice('disclose', values.disclose, ['full', 'reads', 'none']);
  if (disclose !== 'none' && own === null) {
    throw new Failure(
      'the clear text of this log is sealed, and without a sepal.json its key is not known',
      'name it with `--config`, or export with `--disclose none`',
    );
  }
  const key = own === null || disclose === 'none' ? null : sealKey(own, io.env);
  const { entries, opened } = await exportFolder(source, out, {
    disclose,
    sealed: key === null ? null : { dir: folder, key },
    recipient: values['seal-to'] ?? null,
  });
  io.err(
    `wrote ${entries} entries to ${shortPath(out, io)}; ${opened} receipts opened (disclose: ${disclose})\n`,
  );
}

function configured(values: Given, io: Io): LogPlace | null {
  if (values.config === undefined && !exists(resolve(io.cwd, 'sepal.json'))) return null;
  return openConfig(values.config, io).receipts;
}

interface Lines {
  readonly header: string;
  readonly of: (receipt: Receipt) => string | null;
}

function lineOf(format: 'jsonl' | 'csv' | 'dsse' | 'acta', values: Given, io: Io): Lines {
  if (format === 'jsonl') return { header: '', of: jsonLine };
  if (format === 'csv') return { header: CSV_HEADER, of: csvLine };
  const file = resolve(io.cwd, required('key', values.key, 'export.pem'));
  const key = loadKey(file, values['key-name'] ?? 'export');
  if (format === 'dsse') return { header: '', of: (receipt) => dsseLine(receipt, key) };
  const chain = new ActaChain(key);
  return { header: '', of: (receipt) => chain.line(receipt) };
}

async function asLines(source: LogSource, lines: Lines, values: Given, io: Io): Promise<void> {
  const path = values.out === undefined || values.out === '-' ? null : resolve(io.cwd, values.out);
  const fd = path === null ? null : create(path);
  const write = (text: string): void => {
    if (fd === null) io.out(text);
    else writeSync(fd, text);
  };
  let count = 0;
  try {
    write(lines.header);
    for await (const receipt of receipts(source)) {
      const line = lines.of(receipt);
      if (line === null) continue;
      write(line);
      count++;
    }
  } catch (error) {
    // A part of an export looks like a whole one.
    if (path !== null) rmSync(path, { force: true });
    throw error;
  } finally {
    if (fd !== null) closeSync(fd);
  }
  if (fd !== null) io.err(`wrote ${count} receipts to ${values.out ?? ''}\n`);
}

function create(path: string): number {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new Failure(
      `cannot write ${path}: ${there ? 'it exists already' : why(error)}`,
      'name another file',
    );
  }
}
