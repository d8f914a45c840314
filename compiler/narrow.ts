// SPDX-License-Identifier: Apache-2.0
/** Which arguments are present where a condition is known to be true, or false. */
import type { Expr } from '../grammar/tree.js';

/** `a.b` for `args.a.b`, or null when the expression is not an argument. */
export function argPath(e: Expr): readonly string[] | null {
  if (e.kind === 'name') return e.name.text === 'args' ? [] : null;
  if (e.kind !== 'member') return null;
  const object = argPath(e.object);
  return object === null ? null : [...object, e.property.text];
}
/** `args.a`, or `x.a` of an element `x`, with what it is below; null when it is neither. */
export function readPath(e: Expr): { readonly root: string | null; readonly path: readonly string[] } | null {
  const args = argPath(e);
  if (args !== null) return { root: null, path: args };
  const [root, ...path] = nameChain(e) ?? [];
  return root === undefined ? null : { root, path };
}

/** The key under which a member of an element is known to be present. */
export const elementKey = (root: string, path: readonly string[]): string =>
  JSON.stringify([null, root, ...path]);
export const isBelow = (key: string, root: string): boolean =>
  key.startsWith(`${JSON.stringify([null, root]).slice(0, -1)},`);

/** `a.b.c` as its names, or null when something else stands before a dot. */
export function nameChain(e: Expr): readonly string[] | null {
  if (e.kind === 'name') return [e.name.text];
  if (e.kind !== 'member') return null;
  const object = nameChain(e.object);
  return object === null ? null : [...object, e.property.text];
}
export const pathKey = (path: readonly string[]): string => JSON.stringify(path);

/** Paths that are present when `e` has the value `holds`. */
export function narrowedBy(e: Expr, holds: boolean): ReadonlySet<string> {
  switch (e.kind) {
    case 'call': {
      const [argument] = e.args;
      const found = holds && e.callee.text === 'has' && argument !== undefined ? readPath(argument) : null;
      if (found === null) return new Set();
      const { root, path } = found;
      const keyOf = (part: readonly string[]): string =>
        root === null ? pathKey(part) : elementKey(root, part);
      return new Set(path.map((_, i) => keyOf(path.slice(0, i + 1))));
    }
    case 'not':
      return narrowedBy(e.operand, !holds);
    case 'and':
    case 'or': {
      const [left, right] = [narrowedBy(e.left, holds), narrowedBy(e.right, holds)];
      if ((e.kind === 'and') === holds) return new Set([...left, ...right]);
      return new Set([...left].filter((path) => right.has(path)));
    }
    default:
      return new Set();
  }
}
