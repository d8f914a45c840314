// SPDX-License-Identifier: Apache-2.0
/**
 * `under`: POSIX paths compared by segments. What servers could read in two ways is refused (language.md 1.2): relative paths,
 * `..` and what may be read as it, NUL and control characters, backslashes, drives and UNC, `~`, `%`, look-alikes.
 */

/** The segments of an absolute path without `.` and empty ones, or null when the path is refused. Linear. */
export function pathSegments(path: string): readonly string[] | null {
  if (path[0] !== '/' || path[1] === '/') return null;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c < 0x20 || c === 0x5c || c === 0x7e || c === 0x25 || c === 0x7f) return null;
    if (c > 0x7f) return wide(path) ? plainSegments(path) : null;
  }
  return plainSegments(path);
}

function plainSegments(path: string): readonly string[] | null {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (mayBeParent(segment)) return null;
    segments.push(segment);
  }
  return segments;
}

/** Only dots, `..;x`, `..::$DATA`, a drive, and anything with trailing dots or spaces (Windows drops them). */
function mayBeParent(segment: string): boolean {
  const last = segment.charCodeAt(segment.length - 1);
  if (last === 0x2e || last === 0x20) return true;
  const start = segment.trimStart();
  return start.startsWith('..;') || start.startsWith('..:') || isDrive(start);
}
function isDrive(segment: string): boolean {
  const letter = segment.charCodeAt(0) | 0x20;
  return segment[1] === ':' && letter >= 0x61 && letter <= 0x7a;
}

/** Paths beyond ASCII: no control, invisible or look-alike characters, nothing that NFKC turns into a dot, slash or the like. */
function wide(path: string): boolean {
  for (const letter of path) {
    const c = letter.codePointAt(0) ?? 0;
    if (c >= 0x80 && (LOOKALIKES.has(c) || hidden(c))) return false;
  }
  const folded = path.normalize('NFKC');
  if (folded === path) return true;
  for (const c of SPECIAL) if (count(folded, c) !== count(path, c)) return false;
  return true;
}

const SPECIAL = ['.', '/', '\\', '~', '%', ':', ';', ' '];
const count = (text: string, c: string): number => text.split(c).length - 1;

/** Controls, lone surrogates, and what Unicode says to ignore when it cannot be shown. First and last, in order. */
const HIDDEN: readonly (readonly [number, number])[] = [
  [0x80, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xffff],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];
const hidden = (c: number): boolean => HIDDEN.some(([first, last]) => c >= first && c <= last);

/** Characters that look like a dot, a slash or a backslash but do not fold to one. */
const LOOKALIKES = new Set([
  0x0701, 0x0702, 0x0660, 0x06f0, 0xa4f8, 0xa60e, 0x2024, 0x2025, 0x2026, 0x3002, 0xff0e, 0xff61, 0xfe52,
  0x00b7, 0x2027, 0x2044, 0x2215, 0x2571, 0x29f8, 0x29f5, 0x29f9, 0x2216, 0x2572, 0xfe68, 0xff0f, 0xff3c,
  0x2cc6, 0x30ce, 0x4e36, 0x4e3f, 0x1735, 0x2041, 0x31d3, 0x27cb, 0x27cd, 0x3033,
]);

/** 2: `path` is `root` or below it; 0: it is not; 1: one of them is refused. */
export function under(path: string, root: string): 0 | 1 | 2 {
  const a = pathSegments(path);
  const b = pathSegments(root);
  if (a === null || b === null) return 1;
  if (b.length > a.length) return 0;
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return 0;
  return 2;
}
