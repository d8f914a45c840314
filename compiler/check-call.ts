// SPDX-License-Identifier: Apache-2.0
/** Function calls: `has`, `size`, `lower`, and the author's own predicates, which are inlined. */
import type { Expr } from '../grammar/tree.js';
import {
  bool,
  castTo,
  checkCondition,
  checkExpr,
  describeTy,
  type Env,
  expectKind,
  kindsOf,
  type Typed,
  typeOfRef,
} from './check-expr.js';
import { argProperty } from './check-member.js';
import { didYouMean } from './diagnostics/suggest.js';
import type { TypeIr } from './ir.js';
import { argPath } from './narrow.js';

/** A parameter of a predicate or quantifier with the value that stands for it. */
export interface Inline {
  readonly typed: Typed;
}

type Call = Extract<Expr, { kind: 'call' }>;
const LATER = ['url', 'ip', 'domain', 'cidr', 'injection_score', 'has_secrets', 'has_pii', 'findings'];

export function checkCall(env: Env, e: Call): Typed | null {
  const name = e.callee.text;
  const named = env.scope.names.get(name);
  if (named?.kind === 'let') return inline(env, e, named);
  switch (name) {
    case 'has':
      return checkHas(env, e);
    case 'lower':
    case 'size':
      return checkTextFunction(env, e, name);
    default: {
      if (LATER.includes(name)) env.scope.report('SEP4911', e.span, { name });
      else {
        const lets = [...env.scope.names.values()].filter((s) => s.kind === 'let').map((s) => s.name.text);
        const help = didYouMean(name, ['has', 'size', 'lower', ...LATER, ...lets]);
        env.scope.report('SEP2012', e.callee.span, { name }, help === null ? {} : { help });
      }
      return null;
    }
  }
}

function arity(env: Env, e: Call, wanted: number): boolean {
  if (e.args.length === wanted) return true;
  const count = (n: number): string => (n === 1 ? 'one argument' : `${n} arguments`);
  env.scope.report('SEP3007', e.span, {
    name: e.callee.text,
    wanted: count(wanted),
    found: String(e.args.length),
  });
  return false;
}

function checkHas(env: Env, e: Call): Typed | null {
  const [argument] = e.args;
  if (!arity(env, e, 1) || argument === undefined) return null;
  const path = argPath(argument);
  if (path === null || path.length === 0) {
    env.scope.report('SEP3001', argument.span, {
      what: '`has`',
      wanted: 'an argument, as `args.name`',
      found: 'something else',
    });
    return null;
  }
  return argProperty(env, path, argument.span) && bool({ op: 'has', path });
}

function checkTextFunction(env: Env, e: Call, fn: 'lower' | 'size'): Typed | null {
  const [argument] = e.args;
  if (!arity(env, e, 1) || argument === undefined) return null;
  if (fn === 'lower') {
    const text = expectKind(env, argument, 'string', '`lower`', 'a string');
    return text && { ir: { op: 'lower', operand: text.ir }, type: { kind: 'string' } };
  }
  const typed = checkExpr(env, argument);
  if (typed === null) return null;
  const text = castTo(typed, 'string');
  const type: TypeIr = { kind: 'int' };
  if (text !== null) return { ir: { op: 'size', operand: text.ir }, type };
  if (typed.type.kind === 'list') return { ir: { op: 'size', operand: typed.ir }, type };
  env.scope.report('SEP3001', argument.span, {
    what: '`size`',
    wanted: 'a string or a list',
    found: describeTy(typed.type),
  });
  return null;
}

function inline(
  env: Env,
  e: Call,
  named: Extract<NonNullable<ReturnType<Env['scope']['names']['get']>>, { kind: 'let' }>,
): Typed | null {
  const name = named.name.text;
  env.scope.used.add(name);
  if (env.lets.includes(name)) {
    env.scope.report('SEP2007', e.callee.span, { name });
    return null;
  }
  if (!arity(env, e, named.params.length)) return null;
  const params = new Map<string, Inline>();
  for (const [i, param] of named.params.entries()) {
    const argument = e.args[i] as Expr;
    const type = typeOfRef(param.type);
    if (type === null) {
      env.scope.report('SEP4915', param.type.span);
      return null;
    }
    const typed = checkExpr(env, argument);
    const kind = kindsOf(type)[0] ?? 'json';
    const cast = typed && castTo(typed, kind);
    if (typed !== null && cast === null) {
      const found = describeTy(typed.type);
      env.scope.report('SEP3001', argument.span, {
        what: `\`${param.name.text}\` of \`${name}\``,
        wanted: describeTy(type),
        found,
      });
    }
    if (cast === null) return null;
    params.set(param.name.text, { typed: cast });
  }
  const body = checkCondition({ ...env, params, lets: [...env.lets, name] }, named.body);
  return body && bool(body);
}
