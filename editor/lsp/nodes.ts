// SPDX-License-Identifier: Apache-2.0
import type * as tree from '../../grammar/tree.js';

/** The parts of a tree around an offset, outermost first. */
export function nodesAt(root: tree.Node, offset: number): readonly tree.Node[] {
  const found: tree.Node[] = [];
  const visit = (node: object): void => {
    if ('span' in node) {
      const { start, end } = node.span as tree.Span;
      if (offset < start || offset > end) return;
      found.push(node as tree.Node);
    }
    for (const value of Object.values(node)) {
      if (typeof value === 'object' && value !== null) visit(value as object);
    }
  };
  visit(root);
  return found;
}
