// SPDX-License-Identifier: Apache-2.0
/**
 * One receipt with its proof (c2sp.org/tlog-proof@v1). The extra data of ours is the receipt itself, after the `key` entries that it
 * needs: the one that brought the epoch key which signed it (left out where the receipt is that entry), and those that brought the
 * log keys which certified that key and signed the checkpoint, where they are not the first. Nothing of it is trusted before it is checked.
 *
 * ```
 * c2sp.org/tlog-proof@v1
 * extra <base64(key entries || entry)>
 * index <seq>
 * <base64 hash>, from the leaf's sibling up, one a line
 *
 * <checkpoint>
 * ```
 */
import { type Checkpoint, parseCheckpoint } from './checkpoint.js';
import type { Hash } from './hash.js';
import { parseBase64 } from './note.js';

export const PROOF_HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 entries needs no more. */
const MAX_HASHES = 63;

export interface TlogProof {
  readonly extra: Buffer | null;
  readonly index: number;
  readonly hashes: readonly Hash[];
  readonly checkpoint: Checkpoint;
}

/** `checkpoint` is a whole signed note. */
export function printTlogProof(
  extra: Uint8Array | null,
  index: number,
  hashes: readonly Hash[],
  checkpoint: string,
): string {
  const more = extra === null ? '' : `extra ${Buffer.from(extra).toString('base64')}\n`;
  const lines = hashes.map((hash) => `${hash.toString('base64')}\n`).join('');
  return `${PROOF_HEADER}\n${more}index ${index}\n${lines}\n${checkpoint}`;
}

/** The proof, or what is wrong with its form. */
export function parseTlogProof(text: string): TlogProof | string {
  const split = text.indexOf('\n\n');
  if (split < 0) return 'it has no empty line before a checkpoint';
  const lines = text.slice(0, split).split('\n');
  if (lines.shift() !== PROOF_HEADER) return `the first line is not ${PROOF_HEADER}`;
  const extra =
    lines[0]?.startsWith('extra ') === true ? parseBase64(lines.shift()?.slice(6) ?? '') : undefined;
  if (extra === null) return 'the extra data is not base64';
  const index = parseDecimal(/^index (.*)$/.exec(lines.shift() ?? '')?.[1] ?? '');
  if (index === null) return 'the index is missing or not a number';
  if (lines.length > MAX_HASHES) return 'it has more hashes than a tree can need';
  const hashes: Hash[] = [];
  for (const line of lines) {
    const hash = parseBase64(line);
    if (hash === null || hash.length !== 32) return 'a line of the proof is not a hash';
    hashes.push(hash);
  }
  const checkpoint = parseCheckpoint(text.slice(split + 2));
  if (checkpoint === null) return 'what stands after the empty line is not a checkpoint';
  return { extra: extra ?? null, index, hashes, checkpoint };
}

/** A natural number without leading zeroes. */
export function parseDecimal(text: string): number | null {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 && String(value) === text ? value : null;
}
