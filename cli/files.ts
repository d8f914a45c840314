// SPDX-License-Identifier: Apache-2.0
/** Files as commands read and write them: one clear message when it does not work. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure, why } from './failure.js';

export function readText(path: string, help: string | null = null): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    const reason = error instanceof TypeError ? 'it is not UTF-8 text' : why(error);
    throw new Failure(`cannot read ${path}: ${reason}`, help);
  }
}

/** Null when there is no such file; other troubles are failures. */
export function readTextIfThere(path: string): string | null {
  return exists(path) ? readText(path) : null;
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Step by step: the recursive form of Node never ends where a parent takes no folders, as in `/proc`. */
export function makeFolder(path: string, mode = 0o777): void {
  if (exists(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Everything on stdin, as text. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Replaces the file in one step, keeping its mode; makes the folder where it is missing. */
export function replaceFile(path: string, text: string, mode: number | null = null): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    makeFolder(dirname(path));
    const before = statSync(path, { throwIfNoEntry: false });
    writeFileSync(temporary, text, { flag: 'wx', mode: mode ?? 0o666 });
    if (before !== undefined && mode === null) chmodSync(temporary, before.mode & 0o777);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Failure(`cannot write ${path}: ${why(error)}`, 'the folder must be writable and have space');
  }
}

/** Writes a file that must not exist yet. */
export function createFile(path: string, text: string, mode = 0o666): void {
  try {
    makeFolder(dirname(path));
    writeFileSync(path, text, { flag: 'wx', mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new Failure(
        `${path} exists already, and is never overwritten`,
        'move it away first, or name another file',
      );
    }
    throw new Failure(`cannot write ${path}: ${why(error)}`, 'the folder must be writable and have space');
  }
}
