// SPDX-License-Identifier: Apache-2.0
/** `tokens.json` on disk: read whole, written whole and durably (0600), so that a crash leaves the old or the new list. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { parseTokens, printTokens, type TokenEntry, TokenError } from './tokens.js';

/** The list in the file; a file that is not there is an empty list. Refuses a file that others may write or read. */
export function readTokenFile(path: string): readonly TokenEntry[] {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new TokenError(
      `cannot read ${path}: ${reason(error)}`,
      'the file must be readable by the user who runs the gateway',
    );
  }
  try {
    const stats = fstatSync(file);
    const mode = stats.mode & 0o777;
    if (!stats.isFile()) throw new TokenError(`${path} is not a file`, 'name a file in `identity.tokens`');
    if ((mode & 0o077) !== 0) {
      throw new TokenError(
        `${path} is open to other users (mode 0${mode.toString(8)})`,
        `run: chmod 600 ${path}`,
      );
    }
    return parseTokens(readFileSync(file));
  } catch (error) {
    if (!(error instanceof TokenError) || error.message.includes(path)) throw error;
    throw new TokenError(`${path}: ${error.message}`, error.help);
  } finally {
    closeSync(file);
  }
}

/** Replaces the file in one step. */
export function writeTokenFile(path: string, tokens: readonly TokenEntry[]): void {
  const text = printTokens(tokens);
  parseTokens(text);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    writeDurably(temporary, text);
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    removeQuietly(temporary);
    throw new TokenError(
      `cannot write ${path}: ${reason(error)}`,
      'the folder must be writable and have space; the old list is still in force',
    );
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or renamed already.
  }
}

function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : 'unknown error');
}
