// SPDX-License-Identifier: Apache-2.0
import { EXIT, type ExitCode } from './exit-codes.js';

/** Ends a command with one clear message: what is wrong (with where), and what to do. */
export class Failure extends Error {
  readonly help: string | null;
  readonly code: ExitCode;

  constructor(message: string, help: string | null = null, code: ExitCode = EXIT.failed) {
    super(message);
    this.help = help;
    this.code = code;
  }
}

/** What went wrong, in the system's words but without a stack. */
export function why(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a folder';
    case 'ENOTDIR':
      return 'a part of the path is not a folder';
    case 'ENOSPC':
      return 'the disk is full';
    default:
      return error.message;
  }
}
