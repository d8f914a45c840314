// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';
import { tokenBook } from '../tokens.js';

export const command = defineCommand({
  usage: 'token rotate ID [--config FILE]',
  about:
    'Makes a new secret for a token: the old one ends at once, id and session stay. Prints the new token once.',
  options: { config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' } },
  takes: ['ID'],
  run: async ({ values, rest }, io) => {
    io.out(`${await tokenBook(openConfig(values.config, io)).rotate(rest[0] ?? '')}\n`);
    return EXIT.ok;
  },
});
