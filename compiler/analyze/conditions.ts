// SPDX-License-Identifier: Apache-2.0
/** Conditions taken apart into those that stand below and, or, not; and which dimensions of the space each reads. */
import type { ExprIr, WhoIr, WhoTermIr } from '../ir.js';
import { leavesOf } from '../reference-eval.js';

export const keyOf = (e: ExprIr): string => {
  const known = keys.get(e);
  if (known !== undefined) return known;
  const key = JSON.stringify(e);
  keys.set(e, key);
  return key;
};
const keys = new WeakMap<ExprIr, string>();

/** That the principal is one of these, as a condition: one object for one set. */
export function scopeOf(who: WhoIr): ExprIr {
  const known = scopes.get(who);
  if (known !== undefined) return known;
  const made: ExprIr = { op: 'inWho', subject: 'principal', who };
  scopes.set(who, made);
  return made;
}
const scopes = new WeakMap<WhoIr, ExprIr>();

export const roleKey = (subject: 'principal' | 'user', role: string): string =>
  subject === 'principal' ? `role:${role}` : `user-role:${role}`;
export const isRole = (key: string): boolean => key.startsWith('role:') || key.startsWith('user-role:');

/** A set of principals as a condition on the id and the roles. */
export function whoCondition(who: WhoIr, subject: 'principal' | 'user'): ExprIr {
  const term = (t: WhoTermIr): ExprIr => {
    switch (t.kind) {
      case 'any':
        return TRUE;
      case 'principal':
        return { op: 'like', left: { op: 'subject', field: `${subject}.id` }, glob: t.glob };
      case 'role':
        return { op: 'hasRole', subject, value: t.value };
      case 'set':
        return whoCondition(t.who, subject);
    }
  };
  const include: ExprIr = { op: 'or', operands: who.include.map(term) };
  if (who.except.length === 0) return include;
  const except: ExprIr = { op: 'or', operands: who.except.map(term) };
  return { op: 'and', operands: [include, { op: 'not', operand: except }] };
}
const TRUE: ExprIr = { op: 'const', type: { kind: 'bool' }, value: { kind: 'bool', value: true } };

/** Which dimensions a condition reads. */
export function readsOf(e: ExprIr): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (x: ExprIr): void => {
    switch (x.op) {
      case 'arg':
      case 'has':
        found.add(`arg:${x.path[0] ?? ''}`);
        return;
      case 'fact':
        found.add(`fact:${x.name}`);
        return;
      case 'subject':
        if (x.field === 'principal.id') found.add('principal');
        else if (x.field === 'user.id') found.add('user');
        else if (x.field === 'session.id') found.add('session');
        return;
      case 'hasRole':
        found.add(roleKey(x.subject, x.value));
        if (x.subject === 'user') found.add('user');
        return;
      case 'inWho':
        if (x.subject === 'user') found.add('user');
        visit(whoCondition(x.who, x.subject));
        return;
      default:
        for (const value of Object.values(x) as unknown[]) {
          for (const part of Array.isArray(value) ? (value as unknown[]) : [value]) {
            if (typeof part === 'object' && part !== null && 'op' in part) visit(part as ExprIr);
          }
        }
    }
  };
  visit(e);
  return found;
}

/**
 * Two things that are read compared with each other, in the one form that says the same: `a != b` is `not a == b`, `a >= b` is
 * `not a < b`, `a > b` is `b < a`; what is unknown in one is unknown in all. So `a == b` and `b != a` are one condition.
 */
export function betweenReads(e: ExprIr): ExprIr {
  if (e.op !== 'compare' || readsOf(e.left).size === 0 || readsOf(e.right).size === 0) return e;
  const { left, right } = e;
  const not = (operand: ExprIr): ExprIr => ({ op: 'not', operand });
  const less = (a: ExprIr, b: ExprIr): ExprIr => ({ ...e, cmp: '<', left: a, right: b });
  switch (e.cmp) {
    case '==':
      return keyOf(left) <= keyOf(right) ? e : { ...e, left: right, right: left };
    case '!=':
      return not(betweenReads({ ...e, cmp: '==' }));
    case '<':
      return e;
    case '>':
      return less(right, left);
    case '<=':
      return not(less(right, left));
    case '>=':
      return not(less(left, right));
  }
}

/** A condition below and, or, not, by its name, with the dimensions that it reads. */
export interface Primitive {
  readonly leaf: ExprIr;
  readonly key: string;
  readonly reads: readonly string[];
}

/** Sets of principals are taken apart. */
export function primitives(e: ExprIr): readonly Primitive[] {
  const known = taken.get(e);
  if (known !== undefined) return known;
  const found = [...takenApart(e)].map(
    (leaf): Primitive => ({ leaf, key: keyOf(leaf), reads: [...readsOf(leaf)] }),
  );
  taken.set(e, found);
  return found;
}
const taken = new WeakMap<ExprIr, readonly Primitive[]>();

function* takenApart(e: ExprIr): Generator<ExprIr> {
  for (const written of leavesOf(e)) {
    const one = betweenReads(written);
    const leaf = one.op === 'not' ? one.operand : one;
    if (leaf.op === 'inWho') {
      if (leaf.subject === 'user') yield { op: 'subject', field: 'user.id' };
      yield* takenApart(whoCondition(leaf.who, leaf.subject));
    } else if (leaf.op === 'hasRole') {
      if (leaf.subject === 'user') yield { op: 'subject', field: 'user.id' };
      yield leaf;
    } else yield leaf;
  }
}
