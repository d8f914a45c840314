// SPDX-License-Identifier: Apache-2.0
/**
 * What a caller could change about a denied call, from the conditions of rules that say `tell`: values at the bounds that they name.
 * The gateway tries them (runtime/gateway/nearest.ts), so that nothing is told that would not be permitted.
 */
import type { ExprIr, PolicyIr, UnitIr } from '../ir.js';
import { leavesOf } from '../reference-eval.js';
import { conditionsOf } from './actions.js';
import { linear } from './linear.js';
import { type Scalar, scalarOf } from './narrowing.js';
import { exactly, minus, over, plus } from './number-cover.js';

/** Values to try for an argument, by JSON pointer; a text in `under` is a folder to put the last segment in. */
export interface Nearest {
  readonly values: { readonly [pointer: string]: readonly Scalar[] };
  readonly under: { readonly [pointer: string]: readonly string[] };
  /** By pointer to a number: where comparisons of any rule turn, where the number is only compared with constants. */
  readonly turns?: { readonly [pointer: string]: readonly number[] };
  /** Some of the rules read a measure or the clock: waiting may help. */
  readonly wait: boolean;
}

const MOST = 64;

/** From rules that say `tell`; from every rule of the call phase with `all`. Null where there are none. */
export function nearestOf(ir: PolicyIr, all = false): Nearest | null {
  const told = (unit: UnitIr): boolean =>
    all || (unit.kind === 'rule' && unit.tell && unit.phase === 'call' && unit.shadow === undefined);
  const leaves = ir.units.filter(told).flatMap(conditionsOf).flatMap(leavesOf);
  const values = new Map<string, Set<Scalar>>();
  const under = new Map<string, Set<string>>();
  for (const leaf of leaves) {
    for (const [pointer, value] of valuesOf(leaf)) put(values, pointer, value);
    if (leaf.op === 'under' && leaf.right.op === 'const' && leaf.right.value.kind === 'string')
      for (const pointer of pointersOf(leaf.left)) put(under, pointer, leaf.right.value.value);
  }
  const reads = JSON.stringify(leaves);
  const wait = ir.facts.some(
    ({ name, source }) =>
      (source === 'measure' || source === 'clock') && reads.includes(JSON.stringify({ name }).slice(1, -1)),
  );
  if (values.size === 0 && under.size === 0 && !wait) return null;
  const turns = Object.entries(turnsOf(ir)).filter(([pointer]) => values.has(pointer));
  return {
    values: plain(values),
    under: plain(under),
    ...(turns.length === 0 ? {} : { turns: Object.fromEntries(turns) }),
    wait,
  };
}

/** For each argument that rules compare with constants and read in no other way, where their comparisons turn. */
function turnsOf(ir: PolicyIr): { readonly [pointer: string]: readonly number[] } {
  const found = new Map<string, Set<number>>();
  const otherwise = new Set<string>();
  const leaves = ir.units
    .filter((unit) => unit.kind !== 'rule' || unit.phase === 'call')
    .flatMap(conditionsOf)
    .flatMap(leavesOf);
  for (const leaf of leaves) {
    const turn = leaf.op === 'compare' && leaf.on === 'number' ? turnOf(leaf.left, leaf.right) : null;
    const own = turn === null ? [] : pointersOf(turn.read);
    for (const pointer of readBelow(leaf)) if (!own.includes(pointer)) otherwise.add(pointer);
    for (const pointer of own)
      found.set(pointer, (found.get(pointer) ?? new Set<number>()).add(turn?.at ?? 0));
  }
  const alone = (pointer: string): boolean =>
    ![...otherwise, ...found.keys()].some(
      (other) =>
        (other === pointer && otherwise.has(other)) ||
        other.startsWith(`${pointer}/`) ||
        pointer.startsWith(`${other}/`),
    );
  return Object.fromEntries(
    [...found].flatMap(([pointer, turns]) =>
      alone(pointer) && turns.size <= MOST ? [[pointer, [...turns].sort((a, b) => a - b)] as const] : [],
    ),
  );
}

/** Every argument that is read below; that one is there is not changed by another value of it. */
function readBelow(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null) return [];
  const own = 'op' in node && node.op === 'arg' ? pointersOf(node as ExprIr) : [];
  return [...own, ...(Object.values(node) as unknown[]).flatMap(readBelow)];
}

function put<T>(found: Map<string, Set<T>>, pointer: string, value: T): void {
  const set = found.get(pointer) ?? new Set<T>();
  found.set(pointer, set);
  if (set.size < MOST) set.add(value);
}

const plain = <T>(found: ReadonlyMap<string, ReadonlySet<T>>): { readonly [key: string]: readonly T[] } =>
  Object.fromEntries([...found].map(([key, set]) => [key, [...set]]));

const pointersOf = (e: ExprIr): readonly string[] =>
  e.op === 'arg' ? [e.path.map((p) => `/${p.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')] : [];

function valuesOf(leaf: ExprIr): readonly (readonly [string, Scalar])[] {
  const at = (read: ExprIr, values: readonly (Scalar | null)[]): readonly (readonly [string, Scalar])[] =>
    pointersOf(read).flatMap((pointer) =>
      values.flatMap((value) => (value === null ? [] : [[pointer, value] as const])),
    );
  switch (leaf.op) {
    case 'arg':
      return at(leaf, [true, false]);
    case 'inList':
      return at(
        leaf.left,
        leaf.items.map((item) => (item.op === 'const' ? scalarOf(item.value) : null)),
      );
    case 'compare': {
      if (leaf.on === 'number') return around(leaf.left, leaf.right);
      const [read, other] = leaf.left.op === 'const' ? [leaf.right, leaf.left] : [leaf.left, leaf.right];
      return other.op === 'const' ? at(read, [scalarOf(other.value)]) : [];
    }
    default:
      return [];
  }
}

/** The number at which the comparison turns, and one to either side. */
function around(left: ExprIr, right: ExprIr): readonly (readonly [string, Scalar])[] {
  const turn = turnOf(left, right);
  if (turn === null) return [];
  const { read, at } = turn;
  return pointersOf(read).flatMap((pointer) =>
    [at, at - 1, at + 1].map((value) => [pointer, value] as const),
  );
}

/** Where a comparison of one thing with constants turns; null for others, and where no double stands for it. */
function turnOf(left: ExprIr, right: ExprIr): { readonly read: ExprIr; readonly at: number } | null {
  const [a, b] = [linear(left), linear(right)];
  const read = a?.read ?? b?.read ?? null;
  if (a === null || b === null || read === null || (a.read !== null && b.read !== null)) return null;
  // Longer sums may be refused.
  if (a.length + b.length > 60) return null;
  const factor = plus(a.factor, minus(b.factor));
  const at = factor.num === 0n ? null : exactly(over(plus(b.rest, minus(a.rest)), factor));
  return at === null ? null : { read, at };
}
