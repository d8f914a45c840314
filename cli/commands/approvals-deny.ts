// SPDX-License-Identifier: Apache-2.0
import { giveVerdict } from '../approvals.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';

export const command = defineCommand({
  usage: 'approvals deny ID [--as user:NAME] [--key FILE] [--config FILE]',
  about:
    'Refuses exactly one waiting call, signed with your own key. Look at it with `sepal approvals show` first.',
  options: {
    as: { type: 'string', value: 'PRINCIPAL', help: 'who you are (default: the only registered approver)' },
    key: {
      type: 'string',
      value: 'FILE',
      help: 'your private key (default .sepal/approver.key beside the configuration)',
    },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['ID'],
  run: async ({ values, rest }, io) => {
    const config = openConfig(values.config, io);
    io.out(`${await giveVerdict(config, rest[0] ?? '', 'deny', values, io)}\n`);
    return EXIT.ok;
  },
});
