// SPDX-License-Identifier: Apache-2.0
/** Sums and products with constants of one thing that is read. */
import type { ExprIr } from '../ir.js';
import { decimalFraction, type Fraction, fraction, minus, plus, times } from './number-cover.js';

export interface Linear {
  /** Null for a constant. */
  readonly read: ExprIr | null;
  readonly factor: Fraction;
  readonly rest: Fraction;
  /** Characters of the constants: past a bound, sums may be refused as too long. */
  readonly length: number;
}

const ZERO = fraction(0n);
const ONE = fraction(1n);

export function linear(e: ExprIr): Linear | null {
  switch (e.op) {
    case 'const': {
      if (e.value.kind !== 'number') return null;
      const rest = decimalFraction(e.value.text);
      return rest && { read: null, factor: ZERO, rest, length: e.value.text.length };
    }
    case 'arg':
    case 'fact':
    case 'param':
    case 'member':
    case 'moment':
    case 'span':
      return { read: e, factor: ONE, rest: ZERO, length: 0 };
    case 'url':
      return e.part === 'port' ? { read: e, factor: ONE, rest: ZERO, length: 0 } : null;
    case 'size':
      return e.operand.op === 'lower' ? null : { read: e, factor: ONE, rest: ZERO, length: 0 };
    case 'negate': {
      const a = linear(e.operand);
      return a && { ...a, factor: minus(a.factor), rest: minus(a.rest) };
    }
    case 'arith': {
      const [a, b] = [linear(e.left), linear(e.right)];
      return a && b && combined(e.fn, a, b);
    }
    default:
      return null;
  }
}

function combined(fn: '+' | '-' | '*', a: Linear, b: Linear): Linear | null {
  const length = a.length + b.length + 2;
  if (fn === '*') {
    const [constant, other] = a.read === null ? [a, b] : [b, a];
    if (constant.read !== null) return null;
    const [factor, rest] = [times(other.factor, constant.rest), times(other.rest, constant.rest)];
    return { read: other.read, factor, rest, length };
  }
  if (a.read !== null && b.read !== null && JSON.stringify(a.read) !== JSON.stringify(b.read)) return null;
  const sign = (f: Fraction): Fraction => (fn === '-' ? minus(f) : f);
  return {
    read: a.read ?? b.read,
    factor: plus(a.factor, sign(b.factor)),
    rest: plus(a.rest, sign(b.rest)),
    length,
  };
}
