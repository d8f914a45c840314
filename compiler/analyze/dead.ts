// SPDX-License-Identifier: Apache-2.0
/**
 * Rules that decide nothing: a condition that can never hold, a case that is never reached, a grant of which all is denied, a deny of
 * which all is denied by others. A restriction on nothing (a guard) is not dead.
 */
import type { PolicyIr, Span, UnitIr } from '../ir.js';
import { MAY } from './decision.js';
import { type Node, opOf } from './diagram.js';
import type { Space } from './space.js';

export interface Dead {
  readonly unit: UnitIr;
  /** Index of the case of a block, -1 for `otherwise`; null for the unit as a whole. */
  readonly part: number | null;
  readonly span: Span;
  readonly why: 'never holds' | 'never reached' | 'denied' | 'covered';
  /** What covers it, least first; empty where nothing does. */
  readonly by: readonly UnitIr[];
}

interface Seen {
  /** Some class of actions has it in scope. */
  live: boolean;
  /** It may yield something. */
  yields: boolean;
  /** It may yield a grant that nothing denies; a deny that no other denies. */
  counts: boolean;
  /** A bound was met: nothing is said of it. */
  skipped: boolean;
  /** By case, then `otherwise`. */
  readonly reached: boolean[];
  readonly coverers: Set<UnitIr>;
}

export class DeadRules {
  readonly #seen = new Map<UnitIr, Seen>();

  constructor(units: readonly UnitIr[]) {
    for (const unit of units) {
      const cases = unit.kind === 'block' ? unit.cases.length + 1 : 0;
      const reached = Array.from({ length: cases }, () => false);
      this.#seen.set(unit, {
        live: false,
        yields: false,
        counts: false,
        skipped: false,
        reached,
        coverers: new Set(),
      });
    }
  }

  skip(units: readonly UnitIr[]): void {
    for (const unit of units) this.#of(unit).skipped = true;
  }

  /** They are known to decide something. */
  alive(units: ReadonlySet<UnitIr>): void {
    for (const unit of units) {
      const seen = this.#of(unit);
      seen.live = seen.yields = seen.counts = true;
    }
  }

  #of(unit: UnitIr): Seen {
    const seen = this.#seen.get(unit);
    if (seen === undefined) throw new Error(`no such unit: ${unit.name}`);
    return seen;
  }

  /** Notes what the units do in one class of actions; `may` is what each may yield. */
  look(space: Space, units: readonly UnitIr[], may: readonly Node[], policy: PolicyIr): void {
    const { diagrams, kleene } = space;
    const memo = new Map<Node, Node>();
    const denies = may.map((node) => diagrams.map(node, (bits) => ((bits & MAY.deny) === 0 ? 0 : 2), memo));
    const before = runs(denies, (a, b) => diagrams.apply(kleene.or, a, b));
    const after = runs(denies.toReversed(), (a, b) => diagrams.apply(kleene.or, a, b)).toReversed();
    const outside = opOf((bits, denied) => (denied === 2 ? MAY.nothing : bits));
    for (const [i, unit] of units.entries()) {
      const seen = this.#of(unit);
      const node = may[i] ?? MAY.nothing;
      seen.live = true;
      if (unit.kind === 'block') reachCases(space, unit, policy, seen);
      const own = diagrams.answers(node);
      if ([...own].some(hasSay)) seen.yields = true;
      if (seen.counts) continue;
      const others = askedBesides(
        space,
        units,
        may,
        i,
        diagrams.apply(kleene.or, before[i] ?? 0, after[i + 1] ?? 0),
      );
      const left = diagrams.answers(diagrams.apply(outside, node, others));
      if ([...left].some(hasSay)) seen.counts = true;
      else {
        const meets = opOf((bits, denied) => (denied === 2 && hasSay(bits) ? 1 : 0));
        for (const [j, other] of units.entries()) {
          const cover = asksAlike(unit, other) ? coverOf(space, unit, other, may[j] ?? 0) : (denies[j] ?? 0);
          if (
            i !== j &&
            seen.coverers.size < 6 &&
            cover !== 0 &&
            diagrams.answers(diagrams.apply(meets, node, cover)).has(1)
          ) {
            seen.coverers.add(other);
          }
        }
      }
    }
  }

  /** What is dead, after every class of actions was looked at. */
  found(): readonly Dead[] {
    const covered = new Set<UnitIr>();
    return [...this.#seen].flatMap(([unit, seen]): readonly Dead[] => {
      if (!seen.live || seen.skipped) return [];
      const whole = { unit, part: null, span: unit.span };
      if (!seen.yields) return [{ ...whole, why: 'never holds', by: [] }];
      if (!seen.counts) {
        // Of two that cover each other one must stay.
        const by = [...seen.coverers].filter((other) => !covered.has(other));
        if (by.length === 0) return [];
        covered.add(unit);
        const denies = unit.kind === 'rule' && (unit.effect === 'deny' || unit.effect === 'escalate');
        return [{ ...whole, why: denies ? 'covered' : 'denied', by }];
      }
      return unit.kind === 'block' ? deadCases(unit, seen.reached) : [];
    });
  }
}

/** Where another unit denies, or asks the same people as this one would: 2, else 0. */
function coverOf(space: Space, unit: UnitIr, other: UnitIr, may: Node): Node {
  const asks = asksAlike(unit, other) ? MAY.escalate | MAY.review : 0;
  return space.diagrams.map(may, (bits) => ((bits & (MAY.deny | asks)) === 0 ? 0 : 2));
}

/** Rules that ask the same number of the same people; one that only may hold still asks. */
export const asksAlike = (a: UnitIr, b: UnitIr): boolean =>
  a.kind === 'rule' &&
  b.kind === 'rule' &&
  a.effect === 'escalate' &&
  (b.effect === 'escalate' || b.effect === 'review') &&
  JSON.stringify(a.approval) === JSON.stringify(b.approval);

/** What the others cover: what they deny, and for an `escalate` also what they ask the same people for. */
function askedBesides(
  space: Space,
  units: readonly UnitIr[],
  may: readonly Node[],
  i: number,
  denied: Node,
): Node {
  const unit = units[i];
  if (unit?.kind !== 'rule' || unit.effect !== 'escalate') return denied;
  return units.reduce(
    (all, other, j) =>
      j === i || !asksAlike(unit, other)
        ? all
        : space.diagrams.apply(space.kleene.or, all, coverOf(space, unit, other, may[j] ?? 0)),
    denied,
  );
}

function deadCases(unit: Extract<UnitIr, { kind: 'block' }>, reached: readonly boolean[]): readonly Dead[] {
  return reached.flatMap((is, i): readonly Dead[] => {
    if (is) return [];
    const one = unit.cases[i];
    if (one !== undefined) return [{ unit, part: i, span: one.span, why: 'never reached', by: [] }];
    return unit.otherwise === null ? [] : [{ unit, part: -1, span: unit.span, why: 'never reached', by: [] }];
  });
}

/** Which cases can be the one that decides. */
function reachCases(
  space: Space,
  unit: Extract<UnitIr, { kind: 'block' }>,
  policy: PolicyIr,
  seen: Seen,
): void {
  const { diagrams, kleene } = space;
  let left = space.who(unit.who, policy);
  for (const [i, { when }] of unit.cases.entries()) {
    const holds = space.condition({ expr: when, policy });
    const here = diagrams.answers(
      diagrams.apply(
        kleene.and,
        left,
        diagrams.map(holds, (v) => (v === 0 ? 0 : 2)),
      ),
    );
    if (here.has(2)) seen.reached[i] = true;
    left = diagrams.apply(
      kleene.and,
      left,
      diagrams.map(holds, (v) => (v === 2 ? 0 : 2)),
    );
  }
  if (diagrams.answers(left).has(2)) seen.reached[unit.cases.length] = true;
}

/** An allow that is only possible grants nothing; all else may tighten. */
export const hasSay = (bits: number): boolean =>
  (bits & (MAY.deny | MAY.escalate | MAY.review)) !== 0 || bits === MAY.allow;

/** The join of all before each place, and of all. */
function runs(nodes: readonly Node[], join: (a: Node, b: Node) => Node): readonly Node[] {
  const found: Node[] = [0];
  for (const node of nodes) found.push(join(found.at(-1) ?? 0, node));
  return found;
}
