// SPDX-License-Identifier: Apache-2.0
/** Proofs from a log folder: what the last checkpoint covers, as a tree, and one receipt with its way to the root. */
import { checkpointNotes } from '../verify/checkpoints.js';
import { type Checkpoint, parseCheckpoint } from '../verify/format/checkpoint.js';
import { isKeyEntry, isLogKeyEntry } from '../verify/format/keys.js';
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
  const found: Found[] = [];
  let held: KeysAt = { epoch: null, log: null };
  for await (const entry of storedEntries(source)) {
    const seq = tree.size;
    tree.append(leafHash(entry));
    const [before, isKey] = [held, isKeyEntry(entry)];
    if (isKey)
      held = isLogKeyEntry(entry)
        ? { ...held, log: keyAt(seq, entry) }
        : { epoch: keyAt(seq, entry, held.log), log: held.log };
    if (wanted.has(seq))
      found.push({
        seq,
        entry: Buffer.from(entry),
        keys: isKey && !isLogKeyEntry(entry) ? { ...before, epoch: null } : before,
      });
    // Genesis is signed by the key that entry 1 brings.
    if (seq === 1 && wanted.has(0)) found[0] = { ...(found[0] as Found), keys: held };
    if (tree.size === size) break;
  }
  if (tree.size < size || !tree.root().equals(root)) {
    throw new ExportFailure(
      'the entries do not have the root of the last checkpoint; `sepal verify` says what is wrong',
    );
  }
  const proofs = found.map((one) => {
    const extra = Buffer.concat([...neededKeys(one, held.log), one.entry]);
    return [one.seq, printTlogProof(extra, one.seq, tree.inclusion(one.seq), last.note)] as const;
  });
  return new Map(proofs);
}

interface KeyAt {
  readonly seq: number;
  readonly bytes: Buffer;
  /** Of an epoch key: the entry of the log key that certified it. */
  readonly by: KeyAt | null;
}
/** The key entries in force at a place; no log key where it is that of genesis. */
interface KeysAt {
  readonly epoch: KeyAt | null;
  readonly log: KeyAt | null;
}
interface Found {
  readonly seq: number;
  readonly entry: Buffer;
  readonly keys: KeysAt;
}

const keyAt = (seq: number, bytes: Buffer, by: KeyAt | null = null): KeyAt => ({
  seq,
  bytes: Buffer.from(bytes),
  by,
});

/** The key entries that a receipt needs, in their order: for its signature, and for the checkpoint, whose log key is `last`. */
function neededKeys({ seq, keys }: Found, last: KeyAt | null): readonly Buffer[] {
  const { epoch, log } = keys;
  const needed = [epoch?.by ?? null, epoch, epoch === null ? log : null, last];
  const some = new Map(
    needed.flatMap((one) => (one === null || one.seq === seq ? [] : [[one.seq, one.bytes]])),
  );
  return [...some].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
}
