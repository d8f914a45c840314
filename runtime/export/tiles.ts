// SPDX-License-Identifier: Apache-2.0
/** The log as static tiles (c2sp.org/tlog-tiles), which any web server or object store serves. */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ProofTree } from '../verify/format/proof.js';
import { bundleBytes, TILE_WIDTH, tileBytes, tilePath, tilesOf } from '../verify/format/tiles.js';
import { leafHash } from '../verify/format/tree.js';
import { type LogSource, storedEntries } from '../verify/source.js';
import { ExportFailure, lastCheckpoint } from './prove.js';

/**
 * Writes what the last checkpoint covers. Into a folder of an earlier export, only what is new is written; `checkpoint` is
 * replaced last, so that a reader never finds one whose tiles are missing. Returns the number of entries.
 */
export async function exportTiles(source: LogSource, out: string): Promise<number> {
  const { note, checkpoint } = await lastCheckpoint(source);
  const { size, root } = checkpoint;
  const tree = new ProofTree();
  let bundle: Buffer[] = [];
  for await (const entry of storedEntries(source)) {
    tree.append(leafHash(entry));
    bundle.push(Buffer.from(entry));
    if (bundle.length === TILE_WIDTH || tree.size === size) {
      const path = tilePath('entries', Math.floor((tree.size - 1) / TILE_WIDTH), bundle.length);
      write(join(out, path), bundleBytes(bundle));
      bundle = [];
    }
    if (tree.size === size) break;
  }
  if (tree.size < size || !tree.root().equals(root)) {
    throw new ExportFailure(
      'the entries do not have the root of the last checkpoint; `sepal verify` says what is wrong',
    );
  }
  for (const tile of tilesOf(size))
    write(join(out, tilePath(tile.level, tile.index, tile.width)), tileBytes(tree, tile));
  replace(join(out, 'checkpoint'), Buffer.from(note));
  return size;
}

/** Tiles never change: one that has its size is there. */
function write(path: string, bytes: Buffer): void {
  if (statSync(path, { throwIfNoEntry: false })?.size === bytes.length) return;
  replace(path, bytes);
}

/** In one step: a server may be reading. */
export function replace(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, path);
}
