// SPDX-License-Identifier: Apache-2.0
import { verifyCommand } from '../../runtime/verify/command.js';
import type { Command } from '../command.js';
import { EXIT } from '../exit-codes.js';

/** The same command as `sepal-verify`, which an auditor installs without the gateway. */
export const command: Command = {
  usage: 'verify LOG --trust trust.json',
  about: 'Verifies a log of receipts without trusting who wrote it.',
  options: {},
  run: () => Promise.resolve(EXIT.failed),
  raw: (argv, io) => verifyCommand(argv, { out: io.out, err: io.err, interactive: process.stderr.isTTY }),
};
