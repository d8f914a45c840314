// SPDX-License-Identifier: Apache-2.0
/** Names that a person can tell apart by looking: NFC, nothing that controls the terminal, nothing that cannot be seen. */

const KINDS = ['agent', 'user', 'service'] as const;
const MAX = 200;

/**
 * Controls, format characters, surrogates, unassigned and private code points, every kind of white space, everything that Unicode asks to
 * ignore (joiners, fillers, variation selectors), and the blank of Braille.
 */
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** What is wrong with a name, or null. The name itself is not repeated: it may hold what a terminal would obey. */
export function nameFault(name: string): string | null {
  if (name.length === 0) return 'is empty';
  if (name.length > MAX) return `is longer than ${MAX} characters`;
  if (UNSEEN.test(name)) return 'holds white space, control or invisible characters';
  if (name !== name.normalize('NFC')) return 'is not in Unicode normal form NFC';
  return null;
}

/** As `nameFault`, for `agent:x`, `user:x` and `service:x`; a principal's own name holds no `*`. */
export function principalFault(name: string): string | null {
  const wrong = nameFault(name);
  if (wrong !== null) return wrong;
  if (kindOf(name) === null) return 'does not start with `agent:`, `user:` or `service:` and a name';
  return name.includes('*') ? 'holds a `*`' : null;
}

/** `agent`, `user` or `service`; null when the name is no principal. */
export function kindOf(name: string): (typeof KINDS)[number] | null {
  return KINDS.find((kind) => name.startsWith(`${kind}:`) && name.length > kind.length + 1) ?? null;
}
