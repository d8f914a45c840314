// SPDX-License-Identifier: Apache-2.0
/** Paths and bytes of a tiled log (c2sp.org/tlog-tiles): tiles of 256 hashes, bundles of 256 entries. */
import type { ProofTree } from './proof.js';

export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** `tile/L/N` or `tile/entries/N`, with `.p/W` where it is not full. */
export function tilePath(level: number | 'entries', index: number, width = TILE_WIDTH): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? [];
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** The tiles of hashes of a tree of `size`, level by level; the last of a level may be partial, none is empty. */
export function* tilesOf(size: number): Generator<Tile> {
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < hashes; index++) {
      yield { level, index, width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH) };
    }
  }
}

export function tileBytes(tree: ProofTree, { level, index, width }: Tile): Buffer {
  const hashes: Buffer[] = [];
  for (let i = 0; i < width; i++) hashes.push(tree.node(level * TILE_HEIGHT, index * TILE_WIDTH + i));
  return Buffer.concat(hashes);
}

/** Each entry after its length in two bytes, the larger first. */
export function bundleBytes(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new RangeError('an entry is too long for a bundle');
    parts.push(Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry);
  }
  return Buffer.concat(parts);
}

/** The entries of a bundle, or null when its bytes are not one. */
export function parseBundle(bytes: Buffer): readonly Buffer[] | null {
  const entries: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 2 > bytes.length) return null;
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return null;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
