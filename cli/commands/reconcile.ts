// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import {
  type Difference,
  parseMessages,
  receipts,
  reconcile,
  type Reconciled,
} from '../../runtime/export/index.js';
import { openSource } from '../../runtime/verify/verify.js';
import { choice, defineCommand, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { readText } from '../files.js';
import { logFolder, orFail } from '../log-folder.js';
import { columns, type Io, paint, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'reconcile [LOG] [--client FILE [--as PRINCIPAL]] [--upstream FILE --server NAME]',
  about:
    'Compares what the client was handed, what the gateway recorded and what an upstream was asked. The files hold JSON-RPC messages,\none a line: the answers that the client got, the requests that the upstream got, each with the receipt in `_meta`. LOG is a log\nfolder or an export (default: the log of sepal.json). Ends with 5 where views contradict each other (a receipt that the log does\nnot have, a call that nobody let through), with 6 where one merely lacks something, else with 0.',
  options: {
    client: { type: 'string', value: 'FILE', help: 'answers that the client got' },
    as: {
      type: 'string',
      value: 'PRINCIPAL',
      help: 'who the client is: only calls of this principal are expected of it',
    },
    upstream: { type: 'string', value: 'FILE', help: 'requests that the upstream got' },
    server: { type: 'string', value: 'NAME', help: 'the name of that upstream in sepal.json' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  },
  takes: ['LOG?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    if (values.client === undefined && values.upstream === undefined)
      throw new Failure(
        'there is nothing to compare the log with',
        'name `--client FILE`, `--upstream FILE`, or both',
      );
    const folder = logFolder(rest[0], values.config, io);
    const result = await orFail(folder, async () =>
      reconcile(receipts(await openSource(folder)), {
        client: values.client === undefined ? null : parseMessages(readText(resolve(io.cwd, values.client))),
        upstream:
          values.upstream === undefined
            ? null
            : {
                server: required('server', values.server, 'fs'),
                messages: parseMessages(readText(resolve(io.cwd, values.upstream))),
              },
        principal: values.as ?? null,
      }),
    );
    io.out(format === 'json' ? `${JSON.stringify(result)}\n` : printed(result, io));
    if (result.differences.some(({ kind }) => kind === 'contradiction')) return EXIT.receipts;
    return result.differences.length > 0 ? EXIT.differs : EXIT.ok;
  },
});

function printed({ differences, decisions, forwarded }: Reconciled, io: Io): string {
  const row = ({ kind, what, seq, line }: Difference): readonly string[] => [
    paint(io, kind === 'contradiction' ? 'red' : 'yellow', kind),
    seq === null ? '' : `#${seq}`,
    shown(what) + (line === null ? '' : ` (line ${line})`),
  ];
  const sorted = [...differences].sort((a, b) => a.kind.localeCompare(b.kind));
  return `${columns(sorted.map(row))}${differences.length} differences; ${decisions} decisions, ${forwarded} calls sent\n`;
}
