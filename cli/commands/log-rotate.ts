// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path';
import type { Config } from '../../runtime/config.js';
import { rotateLog } from '../../runtime/control/calls.js';
import { gatewayMayRun } from '../../runtime/control/client.js';
import { NEXT_CERTIFICATE } from '../../runtime/log/index.js';
import type { Rotated } from '../../runtime/log/types.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { createFile, exists, readText } from '../files.js';
import { whileOpen } from '../log-keys.js';
import { openConfig } from '../project.js';
import { shortPath } from '../sources.js';

export const command = defineCommand({
  usage: 'log rotate [--certificate FILE] [--config FILE]',
  about:
    'Changes the epoch key, which signs receipts, in the running gateway without a gap (or in the log itself, where none runs); the old one\nis erased when a checkpoint covers its last receipt. Also takes in the log key that `sepal keygen log --next` made, once the root\ncertified it. It changes by itself too: `receipts.epoch` of sepal.json.',
  options: {
    certificate: {
      type: 'string',
      value: 'FILE',
      help: "the root's certificate of the next log key (`sepal keygen certificate`)",
    },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  run: async ({ values }, io) => {
    const config = openConfig(values.config, io);
    if (values.certificate !== undefined) {
      const place = join(config.receipts.keys, NEXT_CERTIFICATE);
      const text = readText(resolve(io.cwd, values.certificate));
      if (!exists(place)) createFile(place, text, 0o600);
    }
    const { epoch, logKey, from } = await rotate(config, io);
    io.out(`${epoch}\n`);
    io.err(`receipts are signed by this key from entry ${from} on; the key before it is erased\n`);
    if (logKey !== null)
      io.err(
        `the log key is now ${logKey}; trust files stay as they are. Keys: ${shortPath(config.receipts.keys, io)}\n`,
      );
    return EXIT.ok;
  },
});

function rotate(config: Config, io: Parameters<typeof whileOpen>[1]): Promise<Rotated> {
  return gatewayMayRun(config.control)
    ? rotateLog(config.control)
    : whileOpen(config.receipts, io, (log) => log.rotate());
}
