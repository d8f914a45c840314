// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { configSchema } from '../../runtime/config-schema.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  usage: 'schema',
  about:
    'Prints the JSON Schema of sepal.json, for editors that complete and check JSON by one. It says what is written, before defaults;\n`sepal doctor` says whether the whole works.',
  options: {},
  takes: [],
  run: (_input, io) => {
    const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
    io.out(`${JSON.stringify({ title: 'sepal.json', ...schema }, null, 2)}\n`);
    return Promise.resolve(EXIT.ok);
  },
});
