// SPDX-License-Identifier: Apache-2.0
/**
 * Proof that a log key signed two histories, for anybody who has the log key:
 *
 * ```
 * sepal.dev/equivocation/v1
 * root <base64>          of the first m entries of the second checkpoint's tree; only where the sizes differ
 * <base64>               consistency proof from that root to the second checkpoint, one hash a line
 *
 * <first checkpoint, of size m>
 *
 * <second checkpoint, of size n ≥ m>
 * ```
 * It holds when both are signed and of one origin, and the roots differ (m = n), or the proof leads from `root` to the second
 * root while `root` is not the first one (m < n): a tree has one root over its first m entries.
 */
import { type Checkpoint, parseCheckpoint } from './checkpoint.js';
import { nodeVerifier } from './ed25519.js';
import type { Hash } from './hash.js';
import { parseBase64 } from './note.js';
import { verifyConsistency } from './tree.js';
import type { Trust } from './trust.js';

export const EQUIVOCATION_HEADER = 'sepal.dev/equivocation/v1';

export function printEquivocation(
  first: string,
  second: string,
  between: { readonly root: Hash; readonly hashes: readonly Hash[] } | null,
): string {
  const lines =
    between === null
      ? ''
      : `root ${between.root.toString('base64')}\n${between.hashes.map((hash) => `${hash.toString('base64')}\n`).join('')}`;
  return `${EQUIVOCATION_HEADER}\n${lines}\n${first}\n${second}`;
}

/** Null when the text proves that the log key of `trust` signed two histories; else why it does not. */
export function equivocationFault(text: string, trust: Trust): string | null {
  const [head, ...notes] = sections(text);
  const [first, second] = notes.map(parseCheckpoint);
  const lines = head?.split('\n') ?? [];
  if (lines.shift() !== EQUIVOCATION_HEADER) return `the first line is not ${EQUIVOCATION_HEADER}`;
  if (notes.length !== 2 || !first || !second) return 'it does not hold two checkpoints';
  const unsigned = [first, second].find((checkpoint) => !signedBy(checkpoint, trust));
  if (unsigned !== undefined) return 'a checkpoint is not signed by the log key of the trust file';
  if (first.size === second.size) {
    if (lines.length > 0) return 'checkpoints of one size need no proof between them';
    return first.root.equals(second.root) ? 'the two checkpoints agree' : null;
  }
  const root = parseBase64(/^root (.*)$/.exec(lines.shift() ?? '')?.[1] ?? '');
  const hashes = lines.map(parseBase64);
  if (root === null || hashes.includes(null)) return 'the proof between the checkpoints is not in its form';
  if (!verifyConsistency(first.size, second.size, hashes as Hash[], root, second.root))
    return 'the proof does not lead to the root of the second checkpoint';
  return root.equals(first.root) ? 'the two checkpoints agree' : null;
}

export function signedBy(checkpoint: Checkpoint, trust: Trust): boolean {
  const { name, id, key } = trust.logKey;
  const verify = nodeVerifier(key);
  const text = Buffer.from(checkpoint.text);
  return (
    checkpoint.origin === trust.origin &&
    checkpoint.signatures.some((s) => s.name === name && s.id === id && verify?.(text, s.signature) === true)
  );
}

/** The head, then the notes: each a text, an empty line and signature lines. */
function sections(text: string): readonly string[] {
  const parts = text.split('\n\n');
  const [head, ...rest] = parts;
  if (head === undefined || rest.length !== 4) return [head ?? ''];
  const [a = '', b = '', c = '', d = ''] = rest;
  return [head, `${a}\n\n${b}\n`, `${c}\n\n${d}`];
}
