// SPDX-License-Identifier: Apache-2.0
/** Operators with two operands: comparisons, `in`, `under`, the tests of texts, `has role`. */
import { quote } from '../grammar/literals.js';
import type * as tree from '../grammar/tree.js';
import { pathSegments } from '../stdlib/path.js';
import { assertNever } from './assert.js';
import { nameChain } from './narrow.js';
import {
  checkExpr,
  checkFactRead,
  constant,
  elementOf,
  type Env,
  expectKind,
  reportMisfit,
} from './check-expr.js';
import { besideAddress, checkInAddress } from './check-net.js';
import { checkWithin } from './check-schedule.js';
import { besideInstant } from './check-time.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import { globIr } from './glob.js';
import type { ExprIr, WhoIr, WhoTermIr } from './ir.js';
import { compileRegex } from './regex/dfa.js';
import { roleValue, type Scope, whoIr } from './scope.js';
import { isFreeWord } from './slips.js';
import { bool, castTo, describeType, type Kind, kindsOf, listed, type Typed } from './types.js';

type Expr = tree.Expr;
type Test = Extract<Expr, { kind: 'test' }>;
type On = 'number' | 'string' | 'bool' | 'json';

export function checkCompare(env: Env, e: Extract<Expr, { kind: 'compare' }>): Typed | null {
  const pair = checkPair(env, e.left, e.right);
  if (pair === null) return null;
  const [left, right] = pair;
  const kind = commonKind(left, right);
  const ordered = e.op !== '==' && e.op !== '!=';
  if (kind === null || (ordered && !ORDERED.includes(kind))) {
    const wanted = ordered && kind !== null ? 'numbers, strings or times' : 'two values of one type';
    const found = `${describeType(left.type)} and ${describeType(right.type)}`;
    const help = quotedNumber(left, right) ?? quotedNumber(right, left);
    env.scope.report('SEP3001', e.span, { what: `\`${e.op}\``, wanted, found }, { help });
    return null;
  }
  const nullable = kind === 'null';
  const side = (typed: Typed): ExprIr => {
    const { ir } = castTo(typed, kind) ?? typed;
    return nullable && (ir.op === 'arg' || ir.op === 'member') ? { ...ir, nullable } : ir;
  };
  return bool({ op: 'compare', cmp: e.op, on: onOf(kind), left: side(left), right: side(right) });
}

const ORDERED: readonly Kind[] = ['number', 'string', 'instant', 'duration'];

/** `args.n > "10"`: the number was probably meant. */
function quotedNumber(number: Typed, text: Typed): string | null {
  if (!kindsOf(number.type).includes('number') || text.ir.op !== 'const') return null;
  const { value } = text.ir;
  if (value.kind !== 'string' || value.value.trim() === '') return null;
  return Number.isFinite(Number(value.value)) ? `write \`${value.value}\` without quotes` : null;
}

/** Two sides of one type: a bare word beside an enum is a member before it is a name. */
export function checkPair(env: Env, a: Expr, b: Expr): readonly [Typed, Typed] | null {
  if (a.kind === 'name' && b.kind === 'name' && !isKnown(env, a) && !isKnown(env, b)) {
    // Two words without a meaning: the one that is nearly a name is the slip, the other may be a member.
    const names = [...env.params.keys(), ...env.scope.names.keys()];
    checkExpr(env, nearest(a.name.text, names) === null ? b : a);
    return null;
  }
  if (a.kind === 'name' && b.kind !== 'string' && !(isKnown(env, a) && b.kind === 'name')) {
    const right = checkExpr(env, b);
    const left = right && checkBeside(env, a, right);
    return left && right && [left, right];
  }
  if (a.kind === 'string' && b.kind !== 'string') {
    const right = checkExpr(env, b);
    const left = right && checkBeside(env, a, right);
    return left && right && [left, right];
  }
  const left = checkExpr(env, a);
  const right = left && checkBeside(env, b, left);
  return left && right && [left, right];
}

const isKnown = (env: Env, e: Extract<Expr, { kind: 'name' }>): boolean =>
  e.name.text === 'now' || env.params.has(e.name.text) || env.scope.names.has(e.name.text);

/** What a constant is depends on what it stands beside: a member of an enum, an instant, a host. */
function checkBeside(env: Env, e: Expr, { ir, type: other }: Typed): Typed | null {
  const time = e.kind === 'string' ? besideInstant(env, e, other) : undefined;
  if (time !== undefined) return time;
  const address = e.kind === 'string' ? besideAddress(env, e, ir) : undefined;
  if (address !== undefined) return address;
  if (other.kind !== 'enum' || (e.kind !== 'name' && e.kind !== 'string')) return checkExpr(env, e);
  const word = e.kind === 'name' ? e.name.text : e.value;
  if (other.members.includes(word)) return constant({ kind: 'string', value: word }, { kind: 'string' });
  if (e.kind === 'name' && isKnown(env, e)) return checkExpr(env, e);
  reportMember(env.scope, e, word, other.members);
  return null;
}

/** A word or text where a member of an enum is wanted. */
export function reportMember(scope: Scope, e: Expr, word: string, members: readonly string[]): void {
  const near = nearest(word, members);
  const text = near !== null && (e.kind === 'string' || !isFreeWord(near)) ? quote(near) : near;
  const args = { member: word, members: listed(members) };
  scope.report('SEP3004', e.span, args, meant(scope.file, e.span, near, text));
}

/** What two values are compared as. `null` is compared with anything, by `==` and `!=`. */
function commonKind(a: Typed, b: Typed): Kind | null {
  if (a.type.kind === 'null' || b.type.kind === 'null') return 'null';
  const other = kindsOf(b.type);
  const kinds = kindsOf(a.type).filter((kind) => other.includes(kind));
  if (kinds.length > 0) return preferred(a, b, kinds);
  return a.type.kind === 'json' || b.type.kind === 'json' ? 'json' : null;
}

/** An argument of a tool that is not pinned is whatever it is compared with; two of them are compared as they are. */
function preferred(a: Typed, b: Typed, kinds: readonly Kind[]): Kind | null {
  return a.type.kind === 'any' && b.type.kind === 'any' ? 'json' : (kinds[0] ?? null);
}

function onOf(kind: Kind): On {
  switch (kind) {
    case 'number':
    case 'string':
    case 'bool':
      return kind;
    case 'instant':
    case 'duration':
      return 'number';
    case 'list':
    case 'object':
    case 'json':
    case 'null':
      return 'json';
    default:
      return assertNever(kind);
  }
}

export function checkTest(env: Env, e: Test): Typed | null {
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
      return checkWithin(env, e);
    case 'not within':
      return negate(checkWithin(env, e));
    case 'starts with':
    case 'ends with':
    case 'contains':
      return checkText(env, e, e.op);
    case 'like':
      return checkLike(env, e);
    case 'matches':
      return checkMatches(env, e);
    default:
      return assertNever(e.op);
  }
}

function checkIn(env: Env, e: Test): Typed | null {
  const { left, right } = e;
  if (left.kind === 'name' && (left.name.text === 'principal' || left.name.text === 'user')) {
    return checkInFact(env, left.name.text, right) ?? checkInWho(env, left.name.text, right);
  }
  if (right.kind === 'call' && (right.callee.text === 'domain' || right.callee.text === 'cidr'))
    return checkInAddress(env, left, right);
  if (right.kind === 'list') return checkInList(env, left, right);
  const list = expectKind(env, right, 'list', '`in`', 'a list');
  return list && checkInValue(env, left, list, e.span);
}

/** `x in args.list` and `args.list contains x`. */
function checkInValue(env: Env, left: Expr, list: Typed, span: tree.Span): Typed | null {
  const element = elementOf(list.type);
  const item = checkBeside(env, left, { ir: list.ir, type: element });
  if (item === null) return null;
  const kind = commonKind(item, { ir: list.ir, type: element });
  if (kind === null) {
    const found = `${describeType(item.type)} and ${describeType(list.type)}`;
    env.scope.report('SEP3001', span, { what: '`in`', wanted: "a value of the list's type", found });
    return null;
  }
  const value = (castTo(item, kind) ?? item).ir;
  if (kind === 'instant' || kind === 'duration') return amongTimes(env, value, list.ir, kind);
  return bool({ op: 'inValue', on: onOf(kind), left: value, list: list.ir });
}

/** Times are texts in a list and numbers where they are compared. */
function amongTimes(env: Env, value: ExprIr, list: ExprIr, kind: 'instant' | 'duration'): Typed {
  const param = env.counter.params++;
  const item = castTo({ ir: { op: 'param', param, type: { kind } }, type: { kind } }, kind);
  const body: ExprIr = { op: 'compare', cmp: '==', on: 'number', left: item?.ir ?? value, right: value };
  return bool({ op: 'quantifier', mode: 'any', list, param, body });
}

/** `principal in f`, where `f` is a fact: the ids of principals. */
function checkInFact(env: Env, subject: 'principal' | 'user', right: Expr): Typed | null {
  const text = nameChain(right)?.join('.') ?? '';
  const named = env.params.has(text) ? undefined : env.scope.names.get(text);
  const fact =
    named?.kind === 'fact' && named.type.name === 'principals' ? checkFactRead(env, text, named) : null;
  const id: ExprIr = { op: 'subject', field: `${subject}.id` };
  return fact && bool({ op: 'inValue', on: 'string', left: id, list: fact.ir });
}

function checkInList(env: Env, left: Expr, list: Extract<Expr, { kind: 'list' }>): Typed | null {
  const value = checkExpr(env, left);
  if (value === null) return null;
  let common: Kind | null = null;
  const items: ExprIr[] = [];
  for (const item of list.items) {
    const typed = checkBeside(env, item, value);
    if (typed === null) return null;
    const kind = commonKind(value, typed);
    if (kind === null || (common !== null && common !== kind)) {
      reportMisfit(env, item.span, typed, 'an element of this list', describeType(value.type));
      return null;
    }
    common = kind;
    items.push((castTo(typed, kind) ?? typed).ir);
  }
  const kind = common ?? 'json';
  return bool({ op: 'inList', on: onOf(kind), left: (castTo(value, kind) ?? value).ir, items });
}

function checkInWho(env: Env, subject: 'principal' | 'user', right: Expr): Typed | null {
  const terms = right.kind === 'list' ? right.items : [right];
  const include: WhoTermIr[] = [];
  for (const term of terms) {
    const who = principals(env, term, subject);
    if (who === null) return null;
    include.push(...who.include.map((t): WhoTermIr => (who.except.length > 0 ? { kind: 'set', who } : t)));
  }
  return bool({ op: 'inWho', subject, who: { include, except: [] } });
}

/** A set of principals as an operand of `in`: a pattern, a name, or a parameter that stands for one. */
export function principals(env: Env, term: Expr, subject: string): WhoIr | null {
  if (term.kind === 'principal') return whoIr(env.scope, whoOf(term.pattern, term.span));
  if (term.kind === 'member') return dottedSet(env, term, subject);
  if (term.kind === 'name') {
    const param = env.params.get(term.name.text);
    if (param !== undefined && 'who' in param) return param.who;
    if (param === undefined) {
      const { name, span } = term;
      const who = whoIr(
        env.scope,
        whoOf({ kind: 'name', name: { parts: [name], text: name.text, span }, span }, span),
      );
      return who.include.length === 0 ? null : who;
    }
  }
  return notASet(env, term.span, subject);
}

function notASet(env: Env, span: tree.Span, subject: string): null {
  const wanted = 'a set of principals or a pattern such as `agent:x-*`';
  env.scope.report('SEP3001', span, { what: `\`${subject} in\``, wanted, found: 'another value' });
  return null;
}

/** `base.editors`: a set of a module. */
function dottedSet(env: Env, term: Extract<Expr, { kind: 'member' }>, subject: string): WhoIr | null {
  const chain = nameChain(term);
  const { span } = term;
  if (chain === null || !env.scope.names.has(chain.join('.'))) return notASet(env, span, subject);
  const parts = chain.map((text) => ({ text, quoted: false, span }));
  const who = whoIr(
    env.scope,
    whoOf({ kind: 'name', name: { parts, text: chain.join('.'), span }, span }, span),
  );
  return who.include.length === 0 ? null : who;
}

const whoOf = (term: tree.WhoTerm, span: tree.Span): tree.Who => ({ include: [term], except: [], span });

function checkUnder(env: Env, e: Test): Typed | null {
  const left = expectKind(env, e.left, 'string', '`under`', 'a path');
  const right = expectKind(env, e.right, 'string', '`under`', 'a path');
  if (left === null || right === null) return null;
  if (refused(env, left, e.left.span) || refused(env, right, e.right.span)) return null;
  return bool({ op: 'under', left: left.ir, right: right.ir });
}

/** A constant that `under` refuses would be unknown on every call. */
function refused(env: Env, { ir }: Typed, span: tree.Span): boolean {
  if (ir.op !== 'const' || ir.value.kind !== 'string' || pathSegments(ir.value.value) !== null) return false;
  env.scope.report('SEP3008', span, { path: ir.value.value });
  return true;
}

const TEXT_OPS = { 'starts with': 'startsWith', 'ends with': 'endsWith', contains: 'contains' } as const;

function checkText(env: Env, e: Test, op: keyof typeof TEXT_OPS): Typed | null {
  const subject = checkExpr(env, e.left);
  if (subject === null) return null;
  const list =
    op === 'contains' && !kindsOf(subject.type).includes('string') ? castTo(subject, 'list') : null;
  if (list !== null) return checkInValue(env, e.right, list, e.span);
  const left = castTo(subject, 'string');
  const wanted = op === 'contains' ? 'a string or a list' : 'a string';
  if (left === null) reportMisfit(env, e.left.span, subject, `\`${op}\``, wanted);
  const right = expectKind(env, e.right, 'string', `\`${op}\``, 'a string');
  if (left === null || right === null) return null;
  return bool({ op: TEXT_OPS[op], left: left.ir, right: right.ir });
}

// `*` stays within a segment, `**` does not.
function checkLike(env: Env, e: Test): Typed | null {
  const left = expectKind(env, e.left, 'string', '`like`', 'a string');
  const right = expectKind(env, e.right, 'string', '`like`', 'a pattern in quotes');
  if (left === null || right === null) return null;
  if (right.open === true) return bool({ op: 'not', operand: left.ir });
  if (right.ir.op !== 'const' || right.ir.value.kind !== 'string') {
    const found = describeType(right.type);
    env.scope.report('SEP3001', e.right.span, { what: '`like`', wanted: 'a pattern in quotes', found });
    return null;
  }
  return bool({ op: 'like', left: left.ir, glob: globIr(right.ir.value.value, 'text') });
}

function checkMatches(env: Env, e: Test): Typed | null {
  const left = expectKind(env, e.left, 'string', '`matches`', 'a string');
  if (e.right.kind !== 'regex') {
    const wanted = 'a pattern such as `r"[a-z]+"`';
    env.scope.report('SEP3001', e.right.span, { what: '`matches`', wanted, found: 'another value' });
    return null;
  }
  const compiled = compileRegex(e.right.value);
  if (compiled.ok)
    return left && bool({ op: 'matches', left: left.ir, pattern: e.right.value, dfa: compiled.dfa });
  env.scope.report('SEP3017', e.right.span, { what: compiled.what });
  return null;
}

export function checkHasRole(env: Env, e: Extract<Expr, { kind: 'hasRole' }>): Typed | null {
  const subject = e.subject.kind === 'name' ? e.subject.name.text : '';
  if (subject !== 'principal' && subject !== 'user') {
    const wanted = '`principal` or `user`';
    env.scope.report('SEP3001', e.subject.span, { what: '`has role`', wanted, found: 'another value' });
    return null;
  }
  const value = roleValue(env.scope, e.role);
  return value === null ? null : bool({ op: 'hasRole', subject, value });
}
