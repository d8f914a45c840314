// SPDX-License-Identifier: Apache-2.0
import { listWaiting, pendingLine } from '../approvals.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';
import { onStop } from '../restart.js';

const EVERY_MS = 1000;

export const command = defineCommand({
  usage: 'approvals watch [--config FILE]',
  about:
    'Prints a line when a call starts to wait (+) and when it ends (-), until it is interrupted or the gateway stops.',
  options: { config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' } },
  run: async ({ values }, io) => {
    const config = openConfig(values.config, io);
    let stopped = false;
    onStop(() => {
      stopped = true;
    });
    let before = new Map<string, string>();
    while (!stopped) {
      const now = new Map<string, string>();
      for (const waiting of await listWaiting(config)) {
        now.set(waiting.pending.id, pendingLine(waiting, io.now()).join('  '));
      }
      for (const [id, line] of now) if (!before.has(id)) io.out(`+ ${line}\n`);
      for (const [id] of before) if (!now.has(id)) io.out(`- ${id}\n`);
      before = now;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    return EXIT.ok;
  },
});
