// SPDX-License-Identifier: Apache-2.0
/** What the root says: that a log key is the log's, or that a key counts no more. And the log key that waits for it. */
import { join, resolve } from 'node:path';
import { generateKey, loadKey, NEXT_CERTIFICATE, NEXT_LOG, type SigningKey } from '../runtime/log/index.js';
import { certificateText, revocationText } from '../runtime/verify/format/approval.js';
import { isOrigin, parseVerifierKey } from '../runtime/verify/format/note.js';
import { required } from './command.js';
import { Failure } from './failure.js';
import { createFile, exists } from './files.js';
import { openConfig } from './project.js';
import { shortPath } from './sources.js';
import type { Io } from './terminal.js';

interface Given {
  readonly root: string | undefined;
  readonly 'root-name': string | undefined;
  readonly key: string | undefined;
  readonly log: string | undefined;
  readonly from: string | undefined;
  readonly reason: string | undefined;
  readonly config: string | undefined;
}

function rootKey(values: Given, origin: string, io: Io): SigningKey {
  const path = resolve(io.cwd, required('root', values.root, 'root.pem'));
  return loadKey(path, values['root-name'] ?? `${origin}/root`);
}

function originOf(values: Given): string {
  const origin = required('log', values.log, 'gw.example.com/log');
  if (isOrigin(origin)) return origin;
  throw new Failure(`\`${origin}\` cannot name a log`, 'write the `receipts.origin` of its sepal.json');
}

const sign = (by: SigningKey, text: string): string => by.sign(text).toString('base64');

/** The certificate of a log key by the root. */
export function certificateOf(values: Given, io: Io): { readonly key: string; readonly certificate: string } {
  const origin = originOf(values);
  const key = required('key', values.key, `${origin}+1f0c2a7b+AQ…`);
  const parsed = parseVerifierKey(key);
  if (parsed === null || parsed.name !== origin)
    throw new Failure(
      `\`${key}\` is not the verifier key of a log key of ${origin}`,
      'write it as `sepal keygen log --next` printed it',
    );
  return { key, certificate: sign(rootKey(values, origin, io), certificateText(origin, 'log', key)) };
}

/** The root's statement that a key counts no more. */
export function revocationOf(values: Given, io: Io): { readonly [member: string]: string | number } {
  const origin = originOf(values);
  const key = required('key', values.key, `${origin}+1f0c2a7b+AQ…`);
  if (parseVerifierKey(key) === null && !/^sha256:[0-9a-f]{64}$/.test(key))
    throw new Failure(
      `\`${key}\` is neither a verifier key nor a fingerprint`,
      'the `key` entries of `sepal log show --format json` have both',
    );
  const from = required('from', values.from, '1041');
  if (!/^\d{1,15}$/.test(from))
    throw new Failure(`\`--from ${from}\` is not the number of an entry`, 'for example `--from 1041`');
  const seq = Number(from);
  const certificate = sign(rootKey(values, origin, io), revocationText(origin, key, seq));
  const reason = values.reason === undefined ? {} : { reason: values.reason };
  return { log: origin, key, from: seq, ...reason, certificate };
}

/** Makes the log key that is to take over; certified at once where the root is at hand. */
export function nextLogKey(values: Given, io: Io): void {
  const { receipts } = openConfig(values.config, io);
  const path = join(receipts.keys, NEXT_LOG);
  if (exists(path))
    throw new Failure(
      `${shortPath(path, io)} waits already`,
      'take it in with `sepal log rotate`, or remove it',
    );
  const key = generateKey(path, receipts.origin);
  io.out(`${key.vkey}\n`);
  if (values.root === undefined) {
    io.err(
      `wrote ${shortPath(path, io)}; where the root is: sepal keygen certificate --root root.pem --log ${receipts.origin} --key KEY > certificate.json; then here: sepal log rotate --certificate certificate.json\n`,
    );
    return;
  }
  const certificate = sign(
    rootKey(values, receipts.origin, io),
    certificateText(receipts.origin, 'log', key.vkey),
  );
  createFile(
    join(receipts.keys, NEXT_CERTIFICATE),
    `${JSON.stringify({ key: key.vkey, certificate })}\n`,
    0o600,
  );
  io.err(`wrote ${shortPath(path, io)} with its certificate; sepal log rotate takes it in\n`);
}
