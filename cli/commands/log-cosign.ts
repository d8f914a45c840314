// SPDX-License-Identifier: Apache-2.0
import { Cosigner } from '../../runtime/witness/cosigner.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { orFail } from '../log-folder.js';
import { openConfig } from '../project.js';
import { shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'log cosign [--config FILE]',
  about:
    'Takes the last checkpoint of the log to the witnesses of sepal.json (`receipts.witnesses`) and keeps what they cosign in the file\n`cosigned` of the log folder. A running gateway does this every minute by itself.',
  options: { config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' } },
  run: async ({ values }, io) => {
    const { receipts } = openConfig(values.config, io);
    if (receipts.witnesses.length === 0) {
      throw new Failure(
        'sepal.json names no witness',
        'add `"witnesses": [{ "url": "https://witness.example.org", "key": "…" }]` to `receipts`',
      );
    }
    const round = await orFail(receipts.dir, () => new Cosigner(receipts.dir, receipts.witnesses).round());
    if (round === null) throw new Failure('the log has no checkpoint yet', 'start the gateway once');
    for (const name of round.cosigned) io.out(`${name} cosigned ${round.size} entries\n`);
    for (const { name, why } of round.failed) io.err(`sepal: ${shown(`${name} did not cosign: ${why}`)}\n`);
    return round.failed.length === 0 ? EXIT.ok : EXIT.failed;
  },
});
