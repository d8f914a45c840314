// SPDX-License-Identifier: Apache-2.0
import { verifyCommand } from '../../runtime/verify/command.js';
import type { Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import type { Io } from '../terminal.js';

/** The same command as `sepal-verify`, which an auditor installs without the gateway, and a compiler to decide again with. */
export const command: Command = {
  usage: 'verify LOG --trust trust.json [--policy FILE...]',
  about: 'Verifies a log of receipts without trusting who wrote it.',
  options: {},
  run: () => Promise.resolve(EXIT.failed),
  raw: (argv, io) =>
    verifyCommand(argv, { out: io.out, err: io.err, interactive: process.stderr.isTTY }, (files) =>
      replayOf(files, io),
    ),
};

/** Loaded only where a policy is given: the verifier itself starts without the compiler. */
async function replayOf(files: readonly string[], io: Io) {
  const [{ DecideAgain }, { knownPolicy }] = await Promise.all([
    import('../replay/decide-again.js'),
    import('../replay/known.js'),
  ]);
  return new DecideAgain(await Promise.all(files.map((file) => knownPolicy(file, io))));
}
