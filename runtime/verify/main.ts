#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { verifyCommand } from './command.js';

process.exitCode = await verifyCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  interactive: process.stderr.isTTY,
});
