#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { EXIT } from './exit-codes.js';
import { runCommand } from './run.js';
import { terminal } from './terminal.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe went away: there is nobody left to tell.
  if (error.code === 'EPIPE') process.exit(EXIT.failed);
  throw error;
});
process.exitCode = await runCommand(process.argv.slice(2), terminal());
