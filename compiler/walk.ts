// SPDX-License-Identifier: Apache-2.0
import type { Expr } from '../grammar/tree.js';
import { assertNever } from './assert.js';

/** Every expression below `e`, itself included, in source order. */
export function everyExpr(e: Expr): readonly Expr[] {
  const all: Expr[] = [];
  const add = (expr: Expr): void => {
    all.push(expr);
    for (const part of below(expr)) add(part);
  };
  add(e);
  return all;
}

function below(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case 'list':
      return e.items;
    case 'member':
      return [e.object];
    case 'call':
      return e.args;
    case 'quantifier':
      return [e.list, e.body];
    case 'not':
    case 'negate':
      return [e.operand];
    case 'and':
    case 'or':
    case 'arith':
    case 'compare':
    case 'test':
      return [e.left, e.right];
    case 'hasRole':
      return [e.subject];
    case 'null':
    case 'bool':
    case 'number':
    case 'string':
    case 'regex':
    case 'duration':
    case 'name':
    case 'principal':
      return [];
    default:
      return assertNever(e);
  }
}
