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

  /** Of `size` leaves, from the roots of the perfect subtrees, the largest first; null where their number does not fit. */
  static from(size: number, roots: readonly Hash[]): CompactTree | null {
    const bits = size.toString(2).replaceAll('0', '').length;
    if (roots.length !== bits || roots.some((root) => root.length !== 32)) return null;
    const tree = new CompactTree();
    tree.stack = [...roots];
    tree.count = size;
    return tree;
  }

  /** The roots of the perfect subtrees, the largest first. */
  get roots(): readonly Hash[] {
    return [...this.stack];
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
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return false;
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
  return first > 0 && verifySubtreeConsistency(0, first, second, proof, firstRoot, secondRoot);
}

/**
 * Is the entry one of those from `start` to `end`, whose own tree has this root (draft-ietf-plants-merkle-tree-certs, 4.3)?
 * An empty subtree holds no entry.
 */
export function verifySubtreeInclusion(
  leaf: Uint8Array,
  index: number,
  start: number,
  end: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  return (
    start < end && isSubtree(start, end) && verifyInclusion(leaf, index - start, end - start, proof, root)
  );
}

/**
 * Are the entries from `start` to `end`, whose own tree has `subtreeRoot`, those of the tree of `size` with `root` (the same
 * draft, 4.4)? An empty subtree is part of every tree, if its root is that of the empty tree and the proof is empty.
 */
export function verifySubtreeConsistency(
  start: number,
  end: number,
  size: number,
  proof: readonly Uint8Array[],
  subtreeRoot: Uint8Array,
  root: Uint8Array,
): boolean {
  if (!isSubtree(start, end) || !Number.isSafeInteger(size) || end > size) return false;
  if (start === end) return proof.length === 0 && EMPTY_ROOT.equals(subtreeRoot);
  let [fn, sn, tn] = [start, end - 1, size - 1];
  const shift = (): void => {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
    tn = Math.floor(tn / 2);
  };
  while (fn !== sn && (sn === tn || sn % 2 === 1)) shift();
  const path = fn === sn ? [subtreeRoot, ...proof] : proof;
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let [fr, sr]: [Uint8Array, Uint8Array] = [first, first];
  for (const step of rest) {
    if (tn === 0) return false;
    if (sn % 2 === 1 || sn === tn) {
      if (fn < sn) fr = nodeHash(step, fr);
      sr = nodeHash(step, sr);
      while (sn % 2 === 0 && sn !== 0) shift();
    } else sr = nodeHash(sr, step);
    shift();
  }
  return tn === 0 && Buffer.from(fr).equals(subtreeRoot) && Buffer.from(sr).equals(root);
}

/** `start` is a multiple of the smallest power of two that holds `end - start` entries. */
function isSubtree(start: number, end: number): boolean {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) return false;
  let width = 1;
  while (width < end - start) width *= 2;
  return start % width === 0;
}
