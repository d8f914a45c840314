// SPDX-License-Identifier: Apache-2.0
/** Keys and identity of a log: made once, with the trust file that auditors need. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createKeys, openLog, type SigningKey, trustText } from '../runtime/log/index.js';
import { createFile } from './files.js';
import { Failure } from './failure.js';

export interface LogPlace {
  readonly origin: string;
  readonly dir: string;
  readonly keys: string;
  readonly checkpointSeconds: number;
}

/** Is there an entry in the log? */
export function hasBegun(dir: string): boolean {
  const first = join(dir, 'entries', '000000.log');
  return existsSync(first) && statSync(first).size > 0;
}

/** Makes the keys, begins the log, and writes the trust file with the log's identity in it. Nothing is overwritten. */
export async function beginLog(
  place: LogPlace,
  trust: string,
  root: SigningKey | null = null,
): Promise<void> {
  if (existsSync(trust))
    throw new Failure(`${trust} exists already, and is never overwritten`, 'move it away first');
  if (existsSync(join(place.dir, 'entries'))) {
    throw new Failure(
      `there is a log in ${place.dir} already`,
      'its keys were made before; keep them, or name another `receipts.dir`',
    );
  }
  const keys = createKeys(place.keys, place.origin, root);
  const { origin, dir, checkpointSeconds } = place;
  const log = await openLog({ dir, keysDir: place.keys, origin, checkpointSeconds });
  const genesis = log.genesis;
  await log.close();
  createFile(trust, trustText(origin, keys, genesis));
}
