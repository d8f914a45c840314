// SPDX-License-Identifier: Apache-2.0
/**
 * Decision diagrams with many-valued variables, hash-consed: one node for one function. A node below TERMINALS is the answer with
 * that number; every other node asks one variable (its level) and has one child for each of its atoms.
 */
export type Node = number;

export const TERMINALS = 64;

/** A function of two answers. `memo` belongs to one manager. */
export interface Op {
  readonly of: (a: number, b: number) => number;
  /** The whole answer where one side settles it. */
  readonly settled: (a: Node, b: Node) => Node | null;
  readonly memo: Map<number, Node>;
}

export const opOf = (of: Op['of'], settled: Op['settled'] = () => null): Op => ({
  of,
  settled,
  memo: new Map(),
});

/** Thrown when a diagram grows past its bound: the caller answers "undecided". */
export class TooLarge extends Error {}

const WIDE = 2 ** 26;

/** What an answer is on some part of the space: for each level that is asked, which atoms. */
export interface Cell {
  readonly answer: number;
  readonly at: ReadonlyMap<number, readonly number[]>;
}

function hashOf(level: number, children: readonly Node[]): number {
  let hash = level + 1;
  for (let i = 0; i < children.length; i++) {
    hash = Math.imul(hash ^ (children[i] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function same(a: readonly Node[], b: readonly Node[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

function allOne(nodes: readonly Node[]): boolean {
  for (let i = 1; i < nodes.length; i++) if (nodes[i] !== nodes[0]) return false;
  return true;
}

export class Diagrams {
  readonly #levels: number[] = [];
  readonly #children: (readonly Node[])[] = [];
  /** By hash the last node made, and from each to the one before it of an equal hash; 0 ends. */
  readonly #unique = new Map<number, Node>();
  readonly #alike: Node[] = [];
  readonly #limit: number;

  constructor(limit = 400_000) {
    this.#limit = Math.min(limit, WIDE - TERMINALS);
  }

  get size(): number {
    return this.#levels.length;
  }

  /** The variable that a node asks; terminals come after all of them. */
  level(node: Node): number {
    return node < TERMINALS ? Number.MAX_SAFE_INTEGER : (this.#levels[node - TERMINALS] ?? 0);
  }

  children(node: Node): readonly Node[] {
    return this.#children[node - TERMINALS] ?? [];
  }

  make(level: number, children: readonly Node[]): Node {
    if (allOne(children)) return children[0] ?? 0;
    const hash = hashOf(level, children);
    let node = this.#unique.get(hash) ?? 0;
    for (; node !== 0; node = this.#alike[node - TERMINALS] ?? 0)
      if (this.level(node) === level && same(this.children(node), children)) return node;
    if (this.#levels.length >= this.#limit) throw new TooLarge();
    node = TERMINALS + this.#levels.length;
    this.#levels.push(level);
    this.#children.push(children);
    this.#alike.push(this.#unique.get(hash) ?? 0);
    this.#unique.set(hash, node);
    return node;
  }

  apply(op: Op, a: Node, b: Node): Node {
    const settled = op.settled(a, b);
    if (settled !== null) return settled;
    if (a < TERMINALS && b < TERMINALS) return op.of(a, b);
    const key = a * WIDE + b;
    const known = op.memo.get(key);
    if (known !== undefined) return known;
    const [x, y] = [this.level(a), this.level(b)];
    const level = Math.min(x, y);
    const [left, right] = [x === level ? this.children(a) : null, y === level ? this.children(b) : null];
    const wide = (left ?? right ?? []).length;
    const children: Node[] = [];
    for (let i = 0; i < wide; i++)
      children.push(this.apply(op, left === null ? a : (left[i] ?? 0), right === null ? b : (right[i] ?? 0)));
    const node = this.make(level, children);
    op.memo.set(key, node);
    return node;
  }

  #child(node: Node, i: number): Node {
    return this.children(node)[i] ?? 0;
  }

  /** The diagram with every answer replaced. */
  map(node: Node, of: (answer: number) => number, memo = new Map<Node, Node>()): Node {
    if (node < TERMINALS) return of(node);
    const known = memo.get(node);
    if (known !== undefined) return known;
    const children: Node[] = [];
    for (const child of this.children(node)) children.push(this.map(child, of, memo));
    const made = this.make(this.level(node), children);
    memo.set(node, made);
    return made;
  }

  /** The diagram where some variables are known. */
  fix(node: Node, known: ReadonlyMap<number, number>, memo = new Map<Node, Node>()): Node {
    if (node < TERMINALS) return node;
    const before = memo.get(node);
    if (before !== undefined) return before;
    const level = this.level(node);
    const atom = known.get(level);
    const made =
      atom === undefined
        ? this.make(
            level,
            this.children(node).map((child) => this.fix(child, known, memo)),
          )
        : this.fix(this.#child(node, atom), known, memo);
    memo.set(node, made);
    return made;
  }

  /** All of them joined; pairs of neighbours first, so that what is alike meets early. */
  join(op: Op, nodes: readonly Node[], none: Node): Node {
    let list = nodes;
    while (list.length > 1) {
      const next: Node[] = [];
      for (let i = 0; i < list.length; i += 2) {
        const [a, b] = [list[i], list[i + 1]];
        if (a !== undefined) next.push(b === undefined ? a : this.apply(op, a, b));
      }
      list = next;
    }
    return list[0] ?? none;
  }

  /** Every answer that occurs. */
  answers(node: Node): ReadonlySet<number> {
    const seen = new Set<Node>();
    const found = new Set<number>();
    const open = [node];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      if (at < TERMINALS) found.add(at);
      else open.push(...this.children(at));
    }
    return found;
  }

  /** The parts of the space with a wanted answer, each once; atoms that lead to the same child stand together. */
  *cells(node: Node, wanted: (answer: number) => boolean): Generator<Cell> {
    const leads = new Map<Node, boolean>();
    const reaches = (at: Node): boolean => {
      if (at < TERMINALS) return wanted(at);
      const known = leads.get(at);
      if (known !== undefined) return known;
      const found = this.children(at).some(reaches);
      leads.set(at, found);
      return found;
    };
    yield* this.#walk(node, new Map(), reaches);
  }

  *#walk(
    node: Node,
    at: ReadonlyMap<number, readonly number[]>,
    reaches: (node: Node) => boolean,
  ): Generator<Cell> {
    if (!reaches(node)) return;
    if (node < TERMINALS) {
      yield { answer: node, at };
      return;
    }
    const groups = new Map<Node, number[]>();
    for (const [i, child] of this.children(node).entries()) {
      const group = groups.get(child);
      if (group === undefined) groups.set(child, [i]);
      else group.push(i);
    }
    const level = this.level(node);
    for (const [child, atoms] of groups) yield* this.#walk(child, new Map(at).set(level, atoms), reaches);
  }
}

/** Conditions: 0 false, 1 unknown, 2 true. */
export interface Kleene {
  readonly and: Op;
  readonly or: Op;
  /** The second where the first is not unknown. */
  readonly guard: Op;
}
export const kleene = (): Kleene => ({
  and: opOf(
    (a, b) => Math.min(a, b),
    (a, b) => (a === 0 || b === 0 ? 0 : a === 2 ? b : b === 2 || a === b ? a : null),
  ),
  or: opOf(
    (a, b) => Math.max(a, b),
    (a, b) => (a === 2 || b === 2 ? 2 : a === 0 ? b : b === 0 || a === b ? a : null),
  ),
  guard: opOf((a, b) => (a === 1 ? 1 : b)),
});
