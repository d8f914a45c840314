// SPDX-License-Identifier: Apache-2.0
/** Where a member stands in JSON text that is known to be well-formed: for messages only. */

/** The offset of the key that `path` ends in, or of the nearest ancestor that is there. */
export function offsetOf(text: string, path: readonly string[]): number {
  let at = skipSpace(text, 0);
  let best = at;
  for (const name of path) {
    const found = memberOf(text, at, name);
    if (found === null) return best;
    best = found.key;
    at = found.value;
  }
  return best;
}

function memberOf(
  text: string,
  open: number,
  name: string,
): { readonly key: number; readonly value: number } | null {
  if (text[open] !== '{') return null;
  let at = skipSpace(text, open + 1);
  while (text[at] === '"') {
    const end = skipString(text, at);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (JSON.parse(text.slice(at, end)) === name) return { key: at, value };
    at = skipSpace(text, skipValue(text, value));
    if (text[at] !== ',') return null;
    at = skipSpace(text, at + 1);
  }
  return null;
}

function skipValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const c = text[at];
    if (c === '"') {
      at = skipString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && (c === ',' || c === '}' || c === ']')) return at;
    if (c === '{' || c === '[') depth++;
    if (c === '}' || c === ']') {
      depth--;
      if (depth === 0) return at + 1;
    }
    at++;
  }
  return at;
}

function skipString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (' \t\r\n'.includes(text[at] ?? 'x')) at++;
  return at;
}
