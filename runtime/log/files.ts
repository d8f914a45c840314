// SPDX-License-Identifier: Apache-2.0
/** The file operations of the writer, as an interface, so that tests can make each of them fail. */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export interface FileLayer {
  /** Opens for reading and writing, makes the file when it is not there. */
  open(path: string): number;
  size(fd: number): number;
  /** Writes `bytes` from `offset` on at a position; may write less than asked, as write(2) does. */
  write(fd: number, bytes: Uint8Array, offset: number, position: number): number;
  /** fdatasync(2). */
  flush(fd: number): Promise<void>;
  truncate(fd: number, size: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** A folder that is there already is fine; one that is made is on the disk. */
  makeFolder(path: string): void;
  /** A new file is only there after a crash if its folder was flushed too. */
  flushFolder(path: string): void;
}

export const realFiles: FileLayer = {
  open: (path) => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600),
  size: (fd) => fstatSync(fd).size,
  write: (fd, bytes, offset, position) => writeSync(fd, bytes, offset, bytes.length - offset, position),
  flush: (fd) =>
    new Promise((resolve, reject) => {
      fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
    }),
  truncate: (fd, size) => ftruncateSync(fd, size),
  close: (fd) => closeSync(fd),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path, { force: true }),
  makeFolder: (path) => {
    if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) realFiles.flushFolder(dirname(path));
  },
  flushFolder: (path) => {
    const fd = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};

/** As one; a single one is not copied. */
export const together = (parts: readonly Buffer[]): Buffer =>
  parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);

/** Writes all bytes; a write of nothing is an error. */
export function writeAll(files: FileLayer, fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const written = files.write(fd, bytes, done, position + done);
    if (!(written > 0)) throw new Error('the disk took no bytes');
    done += written;
  }
}

/** After a flush that failed nobody knows what is on the disk; even "no space" is no reason to go on. */
export class FlushFailure extends Error {}

export async function flushed(files: FileLayer, fd: number): Promise<void> {
  await files.flush(fd).catch((error: unknown) => {
    throw new FlushFailure(error instanceof Error ? error.message : String(error), { cause: error });
  });
}

/** Nothing was harmed: there was no room. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'ENOSPC' || error.code === 'EDQUOT' || error.code === 'EFBIG';
}
