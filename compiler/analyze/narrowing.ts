// SPDX-License-Identifier: Apache-2.0
/**
 * What a grant implies about arguments that stand at the top, whatever else is: the values that its condition leaves them. The gateway
 * narrows advertised schemas by it (docs/gateway.md, "Discovery").
 */
import type { ConstIr, ExprIr, PolicyIr, UnitIr } from '../ir.js';
import { linear } from './linear.js';
import { decimalFraction, exactly, type Fraction, minus, order, over, plus } from './number-cover.js';

export type Scalar = string | number | boolean;
/** As JSON Schema says it: a value listed in `enum`, or a number between bounds. */
export interface Bounds {
  readonly enum?: readonly Scalar[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}
/** By unit that may grant, by argument. A unit without an entry implies nothing, or grants nothing. */
export type Narrowing = { readonly [unit: string]: { readonly [argument: string]: Bounds } };

interface Edge {
  readonly at: Fraction;
  readonly open: boolean;
}
type Left =
  | { readonly kind: 'values'; readonly values: readonly Scalar[] }
  | { readonly kind: 'range'; readonly low: Edge | null; readonly high: Edge | null };
/** By argument: the values with which the condition can hold; an argument that is not named may have any. */
type Implied = ReadonlyMap<string, Left>;

const NOTHING: Implied = new Map();
const MOST_VALUES = 64;
const MOST_UNITS = 2_000;

export function narrowingOf({ units }: PolicyIr): Narrowing | null {
  const found: [string, { readonly [argument: string]: Bounds }][] = [];
  for (const unit of units) {
    const grants = grantsOf(unit);
    if (grants === null) continue;
    const implied = grants.map((when) => (when === null ? NOTHING : implies(when, true))).reduce(either);
    const bounds = [...implied].flatMap(([name, left]) => {
      const bound = boundsOf(left);
      return bound === null ? [] : [[name, bound] as const];
    });
    // A block may begin with a case that grants nothing: its entry says that it may grant all the same.
    if (bounds.length > 0 || unit.kind === 'block') found.push([unit.name, Object.fromEntries(bounds)]);
  }
  const narrows = found.some(([, of]) => Object.keys(of).length > 0);
  return narrows && found.length <= MOST_UNITS ? Object.fromEntries(found) : null;
}

/** The conditions under which it grants; null where it never does. */
function grantsOf(unit: UnitIr): readonly (ExprIr | null)[] | null {
  const grants = (effect: string): boolean => effect === 'allow' || effect === 'review';
  if (unit.kind === 'rule')
    return unit.phase === 'call' && grants(unit.effect) && unit.shadow === undefined ? [unit.when] : null;
  const found = unit.cases.flatMap(({ when, outcome }) => (grants(outcome.effect) ? [when] : []));
  const all = unit.otherwise !== null && grants(unit.otherwise.effect) ? [...found, null] : found;
  return all.length === 0 ? null : all;
}

/** What holds of arguments where the condition is true, or (with `is` false) false. */
function implies(e: ExprIr, is: boolean): Implied {
  switch (e.op) {
    case 'not':
      return implies(e.operand, !is);
    case 'and':
    case 'or': {
      const parts = e.operands.map((operand) => implies(operand, is));
      return parts.length === 0 ? NOTHING : parts.reduce((e.op === 'and') === is ? both : either);
    }
    case 'has':
      // Where it is not there, nothing is said of a value that it does not have.
      return e.path.length === 1 && !is ? only(e, { kind: 'values', values: [] }) : NOTHING;
    case 'arg':
      return e.type.kind === 'bool' ? only(e, { kind: 'values', values: [is] }) : NOTHING;
    case 'compare':
      return compared(e, is);
    case 'inList':
      return is && e.items.every((item) => item.op === 'const')
        ? listed(
            e.left,
            e.items.map((item) => (item.op === 'const' ? item.value : { kind: 'null' })),
          )
        : NOTHING;
    case 'inValue':
      return is && e.list.op === 'const' && e.list.value.kind === 'list'
        ? listed(e.left, e.list.value.items)
        : NOTHING;
    default:
      return NOTHING;
  }
}

/** The argument, if it stands at the top. */
function only(read: ExprIr, left: Left): Implied {
  const path = read.op === 'arg' || read.op === 'has' ? read.path : [];
  const [name, deeper] = path;
  return name === undefined || deeper !== undefined ? NOTHING : new Map([[name, left]]);
}

function listed(read: ExprIr, values: readonly ConstIr[]): Implied {
  const scalars = values.map(scalarOf);
  return scalars.every((value) => value !== null)
    ? only(read, { kind: 'values', values: [...new Set(scalars)] })
    : NOTHING;
}

export function scalarOf(value: ConstIr): Scalar | null {
  if (value.kind === 'string' || value.kind === 'bool') return value.value;
  const number = value.kind === 'number' ? decimalFraction(value.text) : null;
  return number && exactly(number);
}

type Compare = Extract<ExprIr, { op: 'compare' }>;
const OPPOSITE = { '==': '!=', '!=': '==', '<': '>=', '>=': '<', '>': '<=', '<=': '>' } as const;
const TURNED = { '==': '==', '!=': '!=', '<': '>', '>': '<', '<=': '>=', '>=': '<=' } as const;

function compared({ on, cmp, left, right }: Compare, is: boolean): Implied {
  const how = is ? cmp : OPPOSITE[cmp];
  if (on === 'number') return bounded(left, right, how);
  const [read, other] = left.op === 'const' ? [right, left] : [left, right];
  if (other.op !== 'const' || how === '<' || how === '>' || how === '<=' || how === '>=') return NOTHING;
  if (how === '==') return listed(read, [other.value]);
  return other.value.kind === 'bool' ? only(read, { kind: 'values', values: [!other.value.value] }) : NOTHING;
}

function bounded(left: ExprIr, right: ExprIr, how: Compare['cmp']): Implied {
  const [a, b] = [linear(left), linear(right)];
  const read = a?.read ?? b?.read ?? null;
  // With the argument on both sides, or with two of them, nothing is said.
  if (a === null || b === null || read === null || (a.read !== null && b.read !== null)) return NOTHING;
  const factor = plus(a.factor, minus(b.factor));
  if (factor.num === 0n) return NOTHING;
  const at = over(plus(b.rest, minus(a.rest)), factor);
  const turned = factor.num < 0n !== factor.den < 0n ? TURNED[how] : how;
  switch (turned) {
    case '==': {
      const value = exactly(at);
      return value === null ? NOTHING : only(read, { kind: 'values', values: [value] });
    }
    case '!=':
      return NOTHING;
    case '<':
    case '<=':
      return only(read, { kind: 'range', low: null, high: { at, open: turned === '<' } });
    case '>':
    case '>=':
      return only(read, { kind: 'range', low: { at, open: turned === '>' }, high: null });
  }
}

function both(a: Implied, b: Implied): Implied {
  const found = new Map(a);
  for (const [name, left] of b) {
    const before = found.get(name);
    found.set(name, before === undefined ? left : meet(before, left));
  }
  return found;
}

function either(a: Implied, b: Implied): Implied {
  const found = new Map<string, Left>();
  for (const [name, left] of a) {
    const other = b.get(name);
    const joined = other && join(left, other);
    if (joined) found.set(name, joined);
  }
  return found;
}

function meet(a: Left, b: Left): Left {
  if (a.kind === 'values') return { kind: 'values', values: a.values.filter((value) => within(value, b)) };
  if (b.kind === 'values') return meet(b, a);
  return { kind: 'range', low: tighter(a.low, b.low, 1), high: tighter(a.high, b.high, -1) };
}

/** The smallest of these that holds both; null for all. */
function join(a: Left, b: Left): Left | null {
  if (a.kind === 'values' && b.kind === 'values') {
    const values = [...new Set([...a.values, ...b.values])];
    return values.length > MOST_VALUES ? null : { kind: 'values', values };
  }
  const [x, y] = [hull(a), hull(b)];
  if (x === null) return a.kind === 'values' && a.values.length === 0 ? b : null;
  if (y === null) return b.kind === 'values' && b.values.length === 0 ? a : null;
  const low = x.low && y.low && wider(x.low, y.low, 1);
  const high = x.high && y.high && wider(x.high, y.high, -1);
  return low === null && high === null ? null : { kind: 'range', low, high };
}

function hull(left: Left): Extract<Left, { kind: 'range' }> | null {
  if (left.kind === 'range') return left;
  const numbers = left.values.flatMap((value) => {
    const at = typeof value === 'number' ? decimalFraction(String(value)) : null;
    return at === null ? [] : [{ at, open: false }];
  });
  const [first] = numbers;
  if (first === undefined || numbers.length < left.values.length) return null;
  return {
    kind: 'range',
    low: numbers.reduce((a, b) => wider(a, b, 1)),
    high: numbers.reduce((a, b) => wider(a, b, -1)),
  };
}

/** Of two lower bounds (`sign` 1) or upper ones (-1), the one that leaves more. */
function wider(a: Edge, b: Edge, sign: 1 | -1): Edge {
  const how = sign * order(a.at, b.at);
  return how < 0 ? a : how > 0 ? b : a.open ? b : a;
}
function tighter(a: Edge | null, b: Edge | null, sign: 1 | -1): Edge | null {
  if (a === null || b === null) return a ?? b;
  return wider(a, b, sign) === a && a !== b ? b : a;
}

function within(value: Scalar, left: Left): boolean {
  if (left.kind === 'values') return left.values.includes(value);
  const at = typeof value === 'number' ? decimalFraction(String(value)) : null;
  if (at === null) return false;
  const inside = (edge: Edge | null, sign: 1 | -1): boolean => {
    const how = edge === null ? 1 : sign * order(at, edge.at);
    return how > 0 || (how === 0 && edge?.open === false);
  };
  return inside(left.low, 1) && inside(left.high, -1);
}

function boundsOf(left: Left): Bounds | null {
  if (left.kind === 'values')
    return left.values.length === 0 || left.values.length > MOST_VALUES ? null : { enum: left.values };
  const low = left.low && exactly(left.low.at);
  const high = left.high && exactly(left.high.at);
  const bounds: Bounds = {
    ...(low === null ? {} : left.low?.open === true ? { exclusiveMinimum: low } : { minimum: low }),
    ...(high === null ? {} : left.high?.open === true ? { exclusiveMaximum: high } : { maximum: high }),
  };
  return Object.keys(bounds).length === 0 ? null : bounds;
}
