// SPDX-License-Identifier: Apache-2.0
/** Parts of the space in the words of the language. */
import type { ExprIr } from '../ir.js';
import { words } from '../words.js';
import type { Cell } from './diagram.js';
import { ABSENT } from './place.js';
import type { Dimension, Space } from './space.js';

export interface CellWords {
  /** `agent:content-*`, or null for anyone. */
  readonly who: string | null;
  readonly conditions: readonly string[];
}

export function describeCell(space: Space, cell: Cell): CellWords {
  const who: string[] = [];
  const conditions: string[] = [];
  for (const [level, atoms] of cell.at) {
    const dimension = space.dimensions[level];
    if (dimension === undefined || atoms.length === dimension.atoms.length) continue;
    const text = describeAtoms(space, dimension, atoms);
    (dimension.key === 'principal' || dimension.key.startsWith('role:') ? who : conditions).push(text);
  }
  return { who: who.length === 0 ? null : who.join(' and '), conditions };
}

function describeAtoms(space: Space, { key, atoms, leaves }: Dimension, chosen: readonly number[]): string {
  const name = key.slice(key.indexOf(':') + 1);
  if (key.startsWith('role:')) return chosen.includes(1) ? `role:${name}` : `without role:${name}`;
  if (key.startsWith('user-role:')) return `user ${chosen.includes(1) ? 'has' : 'has not'} role ${name}`;
  if (key.startsWith('open:')) {
    const leaf = space.free.get(name);
    const text = leaf === undefined ? name : words(leaf);
    return [`not (${text})`, `${text} is unknown`, text].filter((_, i) => chosen.includes(i)).join(' or ');
  }
  let literals = known.get(leaves);
  if (literals === undefined) known.set(leaves, (literals = literalsOf(leaves, atoms.length)));
  const found = exactly(chosen, literals) ?? union(chosen, literals);
  if (found !== null) return found;
  const examples = chosen.slice(0, 3).map((i) => exampleOf(key, atoms[i]?.values[0]));
  return `${subjectOf(key)} such as ${examples.join(', ')}${chosen.length > 3 ? ', …' : ''}`;
}

interface Literal {
  readonly text: string;
  readonly set: ReadonlySet<number>;
}

const known = new WeakMap<Dimension['leaves'], readonly Literal[]>();

/** Each condition on the dimension, as it is, negated, unknown, and known to be neither. */
function literalsOf(leaves: ReadonlyMap<string, readonly number[]>, size: number): readonly Literal[] {
  const found: Literal[] = [];
  for (const [key, row] of leaves) {
    const leaf = JSON.parse(key) as ExprIr;
    const where = (...answers: readonly number[]): ReadonlySet<number> => {
      const set = new Set<number>();
      for (let i = 0; i < size; i++) if (answers.includes(row[i] ?? 1)) set.add(i);
      return set;
    };
    const [text, negated] = [sayLeaf(leaf), sayNegated(leaf)];
    found.push({ text, set: where(2) }, { text: negated, set: where(0) });
    if (row.includes(1)) {
      found.push(
        { text: `${text} is unknown`, set: where(1) },
        { text: `${text} is true or unknown`, set: where(1, 2) },
        { text: `${text} is not true`, set: where(0, 1) },
      );
    }
  }
  return found.filter(({ set }) => set.size > 0);
}

function sayLeaf(leaf: ExprIr): string {
  return leaf.op === 'like' && leaf.left.op === 'subject' && leaf.left.field === 'principal.id'
    ? leaf.glob.text
    : words(leaf);
}
function sayNegated(leaf: ExprIr): string {
  if (leaf.op === 'compare') {
    const opposite = { '==': '!=', '!=': '==', '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const;
    return words({ ...leaf, cmp: opposite[leaf.cmp] });
  }
  if (leaf.op === 'under') return `${words(leaf.left)} not under ${words(leaf.right)}`;
  if (leaf.op === 'inList') return words(leaf).replace(' in [', ' not in [');
  return leaf.op === 'like' && sayLeaf(leaf) !== words(leaf)
    ? `not ${leaf.glob.text}`
    : `not (${words(leaf)})`;
}

const equal = (chosen: readonly number[], set: ReadonlySet<number>): boolean =>
  set.size === chosen.length && chosen.every((i) => set.has(i));

/** One literal, or two together, that mean exactly these atoms. */
function exactly(chosen: readonly number[], literals: readonly Literal[]): string | null {
  const one = literals.find(({ set }) => equal(chosen, set));
  if (one !== undefined) return one.text;
  const wider = literals.filter(({ set }) => chosen.every((i) => set.has(i))).slice(0, 24);
  for (const a of wider) {
    for (const b of wider) {
      if (a !== b && equal(chosen, new Set([...a.set].filter((i) => b.set.has(i)))))
        return `${a.text} and ${b.text}`;
    }
  }
  return null;
}

/** A few literals of which one holds; null when that would be long. */
function union(chosen: readonly number[], literals: readonly Literal[]): string | null {
  const inside = literals.filter(({ set }) => [...set].every((i) => chosen.includes(i)));
  const left = new Set(chosen);
  const texts: string[] = [];
  while (left.size > 0 && texts.length < 4) {
    const gain = (literal: Literal): number => [...literal.set].filter((i) => left.has(i)).length;
    const best = inside.reduce<Literal | null>((a, b) => (a === null || gain(b) > gain(a) ? b : a), null);
    if (best === null || gain(best) === 0) return null;
    texts.push(best.text);
    for (const i of best.set) left.delete(i);
  }
  return left.size === 0 ? `(${texts.join(' or ')})` : null;
}

const subjectOf = (key: string): string => {
  if (key.startsWith('arg:')) return `args.${key.slice(4)}`;
  if (key.startsWith('fact:')) return key.slice(5);
  return key === 'principal' ? 'a principal' : key === 'session' ? 'session.id' : 'the user';
};

function exampleOf(key: string, value: unknown): string {
  if (value === ABSENT) return key.startsWith('fact:') ? 'unknown' : key === 'user' ? 'nobody' : 'none';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
