// SPDX-License-Identifier: Apache-2.0
/** The log as one folder for an auditor: entries, checkpoints, and the openings that may be disclosed. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { segmentName } from '../verify/format/segment.js';
import { type LogSource, storedEntries } from '../verify/source.js';
import { type Disclose, disclosureLine, sealedOpenings } from './openings.js';
import { type Receipt, receipts } from './read.js';
import { Sealer } from './sealed.js';
import { replace } from './tiles.js';

const SEGMENT = 64 * 1024 * 1024;

export interface FolderOptions {
  readonly disclose: Disclose;
  /** Where the sealed openings are and the key that opens them; null where none are disclosed. */
  readonly sealed: { readonly dir: string; readonly key: Buffer } | null;
  /** The auditor's key that they are sealed to; null where they are written in clear. */
  readonly recipient: string | null;
}

/** Writes `entries/`, `checkpoints` and `openings.jsonl`; returns how many entries, and how many of them are opened. */
export async function exportFolder(
  source: LogSource,
  out: string,
  options: FolderOptions,
): Promise<{ readonly entries: number; readonly opened: number }> {
  // Taken first: a log that grows meanwhile then has at least the entries that they cover.
  const checkpoints: Buffer[] = [];
  for await (const chunk of (await source.checkpoints()) ?? []) checkpoints.push(Buffer.from(chunk));
  const cosigned: Buffer[] = [];
  for await (const chunk of (await source.cosigned?.()) ?? []) cosigned.push(Buffer.from(chunk));
  const made = mkdirSync(join(out, 'entries'), { recursive: true });
  try {
    const entries = await copyEntries(source, join(out, 'entries'));
    replace(join(out, 'checkpoints'), Buffer.concat(checkpoints));
    if (cosigned.length > 0) replace(join(out, 'cosigned'), Buffer.concat(cosigned));
    const opened = options.sealed === null ? 0 : await writeOpenings(source, out, options, options.sealed);
    return { entries, opened };
  } catch (error) {
    // A part of an export looks like a log that was cut.
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

async function copyEntries(source: LogSource, folder: string): Promise<number> {
  let index = 0;
  let size = 0;
  let count = 0;
  let fd = openSync(join(folder, segmentName(0)), 'wx');
  for await (const entry of storedEntries(source)) {
    if (size + entry.length > SEGMENT) {
      closeSync(fd);
      fd = openSync(join(folder, segmentName(++index)), 'wx');
      size = 0;
    }
    size += writeSync(fd, entry);
    count++;
  }
  closeSync(fd);
  return count;
}

async function writeOpenings(
  source: LogSource,
  out: string,
  { disclose, recipient }: FolderOptions,
  sealed: { readonly dir: string; readonly key: Buffer },
): Promise<number> {
  const fd = openSync(join(out, recipient === null ? 'openings.jsonl' : 'openings.sealed'), 'wx', 0o600);
  const sealer = recipient === null ? null : new Sealer(recipient, (bytes) => writeSync(fd, bytes));
  let opened = 0;
  const entries: AsyncGenerator<Receipt> = receipts(source);
  let receipt = await entries.next();
  for await (const { seq, leaf, openings } of sealedOpenings(sealed.dir, sealed.key)) {
    while (receipt.done !== true && receipt.value.seq < seq) receipt = await entries.next();
    if (receipt.done === true) break;
    const { value } = receipt;
    const line = value.seq === seq && value.leaf === leaf ? disclosureLine(value, openings, disclose) : null;
    if (line === null) continue;
    if (sealer === null) writeSync(fd, line);
    else sealer.write(line);
    opened++;
  }
  await entries.return(undefined);
  sealer?.end();
  closeSync(fd);
  return opened;
}
