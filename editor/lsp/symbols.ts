// SPDX-License-Identifier: Apache-2.0
/** The names of a statement: which it gives, and which it mentions, with where. Syntax alone; resolve.ts says what they mean. */
import type * as tree from '../../grammar/tree.js';
import { nameChain } from '../../compiler/narrow.js';

/** A place where a name is given. */
export interface Definition {
  readonly name: tree.Name;
  readonly kind: tree.Statement['kind'] | 'parameter';
  /** The statement that gives it, or that the parameter belongs to. */
  readonly statement: tree.Statement;
  /** Where a parameter is known. */
  readonly within: tree.Span | null;
  /** The type of a parameter, as written. */
  readonly type: tree.TypeRef | null;
}

/** A place where a name is used: `a.b` as its parts. */
export interface Mention {
  readonly parts: readonly tree.Name[];
  readonly space: 'name' | 'role';
  /** What it stands beside in a comparison: where that is an enum, a bare word is a member before it is a name. */
  readonly beside: tree.Expr | null;
}

export interface Names {
  readonly definitions: readonly Definition[];
  readonly mentions: readonly Mention[];
}

const known = new WeakMap<tree.Statement, Names>();

/** What a statement names; statements are never changed, so it is found out once. */
export function namesOf(statement: tree.Statement): Names {
  const before = known.get(statement);
  if (before !== undefined) return before;
  const names = { definitions: [], mentions: [] };
  new Visitor(names).statement(statement);
  known.set(statement, names);
  return names;
}

/** Words of conditions that are no names of the author. */
export const ROOTS: ReadonlySet<string> = new Set(
  'args principal user session tool now result self'.split(' '),
);

interface Gathered {
  readonly definitions: Definition[];
  readonly mentions: Mention[];
}

class Visitor {
  private readonly to: Gathered;
  private of: tree.Statement | null = null;

  constructor(to: Gathered) {
    this.to = to;
  }

  statement(s: tree.Statement): void {
    const outer = this.of;
    this.of = s;
    if ('name' in s) this.define(s.name, s.kind);
    if (s.kind === 'role') for (const { name } of s.roles) this.define(name, 'role');
    if (s.kind === 'import') this.define(s.alias ?? (s.policy.parts.at(-1) as tree.Name), 'import');
    if (s.kind === 'let' || s.kind === 'template') {
      for (const { name, type } of s.params) this.define(name, 'parameter', s.span, type);
    }
    if (s.kind === 'template') for (const inner of s.body) this.statement(inner);
    else if (s.kind !== 'import' && s.kind !== 'role') this.inside(s, ['name', 'params']);
    this.of = outer;
  }

  private define(
    name: tree.Name,
    kind: Definition['kind'],
    within: tree.Span | null = null,
    type: tree.TypeRef | null = null,
  ): void {
    if (this.of !== null) this.to.definitions.push({ name, kind, statement: this.of, within, type });
  }

  private mention(
    parts: readonly tree.Name[],
    space: Mention['space'] = 'name',
    beside: tree.Expr | null = null,
  ): void {
    this.to.mentions.push({ parts, space, beside });
  }

  /** All that stands in a part of the tree. */
  private inside(node: object, without: readonly string[] = []): void {
    for (const [key, value] of Object.entries(node)) {
      if (!without.includes(key) && typeof value === 'object' && value !== null)
        this.node(value as object, key);
    }
  }

  private node(node: object, key: string): void {
    if (Array.isArray(node)) {
      for (const each of node as readonly unknown[]) {
        if (typeof each !== 'object' || each === null) continue;
        if (key === 'roles') this.mention([each as tree.Name], 'role');
        else this.node(each, '');
      }
    } else if ('parts' in node && 'text' in node) {
      const dotted = node as tree.Dotted;
      if (dotted.text !== 'default') this.mention(dotted.parts);
    } else if (key === 'role' && 'quoted' in node) this.mention([node as tree.Name], 'role');
    else if ('kind' in node && typeof node.kind === 'string')
      this.kinded(node as object & { readonly kind: string });
    else this.inside(node);
  }

  private kinded(node: object & { readonly kind: string }): void {
    switch (node.kind) {
      case 'quantifier':
      case 'member':
      case 'compare':
      case 'test':
        this.expr(node as tree.Expr);
        return;
      case 'value':
        // The value of a fact: a bare word is a member of its enum.
        this.inside(node, ['value']);
        return;
      case 'name': {
        if ('name' in node) this.mention(namesIn(node.name as tree.Name | tree.Dotted));
        return;
      }
      case 'object':
        return;
      default:
        this.inside(node);
    }
  }

  private expr(e: tree.Expr): void {
    switch (e.kind) {
      case 'quantifier':
        this.node(e.list, '');
        this.define(e.param, 'parameter', e.body.span);
        this.node(e.body, '');
        return;
      case 'member': {
        const chain = partsOf(e);
        if (chain === null) this.node(e.object, '');
        else this.mention(chain);
        return;
      }
      case 'compare': {
        // Beside another word or a text the left side is a name; the right side is read beside the left one.
        const plain = e.right.kind === 'name' || e.right.kind === 'string';
        this.side(e.left, plain ? null : e.right);
        this.side(e.right, e.left);
        return;
      }
      case 'test': {
        this.node(e.left, '');
        if (e.right.kind === 'list') for (const item of e.right.items) this.side(item, e.left);
        else this.side(e.right, e.op === 'in' || e.op === 'not in' ? null : e.left);
        return;
      }
      default:
        this.node(e, '');
    }
  }

  private side(e: tree.Expr, beside: tree.Expr | null): void {
    if (e.kind === 'name') this.mention([e.name], 'name', beside);
    else this.node(e, '');
  }
}

const namesIn = (name: tree.Name | tree.Dotted): readonly tree.Name[] =>
  'parts' in name ? name.parts : [name];

/** `a.b.c` as its names with their places. */
function partsOf(e: tree.Expr): readonly tree.Name[] | null {
  if (nameChain(e) === null) return null;
  return e.kind === 'member'
    ? [...(partsOf(e.object) ?? []), e.property]
    : e.kind === 'name'
      ? [e.name]
      : null;
}
