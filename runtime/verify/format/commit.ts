// SPDX-License-Identifier: Apache-2.0
/**
 * Salted commitments: arguments, facts and results enter a receipt as roots only.
 *
 * ```
 * salt_p = HMAC-SHA-256(salt, "sepal.dev/salt/v1\n" || pointer)
 * leaf_p = SHA-256(0x00 || JCS([pointer, base64(salt_p), value]))
 * root   = RFC 6962 root over the leaves, sorted by pointer (UTF-16 order)
 * ```
 * One leaf per member; members past the 64th, or past 64 KB of text, share one leaf with the pointer "".
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

/** Commits to the members of an object, e.g. the arguments of a call. `salt` is 16 random bytes of the receipt. */
export function commitMembers(
  salt: Uint8Array,
  prefix: string,
  members: { readonly [name: string]: JsonValue | undefined },
): Commitment {
  const names = Object.keys(members).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const tree = new CompactTree();
  const rest: [string, JsonValue][] = [];
  let size = 0;
  for (const name of names) {
    const value = members[name] ?? null;
    const pointer = `${prefix}/${escapePointer(name)}`;
    size += rest.length === 0 ? canonical(value).length : 0;
    if (rest.length > 0 || tree.size >= MAX_MEMBERS || size > MAX_TEXT) rest.push([pointer, value]);
    else tree.append(memberLeaf(salt, pointer, value));
  }
  if (rest.length > 0) tree.append(memberLeaf(salt, '', rest));
  return { root: hashText(tree.root()), count: names.length };
}

/** Commits to one text, e.g. a result. */
export function commitText(salt: Uint8Array, pointer: string, text: string): string {
  return hashText(memberLeaf(salt, pointer, text));
}

export function memberLeaf(salt: Uint8Array, pointer: string, value: JsonValue): Hash {
  const own = hmac(salt, `sepal.dev/salt/v1\n${pointer}`).toString('base64');
  return leafHash(canonical([pointer, own, value]));
}

/** RFC 6901: `~` and `/` escaped. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
