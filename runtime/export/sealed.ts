// SPDX-License-Identifier: Apache-2.0
/**
 * Openings sealed to an auditor's X25519 key, so that only the auditor reads an export on its way:
 *
 * ```
 * sepal.dev/sealed/v1\n
 * {"ephemeral":base64,"to":base64}\n
 * then frames: length in four bytes (the larger first), AES-256-GCM of up to 64 KiB with its tag
 *
 * key   = HKDF-SHA-256(X25519(ephemeral, to), salt = ephemeral || to, info = "sepal.dev/sealed/v1", 32 bytes)
 * nonce = frame number in eleven bytes, the larger first || 1 for the last frame, else 0
 * ```
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { parseStrict } from '../verify/format/json.js';
import { parseBase64 } from '../verify/format/note.js';
import { ExportFailure } from './prove.js';

const HEADER = 'sepal.dev/sealed/v1';
const FRAME = 64 * 1024;
const TAG = 16;
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const PREFIX = 'x25519:';

/** A new pair: the private key as PKCS#8 PEM, the public one as `x25519:base64`. */
export function auditorKey(): { readonly pem: string; readonly recipient: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    recipient: `${PREFIX}${rawOf(publicKey).toString('base64')}`,
  };
}

const rawOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(SPKI.length);
const publicKeyOf = (raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });

function contentKey(own: KeyObject, other: Uint8Array, ephemeral: Uint8Array, to: Uint8Array): Buffer {
  const shared = diffieHellman({ privateKey: own, publicKey: publicKeyOf(other) });
  return Buffer.from(hkdfSync('sha256', shared, Buffer.concat([ephemeral, to]), HEADER, 32));
}

function nonceOf(frame: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(frame, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** Seals what is written to it, frame by frame; `end` writes the last one, without which nothing opens. */
export class Sealer {
  private readonly key: Buffer;
  private readonly out: (bytes: Uint8Array) => void;
  private waiting: Buffer = Buffer.alloc(0);
  private frames = 0;

  /** Throws an `ExportFailure` when the recipient is not a key. */
  constructor(recipient: string, out: (bytes: Uint8Array) => void) {
    const to = recipient.startsWith(PREFIX) ? parseBase64(recipient.slice(PREFIX.length)) : null;
    if (to?.length !== 32)
      throw new ExportFailure(
        'the recipient is not a key like x25519:base64, as `sepal keygen auditor` prints it',
      );
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    const ephemeral = rawOf(publicKey);
    this.key = keyOrFail(() => contentKey(privateKey, to, ephemeral, to));
    this.out = out;
    out(
      Buffer.from(
        `${HEADER}\n{"ephemeral":"${ephemeral.toString('base64')}","to":"${to.toString('base64')}"}\n`,
      ),
    );
  }

  write(text: string): void {
    this.waiting = Buffer.concat([this.waiting, Buffer.from(text)]);
    while (this.waiting.length > FRAME) {
      this.frame(this.waiting.subarray(0, FRAME), false);
      this.waiting = this.waiting.subarray(FRAME);
    }
  }

  end(): void {
    this.frame(this.waiting, true);
    this.waiting = Buffer.alloc(0);
  }

  private frame(clear: Buffer, last: boolean): void {
    const cipher = createCipheriv('aes-256-gcm', this.key, nonceOf(this.frames++, last), {
      authTagLength: TAG,
    });
    const body = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    this.out(Buffer.concat([length, body]));
  }
}

/** X25519 with a point of small order gives nothing secret, and OpenSSL refuses it. */
function keyOrFail(make: () => Buffer): Buffer {
  try {
    return make();
  } catch {
    throw new ExportFailure('the key of the recipient is not usable');
  }
}

/** The clear text of a sealed file; throws an `ExportFailure` when it is not for this key, or was cut or changed. */
export function unsealFile(sealed: Buffer, pem: string): Buffer {
  const head = sealed.indexOf(10);
  const end = sealed.indexOf(10, head + 1);
  const parsed = head < 0 || end < 0 ? null : parseStrict(sealed.subarray(head + 1, end));
  const value = parsed?.ok === true ? (parsed.value as { readonly [name: string]: unknown }) : {};
  const bytes = (name: string): Buffer | null => {
    const text = value[name];
    return typeof text === 'string' ? parseBase64(text) : null;
  };
  const [ephemeral, to] = [bytes('ephemeral'), bytes('to')];
  if (
    sealed.toString('utf8', 0, Math.max(0, head)) !== HEADER ||
    ephemeral?.length !== 32 ||
    to?.length !== 32
  )
    throw new ExportFailure('this is not a sealed file');
  const own = privateKeyOf(pem);
  if (!rawOf(createPublicKey(own)).equals(to)) throw new ExportFailure('it is sealed to another key');
  const key = keyOrFail(() => contentKey(own, ephemeral, ephemeral, to));
  const clear: Buffer[] = [];
  let frame = 0;
  for (let at = end + 1; ; frame++) {
    const length = at + 4 <= sealed.length ? sealed.readUInt32BE(at) : 0;
    const body = sealed.subarray(at + 4, at + 4 + length);
    if (length < TAG || body.length < length) throw new ExportFailure('the sealed file is cut');
    at += 4 + length;
    clear.push(opened(key, body, nonceOf(frame, at === sealed.length)));
    if (at === sealed.length) return Buffer.concat(clear);
  }
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'x25519') return key;
  } catch {
    // Said below.
  }
  throw new ExportFailure(
    'the key is not an X25519 private key in PKCS#8 PEM, as `sepal keygen auditor` makes it',
  );
}

function opened(key: Buffer, body: Buffer, nonce: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(body.subarray(body.length - TAG));
  try {
    return Buffer.concat([decipher.update(body.subarray(0, body.length - TAG)), decipher.final()]);
  } catch {
    throw new ExportFailure('the sealed file was changed or cut');
  }
}
