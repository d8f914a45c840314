// SPDX-License-Identifier: Apache-2.0
/** A log that was exported as tiles (c2sp.org/tlog-tiles), read as one: `checkpoint` and the bundles under `tile/entries`. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBundle, TILE_WIDTH, tilePath } from './format/tiles.js';
import { fileChunks, type LogSource, SourceError } from './source.js';

const MAX_BUNDLE = TILE_WIDTH * (2 + 0xffff);

/** True when the folder looks like tiles and not like a log folder. */
export async function isTiles(folder: string): Promise<boolean> {
  const kind = (path: string) => stat(join(folder, path)).catch(() => null);
  return (await kind('entries')) === null && (await kind('tile')) !== null;
}

export function tilesSource(folder: string): LogSource {
  return {
    segments: () => Promise.resolve([{ name: 'tile/entries', last: false, chunks: () => bundles(folder) }]),
    async checkpoints() {
      const file = join(folder, 'checkpoint');
      const about = await stat(file).catch(() => null);
      return about === null ? null : withBlankLine(fileChunks(file, about.size));
    },
  };
}

/** In a `checkpoints` file, each note is followed by an empty line. */
async function* withBlankLine(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
  yield Buffer.from('\n');
}

/** The entries of all full bundles, then those of the widest partial one. */
async function* bundles(folder: string): AsyncGenerator<Buffer> {
  for (let index = 0; ; index++) {
    const full = await bundle(join(folder, tilePath('entries', index)), TILE_WIDTH);
    if (full !== null) {
      yield full;
      continue;
    }
    const width = await widest(join(folder, `${tilePath('entries', index)}.p`));
    const part = width === 0 ? null : await bundle(join(folder, tilePath('entries', index, width)), width);
    if (part !== null) yield part;
    return;
  }
}

async function widest(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const widths = names.filter((name) => /^[1-9][0-9]{0,2}$/.test(name)).map(Number);
  return Math.max(0, ...widths.filter((width) => width < TILE_WIDTH));
}

async function bundle(path: string, width: number): Promise<Buffer | null> {
  const about = await stat(path).catch(() => null);
  if (about === null) return null;
  if (!about.isFile() || about.size > MAX_BUNDLE) throw new SourceError(`${path} is not a bundle of entries`);
  const entries = parseBundle(await readFile(path));
  if (entries === null || entries.length !== width)
    throw new SourceError(`${path} is not a bundle of ${width} entries`);
  return Buffer.concat(entries);
}
