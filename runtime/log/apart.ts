// SPDX-License-Identifier: Apache-2.0
/**
 * Clear text that is too large for a line of the openings: in a file of its own, `openings/apart/NAME`, AES-256-GCM under a data key that
 * stands in the line. It is on the disk before the entry is appended, so that no other entry waits for it, and bears the ending `.new`
 * until the entry is. Without its line, which erasing empties, nobody can read it.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { createReadStream, existsSync, fdatasyncSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type FileLayer, realFiles, writeAll } from './files.js';
import { freshBytes } from './random.js';

/** Where it is, and what opens it. */
export interface Apart {
  readonly file: string;
  /** Base64 of the data key. */
  readonly key: string;
}

const IV = 12;
const TAG = 16;
/** Flushed piece by piece: the receipts of others are flushed to the same disk meanwhile, and would wait for all of it. */
const PIECE = 512 * 1024;
const NEW = '.new';
const NAME = /^[0-9a-f]{32}$/;

/** Writes `text` below the folder of the openings; on the disk when it returns. Meant for a thread that may wait for the disk. */
export function writeApart(openings: string, text: string, files: FileLayer = realFiles): Apart {
  const folder = join(openings, 'apart');
  if (!existsSync(folder)) files.makeFolder(folder);
  const [file, key] = [freshBytes(16).toString('hex'), freshBytes(32)];
  const iv = freshBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(`apart ${file}`));
  const body = cipher.update(text, 'utf8');
  cipher.final();
  const fd = files.open(join(folder, file + NEW));
  try {
    writeAll(files, fd, iv, 0);
    writeAll(files, fd, cipher.getAuthTag(), IV);
    for (let from = 0; from === 0 || from < body.length; from += PIECE) {
      writeAll(files, fd, body.subarray(from, from + PIECE), IV + TAG + from);
      fdatasyncSync(fd);
    }
  } finally {
    files.close(fd);
  }
  files.flushFolder(folder);
  return { file, key: key.toString('base64') };
}

/** Null when it is not there any more, or damaged. */
export function readApart(openings: string, { file, key }: Apart): string | null {
  if (!NAME.test(file)) return null;
  const path = join(openings, 'apart', file);
  try {
    const bytes = readFileSync(existsSync(path) ? path : path + NEW);
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'base64'), bytes.subarray(0, IV), {
      authTagLength: TAG,
    });
    decipher.setAAD(Buffer.from(`apart ${file}`));
    decipher.setAuthTag(bytes.subarray(IV, IV + TAG));
    return Buffer.concat([decipher.update(bytes.subarray(IV + TAG)), decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** The entry that names it is on the disk. */
export async function settleApart(openings: string, file: string): Promise<void> {
  const path = join(openings, 'apart', file);
  await rename(path + NEW, path).catch(() => undefined);
}

export async function removeApart(openings: string, file: string): Promise<void> {
  if (!NAME.test(file)) return;
  const path = join(openings, 'apart', file);
  await Promise.all([rm(path, { force: true }), rm(path + NEW, { force: true })]);
}

/** The file that a line of the openings names, or null. */
export const apartOf = (line: string): string | null =>
  /,"apart":"([0-9a-f]{32})"\}$/.exec(line.slice(-64))?.[1] ?? null;

/** What a crash left: kept where a line names it, and else nobody ever will. */
export async function sweepApart(openings: string): Promise<void> {
  const folder = join(openings, 'apart');
  const left = new Set(existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(NEW)) : []);
  if (left.size === 0) return;
  for (const name of readdirSync(openings).filter((one) => /^\d{6}\.jsonl$/.test(one))) {
    for await (const line of createInterface({ input: createReadStream(join(openings, name), 'utf8') })) {
      const file = apartOf(line);
      if (file !== null && left.delete(file + NEW)) await settleApart(openings, file);
    }
  }
  for (const name of left) await rm(join(folder, name), { force: true });
}
