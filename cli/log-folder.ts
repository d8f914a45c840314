// SPDX-License-Identifier: Apache-2.0
/** The log that a command speaks of: the folder given, else that of sepal.json. */
import { resolve } from 'node:path';
import { ExportFailure } from '../runtime/export/index.js';
import { SourceError } from '../runtime/verify/source.js';
import { Failure } from './failure.js';
import { exists } from './files.js';
import { openConfig } from './project.js';
import type { Io } from './terminal.js';

export function logFolder(named: string | undefined, config: string | undefined, io: Io): string {
  const folder = named === undefined ? openConfig(config, io).receipts.dir : resolve(io.cwd, named);
  if (!exists(folder))
    throw new Failure(`there is no log at ${folder}`, 'name a log folder: one with `entries/` in it');
  return folder;
}

/** What cannot be read or exported ends the command with a clear message. */
export async function orFail<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ExportFailure || error instanceof SourceError) {
      throw new Failure(`${folder}: ${error.message}`, '`sepal verify` says whether to believe the log');
    }
    throw error;
  }
}

/** The number of an entry: `5`, or its receipt's id `gw.example.com/log#5`. */
export function entryNumber(text: string): number {
  const digits = text.slice(text.lastIndexOf('#') + 1);
  if (/^\d{1,15}$/.test(digits)) return Number(digits);
  throw new Failure(
    `\`${text}\` is not the number of a receipt`,
    'write `5`, or the id of a receipt, `gw.example.com/log#5`',
  );
}
