// SPDX-License-Identifier: Apache-2.0
/** An approver's own Ed25519 key: made and used on the approver's side, never by the gateway. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { approvalText } from '../verify/format/approval.js';
import { digest } from '../verify/format/hash.js';
import { isKeyName, printVerifierKey } from '../verify/format/note.js';
import type { Pending, Verdict } from './types.js';

/** A fault of a key file, with what to do. */
export class ApproverKeyError extends Error {
  override readonly name = 'ApproverKeyError';
  readonly help: string;
  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

export interface ApproverKey {
  /** PKCS#8 PEM, for a file that only its owner can read. */
  readonly pem: string;
  /** For `approvers[].key` in sepal.json. */
  readonly vkey: string;
}

/** A new key pair. `name` is the key's name in its vkey, e.g. `eve`. */
export function createApproverKey(name: string): ApproverKey {
  if (!isKeyName(name)) {
    throw new ApproverKeyError(
      `${JSON.stringify(name)} cannot name a key`,
      'use a name without white space and `+`, such as `eve`',
    );
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { pem, vkey: verifierKey(privateKey, name) };
}

/** The vkey of a private key under a name. */
export function verifierKey(key: KeyObject, name: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return printVerifierKey(name, spki.subarray(-32));
}

/** Writes a new key file (0600); never over an existing one. */
export function writeApproverKey(path: string, key: ApproverKey): void {
  let file: number;
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'EEXIST')
      throw new ApproverKeyError(
        `${path} exists already, and keys are never overwritten`,
        'name another file',
      );
    throw new ApproverKeyError(`cannot write ${path}: ${code}`, 'the folder must exist and be writable');
  }
  try {
    writeSync(file, key.pem);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Reads a key file; refuses one that others can read. */
export function readApproverKey(path: string): KeyObject {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ApproverKeyError(
      `cannot read ${path}: ${code}`,
      'name the key file that `sepal keygen approver` wrote',
    );
  }
  try {
    const mode = fstatSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new ApproverKeyError(
        `${path} is open to other users (mode 0${mode.toString(8)})`,
        `run: chmod 600 ${path}`,
      );
    }
    return parsePrivateKey(readFileSync(file, 'utf8'), path);
  } finally {
    closeSync(file);
  }
}

function parsePrivateKey(pem: string, path: string): KeyObject {
  try {
    const key = createPrivateKey({ key: pem, format: 'pem' });
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The reason would quote OpenSSL; what the file should be is said below.
  }
  throw new ApproverKeyError(
    `${path} is not an Ed25519 private key (PKCS#8 PEM)`,
    'make one with `sepal keygen approver`',
  );
}

/** What `approvals.show` gave, as far as a signature needs it. */
export interface Judged {
  readonly pending: Pick<Pending, 'id' | 'leaf' | 'expires'> & {
    readonly intent: { readonly digest: string };
  };
  /** The text that was shown to the person. */
  readonly intent: string;
}

/** Signs one verdict on exactly the call that was shown; refuses when the text is not the one that the receipt names. */
export function signVerdict(
  key: KeyObject,
  approver: string,
  { pending, intent }: Judged,
  verdict: 'approve' | 'deny',
): Verdict {
  if (digest(intent) !== pending.intent.digest) {
    throw new ApproverKeyError(
      `the call that was shown is not the one that ${pending.id} is about`,
      'do not approve it; verify the log with `sepal verify`',
    );
  }
  const nonce = randomBytes(16).toString('base64');
  const text = approvalText({
    decide: pending.leaf,
    intent: pending.intent.digest,
    verdict,
    approver,
    nonce,
    expires: pending.expires,
  });
  const signature = sign(null, Buffer.from(text), key).toString('base64');
  return { id: pending.id, verdict, approver, nonce, signature };
}
