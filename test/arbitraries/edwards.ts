// SPDX-License-Identifier: Apache-2.0
/** Just enough arithmetic of Ed25519 to make signatures that a careless verifier takes: other S, mixed-order R, identity keys. */
import { createHash } from 'node:crypto';

export const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;
const mod = (n: bigint, m = P): bigint => ((n % m) + m) % m;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [b, e] = [mod(base), exponent]; e > 0n; b = mod(b * b), e >>= 1n)
    if (e & 1n) result = mod(result * b);
  return result;
}
const inverse = (n: bigint): bigint => power(n, P - 2n);
const D = mod(-121665n * inverse(121666n));
type Point = readonly [bigint, bigint];

function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const k = mod(D * x1 * x2 * y1 * y2);
  return [mod((x1 * y2 + x2 * y1) * inverse(1n + k)), mod((y1 * y2 + x1 * x2) * inverse(1n - k))];
}

function times(point: Point, n: bigint): Point {
  let result: Point = [0n, 1n];
  for (let [p, e] = [point, n]; e > 0n; p = add(p, p), e >>= 1n) if (e & 1n) result = add(result, p);
  return result;
}

function recover(y: bigint, odd: bigint): Point {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x - square) !== 0n) x = mod(x * power(2n, (P - 1n) / 4n));
  return [(x & 1n) === odd ? x : mod(-x), y];
}
const B = recover(mod(4n * inverse(5n)), 0n);
const little = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
export const bytesOf = (n: bigint): Buffer => Buffer.from(n.toString(16).padStart(64, '0'), 'hex').reverse();
const encode = ([x, y]: Point): Buffer => bytesOf(y | ((x & 1n) << 255n));
const hash = (...parts: readonly Uint8Array[]): bigint =>
  little(createHash('sha512').update(Buffer.concat(parts)).digest());

/** A point of order 8. */
const TORSION = recover(
  little(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex')),
  0n,
);

/** The same signature with S + L: valid for whoever does not ask that S be below L. */
export function malleable(signature: Uint8Array): Buffer {
  return Buffer.concat([signature.subarray(0, 32), bytesOf(little(signature.subarray(32)) + L)]);
}

/** A signature whose R has a part of small order: valid with the cofactor, invalid without. */
export function cofactored(secret: Uint8Array, message: Uint8Array): Buffer {
  const half = createHash('sha512').update(secret).digest();
  half[0] = (half[0] as number) & 248;
  half[31] = ((half[31] as number) & 127) | 64;
  const a = little(half.subarray(0, 32));
  const key = encode(times(B, a % L));
  const r = hash(half.subarray(32), message) % L;
  const R = encode(add(times(B, r), TORSION));
  return Buffer.concat([R, bytesOf(mod(r + (hash(R, key, message) % L) * a, L))]);
}

/** The neutral element as a key, and the signature that many libraries take for every message under it. */
export const IDENTITY = bytesOf(1n);
export const IDENTITY_SIGNATURE = Buffer.concat([encode(B), bytesOf(1n)]);
