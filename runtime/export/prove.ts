// SPDX-License-Identifier: Apache-2.0
/** Proofs from a log folder: what the last checkpoint covers, as a tree, and one receipt with its way to the root. */
import { checkpointNotes } from '../verify/checkpoints.js';
import { type Checkpoint, parseCheckpoint } from '../verify/format/checkpoint.js';
import { ProofTree } from '../verify/format/proof.js';
import { printTlogProof } from '../verify/format/tlog-proof.js';
import { leafHash } from '../verify/format/tree.js';
import { type LogSource, storedEntries } from '../verify/source.js';

/** The export cannot be made; the message says why and what to do. */
export class ExportFailure extends Error {
  override readonly name = 'ExportFailure';
}

export interface SignedCheckpoint {
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/** The last whole checkpoint of a log; with `least`, the last cosigned one if it covers at least so many entries. */
export async function lastCheckpoint(source: LogSource, least = Infinity): Promise<SignedCheckpoint> {
  const own = await lastOf(await source.checkpoints());
  const cosigned = await lastOf((await source.cosigned?.()) ?? null);
  const size = cosigned?.checkpoint.size ?? -1;
  const last = cosigned !== null && (size >= least || size === own?.checkpoint.size) ? cosigned : own;
  if (last === null)
    throw new ExportFailure('the log has no checkpoint yet; the gateway writes one every second when busy');
  return last;
}

async function lastOf(chunks: AsyncIterable<Buffer> | null): Promise<SignedCheckpoint | null> {
  let last: SignedCheckpoint | null = null;
  for await (const note of checkpointNotes(chunks ?? [])) {
    const checkpoint = parseCheckpoint(note);
    if (checkpoint !== null) last = { note, checkpoint };
  }
  return last;
}

const KEY_ENTRY = Buffer.from(',"type":"key","v":1}\n\n');

/** Is this a `key` entry? The type stands where only the writer can put it. */
export const isKeyEntry = (entry: Buffer): boolean => entry.includes(KEY_ENTRY);

/**
 * The receipts at `seqs`, each as a `.tlog-proof` under the last checkpoint. Reads the log once and checks that it has the
 * checkpoint's root, so that a proof which would not verify is never handed out.
 */
export async function proveReceipts(
  source: LogSource,
  seqs: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const last = await lastCheckpoint(source, Math.max(...seqs) + 1);
  const { size, root } = last.checkpoint;
  const wanted = new Set(seqs);
  for (const seq of wanted) {
    if (seq >= size) {
      throw new ExportFailure(
        `the last checkpoint covers ${size} entries, so entry ${seq} cannot be proven; it comes within a second while the gateway runs`,
      );
    }
  }
  const tree = new ProofTree();
  const extras = new Map<number, Buffer>();
  let genesis: Buffer | null = null;
  let key: Buffer | null = null;
  for await (const entry of storedEntries(source)) {
    const seq = tree.size;
    tree.append(leafHash(entry));
    if (isKeyEntry(entry)) key = Buffer.from(entry);
    if (seq === 0) genesis = Buffer.from(entry);
    // Genesis is signed by the key that entry 1 brings.
    if (seq === 1 && wanted.has(0) && genesis !== null && key !== null)
      extras.set(0, Buffer.concat([key, genesis]));
    if (seq > 0 && wanted.has(seq))
      extras.set(seq, key === null || isKeyEntry(entry) ? Buffer.from(entry) : Buffer.concat([key, entry]));
    if (tree.size === size) break;
  }
  if (tree.size < size || !tree.root().equals(root)) {
    throw new ExportFailure(
      'the entries do not have the root of the last checkpoint; `sepal verify` says what is wrong',
    );
  }
  const proofs = [...extras].map(([seq, extra]) => {
    return [seq, printTlogProof(extra, seq, tree.inclusion(seq), last.note)] as const;
  });
  return new Map(proofs);
}
