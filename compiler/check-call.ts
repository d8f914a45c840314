// SPDX-License-Identifier: Apache-2.0
/** Function calls: `has`, `size`, `lower`, and the author's own predicates, which are inlined. */
import type * as tree from '../grammar/tree.js';
import { principals } from './check-compare.js';
import {
  type Binding,
  checkExpr,
  type Env,
  expectKind,
  MAX_LETS,
  reportMisfit,
  typeOfRef,
} from './check-expr.js';
import { argProperty, hasElement } from './check-member.js';
import { ADDRESSES, checkAddress } from './check-net.js';
import { checkScan, SCANS } from './check-scan.js';
import { besideInstant } from './check-time.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import type { TypeIr } from './ir.js';
import { argPath, readPath } from './narrow.js';
import { fullName, ownerOf } from './scope.js';
import { bool, castTo, describeType, fitTo, type Typed } from './types.js';

type Call = Extract<tree.Expr, { kind: 'call' }>;
const INT: TypeIr = { kind: 'int' };

export function checkCall(env: Env, e: Call): Typed | null {
  const name = e.callee.text;
  switch (name) {
    case 'has':
      return checkHas(env, e);
    case 'lower': {
      const text =
        arity(env, e, 1) && expectKind(env, e.args[0] as tree.Expr, 'string', '`lower`', 'a string');
      return text ? { ir: { op: 'lower', operand: text.ir }, type: { kind: 'string' } } : null;
    }
    case 'size':
      return checkSize(env, e);
    case 'url':
    case 'ip':
    case 'domain':
    case 'cidr':
      return checkAddress(env, e);
    case 'injection_score':
    case 'has_secrets':
    case 'has_pii':
    case 'findings':
      return checkScan(env, e);
    default: {
      const named = env.scope.names.get(name);
      if (named?.kind === 'let') return inline(env, e, named);
      reportUnknown(env, e, name);
      return null;
    }
  }
}

function reportUnknown(env: Env, e: Call, name: string): void {
  const lets = [...env.scope.names].filter(([, s]) => s.kind === 'let').map(([text]) => text);
  const near = nearest(name, ['has', 'size', 'lower', ...SCANS, ...ADDRESSES, ...lets]);
  if (near !== null) env.scope.meant.add(near);
  env.scope.report('SEP2012', e.callee.span, { name }, meant(env.scope.file, e.callee.span, near));
}

function arity(env: Env, e: Call, wanted: number): boolean {
  if (e.args.length === wanted) return true;
  const count = wanted === 1 ? 'one argument' : wanted === 0 ? 'no arguments' : `${wanted} arguments`;
  const args = { name: e.callee.text, wanted: count, found: String(e.args.length) };
  env.scope.report('SEP3007', e.span, args);
  return false;
}

function checkHas(env: Env, e: Call): Typed | null {
  const [argument] = e.args;
  if (!arity(env, e, 1) || argument === undefined) return null;
  const found = readPath(argument);
  const element =
    found?.root == null || !env.params.has(found.root) ? null : hasElement(env, found, argument.span);
  if (element !== null) return element;
  const path = argPath(argument);
  if (path === null || path.length === 0) {
    const found = 'another value';
    env.scope.report('SEP3001', argument.span, {
      what: '`has`',
      wanted: 'an argument, as `args.name`, or a member of an element',
      found,
    });
    return null;
  }
  return argProperty(env, path, argument.span) && bool({ op: 'has', path });
}

function checkSize(env: Env, e: Call): Typed | null {
  const [argument] = e.args;
  if (!arity(env, e, 1) || argument === undefined) return null;
  const typed = checkExpr(env, argument);
  if (typed === null) return null;
  const operand = castTo(typed, 'string') ?? castTo(typed, 'list');
  if (operand !== null) return { ir: { op: 'size', operand: operand.ir }, type: INT };
  reportMisfit(env, argument.span, typed, '`size`', 'a string or a list');
  return null;
}

function inline(env: Env, e: Call, named: tree.LetStatement): Typed | null {
  const name = e.callee.text;
  env.scope.used.add(name);
  const full = fullName(env.scope, name);
  if (env.lets.includes(full)) {
    env.scope.report('SEP2007', e.callee.span, { name });
    return null;
  }
  if (env.lets.length >= MAX_LETS) {
    env.scope.report('SEP3015', e.span);
    return null;
  }
  if (!arity(env, e, named.params.length)) return null;
  const scope = ownerOf(env.scope, name);
  const params = new Map(scope.bindings);
  for (const [i, param] of named.params.entries()) {
    const bound = bind(env, name, param, e.args[i] as tree.Expr);
    if (bound === null) return null;
    params.set(param.name.text, bound);
  }
  return checkExpr({ ...env, scope, params, lets: [...env.lets, full] }, named.body);
}

/** The value of a parameter, of a predicate or a template; null after a diagnostic. */
export function bind(env: Env, predicate: string, param: tree.Param, argument: tree.Expr): Binding | null {
  if (param.type.name === 'principals') {
    const who = principals(env, argument, `\`${param.name.text}\` of \`${predicate}\``);
    return who && { who };
  }
  const type = typeOfRef(param.type);
  const constant = argument.kind === 'string' ? besideInstant(env, argument, type) : undefined;
  const typed = constant === undefined ? checkExpr(env, argument) : constant;
  if (typed === null) return null;
  const fit = fitTo(typed, type);
  if (fit !== null) return { typed: fit };
  const what = `\`${param.name.text}\` of \`${predicate}\``;
  reportMisfit(env, argument.span, typed, what, describeType(type));
  return null;
}

/** A predicate that no rule uses is still checked: its parameters are of their types, its arguments of any. */
export function checkUnusedLet(env: Env, named: tree.LetStatement): void {
  const params = new Map(env.scope.bindings);
  for (const param of named.params) {
    const type = typeOfRef(param.type);
    if (param.type.name === 'principals') params.set(param.name.text, { who: { include: [], except: [] } });
    else {
      const number = env.counter.params++;
      params.set(param.name.text, { typed: { ir: { op: 'param', param: number, type }, type, open: true } });
    }
  }
  checkExpr({ ...env, params, lets: [fullName(env.scope, named.name.text)] }, named.body);
}
