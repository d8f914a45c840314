// SPDX-License-Identifier: Apache-2.0
import { eraseOpenings, LogHeld, openingsOf, openLog } from '../../runtime/log/index.js';
import { receipts } from '../../runtime/export/index.js';
import { openSource } from '../../runtime/verify/verify.js';
import { defineCommand, type Input } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { entryNumber, logFolder, orFail } from '../log-folder.js';
import { type LogPlace, logOptions } from '../log-keys.js';
import { openConfig } from '../project.js';
import type { Io } from '../terminal.js';

const OPTIONS = {
  call: {
    type: 'string',
    value: 'ID',
    multiple: true,
    help: 'of this call (its id, as `sepal log show` takes it)',
  },
  principal: {
    type: 'string',
    value: 'PRINCIPAL',
    multiple: true,
    help: 'of all calls of this principal, or on behalf of this user',
  },
  before: { type: 'string', value: 'TIME', help: 'of all receipts from before this moment (RFC 3339)' },
  'dry-run': { type: 'boolean', help: 'say what would be erased, and leave it' },
  config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
} as const;
type Given = Input<typeof OPTIONS>['values'];

export const command = defineCommand({
  usage: 'log erase [SEQ...] [--call ID] [--principal PRINCIPAL] [--before TIME]',
  about:
    'Erases the clear text kept beside receipts: arguments, facts, results. The receipts stay, and every proof with them; a receipt\nsays what was erased. Stop the gateway first. Copies and backups of the folder `openings` are yours to erase; a call that waits\nfor approval expires when its clear text is gone.',
  options: OPTIONS,
  takes: ['SEQ...'],
  run: async ({ values, rest }, io) => {
    const { receipts: place } = openConfig(values.config, io);
    const folder = logFolder(undefined, values.config, io);
    const wanted = await orFail(folder, () => chosen(folder, values, rest));
    if (values['dry-run']) {
      io.out(`${(await openingsOf(folder, wanted)).length} receipts would lose their clear text\n`);
      return EXIT.ok;
    }
    io.out(`erased the clear text of ${await erase(place, wanted, io)} receipts\n`);
    return EXIT.ok;
  },
});

async function chosen(folder: string, values: Given, rest: readonly string[]): Promise<ReadonlySet<number>> {
  const { call, principal, before } = values;
  if (rest.length + call.length + principal.length === 0 && before === undefined)
    throw new Failure('nothing is chosen', 'name receipts by number, `--call`, `--principal` or `--before`');
  const moment = before === undefined ? null : Date.parse(before);
  if (moment !== null && Number.isNaN(moment))
    throw new Failure(`\`--before ${before}\` is not a time`, 'for example 2026-01-31T00:00:00Z');
  const wanted = new Set(rest.map(entryNumber));
  const calls = new Set(call);
  for await (const { seq, body } of receipts(await openSource(folder))) {
    const { id, on_behalf_of } = body.principal ?? { id: '' };
    const own = principal.includes(id) || (on_behalf_of !== undefined && principal.includes(on_behalf_of.id));
    // The outcome of a call has no principal of its own.
    if (own && body.call !== undefined) calls.add(body.call);
    if (
      own ||
      (body.call !== undefined && calls.has(body.call)) ||
      (moment !== null && Date.parse(body.time) < moment)
    )
      wanted.add(seq);
  }
  return wanted;
}

async function erase(place: LogPlace, wanted: ReadonlySet<number>, io: Io): Promise<number> {
  const { dir } = place;
  const log = await openLog(logOptions(place, io.env)).catch((error: unknown) => {
    if (error instanceof LogHeld)
      throw new Failure(error.message, 'stop the gateway, erase, and start it again');
    throw error;
  });
  try {
    return await eraseOpenings(log, dir, wanted);
  } finally {
    await log.close();
  }
}
