// SPDX-License-Identifier: Apache-2.0
/**
 * Segments on disk. Space is allocated ahead in zeros, so that a commit changes no metadata, and so that closing entries still
 * fit when the disk is full (on a file system that writes in place).
 */
import { join } from 'node:path';
import { segmentName } from '../verify/format/segment.js';
import { type FileLayer, flushed, writeAll } from './files.js';

/** A segment is closed when the next batch would pass this size. */
export const SEGMENT = 64 * 1024 * 1024;
/** No batch that is written at once is longer, unless it is a single entry. */
export const MAX_BATCH = 256 * 1024;
const CHUNK = 1024 * 1024;
/** Kept free for the outcomes of calls that were forwarded before the disk was full. */
const RESERVE = 512 * 1024;
const ZEROS = Buffer.alloc(CHUNK);
const NEXT = 'next.tmp';

export interface Place {
  readonly index: number;
  readonly position: number;
}

export class Store {
  private readonly dir: string;
  private readonly files: FileLayer;
  private readonly segment: number;
  private fd: number;
  private index: number;
  private position: number;
  private allocated: number;
  /** Bytes up to here may hold something that is no entry; the next write covers them with zeros. */
  private dirty: number;

  /**
   * Goes on at `at`; `torn` bytes that follow belong to a write that never ended. What a write that failed left on the disk may
   * not be what can be read, so as much as one batch is covered in any case.
   */
  constructor(dir: string, files: FileLayer, at: Place, torn: number, segment = SEGMENT) {
    this.dir = dir;
    this.files = files;
    this.segment = segment;
    this.index = at.index;
    this.position = at.position;
    this.fd = files.open(join(dir, segmentName(at.index)));
    try {
      files.flushFolder(dir);
      this.allocated = files.size(this.fd);
    } catch (error) {
      files.close(this.fd);
      throw error;
    }
    this.dirty = Math.min(this.allocated, at.position + Math.max(torn, MAX_BATCH));
  }

  /** Where the next entry goes. */
  get end(): Place {
    return { index: this.index, position: this.position };
  }

  /** Makes a batch of whole entries durable. `closing` batches may use the reserve and pass the size of a segment. */
  async commit(bytes: Buffer, closing: boolean): Promise<void> {
    if (!closing && this.position > 0 && this.position + bytes.length > this.segment) {
      await this.rotate(bytes.length + RESERVE);
    }
    const end = this.position + bytes.length;
    if (closing && end > this.allocated) this.extend(end);
    if (!closing && end + RESERVE > this.allocated) {
      this.extend(Math.max(end + RESERVE, this.allocated + CHUNK));
    }
    const padded = this.dirty > end ? Buffer.concat([bytes, Buffer.alloc(this.dirty - end)]) : bytes;
    this.dirty = Math.max(this.dirty, end);
    writeAll(this.files, this.fd, padded, this.position);
    await flushed(this.files, this.fd);
    this.position = end;
    this.dirty = end;
  }

  /** Writes again what is there: after a failed flush the kernel may call pages clean that never reached the disk. */
  async rewrite(bytes: Buffer): Promise<void> {
    writeAll(this.files, this.fd, bytes, this.position - bytes.length);
    await flushed(this.files, this.fd);
  }

  private extend(to: number): void {
    writeZeros(this.files, this.fd, this.allocated, to);
    this.allocated = to;
  }

  /** The next segment has its space before this one gives the reserve away. */
  private async rotate(room: number): Promise<void> {
    const { files } = this;
    const path = join(this.dir, NEXT);
    const next = files.open(path);
    try {
      files.truncate(next, 0);
      writeZeros(files, next, 0, room);
      await flushed(files, next);
      files.truncate(this.fd, this.position);
      this.allocated = this.position;
      this.dirty = this.position;
      await flushed(files, this.fd);
      files.rename(path, join(this.dir, segmentName(this.index + 1)));
      files.flushFolder(this.dir);
    } catch (error) {
      files.close(next);
      throw error;
    }
    const old = this.fd;
    this.fd = next;
    this.index++;
    this.position = 0;
    this.dirty = 0;
    this.allocated = room;
    files.close(old);
  }

  /** Gives the allocated space back; after a failure the file is left as it is. */
  close(sound: boolean): void {
    try {
      if (sound) this.files.truncate(this.fd, this.position);
    } finally {
      this.files.close(this.fd);
    }
  }
}

function writeZeros(files: FileLayer, fd: number, from: number, to: number): void {
  for (let at = from; at < to; at += CHUNK) {
    writeAll(files, fd, ZEROS.subarray(0, Math.min(CHUNK, to - at)), at);
  }
}
