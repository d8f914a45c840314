// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { revokeKey } from '../../runtime/control/calls.js';
import { gatewayMayRun } from '../../runtime/control/client.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import { isObject } from '../../runtime/verify/openings.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { readText } from '../files.js';
import { whileOpen } from '../log-keys.js';
import { openConfig } from '../project.js';

export const command = defineCommand({
  usage: 'log revoke FILE [--config FILE]',
  about:
    "Writes a `revoke` receipt: what the key signed from some entry on does not count. FILE is the root's statement\n(`sepal keygen revocation`). Auditors can take the same statement into `revoked` of their trust files, so that a log need not say it itself.",
  options: { config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' } },
  takes: ['FILE'],
  run: async ({ values, rest: [file = ''] }, io) => {
    const config = openConfig(values.config, io);
    const parsed = parseStrict(readText(resolve(io.cwd, file)));
    const statement = parsed.ok ? parsed.value : null;
    if (!isObject(statement))
      throw new Failure(`${file} is not a revocation`, 'make one with `sepal keygen revocation`');
    const { id } = gatewayMayRun(config.control)
      ? await revokeKey(config.control, statement)
      : await whileOpen(config.receipts, io, (log) => log.revoke(statement));
    io.out(`${id}\n`);
    return EXIT.ok;
  },
});
