// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { parseAddress } from '../../runtime/config-schema.js';
import { loadKey } from '../../runtime/log/index.js';
import { COSIGNATURE, printVerifierKey } from '../../runtime/verify/format/index.js';
import { trustOf } from '../../runtime/verify/format/trust.js';
import { Witness } from '../../runtime/witness/witness.js';
import { witnessServer } from '../../runtime/witness/server.js';
import { defineCommand, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure, why } from '../failure.js';
import { readText } from '../files.js';
import { onStop } from '../restart.js';

export const command = defineCommand({
  usage: 'witness --key FILE --name NAME --trust FILE... --state FILE [--listen HOST:PORT]',
  about:
    'Cosigns checkpoints of the logs whose trust files are given, each only if it continues the last one (c2sp.org/tlog-witness).\nPrints its verifier key, for `receipts.witnesses` of a gateway and `witnesses` of trust files. A witness is worth something where\nsomebody else than the operator of the gateway runs it. Put it behind TLS when it listens off this machine.',
  options: {
    key: { type: 'string', value: 'FILE', help: 'its private key, as `sepal keygen witness` makes it' },
    name: { type: 'string', value: 'NAME', help: 'its name, e.g. witness.example.org/w1' },
    trust: { type: 'string', value: 'FILE', multiple: true, help: 'the trust file of a log to witness' },
    state: { type: 'string', value: 'FILE', help: 'what it cosigned last; never lose it' },
    listen: { type: 'string', value: 'HOST:PORT', help: 'where it listens (default 127.0.0.1:4010)' },
  },
  run: async ({ values }, io) => {
    const name = required('name', values.name, 'witness.example.org/w1');
    const key = loadKey(resolve(io.cwd, required('key', values.key, 'witness.pem')), name);
    if (values.trust.length === 0) throw new Failure('no log is named', 'for example `--trust trust.json`');
    const logs = new Map(
      values.trust.map((file) => {
        const { origin, logKey } = trustOf(readText(resolve(io.cwd, file)));
        return [origin, logKey] as const;
      }),
    );
    const address = parseAddress(values.listen ?? '127.0.0.1:4010');
    if (address === null)
      throw new Failure(`\`--listen ${values.listen}\` is not an address`, 'for example 127.0.0.1:4010');
    const state = resolve(io.cwd, required('state', values.state, 'witness.json'));
    const witness = new Witness({ key, logs, state, now: io.now });
    const server = witnessServer(witness, (error) => io.err(`sepal: ${why(error)}\n`));
    await new Promise<void>((done, failed) => {
      server.once('error', failed).listen(address.port, address.host, done);
    });
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
    io.out(`${printVerifierKey(name, key.key, COSIGNATURE)}\n`);
    io.err(
      `sepal: witness of ${[...logs.keys()].join(', ')} on http://${address.host}:${port}/add-checkpoint\n`,
    );
    await new Promise<void>((done) => onStop(() => done()));
    server.closeAllConnections();
    server.close();
    return EXIT.ok;
  },
});
