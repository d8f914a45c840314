// SPDX-License-Identifier: Apache-2.0
/** Conditions: names to meanings, types to operators. Every expression is checked against the tools that its rule is about. */
import type * as tree from '../grammar/tree.js';
import { pathSegments } from '../stdlib/path.js';
import { checkCall, type Inline } from './check-call.js';
import { checkMember } from './check-member.js';
import { didYouMean } from './diagnostics/suggest.js';
import { globIr } from './glob.js';
import type { ConstIr, ExprIr, TypeIr } from './ir.js';
import type { PinnedTool } from './lock.js';
import { narrowedBy } from './narrow.js';
import { describeType } from './schema.js';
import { lookUp, principalGlob, roleValue, type Scope, whoIr } from './scope.js';

type Expr = tree.Expr;
/** `any`: read from a tool that is not pinned yet; every operator fits. */
export type Ty = TypeIr | { readonly kind: 'any' };
export type Kind = 'bool' | 'number' | 'string' | 'json';

export interface Typed {
  readonly ir: ExprIr;
  readonly type: Ty;
}

export interface Env {
  readonly scope: Scope;
  /** Pinned tools that the rule is about; empty for a guard. */
  readonly tools: readonly PinnedTool[];
  /** False in rules about resources, prompts … only. */
  readonly readsArgs: boolean;
  /** In the condition of an `allow`. */
  readonly grants: boolean;
  /** Arguments known to be present, as `a.b`. */
  readonly narrowed: ReadonlySet<string>;
  readonly params: ReadonlyMap<string, Inline>;
  /** Lets being inlined. */
  readonly lets: readonly string[];
  /** Numbers quantifier parameters. */
  readonly counter: { next: number };
}

export const BOOL: TypeIr = { kind: 'bool' };
export const bool = (ir: ExprIr): Typed => ({ ir, type: BOOL });

/** A condition: three-valued, no truthiness. Null after a diagnostic. */
export function checkCondition(env: Env, expr: Expr): ExprIr | null {
  const typed = checkExpr(env, expr);
  if (typed === null) return null;
  const cast = castTo(typed, 'bool');
  if (cast !== null) return cast.ir;
  env.scope.report('SEP3003', expr.span, { found: describeTy(typed.type) });
  return null;
}

export function checkExpr(env: Env, e: Expr): Typed | null {
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
      env.scope.report('SEP4912', e.span);
      return null;
    case 'duration':
      env.scope.report('SEP4911', e.span, { name: e.text });
      return null;
    case 'principal':
      env.scope.report('SEP3001', e.span, {
        what: 'a pattern of principals',
        wanted: '`principal in …`',
        found: 'elsewhere',
      });
      return null;
  }
}

function constant(value: ConstIr, type: TypeIr): Typed {
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
  const items = e.items.map((item) => checkExpr(env, item));
  const values: ConstIr[] = [];
  for (const item of items) {
    if (item === null) return null;
    if (item.ir.op !== 'const') {
      env.scope.report('SEP3001', e.span, {
        what: 'a list of values',
        wanted: 'constants',
        found: 'something else',
      });
      return null;
    }
    values.push(item.ir.value);
  }
  const element = (items[0]?.type ?? { kind: 'json' }) as TypeIr;
  return constant({ kind: 'list', items: values }, { kind: 'list', element });
}

function checkName(env: Env, e: Extract<Expr, { kind: 'name' }>): Typed | null {
  const { text } = e.name;
  const param = env.params.get(text);
  if (param !== undefined) return param.typed;
  const named = env.scope.names.get(text);
  if (named?.kind === 'let') return checkCall(env, letCall(e));
  if (named?.kind === 'fact') {
    env.scope.used.add(text);
    const type = typeOfRef(named.type);
    return type === null ? null : { ir: { op: 'fact', name: text, type }, type };
  }
  if (text === 'now' || text === 'result' || text === 'self') {
    env.scope.report('SEP4911', e.span, { name: text });
    return null;
  }
  if (text === 'args') {
    env.scope.report('SEP3001', e.span, {
      what: 'a condition',
      wanted: 'one argument, as `args.name`',
      found: 'all of them',
    });
    return null;
  }
  if (text === 'principal' || text === 'user' || text === 'session' || text === 'tool') {
    const help = `write \`${text}.id\`, \`${text} in …\` or \`${text} has role …\``;
    env.scope.report(
      'SEP3001',
      e.span,
      { what: 'a condition', wanted: 'a value', found: `the ${text} itself` },
      { help },
    );
    return null;
  }
  lookUp(env.scope, e.name, 'fact');
  return null;
}

function letCall(e: Extract<Expr, { kind: 'name' }>): Extract<Expr, { kind: 'call' }> {
  const callee = { parts: [e.name], text: e.name.text, span: e.span };
  return { kind: 'call', callee, args: [], span: e.span };
}

/** A type of the language as IR; null for those that this release does not compile. */
export function typeOfRef(ref: tree.TypeRef): TypeIr | null {
  switch (ref.name) {
    case 'bool':
    case 'int':
    case 'decimal':
    case 'string':
    case 'path':
      return { kind: ref.name };
    case 'enum':
      return { kind: 'enum', members: ref.members.map((m) => m.text) };
    case 'list': {
      const element = ref.element === null ? null : typeOfRef(ref.element);
      return element === null ? null : { kind: 'list', element };
    }
    case 'url':
    case 'instant':
    case 'duration':
    case 'principals':
      return null;
  }
}

function checkQuantifier(env: Env, e: Extract<Expr, { kind: 'quantifier' }>): Typed | null {
  const list = checkExpr(env, e.list);
  if (list === null) return null;
  const element = elementOf(list.type);
  if (element === null) {
    env.scope.report('SEP3001', e.list.span, {
      what: `\`${e.mode}\``,
      wanted: 'a list',
      found: describeTy(list.type),
    });
    return null;
  }
  const param = env.counter.next++;
  const type = element.kind === 'any' ? ({ kind: 'json' } as const) : element;
  const typed: Typed = { ir: { op: 'param', param, type }, type: element };
  const params = new Map(env.params).set(e.param.text, { typed });
  const body = checkCondition({ ...env, params }, e.body);
  return body && bool({ op: 'quantifier', mode: e.mode, list: list.ir, param, body });
}

function elementOf(type: Ty): Ty | null {
  if (type.kind === 'any') return { kind: 'any' };
  if (type.kind === 'list') return type.element;
  return type.kind === 'union' ? (type.members.map(elementOf).find((t) => t !== null) ?? null) : null;
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
  const operand = number(env, e.operand, 'unary `-`');
  if (operand === null) return null;
  if (operand.ir.op === 'const' && operand.ir.value.kind === 'number') {
    const { text } = operand.ir.value;
    const negated = decimalText(text.startsWith('-') ? text.slice(1) : `-${text}`);
    return constant({ kind: 'number', text: negated }, operand.type as TypeIr);
  }
  return { ir: { op: 'negate', operand: operand.ir }, type: operand.type };
}

function checkArith(env: Env, e: Extract<Expr, { kind: 'arith' }>): Typed | null {
  const left = number(env, e.left, `\`${e.op}\``);
  const right = number(env, e.right, `\`${e.op}\``);
  if (left === null || right === null) return null;
  const whole = left.type.kind === 'int' && right.type.kind === 'int';
  return {
    ir: { op: 'arith', fn: e.op, left: left.ir, right: right.ir },
    type: { kind: whole ? 'int' : 'decimal' },
  };
}

function number(env: Env, e: Expr, what: string): Typed | null {
  return expectKind(env, e, 'number', what, 'a number');
}

/** Checks an operand that must be of one kind. */
export function expectKind(env: Env, e: Expr, kind: Kind, what: string, wanted: string): Typed | null {
  const typed = checkExpr(env, e);
  if (typed === null) return null;
  const cast = castTo(typed, kind);
  if (cast === null) env.scope.report('SEP3001', e.span, { what, wanted, found: describeTy(typed.type) });
  return cast;
}

export function kindsOf(type: Ty): readonly Kind[] {
  switch (type.kind) {
    case 'any':
      return ['bool', 'number', 'string', 'json'];
    case 'bool':
      return ['bool'];
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
    case 'instant':
    case 'duration':
    case 'json':
    case 'null':
    case 'object':
    case 'list':
      return ['json'];
  }
}

/** The same value read as one kind: on a union other members become unknown when they turn up. */
export function castTo(typed: Typed, kind: Kind): Typed | null {
  if (!kindsOf(typed.type).includes(kind)) return null;
  if (typed.type.kind !== 'any' && typed.type.kind !== 'union') return typed;
  const fitting =
    typed.type.kind === 'union' ? typed.type.members.filter((m) => kindsOf(m).includes(kind)) : [];
  const type: TypeIr =
    fitting.length === 1 ? (fitting[0] as TypeIr) : { kind: kind === 'number' ? 'decimal' : kind };
  const { ir } = typed;
  return ir.op === 'arg' || ir.op === 'fact' || ir.op === 'param'
    ? { ir: { ...ir, type }, type }
    : { ir, type };
}

export function describeTy(type: Ty): string {
  return type.kind === 'any' ? 'an argument of a tool that is not pinned' : describeType(type);
}

/** Two sides of one type: a bare word beside an enum is a member before it is a name. */
function checkPair(env: Env, a: Expr, b: Expr): readonly [Typed, Typed] | null {
  if (a.kind === 'name' && b.kind !== 'name') {
    const right = checkExpr(env, b);
    const left = right && checkBeside(env, a, right.type);
    return left && right && [left, right];
  }
  const left = checkExpr(env, a);
  const right = left && checkBeside(env, b, left.type);
  return left && right && [left, right];
}

function checkBeside(env: Env, e: Expr, other: Ty): Typed | null {
  const members = enumMembers(other);
  if (members !== null && (e.kind === 'name' || e.kind === 'string')) {
    const word = e.kind === 'name' ? e.name.text : e.value;
    if (members.includes(word)) return constant({ kind: 'string', value: word }, { kind: 'string' });
    const isName = e.kind === 'name' && (env.params.has(word) || env.scope.names.has(word));
    if (!isName) {
      const help = didYouMean(word, members);
      const shown = members.map((m) => `\`${m}\``).join(', ');
      env.scope.report('SEP3004', e.span, { member: word, members: shown }, help === null ? {} : { help });
      return null;
    }
  }
  return checkExpr(env, e);
}

function enumMembers(type: Ty): readonly string[] | null {
  return type.kind === 'enum' ? type.members : null;
}

function checkCompare(env: Env, e: Extract<Expr, { kind: 'compare' }>): Typed | null {
  const pair = checkPair(env, e.left, e.right);
  if (pair === null) return null;
  const on = commonKind(pair[0], pair[1]);
  const ordered = e.op !== '==' && e.op !== '!=';
  if (on === null || (ordered && on !== 'number' && on !== 'string')) {
    const [left, right] = [describeTy(pair[0].type), describeTy(pair[1].type)];
    const wanted = ordered && on !== null ? 'numbers or strings' : 'two values of one type';
    env.scope.report('SEP3001', e.span, { what: `\`${e.op}\``, wanted, found: `${left} and ${right}` });
    return null;
  }
  const [left, right] = [castTo(pair[0], on) ?? pair[0], castTo(pair[1], on) ?? pair[1]];
  const nullable = left.type.kind === 'null' || right.type.kind === 'null';
  const side = ({ ir }: Typed): ExprIr =>
    ir.op === 'arg' && (nullable || on === 'json') ? { ...ir, nullable: true } : ir;
  return bool({ op: 'compare', cmp: e.op, on, left: side(left), right: side(right) });
}

/** What two values are compared as; everything is comparable with `null` by `==`. */
function commonKind(a: Typed, b: Typed): Kind | null {
  if (a.type.kind === 'null' || b.type.kind === 'null') return 'json';
  const kinds = kindsOf(a.type).filter((kind) => kindsOf(b.type).includes(kind));
  if (kinds.length > 0) return kinds[0] ?? null;
  return a.type.kind === 'json' || b.type.kind === 'json' ? 'json' : null;
}

function checkTest(env: Env, e: Extract<Expr, { kind: 'test' }>): Typed | null {
  const negate = (typed: Typed | null): Typed | null => typed && bool({ op: 'not', operand: typed.ir });
  switch (e.op) {
    case 'in':
      return checkIn(env, e);
    case 'not in':
      return negate(checkIn(env, e));
    case 'under':
      return checkUnder(env, e);
    case 'not under':
      return negate(checkUnder(env, e));
    case 'within':
    case 'not within':
      env.scope.report('SEP4905', e.opSpan);
      return null;
    case 'starts with':
    case 'ends with':
    case 'contains':
    case 'like':
      return checkText(env, e, e.op);
    case 'matches':
      env.scope.report('SEP4912', e.opSpan);
      return null;
  }
}

function checkIn(env: Env, e: Extract<Expr, { kind: 'test' }>): Typed | null {
  const { left, right } = e;
  if (left.kind === 'name' && (left.name.text === 'principal' || left.name.text === 'user')) {
    return checkInWho(env, left.name.text, right);
  }
  if (right.kind === 'call' && (right.callee.text === 'domain' || right.callee.text === 'cidr')) {
    env.scope.report('SEP4911', right.span, { name: right.callee.text });
    return null;
  }
  if (right.kind === 'list') return checkInList(env, left, right);
  const list = checkExpr(env, right);
  if (list === null) return null;
  const element = elementOf(list.type);
  if (element === null) {
    env.scope.report('SEP3001', right.span, { what: '`in`', wanted: 'a list', found: describeTy(list.type) });
    return null;
  }
  const item = checkBeside(env, left, element);
  const on = item && commonKind(item, { ir: list.ir, type: element });
  if (item && on === null) {
    const found = `${describeTy(item.type)} in ${describeTy(list.type)}`;
    env.scope.report('SEP3001', e.span, { what: '`in`', wanted: "a value of the list's type", found });
  }
  return item && on && bool({ op: 'inValue', on, left: (castTo(item, on) ?? item).ir, list: list.ir });
}

function checkInList(env: Env, left: Expr, list: Extract<Expr, { kind: 'list' }>): Typed | null {
  const value = checkExpr(env, left);
  if (value === null) return null;
  let on: Kind | null = null;
  const items = list.items.map((item) => {
    const typed = checkBeside(env, item, value.type);
    if (typed === null) return null;
    const kind = commonKind(value, typed);
    if (kind === null || (on !== null && on !== kind)) {
      const found = describeTy(typed.type);
      env.scope.report('SEP3001', item.span, { what: 'this list', wanted: describeTy(value.type), found });
      return null;
    }
    on = kind;
    return typed.ir;
  });
  const complete = items.filter((ir): ir is ExprIr => ir !== null);
  if (complete.length < items.length) return null;
  const kind: Kind = on ?? 'json';
  return bool({ op: 'inList', on: kind, left: (castTo(value, kind) ?? value).ir, items: complete });
}

function checkInWho(env: Env, subject: 'principal' | 'user', right: Expr): Typed | null {
  const terms = right.kind === 'list' ? right.items : [right];
  const include: tree.WhoTerm[] = [];
  for (const term of terms) {
    if (term.kind === 'principal') include.push(term.pattern);
    else if (term.kind === 'name') {
      const span = term.span;
      include.push({ kind: 'name', name: { parts: [term.name], text: term.name.text, span }, span });
    } else {
      const wanted = 'a set of principals or a pattern such as `agent:x-*`';
      env.scope.report('SEP3001', term.span, { what: `\`${subject} in\``, wanted, found: 'something else' });
      return null;
    }
  }
  const who = whoIr(env.scope, { include, except: [], span: right.span });
  return who.include.length < include.length ? null : bool({ op: 'inWho', subject, who });
}
export { principalGlob };

function checkUnder(env: Env, e: Extract<Expr, { kind: 'test' }>): Typed | null {
  const left = expectKind(env, e.left, 'string', '`under`', 'a path');
  const right = expectKind(env, e.right, 'string', '`under`', 'a path');
  if (left === null || right === null) return null;
  if (e.right.kind === 'string' && pathSegments(e.right.value) === null) {
    env.scope.report('SEP3008', e.right.span, { path: e.right.value });
    return null;
  }
  return bool({ op: 'under', left: left.ir, right: right.ir });
}

const TEXT_OPS = { 'starts with': 'startsWith', 'ends with': 'endsWith', contains: 'contains' } as const;

function checkText(
  env: Env,
  e: Extract<Expr, { kind: 'test' }>,
  op: keyof typeof TEXT_OPS | 'like',
): Typed | null {
  if (op === 'contains') {
    const list = checkExpr(env, e.left);
    if (list === null) return null;
    if (!kindsOf(list.type).includes('string') && elementOf(list.type) !== null) {
      return checkIn(env, { ...e, left: e.right, right: e.left });
    }
  }
  const left = expectKind(env, e.left, 'string', `\`${op}\``, 'a string');
  const right = expectKind(env, e.right, 'string', `\`${op}\``, 'a string');
  if (left === null || right === null) return null;
  if (op === 'like') {
    if (e.right.kind !== 'string') {
      env.scope.report('SEP3001', e.right.span, {
        what: '`like`',
        wanted: 'a pattern in quotes',
        found: 'something else',
      });
      return null;
    }
    return bool({ op: 'like', left: left.ir, glob: globIr(e.right.value) });
  }
  if (op === 'starts with') lintPathPrefix(env, e);
  return bool({ op: TEXT_OPS[op], left: left.ir, right: right.ir });
}

function lintPathPrefix(env: Env, e: Extract<Expr, { kind: 'test' }>): void {
  if (e.right.kind !== 'string' || !e.right.value.startsWith('/')) return;
  const path =
    e.right.value.length > 1 && e.right.value.endsWith('/') ? e.right.value.slice(0, -1) : e.right.value;
  if (pathSegments(path) === null) return;
  const span = { start: e.opSpan.start, end: e.right.span.end };
  const edits = [{ file: env.scope.file, span, text: `under ${JSON.stringify(path)}` }];
  env.scope.report(
    'SEP4001',
    span,
    { path },
    { fixes: [{ title: `write \`under ${JSON.stringify(path)}\``, edits }] },
  );
}

function checkHasRole(env: Env, e: Extract<Expr, { kind: 'hasRole' }>): Typed | null {
  const subject = e.subject.kind === 'name' ? e.subject.name.text : '';
  if (subject !== 'principal' && subject !== 'user') {
    env.scope.report('SEP3001', e.subject.span, {
      what: '`has role`',
      wanted: '`principal` or `user`',
      found: 'something else',
    });
    return null;
  }
  const value = roleValue(env.scope, e.role);
  return value === null ? null : bool({ op: 'hasRole', subject, value });
}
