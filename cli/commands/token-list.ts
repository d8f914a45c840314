// SPDX-License-Identifier: Apache-2.0
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';
import { columns } from '../terminal.js';
import { tokenBook } from '../tokens.js';

export const command = defineCommand({
  usage: 'token list [--config FILE] [--format human|json]',
  about: 'Lists the tokens: who, roles, ceiling, expiry. Never a secret or its hash.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  run: async ({ values }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const tokens = await tokenBook(openConfig(values.config, io)).list();
    if (format === 'json') io.out(`${JSON.stringify({ version: 1, tokens }, null, 2)}\n`);
    else {
      const rows = tokens.map((token) => [
        token.id,
        token.onBehalfOf === null ? token.principal : `${token.principal} for ${token.onBehalfOf.id}`,
        `roles ${token.roles.join(',') || '-'}`,
        token.ceiling === null ? 'no ceiling' : `only ${token.ceiling.actions.join(', ')}`,
        token.expires === null ? 'no end' : `until ${token.expires}`,
      ]);
      io.out(columns(rows));
      if (tokens.length === 0) io.err('there are no tokens; make one with `sepal token create`\n');
    }
    return EXIT.ok;
  },
});
