// SPDX-License-Identifier: Apache-2.0
/**
 * Clear text of commitments, sealed at rest beside the log: one line a receipt in `openings/NNNNNN.jsonl`, AES-256-GCM under a
 * data key of its own, which is wrapped by the seal key outside the log folder. Dropping the wrapped key erases the clear text.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readApart } from './apart.js';
import { type FileLayer, flushed, writeAll } from './files.js';
import { freshBytes } from './random.js';
import type { Openings } from './types.js';

const IV = 12;
const TAG = 16;
const SEGMENT = 64 * 1024 * 1024;
const PART = 256 * 1024;
/** Allocated ahead in zeros, so that a commit changes no metadata; no line begins with one. */
const AHEAD = Buffer.alloc(512 * 1024);

/** The line is bound to the entry by its leaf: a number may be given again when its first entry was never written. */
export function seal(key: Buffer, seq: number, leaf: string, openings: Openings): Buffer {
  const dataKey = freshBytes(32);
  const wrapped = encrypt(key, dataKey, `key ${leaf}`);
  const data = encrypt(dataKey, JSON.stringify(openings), `data ${leaf}`);
  const { intentApart } = openings;
  // Said in clear as well, so that whoever erases the line knows the file.
  const end = intentApart === undefined ? '"}\n' : `","apart":"${intentApart.file}"}\n`;
  return line([lineStart(seq, leaf), '"key":"', ...wrapped, '","data":"', ...data, end]);
}

/** Written part by part: joined as one text, a long one would be copied twice more. */
function line(parts: readonly string[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) at += bytes.write(part, at, 'latin1');
  return bytes;
}

const lineStart = (seq: number, leaf: string): string => `{"seq":${seq},"leaf":"${leaf}",`;

/** Null when the clear text was erased, or when the line, or what it keeps in a file of its own below `dir`, is damaged. */
export function unseal(key: Buffer, leaf: string, line: string, dir: string): Openings | null {
  try {
    const { key: wrapped, data } = JSON.parse(line) as { key: string | null; data: string | null };
    if (wrapped === null || data === null) return null;
    const dataKey = decrypt(key, Buffer.from(wrapped, 'base64'), `key ${leaf}`);
    const clear = decrypt(dataKey, Buffer.from(data, 'base64'), `data ${leaf}`);
    return joined(JSON.parse(clear.toString('utf8')) as Openings, dir);
  } catch {
    return null;
  }
}

function joined(openings: Openings, dir: string): Openings | null {
  const { intentApart, ...own } = openings;
  if (intentApart === undefined) return openings;
  const intent = readApart(dir, intentApart);
  return intent === null ? null : { ...own, intent };
}

/** Base64 of IV, encrypted text and tag, in parts: 12 bytes are 16 characters, so what stands behind them is written by itself. */
function encrypt(key: Buffer, clear: Buffer | string, about: string): readonly string[] {
  const iv = freshBytes(IV);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(about));
  const body = typeof clear === 'string' ? cipher.update(clear, 'utf8') : cipher.update(clear);
  cipher.final();
  const whole = body.length - (body.length % 3);
  const rest = Buffer.concat([body.subarray(whole), cipher.getAuthTag()]);
  return [iv.toString('base64'), body.toString('base64', 0, whole), rest.toString('base64')];
}

function decrypt(key: Buffer, sealed: Buffer, about: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  return Buffer.concat([decipher.update(sealed.subarray(IV, sealed.length - TAG)), decipher.final()]);
}

/** The file that openings are appended to; a new one each start and each 64 MB, so that numbers only grow inside a file. */
export class OpeningsFile {
  private readonly dir: string;
  private readonly files: FileLayer;
  private fd: number | null = null;
  private position = 0;
  private allocated = 0;

  constructor(dir: string, files: FileLayer) {
    this.dir = dir;
    this.files = files;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /** Long ones part by part, so that other work goes on in between. */
  async write(bytes: Buffer): Promise<void> {
    if (this.position > SEGMENT) this.close(true);
    this.fd ??= this.next();
    const { fd } = this;
    const end = this.position + bytes.length;
    if (end > this.allocated) {
      writeAll(this.files, fd, AHEAD, end);
      this.allocated = end + AHEAD.length;
    }
    for (let from = 0; from < bytes.length; from += PART) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      const part = bytes.subarray(from, from + PART);
      writeAll(this.files, fd, part, this.position);
      this.position += part.length;
    }
  }

  async flush(): Promise<void> {
    if (this.fd !== null) await flushed(this.files, this.fd);
  }

  private next(): number {
    const last = openingFiles(this.dir).at(-1);
    const index = last === undefined ? 0 : Number(last.slice(0, 6)) + 1;
    const fd = this.files.open(join(this.dir, `${String(index).padStart(6, '0')}.jsonl`));
    this.files.flushFolder(this.dir);
    this.position = 0;
    this.allocated = 0;
    return fd;
  }

  /** The next write begins a new file. Space that was not used is given back; after a failure the file is left as it is. */
  close(sound: boolean): void {
    const { fd } = this;
    this.fd = null;
    if (fd === null) return;
    try {
      if (sound && this.allocated > this.position) this.files.truncate(fd, this.position);
    } finally {
      this.files.close(fd);
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

/** The openings of one receipt, or null. Looks into those files only that begin at or before it, newest first. */
export async function findOpenings(
  dir: string,
  key: Buffer,
  seq: number,
  leaf: string,
): Promise<Openings | null> {
  for (const name of openingFiles(dir).toReversed()) {
    const path = join(dir, name);
    if ((await firstSeq(path)) > seq) continue;
    const line = await findLine(path, seq, lineStart(seq, leaf));
    if (line !== null) return unseal(key, leaf, line, dir);
  }
  return null;
}

async function findLine(path: string, seq: number, start: string): Promise<string | null> {
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
    if (line.startsWith(start)) return line;
    if (seqOf(line) > seq) return null;
  }
  return null;
}

/** Number of the first line; 0 where it cannot be read. */
async function firstSeq(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32), 0, 32, 0);
    return seqOf(buffer.toString('latin1', 0, bytesRead));
  } finally {
    await file.close();
  }
}

function seqOf(line: string): number {
  const match = /^\{"seq":(\d{1,15}),/.exec(line.slice(0, 32));
  return match === null ? 0 : Number(match[1]);
}
