// SPDX-License-Identifier: Apache-2.0
// Laws of proofs: what the maker makes the verifier takes, for every size up to 70 and some larger; any change is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bundleBytes,
  CompactTree,
  EMPTY_ROOT,
  type Hash,
  leafHash,
  nodeHash,
  parseBundle,
  ProofTree,
  tileBytes,
  tilePath,
  tilesOf,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
} from '../../../runtime/verify/format/index.js';

const leaves = Array.from({ length: 2000 }, (_, i) => leafHash(`entry ${i}`));
const big = new ProofTree();
for (const leaf of leaves) big.append(leaf);

/** RFC 6962 section 2.1, word for word. */
function mth(from: number, to: number): Hash {
  const n = to - from;
  if (n === 0) return EMPTY_ROOT;
  if (n === 1) return leaves[from] as Hash;
  let k = 1;
  while (k * 2 < n) k *= 2;
  return nodeHash(mth(from, from + k), mth(from + k, to));
}
const size = fc.integer({ min: 1, max: 2000 });

describe('proofs', () => {
  it('has the roots of the definition and of the compact tree', () => {
    const compact = new CompactTree();
    for (let n = 0; n <= 300; n++) {
      expect(big.root(n).equals(mth(0, n))).toBe(true);
      expect(compact.root().equals(mth(0, n))).toBe(true);
      compact.append(leaves[n] as Hash);
    }
  });

  it('proves every entry in every tree up to 70, and every tree in every larger one', () => {
    for (let n = 1; n <= 70; n++) {
      for (let i = 0; i < n; i++)
        expect(verifyInclusion(leaves[i] as Hash, i, n, big.inclusion(i, n), big.root(n))).toBe(true);
      for (let m = 1; m <= n; m++)
        expect(verifyConsistency(m, n, big.consistency(m, n), big.root(m), big.root(n))).toBe(true);
    }
  });

  it('proves every subtree of every tree up to 33', () => {
    for (let n = 1; n <= 33; n++) {
      for (let start = 0; start < n; start++) {
        for (let end = start + 1; end <= n; end++) {
          let width = 1;
          while (width < end - start) width *= 2;
          const proof = start % width === 0 ? big.subtreeConsistency(start, end, n) : [];
          const answer = verifySubtreeConsistency(start, end, n, proof, mth(start, end), mth(0, n));
          expect(answer, `${start} ${end} ${n}`).toBe(start % width === 0);
        }
      }
    }
  });

  it('refuses an inclusion proof for another index, size, leaf or root, or with a hash more, less or changed', () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), fc.nat(), (n, a, b, pick) => {
        const [i, j] = [a % n, b % n];
        const proof = big.inclusion(i, n);
        const leaf = leaves[i] as Hash;
        const root = big.root(n);
        const check = (at: number, of: number, path: readonly Hash[]) =>
          verifyInclusion(leaf, at, of, path, root);
        expect(check(i, n, proof)).toBe(true);
        if (j !== i) expect(check(j, n, proof)).toBe(false);
        expect(check(i, n, [...proof, leaf])).toBe(false);
        expect(check(i, n, [leaf, ...proof])).toBe(false);
        if (proof.length === 0) return;
        expect(check(i, n, proof.slice(1))).toBe(false);
        expect(check(i, n, proof.slice(0, -1))).toBe(false);
        const changed = proof.map((hash) => Buffer.from(hash));
        const target = changed[pick % changed.length] as Buffer;
        target[pick % 32] = (target[pick % 32] as number) ^ 1;
        expect(check(i, n, changed)).toBe(false);
      }),
    );
  });

  it('refuses a consistency proof between trees that do not share their beginning', () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (n, a, b) => {
        const m = 1 + (a % n);
        const changed = b % m;
        const fork = new CompactTree();
        for (let i = 0; i < m; i++) fork.append(i === changed ? leafHash('forged') : (leaves[i] as Hash));
        expect(verifyConsistency(m, n, big.consistency(m, n), fork.root(), big.root(n))).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('answers size 0 as documented: inclusion and consistency from 0 are refused', () => {
    expect(verifyInclusion(leaves[0] as Hash, 0, 0, [], EMPTY_ROOT)).toBe(false);
    expect(verifyConsistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)).toBe(false);
    expect(verifyConsistency(0, 5, [], EMPTY_ROOT, big.root(5))).toBe(false);
    expect(big.consistency(0, 5)).toEqual([]);
  });
});

describe('tiles', () => {
  it('names and counts them as the specification does', () => {
    expect(tilePath(0, 1234067)).toBe('tile/0/x001/x234/067');
    expect(tilePath('entries', 0, 12)).toBe('tile/entries/000.p/12');
    const tiles = [...tilesOf(70_000)];
    const of = (level: number, full: boolean) =>
      tiles.filter((t) => t.level === level && (t.width === 256) === full);
    expect([of(0, true).length, of(0, false)[0]?.width]).toEqual([273, 112]);
    expect([of(1, true).length, of(1, false)[0]?.width]).toEqual([1, 17]);
    expect([of(2, true).length, of(2, false)[0]?.width]).toEqual([0, 1]);
    expect([...tilesOf(256)].map((t) => `${t.level} ${t.width}`)).toEqual(['0 256', '1 1']);
    expect([...tilesOf(0)]).toEqual([]);
  });

  it('holds in each hash of a higher tile the root of a full tile below', () => {
    const tile = tileBytes(big, { level: 1, index: 0, width: 7 });
    for (let i = 0; i < 7; i++)
      expect(tile.subarray(i * 32, i * 32 + 32).equals(mth(i * 256, (i + 1) * 256))).toBe(true);
  });

  it('bundles entries and takes them apart; cut bundles are refused', () => {
    const entries = [Buffer.from('a'), Buffer.alloc(65_535, 1), Buffer.from('')];
    const bytes = bundleBytes(entries);
    expect(parseBundle(bytes)).toEqual(entries);
    expect(parseBundle(bytes.subarray(0, -3))).toBeNull();
  });
});
