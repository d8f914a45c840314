// SPDX-License-Identifier: Apache-2.0
/**
 * One strict Ed25519 profile (RFC 8032, cofactorless) in front of two libraries: a canonical key that is not of small order, a
 * 64-byte signature, S < L. Behind this gate node:crypto and tweetnacl give the same answer on every public vector.
 */
import { createPublicKey, type KeyObject, verify as nodeVerify } from 'node:crypto';
import nacl from 'tweetnacl';

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;

/** The y coordinates of the eight points of small order (canonical encodings; the sign bit is ignored). */
const SMALL_ORDER = new Set(
  [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  ].map((hex) => hex.toLowerCase()),
);

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** May this public key be admitted at all? */
export function admissibleKey(key: Uint8Array): boolean {
  if (key.length !== 32) return false;
  const y = Buffer.from(key);
  y[31] = (y[31] as number) & 0x7f;
  return littleEndian(y) < P && !SMALL_ORDER.has(y.toString('hex'));
}

/** 64 bytes with S < L. */
export function admissibleSignature(signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  // L is a little more than 2^252, so only a top byte of 16 needs the whole comparison.
  const top = signature[63] ?? 255;
  return top < 16 || (top === 16 && littleEndian(signature.subarray(32)) < L);
}

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export interface Verifier {
  (message: Uint8Array, signature: Uint8Array): boolean;
}

function publicKey(key: Uint8Array): KeyObject | null {
  if (!admissibleKey(key)) return null;
  try {
    return createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** A verifier of one key with node:crypto, or null when the key is not admissible. */
export function nodeVerifier(key: Uint8Array): Verifier | null {
  const object = publicKey(key);
  if (object === null) return null;
  return (message, signature) =>
    admissibleSignature(signature) && nodeVerify(null, message, object, signature);
}

/** Checks a signature beside other work and calls back, at once where nothing needs computing; false on any trouble. */
export interface LaterVerifier {
  (message: Uint8Array, signature: Uint8Array, answer: (good: boolean) => void): void;
}

/** The same on the threads that node:crypto keeps for such work, so that a long log is checked on several cores. */
export function laterVerifier(key: Uint8Array): LaterVerifier | null {
  const object = publicKey(key);
  if (object === null) return null;
  return (message, signature, answer) => {
    if (!admissibleSignature(signature)) return answer(false);
    nodeVerify(null, message, object, signature, (error, good) => answer(error === null && good));
  };
}

/** The same with tweetnacl, the independent second opinion (about fifty times slower). */
export function naclVerifier(key: Uint8Array): Verifier | null {
  if (!admissibleKey(key)) return null;
  return (message, signature) =>
    admissibleSignature(signature) && nacl.sign.detached.verify(message, signature, key);
}
