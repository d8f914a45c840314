// SPDX-License-Identifier: Apache-2.0
/** The file operations of the writer, as an interface, so that tests can make each of them fail. */
import { constants, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';

export interface FileLayer {
  /** Opens for reading and writing, makes the file when it is not there. */
  open(path: string): number;
  /** Writes at a position; may write less than asked, as write(2) does. */
  write(fd: number, bytes: Uint8Array, offset: number, position: number): number;
  /** fdatasync(2). */
  flush(fd: number): Promise<void>;
  truncate(fd: number, size: number): void;
}

export const realFiles: FileLayer = {
  open: (path) => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600),
  write: (fd, bytes, offset, position) => writeSync(fd, bytes, offset, bytes.length - offset, position),
  flush: (fd) =>
    new Promise((resolve, reject) => {
      fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
    }),
  truncate: (fd, size) => ftruncateSync(fd, size),
};

/** Writes all bytes; a write of nothing is an error. */
export function writeAll(files: FileLayer, fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const written = files.write(fd, bytes, done, position + done);
    if (!(written > 0)) throw new Error('the disk took no bytes');
    done += written;
  }
}
