// SPDX-License-Identifier: Apache-2.0
/**
 * What the verifier uses of node:crypto, for a browser: SHA-256 and HMAC in plain code, Ed25519 by WebCrypto. WebCrypto answers
 * later and the verifier asks now, so a log is read twice: the first time every question is noted and believed, then WebCrypto
 * answers them all, and the second time the verifier gets these answers. What was not asked before goes to tweetnacl.
 */
import type { webcrypto } from 'node:crypto';
import nacl from 'tweetnacl';
import { Bytes } from './bytes.js';

const K = new Uint32Array(64);
const H = new Uint32Array(8);
{
  // The fractions of the cube and square roots of the first primes.
  const fraction = (root: number): number => Math.floor((root - Math.floor(root)) * 2 ** 32);
  let count = 0;
  for (let n = 2; count < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (count < 8) H[count] = fraction(Math.sqrt(n));
    K[count++] = fraction(Math.cbrt(n));
  }
}

const words = new Uint32Array(64);
const right = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

function block(state: Uint32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++) {
    const p = at + i * 4;
    words[i] =
      ((bytes[p] ?? 0) << 24) |
      ((bytes[p + 1] ?? 0) << 16) |
      ((bytes[p + 2] ?? 0) << 8) |
      (bytes[p + 3] ?? 0);
  }
  const w = (i: number): number => words[i] ?? 0;
  for (let i = 16; i < 64; i++) {
    const s0 = right(w(i - 15), 7) ^ right(w(i - 15), 18) ^ (w(i - 15) >>> 3);
    const s1 = right(w(i - 2), 17) ^ right(w(i - 2), 19) ^ (w(i - 2) >>> 10);
    words[i] = w(i - 16) + s0 + w(i - 7) + s1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const t1 =
      (h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + (K[i] ?? 0) + w(i)) | 0;
    const t2 = ((right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] = (state[i] ?? 0) + value));
}

export function sha256(bytes: Uint8Array): Bytes {
  const state = H.slice();
  const full = bytes.length - (bytes.length % 64);
  for (let at = 0; at < full; at += 64) block(state, bytes, at);
  const rest = new Uint8Array(bytes.length - full < 56 ? 64 : 128);
  rest.set(bytes.subarray(full));
  rest[bytes.length - full] = 0x80;
  new DataView(rest.buffer).setBigUint64(rest.length - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < rest.length; at += 64) block(state, rest, at);
  const digest = new Bytes(32);
  const view = new DataView(digest.buffer);
  state.forEach((word, i) => view.setUint32(i * 4, word));
  return digest;
}

type Input = string | Uint8Array;
const bytesOf = (input: Input): Uint8Array => (typeof input === 'string' ? Bytes.from(input) : input);

class Hasher {
  private readonly parts: Uint8Array[] = [];
  private readonly end: (whole: Bytes) => Bytes;

  constructor(end: (whole: Bytes) => Bytes) {
    this.end = end;
  }
  update(input: Input): this {
    this.parts.push(bytesOf(input));
    return this;
  }
  digest(): Bytes {
    return this.end(Bytes.concat(this.parts));
  }
}

export const createHash = (_name: string): Hasher => new Hasher(sha256);
export const hash = (_name: string, input: Input, _encoding: string): Bytes => sha256(bytesOf(input));

export function createHmac(_name: string, key: Input): Hasher {
  const raw = bytesOf(key);
  const padded = new Bytes(64);
  padded.set(raw.length > 64 ? sha256(raw) : raw);
  const pad = (with_: number): Bytes => new Bytes(padded.map((byte) => byte ^ with_));
  return new Hasher((whole) => sha256(Bytes.concat([pad(0x5c), sha256(Bytes.concat([pad(0x36), whole]))])));
}

interface PublicKey {
  readonly raw: Bytes;
}
/** The last 32 bytes of an SPKI key of Ed25519. */
export const createPublicKey = ({ key }: { readonly key: Bytes }): PublicKey => ({
  raw: key.subarray(key.length - 32),
});

interface Question {
  readonly key: Bytes;
  readonly message: Bytes;
  readonly signature: Bytes;
}
interface Answer extends Question {
  answer: boolean;
}
let noting = false;
/** Questions by their signature; the same signature over another text is another question. */
const known = new Map<string, Answer[]>();

export function verify(
  _algorithm: null,
  message: Uint8Array,
  { raw }: PublicKey,
  signature: Uint8Array,
  callback?: (error: null, good: boolean) => void,
): boolean {
  const good = answered(message, raw, signature);
  callback?.(null, good);
  return good;
}

function answered(message: Uint8Array, raw: Bytes, signature: Uint8Array): boolean {
  const question = { key: raw, message: new Bytes(message), signature: new Bytes(signature) };
  const name = question.signature.toString('latin1');
  const same = known.get(name)?.find(({ key, message: m }) => m.equals(question.message) && key.equals(raw));
  if (same !== undefined) return same.answer;
  if (noting) {
    const list = known.get(name) ?? [];
    list.push({ ...question, answer: true });
    known.set(name, list);
    return true;
  }
  return nacl.sign.detached.verify(question.message, question.signature, raw);
}

/** How signatures are checked here, for the report. */
export let library = 'tweetnacl';

const BATCH = 500;

/** Runs `work` once to learn what it asks, has WebCrypto answer, and runs it again. Without WebCrypto it runs once, with tweetnacl. */
export async function withAnswers<T>(
  work: () => Promise<T>,
  progress: (done: number, of: number) => void,
): Promise<T> {
  known.clear();
  const { subtle } = crypto;
  const possible = await subtle
    .importKey('raw', new Uint8Array(32).fill(9), 'Ed25519', false, ['verify'])
    .catch(() => null);
  if (possible === null) return await work();
  noting = true;
  try {
    await work();
  } finally {
    noting = false;
  }
  const keys = new Map<string, Promise<webcrypto.CryptoKey | null>>();
  const keyOf = (raw: Bytes): Promise<webcrypto.CryptoKey | null> => {
    const name = raw.toString('hex');
    const key =
      keys.get(name) ?? subtle.importKey('raw', raw, 'Ed25519', false, ['verify']).catch(() => null);
    keys.set(name, key);
    return key;
  };
  const list = [...known.values()].flat();
  for (let at = 0; at < list.length; at += BATCH) {
    const part = list.slice(at, at + BATCH).map(async (question) => {
      const own = await keyOf(question.key);
      const { signature, message } = question;
      question.answer = own !== null && (await subtle.verify('Ed25519', own, signature, message));
    });
    await Promise.all(part);
    progress(Math.min(at + BATCH, list.length), list.length);
  }
  library = 'WebCrypto';
  return await work();
}

export const randomBytes = (size: number): Bytes => crypto.getRandomValues(new Bytes(size));
