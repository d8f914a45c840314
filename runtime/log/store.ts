// SPDX-License-Identifier: Apache-2.0
/**
 * Segments on disk. Space is allocated ahead in zeros, so that a commit changes no metadata, and so that closing entries still
 * fit when the disk is full.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { segmentIndex, segmentName } from '../verify/format/segment.js';
import { type FileLayer, writeAll } from './files.js';

const SEGMENT = 64 * 1024 * 1024;
const CHUNK = 4 * 1024 * 1024;
/** Kept free for the outcomes of calls that were forwarded before the disk was full. */
const RESERVE = 512 * 1024;
const ZEROS = Buffer.alloc(CHUNK);

export class Store {
  private readonly dir: string;
  private readonly files: FileLayer;
  private fd: number;
  private index: number;
  private position: number;
  private allocated: number;

  constructor(dir: string, files: FileLayer, at: { readonly index: number; readonly position: number }) {
    this.dir = dir;
    this.files = files;
    this.index = at.index;
    this.position = at.position;
    const path = join(dir, segmentName(at.index));
    this.fd = files.open(path);
    this.allocated = statSync(path).size;
    syncFolder(dir);
  }

  /** Where the next entry goes. */
  get end(): { readonly index: number; readonly position: number } {
    return { index: this.index, position: this.position };
  }

  /** Writes a batch of whole entries. `closing` batches may use the reserve. */
  write(bytes: Buffer, closing: boolean): void {
    if (this.position > 0 && this.position + bytes.length > SEGMENT) this.rotate();
    const needed = this.position + bytes.length + (closing ? 0 : RESERVE);
    if (needed > this.allocated) this.extend(Math.max(needed, this.allocated + CHUNK));
    writeAll(this.files, this.fd, bytes, this.position);
    this.position += bytes.length;
  }

  flush(): Promise<void> {
    return this.files.flush(this.fd);
  }

  private extend(to: number): void {
    for (let at = this.allocated; at < to; at += CHUNK) {
      writeAll(this.files, this.fd, ZEROS.subarray(0, Math.min(CHUNK, to - at)), at);
    }
    this.allocated = to;
  }

  private rotate(): void {
    this.files.truncate(this.fd, this.position);
    fsyncSync(this.fd);
    closeSync(this.fd);
    this.index++;
    this.position = 0;
    this.allocated = 0;
    this.fd = this.files.open(join(this.dir, segmentName(this.index)));
    syncFolder(this.dir);
  }

  /** Gives the allocated space back. */
  close(): void {
    this.files.truncate(this.fd, this.position);
    closeSync(this.fd);
  }
}

/** A file is only there after a crash if its folder was flushed too. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Segment numbers on disk, in order, without a gap; the last one is the one to write on. */
export function segments(dir: string): readonly number[] {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return readdirSync(dir)
    .flatMap((name) => segmentIndex(name) ?? [])
    .sort((a, b) => a - b);
}
