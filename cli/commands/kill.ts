// SPDX-License-Identifier: Apache-2.0
import { controlSockets } from '../approvals.js';
import { defineCommand } from '../command.js';
import { killSwitch, killSwitches } from '../../runtime/control/calls.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { openConfig } from '../project.js';
import { columns, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'kill on|off|list [--principal P | --server S | --tool S/T] [--reason TEXT]',
  about:
    'The kill switch: `on` denies everything (or everything of one principal, server or tool) at once, whatever the policy says,\nuntil `off`; also after a restart. Each change is a receipt. Calls that are running go on to their end.',
  options: {
    principal: {
      type: 'string',
      value: 'PRINCIPAL',
      help: 'only what this principal calls, or is called for this user',
    },
    server: { type: 'string', value: 'SERVER', help: 'only what goes to this server' },
    tool: { type: 'string', value: 'SERVER/TOOL', help: 'only this tool' },
    reason: { type: 'string', value: 'TEXT', help: 'why, for the receipt' },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['STATE'],
  run: async ({ values, rest }, io) => {
    const [word = ''] = rest;
    if (!['on', 'off', 'list'].includes(word))
      throw new Failure(
        `\`sepal kill ${word}\`: say on, off or list`,
        'for example `sepal kill on --server fs --reason "under attack"`',
      );
    const sockets = controlSockets(openConfig(values.config, io));
    if (sockets.length === 0)
      throw new Failure(
        'no gateway is running',
        'start it with `sepal gateway`; what was switched off stays off',
      );
    const { principal, server, tool, reason } = values;
    for (const socket of sockets) {
      if (word !== 'list') await killSwitch(socket, { on: word === 'on', principal, server, tool, reason });
      const off = await killSwitches(socket);
      io.out(
        off.length === 0
          ? 'nothing is switched off\n'
          : columns(off.map((one) => [shown(one.scope), one.since, shown(one.reason)])),
      );
    }
    return EXIT.ok;
  },
});
