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
      const path = holds && e.callee.text === 'has' && argument !== undefined ? argPath(argument) : null;
      return new Set(path === null ? [] : path.map((_, i) => pathKey(path.slice(0, i + 1))));
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
