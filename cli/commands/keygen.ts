// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path';
import { createApproverKey, writeApproverKey } from '../../runtime/approvals/keys.js';
import { isPrincipal } from '../../runtime/config-schema.js';
import { generateKey, loadKey, type SigningKey } from '../../runtime/log/index.js';
import { COSIGNATURE } from '../../runtime/verify/format/cosignature.js';
import { isKeyName, printVerifierKey } from '../../runtime/verify/format/note.js';
import { didYouMean } from '../../compiler/diagnostics/suggest.js';
import { defineCommand, type Input, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { auditorKey } from '../../runtime/export/index.js';
import { createFile } from '../files.js';
import { beginLog } from '../log-keys.js';
import { openConfig } from '../project.js';
import { shortPath } from '../sources.js';
import type { Io } from '../terminal.js';
import { certificateOf, nextLogKey, revocationOf } from '../root-keys.js';
import { words } from './token-create.js';

const OPTIONS = {
  out: {
    type: 'string',
    value: 'FILE',
    help: 'all but log: where the private key is written (mode 0600)',
  },
  name: {
    type: 'string',
    value: 'NAME',
    help: 'root, witness, export, publisher: name of the key, e.g. gw.example.com/root',
  },
  id: { type: 'string', value: 'PRINCIPAL', help: 'approver: who, e.g. user:eve' },
  roles: { type: 'string', value: 'A,B', help: 'approver: roles in the printed entry' },
  root: {
    type: 'string',
    value: 'FILE',
    help: 'log: certify with this root key instead of making one; certificate, revocation: the root',
  },
  next: { type: 'boolean', help: 'log: the key that is to take over, instead of a new log' },
  key: {
    type: 'string',
    value: 'VKEY',
    help: 'certificate, revocation: the verifier key of which it is said',
  },
  log: { type: 'string', value: 'ORIGIN', help: 'certificate, revocation: the log, e.g. gw.example.com/log' },
  from: { type: 'string', value: 'N', help: 'revocation: the first entry that does not count' },
  reason: { type: 'string', value: 'TEXT', help: 'revocation: why' },
  'root-name': { type: 'string', value: 'NAME', help: 'log: name of that root key (default ORIGIN/root)' },
  trust: { type: 'string', value: 'FILE', help: 'log: where the trust file is written (default trust.json)' },
  config: { type: 'string', value: 'FILE', help: 'log: the configuration (default sepal.json)' },
} as const;

const KINDS = [
  'root',
  'log',
  'certificate',
  'revocation',
  'approver',
  'witness',
  'export',
  'auditor',
  'publisher',
];

export const command = defineCommand({
  usage:
    'keygen root | log | certificate | revocation | approver | witness | export | auditor | publisher [options]',
  about: `  root      an offline key that certifies log keys; prints its verifier key
  log       the keys of the log of sepal.json, its first entry, and the trust file for auditors
  log --next  a log key that is to take over (\`sepal log rotate\`); prints its verifier key for the root
  certificate what the root says of such a key: print it where the root is, bring it to \`sepal log rotate\`
  revocation  what the root says of a key that counts no more from an entry on (\`sepal log revoke\`, or \`revoked\` of a trust file)
  approver  a key for a person; prints the entry for \`approvers\` in sepal.json
  witness   a key that cosigns checkpoints of others (\`sepal witness\`); prints its verifier key
  export    a key that signs exports in other formats (\`sepal log export\`); prints its verifier key
  auditor   a key that exports are sealed to (\`sepal log export --seal-to\`); prints its public half
  publisher a key that signs bundles (\`sepal build --sign\`); prints the line for \`trustedPublishers\`
Keys are never overwritten.`,
  options: OPTIONS,
  takes: ['root|log|certificate|revocation|approver|witness|export|auditor|publisher'],
  run: async ({ values, rest }, io) => {
    const [kind = ''] = rest;
    switch (kind) {
      case 'root':
        plainKey(values, 'gw.example.com/root', 'keep it offline', io);
        return EXIT.ok;
      case 'witness':
        plainKey(values, 'witness.example.org/w1', 'give it to `sepal witness --key`', io, COSIGNATURE);
        return EXIT.ok;
      case 'export':
        plainKey(values, 'export', 'give it to `sepal log export --key`', io);
        return EXIT.ok;
      case 'publisher':
        plainKey(values, 'acme.example/policies', 'give it to `sepal build --sign`', io);
        return EXIT.ok;
      case 'log':
        if (values.next) nextLogKey(values, io);
        else await logKeys(values, io);
        return EXIT.ok;
      case 'certificate':
        io.out(`${JSON.stringify(certificateOf(values, io))}\n`);
        return EXIT.ok;
      case 'revocation':
        io.out(`${JSON.stringify(revocationOf(values, io))}\n`);
        return EXIT.ok;
      case 'approver':
        approverKey(values, io);
        return EXIT.ok;
      case 'auditor':
        auditorPair(values, io);
        return EXIT.ok;
      default:
        throw new Failure(
          `\`${kind}\` is not a kind of key`,
          didYouMean(kind, KINDS) ?? `it is one of ${KINDS.join(', ')}`,
        );
    }
  },
});

type Given = Input<typeof OPTIONS>['values'];

function keyName(name: string): string {
  if (isKeyName(name)) return name;
  throw new Failure(`\`${name}\` cannot name a key`, 'use no white space and no `+`');
}

/** `algorithm` is the type of its verifier key. */
function plainKey(values: Given, example: string, advice: string, io: Io, algorithm?: number): void {
  const name = keyName(required('name', values.name, example));
  const path = resolve(io.cwd, required('out', values.out, 'root.pem'));
  let key: SigningKey;
  try {
    key = generateKey(path, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new Failure(`${path} exists already; keys are never overwritten`, 'name another file');
    }
    throw error;
  }
  io.out(`${printVerifierKey(name, key.key, algorithm)}\n`);
  io.err(`wrote ${shortPath(path, io)}: ${advice}\n`);
}

async function logKeys(values: Given, io: Io): Promise<void> {
  const config = openConfig(values.config, io);
  const { receipts } = config;
  const root =
    values.root === undefined
      ? null
      : loadKey(resolve(io.cwd, values.root), keyName(values['root-name'] ?? `${receipts.origin}/root`));
  const trust = values.trust === undefined ? join(config.dir, 'trust.json') : resolve(io.cwd, values.trust);
  await beginLog(receipts, trust, root);
  io.out(`${shortPath(trust, io)}\n`);
  io.err(
    `made the keys in ${shortPath(receipts.keys, io)} and began the log in ${shortPath(receipts.dir, io)}\n`,
  );
  if (root === null) io.err('root.pem signs new log keys only: move it to a place that is offline\n');
}

function approverKey(values: Given, io: Io): void {
  const id = required('id', values.id, 'user:eve');
  if (!isPrincipal(id)) throw new Failure(`\`${id}\` is not a principal`, 'for example user:eve');
  const path = resolve(io.cwd, required('out', values.out, 'eve.key'));
  const key = createApproverKey(keyName(id.slice(id.indexOf(':') + 1)));
  writeApproverKey(path, key);
  io.out(`${JSON.stringify({ id, roles: words(values.roles), key: key.vkey })}\n`);
  io.err(
    `wrote ${shortPath(path, io)}: give it to ${id} alone; put the line above into \`approvers\` of sepal.json\n`,
  );
}

function auditorPair(values: Given, io: Io): void {
  const path = resolve(io.cwd, required('out', values.out, 'auditor.pem'));
  const { pem, recipient } = auditorKey();
  createFile(path, pem, 0o600);
  io.out(`${recipient}\n`);
  io.err(`wrote ${shortPath(path, io)}: keep it; give the line above to the operator\n`);
}
