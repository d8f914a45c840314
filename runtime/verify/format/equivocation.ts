// SPDX-License-Identifier: Apache-2.0
/**
 * Proof that a log key signed two histories, for anybody who has the log key:
 *
 * ```
 * sepal.dev/equivocation/v1
 * key <certificate> <vkey>   by the root, of a log key that is not the trust file's; where one signed
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
import { checkKeyBody, keyBody } from './keys.js';
import { parseBase64, parseVerifierKey, type VerifierKey } from './note.js';
import { verifyConsistency } from './tree.js';
import type { Trust } from './trust.js';

export const EQUIVOCATION_HEADER = 'sepal.dev/equivocation/v1';

export function printEquivocation(
  first: string,
  second: string,
  between: { readonly root: Hash; readonly hashes: readonly Hash[] } | null,
  keys: readonly string[] = [],
): string {
  const lines =
    between === null
      ? ''
      : `root ${between.root.toString('base64')}\n${between.hashes.map((hash) => `${hash.toString('base64')}\n`).join('')}`;
  const certified = keys.map((line) => `${line}\n`).join('');
  return `${EQUIVOCATION_HEADER}\n${certified}${lines}\n${first}\n${second}`;
}

/** Null when the text proves that the log key of `trust` signed two histories; else why it does not. */
export function equivocationFault(text: string, trust: Trust): string | null {
  const [head, ...notes] = sections(text);
  const [first, second] = notes.map(parseCheckpoint);
  const lines = head?.split('\n') ?? [];
  if (lines.shift() !== EQUIVOCATION_HEADER) return `the first line is not ${EQUIVOCATION_HEADER}`;
  if (notes.length !== 2 || !first || !second) return 'it does not hold two checkpoints';
  const keys = certifiedKeys(lines, trust);
  if (keys === null) return 'a key is not certified by the root';
  const unsigned = [first, second].find(
    (checkpoint) => !keys.some((key) => signedBy(checkpoint, trust.origin, key)),
  );
  if (unsigned !== undefined) return 'a checkpoint is not signed by a log key of the trust file or its root';
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

/** Takes the `key` lines off; the log keys that may have signed, or null where one is not the root's. */
function certifiedKeys(lines: string[], trust: Trust): readonly VerifierKey[] | null {
  const root = nodeVerifier(trust.root.key);
  const keys: VerifierKey[] = [trust.logKey];
  while (lines[0]?.startsWith('key ') === true) {
    const [, certificate = '', vkey = ''] = (lines.shift() ?? '').split(' ');
    const key = parseVerifierKey(vkey);
    if (key === null || root === null) return null;
    const body = { ...keyBody('log', key, { certificate }), key: vkey };
    if (typeof checkKeyBody(trust.origin, body, root, 'required') === 'string') return null;
    keys.push(key);
  }
  return keys;
}

/** Is the checkpoint of this origin, and signed by this key? */
export function signedBy(checkpoint: Checkpoint, origin: string, by: VerifierKey): boolean {
  const { name, id, key } = by;
  const verify = nodeVerifier(key);
  const text = Buffer.from(checkpoint.text);
  return (
    checkpoint.origin === origin &&
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
