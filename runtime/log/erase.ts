// SPDX-License-Identifier: Apache-2.0
/**
 * Erasing clear text: the wrapped data keys and the sealed text of some receipts are taken out of the openings, while every proof
 * stays as it is. What a disk keeps of blocks that were given back is out of reach from here; without the data key, which stood in
 * the same line, and the seal key it is of no use, but the two together would open it, so a seal key must be kept apart.
 */
import { createReadStream, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { apartOf, removeApart } from './apart.js';
import { type FileLayer, flushed, realFiles, writeAll } from './files.js';
import type { Log } from './log.js';

/** The numbers whose clear text is still there, among those wanted. */
export async function openingsOf(dir: string, wanted: ReadonlySet<number>): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of openingFiles(dir)) {
    for await (const line of linesOf(join(dir, 'openings', name))) {
      const seq = seqOf(line);
      if (seq !== null && wanted.has(seq) && !isErased(line)) found.push(seq);
    }
  }
  return found;
}

/**
 * Erases the clear text of these receipts. First a receipt says so, then the openings are rewritten file by file; after a crash in
 * between, erasing again finishes it. The log must be open here, so that nobody else writes to it.
 */
export async function eraseOpenings(
  log: Log,
  dir: string,
  wanted: ReadonlySet<number>,
  files: FileLayer = realFiles,
): Promise<number> {
  const present = await openingsOf(dir, wanted);
  if (present.length === 0) return 0;
  const event = { kind: 'erase', detail: ranges(present), count: present.length } as const;
  await log.append({ type: 'event', event });
  for (const name of openingFiles(dir)) await rewrite(join(dir, 'openings'), name, new Set(present), files);
  return present.length;
}

async function rewrite(
  folder: string,
  name: string,
  erased: ReadonlySet<number>,
  files: FileLayer,
): Promise<void> {
  const path = join(folder, name);
  let touched = false;
  const apart: string[] = [];
  for await (const line of linesOf(path)) {
    if (!erased.has(seqOf(line) ?? -1)) continue;
    touched = true;
    const file = apartOf(line);
    if (file !== null) apart.push(file);
  }
  if (!touched) return;
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const fd = files.open(temporary);
  let position = 0;
  try {
    for await (const line of linesOf(path)) {
      if (line.startsWith('\0')) continue;
      const bytes = Buffer.from(`${erased.has(seqOf(line) ?? -1) ? withoutClear(line) : line}\n`);
      writeAll(files, fd, bytes, position);
      position += bytes.length;
    }
    await flushed(files, fd);
  } finally {
    files.close(fd);
  }
  files.rename(temporary, path);
  files.flushFolder(folder);
  // Their keys are gone with the lines.
  for (const file of apart) await removeApart(folder, file);
}

const LINE = /^(\{"seq":(\d{1,15}),"leaf":"sha256:[0-9a-f]{64}",)"key":/;
const ERASED = '"key":null,"data":null}';

const seqOf = (line: string): number | null => {
  const digits = LINE.exec(line)?.[2];
  return digits === undefined ? null : Number(digits);
};
const isErased = (line: string): boolean => line.endsWith(ERASED);
const withoutClear = (line: string): string => `${LINE.exec(line)?.[1] ?? ''}${ERASED}`;

const linesOf = (path: string) => createInterface({ input: createReadStream(path, 'utf8') });

function openingFiles(dir: string): readonly string[] {
  const folder = join(dir, 'openings');
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{6}\.jsonl$/.test(name))
        .sort()
    : [];
}

/** `3, 5-9`, cut where it would fill a receipt. */
function ranges(seqs: readonly number[]): string {
  const sorted = [...seqs].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (sorted[j + 1] === (sorted[j] ?? 0) + 1) j++;
    parts.push(i === j ? `${sorted[i]}` : `${sorted[i]}-${sorted[j]}`);
    i = j + 1;
  }
  const text = parts.join(', ');
  return text.length <= 2000 ? text : `${text.slice(0, text.lastIndexOf(',', 2000))} …`;
}
