// SPDX-License-Identifier: Apache-2.0
/**
 * Opening commitments: one line of `openings.jsonl` a receipt, either everything (`full`: salt and clear text) or single members
 * with their way to the root (`reads`), from which nothing is learned of the others.
 */
import { canonical, type JsonObject, type JsonValue } from './canonical.js';
import { commitMembers, memberLeaf, memberLeaves, pointerSalt } from './commit.js';
import { type Hash, hashText, parseHash } from './hash.js';
import { parseBase64 } from './note.js';
import { ProofTree } from './proof.js';
import { leafHash, verifyInclusion } from './tree.js';

/** One leaf of a commitment. Pointer "" holds all members past the limits, as [pointer, value] pairs. */
export interface Opening {
  readonly pointer: string;
  /** Base64 of the leaf's own salt. */
  readonly salt: string;
  readonly value: JsonValue;
  readonly index: number;
  /** Of the whole commitment. */
  readonly leaves: number;
  /** Base64, from the leaf's sibling up. */
  readonly hashes: readonly string[];
}

/** What is disclosed of one receipt; the texts are JCS, except `result`, which is the upstream's own. */
export interface Disclosure {
  readonly seq: number;
  readonly salt?: string;
  readonly intent?: string;
  readonly facts?: string;
  readonly result?: string;
  readonly open?: { readonly args?: readonly Opening[]; readonly facts?: readonly Opening[] };
}

/** Opens the members that hold one of `pointers` (below a member, the whole member is opened). */
export function openMembers(
  salt: Uint8Array,
  prefix: string,
  members: JsonObject,
  pointers: readonly string[],
): readonly Opening[] {
  const leaves = memberLeaves(prefix, members);
  const tree = new ProofTree();
  for (const { pointer, value } of leaves) tree.append(memberLeaf(salt, pointer, value));
  const under = (pointer: string): boolean =>
    pointers.some((p) => p === pointer || p.startsWith(`${pointer}/`));
  const wanted = leaves
    .map(({ pointer, value }, index) => ({ pointer, value, index }))
    .filter(({ pointer, value }) =>
      pointer === '' ? restOf(value).some(([p]) => under(p)) : under(pointer),
    );
  return wanted.map(({ pointer, value, index }) => ({
    pointer,
    salt: pointerSalt(salt, pointer).toString('base64'),
    value,
    index,
    leaves: leaves.length,
    hashes: tree.inclusion(index).map((hash) => hash.toString('base64')),
  }));
}

/** Does the opening lead to the root? */
export function checkOpening(opening: Opening, root: string): boolean {
  const hashes = opening.hashes.map(parseBase64);
  const expected = parseHash(root);
  if (expected === null || hashes.includes(null)) return false;
  const leaf = leafHash(canonical([opening.pointer, opening.salt, opening.value]));
  return verifyInclusion(leaf, opening.index, opening.leaves, hashes as Hash[], expected);
}

/** The members that openings hold, by name; `prefix` is that of the commitment. */
export function openedMembers(prefix: string, openings: readonly Opening[]): JsonObject {
  const pairs = openings.flatMap(({ pointer, value }) =>
    pointer === '' ? restOf(value) : [[pointer, value] as const],
  );
  const members: { [name: string]: JsonValue } = Object.create(null) as { [name: string]: JsonValue };
  for (const [pointer, value] of pairs) {
    if (pointer.startsWith(`${prefix}/`)) members[unescapePointer(pointer.slice(prefix.length + 1))] = value;
  }
  return members;
}

function restOf(value: JsonValue): readonly (readonly [string, JsonValue])[] {
  return Array.isArray(value)
    ? value.filter((pair): pair is [string, JsonValue] => Array.isArray(pair) && typeof pair[0] === 'string')
    : [];
}

const unescapePointer = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

/** What is wrong with clear text against its commitment, by recomputing the whole root. */
export function rootOf(salt: Uint8Array, prefix: string, members: JsonObject): string {
  return commitMembers(salt, prefix, members).root;
}

export const resultRoot = (salt: Uint8Array, result: string): string =>
  hashText(memberLeaf(salt, '/result', result));
