// SPDX-License-Identifier: Apache-2.0
/**
 * The three keys of a log (docs/receipts, rule 4) and the key that seals openings. PKCS#8 PEM files of mode 0600 in a folder of
 * their own: `root.pem` (keep it offline once the log has begun), `log.pem`, `epoch.pem`, `seal.key`, and `root.json`, the
 * root's public key with its certificate of the log key. A log key that is to take over lies in `log.next.pem`, with the root's
 * certificate in `log.next.json`. Log key and seal key may come from elsewhere (`Secrets`); then their files need not be there.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { certificateText } from '../verify/format/approval.js';
import { nodeVerifier } from '../verify/format/ed25519.js';
import { parseStrict } from '../verify/format/json.js';
import {
  keyId,
  parseBase64,
  parseVerifierKey,
  printVerifierKey,
  type VerifierKey,
} from '../verify/format/note.js';

export interface SigningKey extends VerifierKey {
  readonly vkey: string;
  sign(text: string | Uint8Array): Buffer;
}
export interface LogKeys {
  readonly root: VerifierKey;
  /** Base64, by the root over the log key; null when the root was not there. */
  readonly certificate: string | null;
  readonly log: SigningKey;
  /** As the log names the first one; null where its file is not there. */
  readonly epoch: SigningKey | null;
  /** 32 bytes that wrap the data keys of openings. */
  readonly seal: Buffer;
  /** A log key that is to take over, with its certificate by the root. */
  readonly next: { readonly key: SigningKey; readonly certificate: string } | null;
}

/** What does not come from the key folder: the log key as PKCS#8 PEM, the seal key as base64 of 32 bytes. */
export interface Secrets {
  readonly log?: string;
  readonly seal?: string;
}

/** A key file is missing, unreadable or readable by others; the message says what to do. */
export class KeyFailure extends Error {
  override readonly name = 'KeyFailure';
}

const FILES = ['root.pem', 'log.pem', 'epoch.pem', 'seal.key', 'root.json'] as const;

/**
 * Makes all keys of a log in an empty folder; with a `given` root, which may live elsewhere, all but the root. Throws a
 * `KeyFailure` rather than overwrite one.
 */
export function createKeys(dir: string, origin: string, given: SigningKey | null = null): LogKeys {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const taken = FILES.find((name) => existsSync(join(dir, name)));
  if (taken !== undefined)
    throw new KeyFailure(`${join(dir, taken)} exists already; keys are never overwritten`);
  const root = given ?? generateKey(join(dir, 'root.pem'), `${origin}/root`);
  const log = generateKey(join(dir, 'log.pem'), origin);
  generateKey(join(dir, 'epoch.pem'), `${origin}/epoch-1`);
  writeSecret(join(dir, 'seal.key'), `${randomBytes(32).toString('base64')}\n`);
  const certificate = root.sign(certificateText(origin, 'root+log', log.vkey)).toString('base64');
  writeSecret(join(dir, 'root.json'), `${JSON.stringify({ root: root.vkey, certificate })}\n`);
  return loadKeys(dir, origin);
}

/** Loads what the writer needs; the root's private key is not among it. */
export function loadKeys(dir: string, origin: string, secrets: Secrets = {}): LogKeys {
  const seal = Buffer.from((secrets.seal ?? readSecret(join(dir, 'seal.key'))).trim(), 'base64');
  if (seal.length !== 32) {
    const where = secrets.seal === undefined ? join(dir, 'seal.key') : 'the seal key that was given';
    throw new KeyFailure(`${where} does not hold 32 bytes in base64`);
  }
  const parsed = parseStrict(readSecret(join(dir, 'root.json')));
  const file = parsed.ok
    ? (parsed.value as { readonly root?: unknown; readonly certificate?: unknown } | null)
    : null;
  const root = typeof file?.root === 'string' ? parseVerifierKey(file.root) : null;
  if (root === null) throw new KeyFailure(`${join(dir, 'root.json')} does not name the root key`);
  const certificate = typeof file?.certificate === 'string' ? file.certificate : null;
  const log =
    secrets.log === undefined
      ? loadKey(join(dir, 'log.pem'), origin)
      : keyOf(secrets.log, 'the log key that was given', origin);
  const epoch = loadEpoch(dir, EPOCH, `${origin}/epoch-1`);
  return { root, certificate, log, epoch, seal, next: nextKey(dir, origin, root, log) };
}

/** Files of epoch keys: the one in force, the one that is coming into force, the one that was. */
export const EPOCH = 'epoch.pem';
export const NEXT_EPOCH = 'epoch.next.pem';
export const OLD_EPOCH = 'epoch.old.pem';
/** The log key that is to take over. */
export const NEXT_LOG = 'log.next.pem';
export const NEXT_CERTIFICATE = 'log.next.json';

/** An epoch key of this file under this name; null where there is none. */
export function loadEpoch(dir: string, file: string, name: string): SigningKey | null {
  const path = join(dir, file);
  return existsSync(path) ? loadKey(path, name) : null;
}

/** The key that waits with its certificate, unless its private part is not there yet. */
export function nextKey(dir: string, origin: string, root: VerifierKey, log: SigningKey): LogKeys['next'] {
  const path = join(dir, NEXT_CERTIFICATE);
  if (!existsSync(path)) return null;
  const parsed = parseStrict(readSecret(path));
  const { key, certificate } = (parsed.ok ? parsed.value : null) as {
    readonly key?: unknown;
    readonly certificate?: unknown;
  };
  if (
    typeof key !== 'string' ||
    typeof certificate !== 'string' ||
    !certifies(root, origin, key, certificate)
  )
    throw new KeyFailure(
      `${path} holds no certificate of a log key by the root in root.json; ask for a new one`,
    );
  const own = join(dir, NEXT_LOG);
  const next = existsSync(own) ? loadKey(own, origin) : log;
  if (next.vkey === key) return { key: next, certificate };
  if (existsSync(own)) throw new KeyFailure(`${own} is not the key that ${path} certifies`);
  return null;
}

/** Did the root certify this log key? */
function certifies(root: VerifierKey, origin: string, vkey: string, certificate: string): boolean {
  const signature = parseBase64(certificate);
  const text = Buffer.from(certificateText(origin, 'log', vkey));
  return signature !== null && nodeVerifier(root.key)?.(text, signature) === true;
}

/** Writes a new private key; `name` becomes the name of its verifier key. */
export function generateKey(path: string, name: string): SigningKey {
  const { pem, key } = freshKey(name);
  writeSecret(path, pem);
  return key;
}

/** A new key that stands nowhere yet. */
export function freshKey(name: string): { readonly pem: string; readonly key: SigningKey } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { pem, key: signingKey(privateKey, name) };
}

export function loadKey(path: string, name: string): SigningKey {
  return keyOf(readSecret(path), path, name);
}

/** `where` is for messages; nothing of the key comes into one. */
function keyOf(pem: string, where: string, name: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new KeyFailure(
      `${where} is not a private key in PKCS#8 PEM; restore it, since a log goes on with its own keys only`,
    );
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KeyFailure(
      `${where} is not an Ed25519 key; restore it, since a log goes on with its own keys only`,
    );
  return signingKey(key, name);
}

/** The same key under another name, which is part of its id. */
export function renamed(key: SigningKey, name: string): SigningKey {
  return { ...key, name, id: keyId(name, key.key), vkey: printVerifierKey(name, key.key) };
}

function signingKey(privateKey: KeyObject, name: string): SigningKey {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const key = spki.subarray(spki.length - 32);
  return {
    name,
    id: keyId(name, key),
    key,
    vkey: printVerifierKey(name, key),
    sign: (text) => sign(null, typeof text === 'string' ? Buffer.from(text) : text, privateKey),
  };
}

/** On the disk when it returns: a log whose key is lost with the power cannot go on. */
function writeSecret(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function readSecret(path: string): string {
  let mode: number;
  try {
    mode = statSync(path).mode;
  } catch {
    throw new KeyFailure(
      `the key file ${path} is missing; make keys with \`sepal init\` or \`sepal keygen\``,
    );
  }
  if ((mode & 0o077) !== 0) throw new KeyFailure(`${path} can be read by others; run \`chmod 600 ${path}\``);
  return readFileSync(path, 'utf8');
}

/** The text of a trust file (docs/receipt-format.md); `genesis` is the leaf of entry 0. */
export function trustText(origin: string, keys: LogKeys, genesis: string | null): string {
  const root = printVerifierKey(keys.root.name, keys.root.key);
  const trust = { origin, root, logKey: keys.log.vkey, genesis, witnesses: [], quorum: 0 };
  return `${JSON.stringify(trust, null, 2)}\n`;
}
