// SPDX-License-Identifier: Apache-2.0
/**
 * Clear text of commitments, sealed at rest beside the log: one line a receipt in `openings/NNNNNN.jsonl`, AES-256-GCM under a
 * data key of its own, which is wrapped by the seal key outside the log folder. Dropping the wrapped key erases the clear text.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type FileLayer, writeAll } from './files.js';
import { syncFolder } from './store.js';
import type { Openings } from './types.js';
import { statSync } from 'node:fs';

const IV = 12;
const TAG = 16;
const SEGMENT = 64 * 1024 * 1024;

export function seal(key: Buffer, seq: number, openings: Openings): Buffer {
  const dataKey = randomBytes(32);
  const wrapped = encrypt(key, dataKey, `key ${seq}`).toString('base64');
  const data = encrypt(dataKey, Buffer.from(JSON.stringify(openings)), `data ${seq}`).toString('base64');
  return Buffer.from(`{"seq":${seq},"key":"${wrapped}","data":"${data}"}\n`);
}

export function unseal(key: Buffer, line: string): Openings | null {
  const {
    seq,
    key: wrapped,
    data,
  } = JSON.parse(line) as { seq: number; key: string | null; data: string | null };
  if (wrapped === null || data === null) return null;
  const dataKey = decrypt(key, Buffer.from(wrapped, 'base64'), `key ${seq}`);
  return JSON.parse(
    decrypt(dataKey, Buffer.from(data, 'base64'), `data ${seq}`).toString('utf8'),
  ) as Openings;
}

function encrypt(key: Buffer, clear: Buffer, about: string): Buffer {
  const iv = randomBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(about));
  const body = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([iv, body, cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Buffer, about: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  return Buffer.concat([decipher.update(sealed.subarray(IV, sealed.length - TAG)), decipher.final()]);
}

/** The file that openings are appended to; a new one each start and each 64 MB. */
export class OpeningsFile {
  private readonly dir: string;
  private readonly files: FileLayer;
  private fd: number | null = null;
  private position = 0;

  constructor(dir: string, files: FileLayer) {
    this.dir = dir;
    this.files = files;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  write(bytes: Buffer): void {
    if (this.fd === null || this.position > SEGMENT) this.next();
    writeAll(this.files, this.fd as number, bytes, this.position);
    this.position += bytes.length;
  }

  flush(): Promise<void> {
    return this.fd === null ? Promise.resolve() : this.files.flush(this.fd);
  }

  /** Goes on in the last file, after a line break in case its end is torn. */
  private next(): void {
    const names = openingFiles(this.dir);
    const last = names.at(-1);
    const size = last === undefined ? 0 : statSync(join(this.dir, last)).size;
    const fresh = last === undefined || size > SEGMENT || this.fd !== null;
    const name = fresh ? `${String(names.length).padStart(6, '0')}.jsonl` : last;
    this.fd = this.files.open(join(this.dir, name));
    this.position = fresh ? 0 : size;
    syncFolder(this.dir);
    if (this.position > 0) {
      writeAll(this.files, this.fd, Buffer.from('\n'), this.position);
      this.position++;
    }
  }
}

function openingFiles(dir: string): readonly string[] {
  return existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => /^\d{6}\.jsonl$/.test(name))
        .sort()
    : [];
}

/** The openings of one receipt, or null. Reads files from the newest to the oldest. */
export async function findOpenings(dir: string, key: Buffer, seq: number): Promise<Openings | null> {
  const start = `{"seq":${seq},`;
  for (const name of openingFiles(dir).toReversed()) {
    const lines = createInterface({ input: createReadStream(join(dir, name), 'utf8') });
    for await (const line of lines) {
      if (line.startsWith(start) && line.endsWith('}')) return unseal(key, line);
    }
  }
  return null;
}
