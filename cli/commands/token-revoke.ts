// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';
import { tokenBook } from '../tokens.js';

export const command = defineCommand({
  usage: 'token revoke ID [--config FILE]',
  about: 'Ends a token at once.',
  options: { config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' } },
  takes: ['ID'],
  run: async ({ values, rest }, io) => {
    const id = rest[0] ?? '';
    await tokenBook(openConfig(values.config, io)).revoke(id);
    io.out(`revoked ${id}\n`);
    return EXIT.ok;
  },
});
