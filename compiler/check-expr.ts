// SPDX-License-Identifier: Apache-2.0
/** Conditions: names to meanings, types to operators. Every expression is checked against the tools that its rule is about. */
import type * as tree from '../grammar/tree.js';
import { assertNever } from './assert.js';
import { checkCall } from './check-call.js';
import { checkCompare, checkHasRole, checkPair, checkTest } from './check-compare.js';
import { checkMeasureRead } from './check-measure.js';
import { checkMember } from './check-member.js';
import { checkNow } from './check-schedule.js';
import { checkTimeArith, durationConstant } from './check-time.js';
import type { ConstIr, ExprIr, TypeIr, WhoIr } from './ir.js';
import type { PinnedTool } from './lock.js';
import { isBelow, narrowedBy } from './narrow.js';
import { ELEMENT } from './schema.js';
import { fullName, lookUp, type Scope } from './scope.js';
import {
  BOOL,
  bool,
  castTo,
  describeType,
  JSON_TYPE,
  type Kind,
  type Ty,
  type Typed,
  unionOf,
} from './types.js';

type Expr = tree.Expr;

/** What stands for a parameter of a predicate or quantifier. */
export type Binding = { readonly typed: Typed } | { readonly who: WhoIr };

export interface Env {
  readonly scope: Scope;
  /** Pinned tools that the rule is about; empty for a guard. */
  readonly tools: readonly PinnedTool[];
  /** False in rules that are not about tools only. */
  readonly readsArgs: boolean;
  readonly phase: tree.Phase;
  /** In the condition of an `allow`. */
  readonly grants: boolean;
  /** Arguments known to be present (narrow.ts). */
  readonly narrowed: ReadonlySet<string>;
  readonly params: ReadonlyMap<string, Binding>;
  /** Lets being inlined. */
  readonly lets: readonly string[];
  readonly counter: Counter;
}
/** Numbers quantifier parameters, and bounds what inlining can grow to. */
export interface Counter {
  params: number;
  nodes: number;
}

export const MAX_NODES = 20_000;
export const MAX_LETS = 16;

/** A condition: three-valued, no truthiness. Null after a diagnostic. */
export function checkCondition(env: Env, expr: Expr): ExprIr | null {
  const typed = checkExpr(env, expr);
  if (typed === null) return null;
  const cast = castTo(typed, 'bool');
  if (cast !== null) return cast.ir;
  env.scope.report('SEP3003', expr.span, { found: describeType(typed.type) });
  return null;
}

/** An expression of any type. Null after a diagnostic. */
export function checkExpr(env: Env, e: Expr): Typed | null {
  if (env.counter.nodes++ > MAX_NODES) {
    if (env.counter.nodes === MAX_NODES + 2) env.scope.report('SEP3015', e.span);
    return null;
  }
  switch (e.kind) {
    case 'null':
      return constant({ kind: 'null' }, { kind: 'null' });
    case 'bool':
      return constant({ kind: 'bool', value: e.value }, BOOL);
    case 'number':
      return constant({ kind: 'number', text: decimalText(e.text) }, { kind: e.decimal ? 'decimal' : 'int' });
    case 'string':
      return constant({ kind: 'string', value: e.value }, { kind: 'string' });
    case 'list':
      return checkList(env, e);
    case 'name':
      return checkName(env, e);
    case 'member':
      return checkMember(env, e);
    case 'call':
      return checkCall(env, e);
    case 'quantifier':
      return checkQuantifier(env, e);
    case 'not': {
      const operand = checkCondition(env, e.operand);
      return operand && bool({ op: 'not', operand });
    }
    case 'and':
    case 'or':
      return checkJunction(env, e);
    case 'negate':
      return checkNegate(env, e);
    case 'arith':
      return checkArith(env, e);
    case 'compare':
      return checkCompare(env, e);
    case 'test':
      return checkTest(env, e);
    case 'hasRole':
      return checkHasRole(env, e);
    case 'regex':
      env.scope.report('SEP2014', e.span, { name: 'a pattern' }, { help: 'write `x matches r"…"`' });
      return null;
    case 'duration':
      return durationConstant(e.ms);
    case 'principal':
      env.scope.report('SEP2014', e.span, { name: 'a pattern of principals' }, { help: PATTERN_HELP });
      return null;
    default:
      return assertNever(e);
  }
}

const PATTERN_HELP = 'write `principal in agent:x-*`';

export function constant(value: ConstIr, type: TypeIr): Typed {
  return { ir: { op: 'const', type, value }, type };
}

/** Digits as the exact decimal in one form: no leading or trailing zeros. */
export function decimalText(text: string): string {
  const minus = text.startsWith('-');
  const [whole = '0', fraction = ''] = text.slice(minus ? 1 : 0).split('.');
  let first = 0;
  while (first < whole.length - 1 && whole[first] === '0') first++;
  let last = fraction.length;
  while (last > 0 && fraction[last - 1] === '0') last--;
  const digits = whole.slice(first) + (last === 0 ? '' : `.${fraction.slice(0, last)}`);
  return minus && digits !== '0' ? `-${digits}` : digits;
}

function checkList(env: Env, e: Extract<Expr, { kind: 'list' }>): Typed | null {
  const values: ConstIr[] = [];
  const types: TypeIr[] = [];
  for (const item of e.items) {
    const typed = checkExpr(env, item);
    if (typed === null) return null;
    if (typed.ir.op !== 'const') {
      const found = describeType(typed.type);
      env.scope.report('SEP3001', item.span, { what: 'a list outside of `in`', wanted: 'constants', found });
      return null;
    }
    values.push(typed.ir.value);
    types.push(typed.ir.type);
  }
  const element = types.length === 0 ? JSON_TYPE : unionOf(types);
  return constant({ kind: 'list', items: values }, { kind: 'list', element });
}

const NOT_VALUES: { readonly [name: string]: string } = {
  args: 'name one of them: `args.path`',
  principal: 'write `principal.id`, `principal in …` or `principal has role …`',
  user: 'write `user.id`, `user in …` or `user has role …`',
  session: 'write `session.id`',
  result: 'write `result.text`, or scan it: `injection_score(result)`',
  self: 'approvals name it: `by self timeout 15m`',
  tool: 'write `tool.hints.readOnly`, `tool.name` or `tool.server`',
};

function checkName(env: Env, e: Extract<Expr, { kind: 'name' }>): Typed | null {
  const { text } = e.name;
  const param = env.params.get(text);
  if (param !== undefined && 'typed' in param) return param.typed;
  const named = env.scope.names.get(text);
  if (named?.kind === 'let') return checkCall(env, callWithout(e));
  if (named?.kind === 'fact') {
    return checkFactRead(env, text, named);
  }
  if (named?.kind === 'limit' || named?.kind === 'counter' || named?.kind === 'score') {
    return checkMeasureRead(env, text, named);
  }
  if (text === 'now') return checkNow(env);
  if (Object.hasOwn(NOT_VALUES, text)) {
    env.scope.report('SEP2014', e.span, { name: `\`${text}\`` }, { help: NOT_VALUES[text] ?? null });
  } else if (param !== undefined || named?.kind === 'principals') {
    const help = `write \`principal in ${text}\``;
    env.scope.used.add(text);
    env.scope.report('SEP2014', e.span, { name: `the set \`${text}\`` }, { help });
  } else lookUp(env.scope, e.name, 'fact', [...env.params.keys(), ...Object.keys(NOT_VALUES)]);
  return null;
}

/** A fact under its one name in the whole policy. */
export function checkFactRead(env: Env, text: string, named: tree.FactStatement): Typed {
  env.scope.used.add(text);
  const type = typeOfRef(named.type);
  return { ir: { op: 'fact', name: fullName(env.scope, text), type }, type };
}

function callWithout(e: Extract<Expr, { kind: 'name' }>): Extract<Expr, { kind: 'call' }> {
  const callee = { parts: [e.name], text: e.name.text, span: e.span };
  return { kind: 'call', callee, args: [], span: e.span };
}

/** A type of the language as IR; `principals` as a value are their ids. */
export function typeOfRef(ref: tree.TypeRef): TypeIr {
  switch (ref.name) {
    case 'bool':
    case 'int':
    case 'decimal':
    case 'string':
    case 'path':
    case 'url':
    case 'instant':
    case 'duration':
      return { kind: ref.name };
    case 'enum':
      return { kind: 'enum', members: ref.members.map((m) => m.text) };
    case 'list':
      return { kind: 'list', element: ref.element === null ? JSON_TYPE : typeOfRef(ref.element) };
    case 'principals':
      return { kind: 'list', element: { kind: 'string' } };
    default:
      return assertNever(ref.name);
  }
}

function checkQuantifier(env: Env, e: Extract<Expr, { kind: 'quantifier' }>): Typed | null {
  const list = expectKind(env, e.list, 'list', `\`${e.mode}\``, 'a list');
  if (list === null) return null;
  const element = elementOf(list.type);
  const param = env.counter.params++;
  const type = element.kind === 'any' ? JSON_TYPE : element;
  const ir: ExprIr = { op: 'param', param, type };
  const typed: Typed = {
    ir,
    type: element,
    ...(list.place === undefined ? {} : { place: [...list.place, ELEMENT] }),
  };
  // What is known of an outer element of the same name says nothing of this one.
  const narrowed = new Set([...env.narrowed].filter((key) => !isBelow(key, e.param.text)));
  const params = new Map(env.params).set(e.param.text, { typed });
  const body = checkCondition({ ...env, params, narrowed }, e.body);
  return body && bool({ op: 'quantifier', mode: e.mode, list: list.ir, param, body });
}

/** The element of a list; of one whose tool is not pinned, anything. */
export function elementOf(type: Ty): Ty {
  return type.kind === 'list' ? type.element : { kind: 'any' };
}

/** `and` and `or`: flattened; each operand knows what the ones before it established. */
function checkJunction(env: Env, e: Extract<Expr, { kind: 'and' | 'or' }>): Typed | null {
  const operands: Expr[] = [];
  const flatten = (x: Expr): void => {
    if (x.kind === e.kind) {
      flatten(x.left);
      flatten(x.right);
    } else operands.push(x);
  };
  flatten(e);
  let narrowed = env.narrowed;
  const irs = operands.map((operand) => {
    const ir = checkCondition({ ...env, narrowed }, operand);
    narrowed = new Set([...narrowed, ...narrowedBy(operand, e.kind === 'and')]);
    return ir;
  });
  const complete = irs.filter((ir): ir is ExprIr => ir !== null);
  return complete.length === irs.length ? bool({ op: e.kind, operands: complete }) : null;
}

function checkNegate(env: Env, e: Extract<Expr, { kind: 'negate' }>): Typed | null {
  const operand = expectKind(env, e.operand, 'number', 'unary `-`', 'a number');
  if (operand === null) return null;
  if (operand.ir.op === 'const' && operand.ir.value.kind === 'number') {
    const { text } = operand.ir.value;
    const negated = decimalText(text.startsWith('-') ? text.slice(1) : `-${text}`);
    return constant({ kind: 'number', text: negated }, operand.ir.type);
  }
  return { ir: { op: 'negate', operand: operand.ir }, type: operand.type };
}

function checkArith(env: Env, e: Extract<Expr, { kind: 'arith' }>): Typed | null {
  const sides = checkPair(env, e.left, e.right);
  if (sides === null) return null;
  const time = checkTimeArith(env, e, ...sides);
  if (time !== undefined) return time;
  const [left, right] = sides.map((side, i) => {
    const cast = castTo(side, 'number');
    if (cast === null) reportMisfit(env, (i === 0 ? e.left : e.right).span, side, `\`${e.op}\``, 'numbers');
    return cast;
  }) as [Typed | null, Typed | null];
  if (left === null || right === null) return null;
  const whole = left.type.kind === 'int' && right.type.kind === 'int';
  return {
    ir: { op: 'arith', fn: e.op, left: left.ir, right: right.ir },
    type: { kind: whole ? 'int' : 'decimal' },
  };
}

/** Checks an operand that must be of one kind. */
export function expectKind(env: Env, e: Expr, kind: Kind, what: string, wanted: string): Typed | null {
  const typed = checkExpr(env, e);
  if (typed === null) return null;
  const cast = castTo(typed, kind);
  if (cast === null) reportMisfit(env, e.span, typed, what, wanted);
  return cast;
}

/** An operand of the wrong type; one without a type in the schema is said as such. */
export function reportMisfit(env: Env, span: tree.Span, typed: Typed, what: string, wanted: string): void {
  if (typed.type.kind === 'json') {
    const name = typed.ir.op === 'arg' ? `\`${['args', ...typed.ir.path].join('.')}\`` : 'this value';
    env.scope.report('SEP3006', span, { name, what });
  } else env.scope.report('SEP3001', span, { what, wanted, found: describeType(typed.type) });
}
