// SPDX-License-Identifier: Apache-2.0
import { listWaiting, pendingTable } from '../approvals.js';
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';

export const command = defineCommand({
  usage: 'approvals list [--config FILE] [--format human|json]',
  about: 'Lists the calls that wait for a person: id, who, what, which rule, what is missing, how long.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  run: async ({ values }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const waiting = await listWaiting(openConfig(values.config, io));
    if (format === 'json') {
      io.out(`${JSON.stringify({ version: 1, pending: waiting.map(({ pending }) => pending) }, null, 2)}\n`);
    } else {
      io.out(pendingTable(waiting, io.now()));
      if (waiting.length === 0) io.err('nothing is waiting\n');
    }
    return EXIT.ok;
  },
});
