// SPDX-License-Identifier: Apache-2.0
/** Making proofs: a tree that keeps the hash of every perfect subtree (64 bytes an entry), so that each proof is a few look-ups. */
import { EMPTY_ROOT, nodeHash } from './tree.js';
import type { Hash } from './hash.js';

const HASH = 32;

export class ProofTree {
  /** Level l holds the roots of the perfect subtrees of 2^l entries, one after another. */
  private readonly levels: Hashes[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  append(leaf: Hash): void {
    this.level(0).push(leaf);
    this.count++;
    let hash = leaf;
    for (let level = 0, n = this.count; n % 2 === 0; level++, n /= 2) {
      hash = nodeHash(this.node(level, n - 2), hash);
      this.level(level + 1).push(hash);
    }
  }

  /** The root of the perfect subtree of 2^level entries from `index * 2^level` on. */
  node(level: number, index: number): Hash {
    const hash = this.levels[level]?.at(index);
    if (hash === undefined) throw new RangeError('the tree is not that large');
    return hash;
  }

  /** The root over the first `size` entries. */
  root(size = this.count): Hash {
    this.within(size);
    return size === 0 ? EMPTY_ROOT : this.range(0, size);
  }

  /** RFC 6962 section 2.1.1: from the leaf's sibling up. */
  inclusion(index: number, size = this.count): Hash[] {
    this.within(size);
    if (!Number.isSafeInteger(index) || index < 0 || index >= size)
      throw new RangeError(`entry ${index} is not in a tree of ${size}`);
    return this.path(index, 0, size);
  }

  /** RFC 6962 section 2.1.2. From size 0 there is nothing to prove: the proof is empty. */
  consistency(first: number, second = this.count): Hash[] {
    this.within(second);
    if (!Number.isSafeInteger(first) || first < 0 || first > second)
      throw new RangeError(`a tree of ${first} is not part of one of ${second}`);
    return first === 0 ? [] : this.subtree(0, first, 0, second, true);
  }

  /** That the entries from `start` to `end` (a subtree of its own) are those of the tree of `size`. */
  subtreeConsistency(start: number, end: number, size = this.count): Hash[] {
    this.within(size);
    return start === end ? [] : this.subtree(start, end, 0, size, true);
  }

  private within(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0 || size > this.count)
      throw new RangeError(`the tree has ${this.count} entries, not ${size}`);
  }

  private level(level: number): Hashes {
    return (this.levels[level] ??= new Hashes());
  }

  /** The root over entries `from` to `to`, where `from` is a multiple of the width's power of two. */
  private range(from: number, to: number): Hash {
    const width = to - from;
    const half = halfOf(width);
    if (width === 1) return this.node(0, from);
    if (half * 2 === width) return this.node(Math.log2(width), from / width);
    return nodeHash(this.range(from, from + half), this.range(from + half, to));
  }

  private path(index: number, from: number, to: number): Hash[] {
    if (to - from === 1) return [];
    const middle = from + halfOf(to - from);
    return index < middle
      ? [...this.path(index, from, middle), this.range(middle, to)]
      : [...this.path(index, middle, to), this.range(from, middle)];
  }

  /** `known`: the verifier has the root of the subtree that is left. */
  private subtree(start: number, end: number, from: number, to: number, known: boolean): Hash[] {
    if (start === from && end === to) return known ? [] : [this.range(from, to)];
    const middle = from + halfOf(to - from);
    if (end <= middle) return [...this.subtree(start, end, from, middle, known), this.range(middle, to)];
    if (start >= middle) return [...this.subtree(start, end, middle, to, known), this.range(from, middle)];
    return [...this.subtree(middle, end, middle, to, false), this.range(from, middle)];
  }
}

/** The largest power of two below `width`. */
function halfOf(width: number): number {
  let half = 1;
  while (half * 2 < width) half *= 2;
  return half;
}

/** A growing list of hashes in few allocations. */
class Hashes {
  private bytes = Buffer.alloc(64 * HASH);
  private count = 0;

  push(hash: Hash): void {
    if ((this.count + 1) * HASH > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.bytes.length)]);
    this.bytes.set(hash, this.count * HASH);
    this.count++;
  }

  at(index: number): Hash | undefined {
    return index < this.count ? this.bytes.subarray(index * HASH, (index + 1) * HASH) : undefined;
  }
}
