// SPDX-License-Identifier: Apache-2.0
/** Expressions, sets and JSON in their canonical form. */
import { quote } from './literals.js';
import type * as tree from './tree.js';

type Expr = tree.Expr;

/** Binding strength, weakest first. */
const LEVEL = { or: 1, and: 2, not: 3, comparison: 4, sum: 5, product: 6, unary: 7, postfix: 8 } as const;

export function printExpr(expr: Expr, least = 0): string {
  const [text, level] = expression(expr);
  return level < least ? `(${text})` : text;
}

function expression(e: Expr): readonly [string, number] {
  switch (e.kind) {
    case 'null':
      return ['null', LEVEL.postfix];
    case 'bool':
      return [String(e.value), LEVEL.postfix];
    case 'number':
    case 'duration':
      return [e.text, LEVEL.postfix];
    case 'string':
      return [quote(e.value), LEVEL.postfix];
    case 'regex':
      return [`r"${e.value.replaceAll('"', '\\"')}"`, LEVEL.postfix];
    case 'list':
      return [`[${e.items.map((item) => printExpr(item)).join(', ')}]`, LEVEL.postfix];
    case 'name':
      return [e.name.text, LEVEL.postfix];
    case 'member':
      return [`${printExpr(e.object, LEVEL.postfix)}.${printName(e.property)}`, LEVEL.postfix];
    case 'call': {
      const callee = e.callee.parts.map(printName).join('.');
      return [`${callee}(${e.args.map((arg) => printExpr(arg)).join(', ')})`, LEVEL.postfix];
    }
    case 'quantifier': {
      const { mode, list, param, body } = e;
      return [`${mode}(${printExpr(list)}, ${param.text} => ${printExpr(body)})`, LEVEL.postfix];
    }
    case 'principal':
      return [printPrincipal(e.pattern), LEVEL.postfix];
    case 'not':
      return [`not ${printExpr(e.operand, LEVEL.not)}`, LEVEL.not];
    case 'negate':
      return [`-${printExpr(e.operand, LEVEL.unary)}`, LEVEL.unary];
    case 'and':
      return [`${printExpr(e.left, LEVEL.and)} and ${printExpr(e.right, LEVEL.and + 1)}`, LEVEL.and];
    case 'or':
      return [`${printExpr(e.left, LEVEL.or)} or ${printExpr(e.right, LEVEL.or + 1)}`, LEVEL.or];
    case 'arith': {
      const level = e.op === '*' ? LEVEL.product : LEVEL.sum;
      return [`${printExpr(e.left, level)} ${e.op} ${printExpr(e.right, level + 1)}`, level];
    }
    case 'compare':
    case 'test':
      return [`${printExpr(e.left, LEVEL.sum)} ${e.op} ${printExpr(e.right, LEVEL.sum)}`, LEVEL.comparison];
    case 'hasRole':
      return [`${printExpr(e.subject, LEVEL.sum)} has role ${e.role.text}`, LEVEL.comparison];
  }
}

/** The operands of the outermost `and` or `or`, each with the word before it. */
export function operands(expr: Expr): readonly { readonly text: string; readonly span: tree.Span }[] {
  const { kind } = expr;
  if (kind !== 'and' && kind !== 'or') return [{ text: printExpr(expr), span: expr.span }];
  const found: { readonly text: string; readonly span: tree.Span }[] = [];
  let at: Expr = expr;
  for (; at.kind === kind; at = at.left) {
    found.push({ text: `${kind} ${printExpr(at.right, LEVEL[kind] + 1)}`, span: at.right.span });
  }
  found.push({ text: printExpr(at, LEVEL[kind]), span: at.span });
  return found.reverse();
}

export const printName = (name: tree.Name): string => (name.quoted ? quote(name.text) : name.text);
export const printDotted = (name: tree.Dotted): string => name.parts.map(printName).join('.');
const printGlob = (glob: tree.Glob): string => (glob.quoted ? quote(glob.text) : glob.text);
export const printPrincipal = (p: tree.PrincipalPattern): string => `${p.type}:${printGlob(p.glob)}`;

export function printWho(who: tree.Who): string {
  return withExcept(who.include.map(printWhoTerm), who.except.map(printWhoTerm));
}
export function printWhoTerm(term: tree.WhoTerm): string {
  switch (term.kind) {
    case 'any':
      return 'any';
    case 'principal':
      return printPrincipal(term);
    case 'role':
      return `role:${term.role.text}`;
    case 'name':
      return printDotted(term.name);
  }
}

type TermLine = { readonly text: string; readonly span: tree.Span };
/** A line for each term; a comma ends all but the last of a list. */
function termLines<T extends tree.Node>(
  set: { readonly include: readonly T[]; readonly except: readonly T[] },
  print: (term: T) => string,
): readonly TermLine[] {
  const lines = (terms: readonly T[], before: string): readonly TermLine[] =>
    terms.map((term, i) => ({
      text: `${i === 0 ? before : ''}${print(term)}${i === terms.length - 1 ? '' : ','}`,
      span: term.span,
    }));
  return [...lines(set.include, ''), ...lines(set.except, 'except ')];
}
export const whoLines = (who: tree.Who): readonly TermLine[] => termLines(who, printWhoTerm);
export const whatLines = (what: tree.What): readonly TermLine[] => termLines(what, printWhatTerm);

export function printWhat(what: tree.What): string {
  return withExcept(what.include.map(printWhatTerm), what.except.map(printWhatTerm));
}
function printWhatTerm(term: tree.WhatTerm): string {
  switch (term.kind) {
    case 'every':
      return '*';
    case 'act':
      return printAct(term);
    case 'name':
      return printDotted(term.name);
  }
}
export function printAct(act: tree.Act): string {
  if (act.name === null) return `${act.act} from ${printGlob(act.server)}`;
  return `${act.explicit ? `${act.act} ` : ''}${printGlob(act.server)}/${printGlob(act.name)}`;
}

function withExcept(include: readonly string[], except: readonly string[]): string {
  return include.join(', ') + (except.length === 0 ? '' : ` except ${except.join(', ')}`);
}

export function printApproval(a: tree.Approval): string {
  const who = a.self ? 'self' : a.roles.map((role) => `role:${role.text}`).join(', ');
  const quorum = a.quorum === null ? '' : ` quorum ${a.quorum.text}`;
  return `by ${who}${quorum} timeout ${a.timeout.text}`;
}

export function printType(type: tree.TypeRef): string {
  if (type.name === 'list' && type.element !== null) return `list<${printType(type.element)}>`;
  return type.name === 'enum' ? `enum ${type.members.map(printName).join(', ')}` : type.name;
}

export function printJson(value: tree.JsonValue): string {
  switch (value.kind) {
    case 'object': {
      const members = value.members.map((m) => `${printName(m.key)}: ${printJson(m.value)}`);
      return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
    }
    case 'array':
      return `[${value.items.map(printJson).join(', ')}]`;
    case 'scalar':
      return typeof value.value === 'string' ? quote(value.value) : value.text;
  }
}
