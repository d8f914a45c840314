// SPDX-License-Identifier: Apache-2.0
/**
 * Salted commitments: arguments, facts and results enter a receipt as roots only.
 *
 * ```
 * salt_p = HMAC-SHA-256(salt, "sepal.dev/salt/v1\n" || pointer)
 * leaf_p = SHA-256(0x00 || JCS([pointer, base64(salt_p), value]))
 * root   = RFC 6962 root over the leaves, sorted by pointer (UTF-16 order)
 * ```
 * One leaf per member. From the 65th member on, or from the one that takes the canonical text of the values past 64 * 1024
 * UTF-16 units, all the rest share one leaf: pointer "", value the list of their [pointer, value] pairs.
 */
import { canonical, type JsonValue } from './canonical.js';
import { type Hash, hashText, hmac } from './hash.js';
import { CompactTree, leafHash } from './tree.js';

const MAX_MEMBERS = 64;
const MAX_TEXT = 64 * 1024;

export interface Commitment {
  /** `sha256:…` */
  readonly root: string;
  readonly count: number;
}

export interface Leaf {
  readonly pointer: string;
  readonly value: JsonValue;
}

/** The leaves of the commitment to an object, in order. */
export function memberLeaves(
  prefix: string,
  members: { readonly [name: string]: JsonValue | undefined },
): readonly Leaf[] {
  const pairs = Object.keys(members)
    .map((name): [string, JsonValue] => [`${prefix}/${escapePointer(name)}`, members[name] ?? null])
    .sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const leaves: Leaf[] = [];
  let size = 0;
  for (const [pointer, value] of pairs) {
    // A long text is past the bound whatever its escapes are, so it need not be written out to be counted.
    size += typeof value === 'string' && value.length > MAX_TEXT ? value.length : canonical(value).length;
    if (leaves.length >= MAX_MEMBERS || size > MAX_TEXT) break;
    leaves.push({ pointer, value });
  }
  const own = leaves.length;
  if (own < pairs.length) leaves.push({ pointer: '', value: pairs.slice(own) });
  return leaves;
}

/** Commits to the members of an object, e.g. the arguments of a call. `salt` is 16 random bytes of the receipt. */
export function commitMembers(
  salt: Uint8Array,
  prefix: string,
  members: { readonly [name: string]: JsonValue | undefined },
): Commitment {
  const tree = new CompactTree();
  for (const { pointer, value } of memberLeaves(prefix, members))
    tree.append(memberLeaf(salt, pointer, value));
  return { root: hashText(tree.root()), count: Object.keys(members).length };
}

/** Commits to one text, e.g. a result. */
export function commitText(salt: Uint8Array, pointer: string, text: string): string {
  return hashText(memberLeaf(salt, pointer, text));
}

export function memberLeaf(salt: Uint8Array, pointer: string, value: JsonValue): Hash {
  return leafHash(canonical([pointer, pointerSalt(salt, pointer).toString('base64'), value]));
}

/** The salt of one leaf: knowing it opens that leaf and no other. */
export function pointerSalt(salt: Uint8Array, pointer: string): Hash {
  return hmac(salt, `sepal.dev/salt/v1\n${pointer}`);
}

/** RFC 6901: `~` and `/` escaped. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
