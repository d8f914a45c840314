// SPDX-License-Identifier: Apache-2.0
/** Types of values: which operators they fit, how several become one, and how to say them. */
import { assertNever } from './assert.js';
import type { ExprIr, TypeIr } from './ir.js';

/** `any`: read from a tool that is not pinned yet; every operator fits. */
export type Ty = TypeIr | { readonly kind: 'any' };
/** What operators ask for. `json` is what a schema does not type: presence and equality only. */
export type Kind =
  | 'bool'
  | 'number'
  | 'string'
  | 'instant'
  | 'duration'
  | 'list'
  | 'object'
  | 'json'
  | 'null';

/** An expression with its type. */
export interface Typed {
  readonly ir: ExprIr;
  readonly type: Ty;
  /** Where the value stands in the arguments, for what is read below it (schema.ts, ELEMENT). */
  readonly place?: readonly string[];
  /** Stands for a parameter of a definition that nothing uses: any constant. */
  readonly open?: true;
}

export const BOOL: TypeIr = { kind: 'bool' };
export const JSON_TYPE: TypeIr = { kind: 'json' };
export const bool = (ir: ExprIr): Typed => ({ ir, type: BOOL });

export function kindsOf(type: Ty): readonly Kind[] {
  switch (type.kind) {
    case 'any':
      return ['bool', 'number', 'string', 'instant', 'duration', 'list', 'object', 'json'];
    case 'int':
    case 'decimal':
      return ['number'];
    case 'string':
    case 'path':
    case 'url':
    case 'enum':
      return ['string'];
    case 'union':
      return [...new Set(type.members.flatMap(kindsOf))];
    case 'bool':
    case 'json':
    case 'null':
    case 'object':
    case 'list':
    case 'instant':
    case 'duration':
      return [type.kind];
    default:
      return assertNever(type);
  }
}

/** The same value read as one kind: on a union the other members become unknown when they turn up. */
export function castTo(typed: Typed, kind: Kind): Typed | null {
  const { ir, type } = typed;
  if (!kindsOf(type).includes(kind)) return null;
  if (kind === 'instant' || kind === 'duration') return inMilliseconds(ir, kind);
  if (type.kind !== 'any' && type.kind !== 'union') return typed;
  const members =
    type.kind === 'any' ? [ofKind(kind)] : type.members.filter((m) => kindsOf(m).includes(kind));
  const cast = unionOf(members);
  return { ...typed, ir: isRead(ir) ? { ...ir, type: cast } : ir, type: cast };
}

type Read = Extract<ExprIr, { op: 'arg' | 'fact' | 'param' | 'member' }>;
const isRead = (ir: ExprIr): ir is Read =>
  ir.op === 'arg' || ir.op === 'fact' || ir.op === 'param' || ir.op === 'member';

/** As values they are texts; what compares and adds them up works on numbers. */
function inMilliseconds(ir: ExprIr, kind: 'instant' | 'duration'): Typed {
  const type: TypeIr = { kind };
  if (!isRead(ir)) return { ir, type };
  return {
    ir: { op: kind === 'instant' ? 'moment' : 'span', operand: { ...ir, type: { kind: 'string' } } },
    type,
  };
}

function ofKind(kind: Kind): TypeIr {
  if (kind === 'number') return { kind: 'decimal' };
  return kind === 'list' ? { kind, element: JSON_TYPE } : { kind };
}

/** One type for several: numbers and texts widen, enums and lists merge, `json` swallows the rest. */
export function unionOf(types: readonly TypeIr[]): TypeIr {
  const flat = types.flatMap((type) => (type.kind === 'union' ? type.members : [type]));
  if (flat.some((type) => type.kind === 'json')) return JSON_TYPE;
  const merged: TypeIr[] = [];
  for (const type of flat) {
    const at = merged.findIndex((other) => mergeable(type, other));
    const other = merged[at];
    if (other === undefined) merged.push(type);
    else merged[at] = merge(other, type);
  }
  const [first] = merged;
  if (first === undefined) return { kind: 'null' };
  return merged.length === 1 ? first : { kind: 'union', members: merged };
}

const mergeable = (a: TypeIr, b: TypeIr): boolean => kindsOf(a)[0] === kindsOf(b)[0];

function merge(a: TypeIr, b: TypeIr): TypeIr {
  if (a.kind === 'list' && b.kind === 'list')
    return { kind: 'list', element: unionOf([a.element, b.element]) };
  if (a.kind === 'enum' && b.kind === 'enum') {
    return { kind: 'enum', members: [...new Set([...a.members, ...b.members])] };
  }
  if (a.kind === b.kind) return a;
  const number = a.kind === 'int' || a.kind === 'decimal';
  return { kind: number ? 'decimal' : 'string' };
}

/** Does a value of type `from` fit where `to` is declared (a parameter)? Null when it does not. */
export function fitTo(from: Typed, to: TypeIr): Typed | null {
  const [kind] = kindsOf(to);
  const cast = kind === undefined ? null : castTo(from, kind);
  if (cast === null || to.kind !== 'list' || cast.type.kind !== 'list') return cast;
  const element = cast.type.element;
  const fits = element.kind === 'json' || kindsOf(element).some((k) => kindsOf(to.element).includes(k));
  return fits ? cast : null;
}

/** A type in the author's words. */
export function describeType(type: Ty): string {
  switch (type.kind) {
    case 'any':
      return 'an argument of a tool that is not pinned';
    case 'list':
      return type.element.kind === 'json' ? 'a list' : `a list, each ${describeType(type.element)}`;
    case 'enum':
      return `one of ${listed(type.members)}`;
    case 'union':
      return type.members.map(describeType).join(' or ');
    case 'json':
      return 'a value that the schema does not type';
    case 'int':
      return 'a whole number';
    case 'decimal':
      return 'a number';
    case 'bool':
      return 'true or false';
    case 'object':
      return 'an object';
    case 'null':
      return '`null`';
    case 'string':
    case 'path':
    case 'url':
    case 'duration':
      return `a ${type.kind}`;
    case 'instant':
      return 'an instant';
    default:
      return assertNever(type);
  }
}

const SHOWN = 8;

/** Names in backticks, the first few of them. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => `\`${name}\``);
  return names.length > SHOWN ? `${shown.join(', ')} and ${names.length - SHOWN} more` : shown.join(', ');
}
