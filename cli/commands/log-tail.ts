// SPDX-License-Identifier: Apache-2.0
import { canonical } from '../../runtime/verify/format/canonical.js';
import { choice, defineCommand } from '../command.js';
import { entryLine, followed } from '../entries.js';
import { EXIT } from '../exit-codes.js';
import { logFolder } from '../log-folder.js';
import { onStop } from '../restart.js';
import { whole } from './log-show.js';

export const command = defineCommand({
  usage: 'log tail [LOG] [--format human|json] [--lines N] [--call ID]',
  about:
    'Prints the last receipts, then each one as it is written, until it is interrupted; one line each, or with json one receipt\nbody a line. LOG is a log folder (default: that of sepal.json).',
  options: {
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
    lines: { type: 'string', value: 'N', help: 'begin with so many that are there (default 10)' },
    call: { type: 'string', value: 'ID', help: 'only entries of this call' },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['LOG?'],
  run: async ({ values, rest }, io) => {
    const json = choice('format', values.format, ['human', 'json']) === 'json';
    const lines = whole('lines', values.lines, 10);
    const folder = logFolder(rest[0], values.config, io);
    let stopped = false;
    onStop(() => {
      stopped = true;
    });
    for await (const { body, leaf } of followed(folder, lines, () => stopped)) {
      if (values.call !== undefined && body.call !== values.call) continue;
      io.out(json ? `${canonical(body)}\n` : `${entryLine(body, leaf, io)}\n`);
    }
    return EXIT.ok;
  },
});
