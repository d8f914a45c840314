// SPDX-License-Identifier: Apache-2.0
/** Warnings: what compiles, and probably does not mean what the author thinks. */
import type * as tree from '../grammar/tree.js';
import type { Env } from './check-expr.js';
import { argPath } from './narrow.js';
import { propertyAt, propertyNames } from './schema.js';
import type { Scope } from './scope.js';

type Expr = tree.Expr;

/** Calls `visit` on every expression below `e`, itself included. */
export function walk(e: Expr, visit: (e: Expr) => void): void {
  visit(e);
  switch (e.kind) {
    case 'list':
      for (const item of e.items) walk(item, visit);
      return;
    case 'member':
      walk(e.object, visit);
      return;
    case 'call':
      for (const arg of e.args) walk(arg, visit);
      return;
    case 'quantifier':
      walk(e.list, visit);
      walk(e.body, visit);
      return;
    case 'not':
    case 'negate':
      walk(e.operand, visit);
      return;
    case 'and':
    case 'or':
    case 'arith':
    case 'compare':
    case 'test':
      walk(e.left, visit);
      walk(e.right, visit);
      return;
    case 'hasRole':
      walk(e.subject, visit);
      return;
    case 'null':
    case 'bool':
    case 'number':
    case 'string':
    case 'regex':
    case 'duration':
    case 'name':
    case 'principal':
      return;
  }
}

export function lintRule(scope: Scope, s: tree.RuleStatement, env: Env): void {
  if (s.effect !== 'allow' && s.effect !== 'review') return;
  const conditions = s.clauses.flatMap((c) => (c.kind === 'when' || c.kind === 'unless' ? [c.expr] : []));
  const read = new Set<string>();
  const lets = conditions.some((e) => readsThroughLet(scope, e));
  for (const condition of conditions) {
    walk(condition, (e) => {
      const path = argPath(e);
      if (path?.[0] !== undefined) read.add(path[0]);
    });
    lintBounds(scope, condition);
    lintEmptyAll(env, condition);
  }
  if (!lets && s.effect === 'allow') lintUnreadPaths(scope, s, env, read);
}

function readsThroughLet(scope: Scope, e: Expr): boolean {
  let found = false;
  walk(e, (x) => {
    const name = x.kind === 'name' ? x.name.text : x.kind === 'call' ? x.callee.text : '';
    found ||= scope.names.get(name)?.kind === 'let';
  });
  return found;
}

const PATH_NAMES = new Set(['path', 'paths', 'file', 'filename', 'directory', 'dir', 'source', 'destination']);

/** A path argument of a granted tool that no condition reads. */
function lintUnreadPaths(scope: Scope, s: tree.RuleStatement, env: Env, read: ReadonlySet<string>): void {
  for (const tool of env.tools) {
    const name = propertyNames(tool.inputSchema).find((n) => PATH_NAMES.has(n) && !read.has(n));
    const kind = name === undefined ? undefined : propertyAt(tool.inputSchema, [name])?.type.kind;
    if (name === undefined || (kind !== 'string' && kind !== 'list')) continue;
    const shown = `${tool.server}/${tool.name}`;
    scope.report('SEP4005', s.name.span, { rule: s.name.text, tool: shown, name });
    return;
  }
}

/** `x <= 10` without a lower bound lets every negative number through. */
function lintBounds(scope: Scope, condition: Expr): void {
  const upper = new Map<string, tree.Span>();
  const other = new Set<string>();
  walk(condition, (e) => {
    if (e.kind !== 'compare' && e.kind !== 'test') return;
    for (const [side, value, op] of [
      [e.left, e.right, e.op],
      [e.right, e.left, FLIPPED.get(e.op) ?? e.op],
    ] as const) {
      const path = argPath(side);
      if (path === null || path.length === 0) continue;
      const name = ['args', ...path].join('.');
      if (value.kind === 'number' && (op === '<' || op === '<=')) upper.set(name, e.span);
      else other.add(name);
    }
  });
  for (const [name, span] of upper) if (!other.has(name)) scope.report('SEP4007', span, { name });
}
const FLIPPED = new Map<string, tree.CompareOp>([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
]);

function lintEmptyAll(env: Env, condition: Expr): void {
  walk(condition, (e) => {
    if (e.kind !== 'quantifier' || e.mode !== 'all') return;
    const path = argPath(e.list);
    if (path === null) return;
    const least = env.tools.map((tool) => propertyAt(tool.inputSchema, path)?.minItems ?? 0);
    if (least.some((n) => n === 0)) env.scope.report('SEP4006', e.span, { name: ['args', ...path].join('.') });
  });
}

/** A block that allows without asking who calls. */
export function lintBlock(scope: Scope, s: tree.DecideStatement): void {
  if (s.who !== null) return;
  const allows = [...s.cases.map((c) => c.outcome), s.otherwise].some((o) => o?.effect === 'allow');
  if (allows && !s.cases.some((c) => asksWho(scope, c.when))) scope.report('SEP4003', s.name.span, { name: s.name.text });
}

function asksWho(scope: Scope, condition: Expr): boolean {
  let found = readsThroughLet(scope, condition);
  walk(condition, (e) => {
    found ||= e.kind === 'hasRole' || (e.kind === 'name' && (e.name.text === 'principal' || e.name.text === 'user'));
  });
  return found;
}

/** Sets, predicates, facts and roles that nothing refers to. */
export function lintUnused(scope: Scope, statements: readonly tree.Statement[]): void {
  for (const s of statements) {
    if (s.kind === 'role') {
      for (const { name } of s.roles) {
        if (!scope.used.has(`role:${name.text}`)) scope.report('SEP4002', name.span, { name: name.text });
      }
    } else if (s.kind === 'principals' || s.kind === 'actions' || s.kind === 'let' || s.kind === 'fact') {
      if (!scope.used.has(s.name.text)) scope.report('SEP4002', s.name.span, { name: s.name.text });
    }
  }
}
