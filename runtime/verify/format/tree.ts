// SPDX-License-Identifier: Apache-2.0
/** The Merkle tree of RFC 6962 section 2: leaf and node hashes, an append-only tree in compact form, and its proofs. */
import { type Hash, sha256 } from './hash.js';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (entry: Uint8Array | string): Hash => sha256(LEAF, entry);
export const nodeHash = (left: Uint8Array, right: Uint8Array): Hash => sha256(NODE, left, right);
export const EMPTY_ROOT: Hash = sha256('');

/** Grows leaf by leaf and keeps only the roots of the perfect subtrees (log2 of the size). */
export class CompactTree {
  private stack: Hash[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  append(leaf: Hash): void {
    let node = leaf;
    for (let n = this.count; n % 2 === 1; n = Math.floor(n / 2))
      node = nodeHash(this.stack.pop() as Hash, node);
    this.stack.push(node);
    this.count++;
  }

  root(): Hash {
    const last = this.stack.at(-1);
    if (last === undefined) return EMPTY_ROOT;
    let root = last;
    for (let i = this.stack.length - 2; i >= 0; i--) root = nodeHash(this.stack[i] as Hash, root);
    return root;
  }
}

/** RFC 9162 section 2.1.3.2. `size` 0 and an index past the size are refused. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!(index >= 0 && index < size) || leaf.length !== 32) return false;
  let fn = index;
  let sn = size - 1;
  let hash: Uint8Array = leaf;
  for (const step of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(step, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else hash = nodeHash(hash, step);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && Buffer.from(hash).equals(root);
}

/** RFC 9162 section 2.1.4.2. A proof from size 0 is refused; equal sizes need an empty proof and equal roots. */
export function verifyConsistency(
  first: number,
  second: number,
  proof: readonly Uint8Array[],
  firstRoot: Uint8Array,
  secondRoot: Uint8Array,
): boolean {
  if (!(first > 0 && first <= second)) return false;
  if (first === second) return proof.length === 0 && Buffer.from(firstRoot).equals(secondRoot);
  const path = isPowerOfTwo(first) ? [firstRoot, ...proof] : [...proof];
  const start = path.shift();
  if (start === undefined || proof.length === 0) return false;
  let fn = first - 1;
  let sn = second - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let [fr, sr]: [Uint8Array, Uint8Array] = [start, start];
  for (const step of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(step, fr);
      sr = nodeHash(step, sr);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else sr = nodeHash(sr, step);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && Buffer.from(fr).equals(firstRoot) && Buffer.from(sr).equals(secondRoot);
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));
