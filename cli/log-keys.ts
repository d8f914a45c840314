// SPDX-License-Identifier: Apache-2.0
/** Keys and identity of a log: made once, with the trust file that auditors need. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../runtime/config.js';
import {
  createKeys,
  loadKeys,
  type Log,
  LogFailure,
  LogHeld,
  openLog,
  readSecrets,
  type SigningKey,
  trustText,
} from '../runtime/log/index.js';
import { createFile } from './files.js';
import { Failure } from './failure.js';
import type { Io } from './terminal.js';

export type LogPlace = Config['receipts'];

/** How the log of a configuration is opened. Keys in the environment are taken out of it. */
export function logOptions(place: LogPlace, env: Io['env']): Parameters<typeof openLog>[0] {
  const { origin, dir, keys, checkpointSeconds, keyFrom, epoch } = place;
  const secrets = readSecrets(keyFrom, env);
  return { origin, dir, keysDir: keys, checkpointSeconds, secrets, epoch };
}

/** Opens the log of a configuration where no gateway does, and closes it again. */
export async function whileOpen<T>(place: LogPlace, io: Io, work: (log: Log) => Promise<T>): Promise<T> {
  const log = await openLog(logOptions(place, io.env)).catch((error: unknown) => {
    if (error instanceof LogHeld)
      throw new Failure(error.message, 'stop it first, or ask the running gateway');
    throw error;
  });
  try {
    return await work(log);
  } catch (error) {
    if (error instanceof LogFailure)
      throw new Failure(error.message, 'see docs/operators.md, "Keys of the log"');
    throw error;
  } finally {
    await log.close();
  }
}

/** The key that openings are sealed with. */
export function sealKey(place: LogPlace, env: Io['env']): Buffer {
  return loadKeys(place.keys, place.origin, readSecrets(place.keyFrom, env)).seal;
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
