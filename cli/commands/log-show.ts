// SPDX-License-Identifier: Apache-2.0
import { canonical } from '../../runtime/verify/format/canonical.js';
import { choice, defineCommand } from '../command.js';
import { bodies, entryLine } from '../entries.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { logFolder } from '../log-folder.js';

export const command = defineCommand({
  usage: 'log show [LOG] [--format human|json] [--from N] [--limit N] [--call ID]',
  about:
    'Prints receipts, oldest first: one line each, or with json one receipt body a line. LOG is a log folder (default: that of\nsepal.json). It reads and shows; `sepal verify` says whether to believe it.',
  options: {
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
    from: { type: 'string', value: 'N', help: 'start at this number (default 0)' },
    limit: { type: 'string', value: 'N', help: 'print at most so many' },
    call: { type: 'string', value: 'ID', help: 'only entries of this call' },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['LOG?'],
  run: async ({ values, rest }, io) => {
    const json = choice('format', values.format, ['human', 'json']) === 'json';
    const from = whole('from', values.from, 0);
    const limit = whole('limit', values.limit, Number.POSITIVE_INFINITY);
    const folder = logFolder(rest[0], values.config, io);
    let printed = 0;
    for await (const { body, leaf, seq } of bodies(folder)) {
      if (printed >= limit) break;
      if (seq < from || (values.call !== undefined && body.call !== values.call)) continue;
      io.out(json ? `${canonical(body)}\n` : `${entryLine(body, leaf, io)}\n`);
      printed++;
    }
    return EXIT.ok;
  },
});

/** The number given for an option. */
export function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Failure(`\`--${name} ${text}\` is not a number`, `for example \`--${name} 100\``);
}
