// SPDX-License-Identifier: Apache-2.0
import { controlSockets } from '../approvals.js';
import { defineCommand } from '../command.js';
import { reloadGateway } from '../../runtime/control/calls.js';
import { ControlError } from '../../runtime/control/protocol.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { openConfig } from '../project.js';

export const command = defineCommand({
  usage: 'reload [--config FILE]',
  about:
    'Puts the policy and the pins of the files in force in every running gateway of the configuration, as SIGHUP does and as happens\nby itself when a file changes. A policy with errors changes nothing (exit 3). sepal.json itself takes a restart.',
  options: { config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' } },
  run: async ({ values }, io) => {
    const config = openConfig(values.config, io);
    let running = 0;
    for (const socket of controlSockets(config)) {
      try {
        const { changed, policy } = await reloadGateway(socket);
        running++;
        io.out(
          `${policy.name} ${policy.version}: ${changed ? 'in force now' : 'was in force already; the pins were read again'}\n`,
        );
      } catch (error) {
        if (!(error instanceof ControlError)) throw error;
        if (error.code === 'not_running') continue;
        throw new Failure(`the old policy stays in force: ${error.message}`, error.help, EXIT.policy);
      }
    }
    if (running > 0) return EXIT.ok;
    throw new Failure(
      `no gateway is running for ${config.file}`,
      'start it with `sepal gateway` or `sepal wrap`',
    );
  },
});
