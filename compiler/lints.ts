// SPDX-License-Identifier: Apache-2.0
/** Warnings: what compiles, and probably does not mean what the author thinks. */
import { printExpr } from '../grammar/print-expr.js';
import type * as tree from '../grammar/tree.js';
import { pathSegments } from '../stdlib/path.js';
import { parseUrl } from '../stdlib/url.js';
import type { Env } from './check-expr.js';
import type { Fix } from './diagnostics/diagnostic.js';
import { argPath } from './narrow.js';
import { propertyAt, propertyNames } from './schema.js';
import type { Scope } from './scope.js';
import { kindsOf } from './types.js';
import { everyExpr } from './walk.js';

type Expr = tree.Expr;
const shown = (path: readonly string[]): string => ['args', ...path].join('.');
const grants = (effect: tree.Effect): boolean => effect === 'allow' || effect === 'review';

export function lintRule(scope: Scope, s: tree.RuleStatement, env: Env): void {
  const conditions = s.clauses.flatMap((c) => (c.kind === 'when' || c.kind === 'unless' ? [c.expr] : []));
  for (const condition of conditions) {
    lintTexts(scope, condition);
    if (grants(s.effect)) lintGrant(env, condition);
    else lintWords(scope, condition);
  }
  if (s.effect === 'allow') lintUnreadPaths(scope, s, env, conditions);
}

/** A block that allows without asking who calls, and what is said of conditions in rules. */
export function lintBlock(scope: Scope, s: tree.DecideStatement, env: Env): void {
  for (const { when, outcome } of s.cases) {
    lintTexts(scope, when);
    if (grants(outcome.effect)) lintGrant(env, when);
    else lintWords(scope, when);
  }
  const anyone = s.who === null || s.who.include.some((term) => term.kind === 'any');
  const allows = [...s.cases.map((c) => c.outcome), s.otherwise].some((o) => o?.effect === 'allow');
  if (anyone && allows && !s.cases.some((c) => asksWho(scope, c.when))) {
    scope.report('SEP4003', s.name.span, { name: s.name.text });
  }
}

/** Does the condition ask about the caller, itself or through a predicate? */
function asksWho(scope: Scope, condition: Expr): boolean {
  return within(scope, condition).some(
    (e) =>
      e.kind === 'hasRole' || (e.kind === 'name' && (e.name.text === 'principal' || e.name.text === 'user')),
  );
}

/** Every expression of a condition, and of the predicates that it uses. */
function within(scope: Scope, condition: Expr): readonly Expr[] {
  const seen = new Set<string>();
  const all: Expr[] = [];
  const todo: Expr[] = [condition];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const e of everyExpr(next)) {
      all.push(e);
      const name = e.kind === 'name' ? e.name.text : e.kind === 'call' ? e.callee.text : null;
      const named = name === null || seen.has(name) ? undefined : scope.names.get(name);
      if (name === null || named?.kind !== 'let') continue;
      seen.add(name);
      todo.push(named.body);
    }
  }
  return all;
}

const PATH_WORDS = ['path', 'file', 'filename', 'dir', 'directory', 'folder', 'source', 'destination'];

function looksLikePath(name: string): boolean {
  const lower = name.toLowerCase();
  const word = lower.endsWith('s') ? lower.slice(0, -1) : lower;
  return (
    PATH_WORDS.some((p) => word === p || word.endsWith(`_${p}`) || word.endsWith(`-${p}`)) ||
    /[a-z](Path|File|Dir)s?$/.test(name)
  );
}

/** A path argument of a granted tool that no condition reads. */
function lintUnreadPaths(scope: Scope, s: tree.RuleStatement, env: Env, conditions: readonly Expr[]): void {
  const paths = conditions.flatMap((e) => within(scope, e).map(argPath));
  const read = new Set(paths.map((path) => path?.[0]));
  for (const tool of env.tools) {
    const name = propertyNames(tool.inputSchema).find((n) => looksLikePath(n) && !read.has(n));
    const type = name === undefined ? undefined : propertyAt(tool.inputSchema, [name])?.type;
    if (name === undefined || type === undefined) continue;
    if (!kindsOf(type).some((kind) => kind === 'string' || kind === 'list')) continue;
    const of = `${tool.server}/${tool.name}`;
    scope.report('SEP4005', s.name.span, { rule: s.name.text, tool: of, name });
    return;
  }
}

function lintGrant(env: Env, condition: Expr): void {
  lintBounds(env, condition);
  lintEmptyAll(env, condition);
}

const FLIPPED = new Map<string, string>([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
]);

/** `x <= 10` without a lower bound lets every negative number through; the schema may bound it too. */
function lintBounds(env: Env, condition: Expr): void {
  const bounds = new Map<
    string,
    { readonly path: readonly string[]; readonly ops: Set<string>; readonly at: tree.Span }
  >();
  for (const e of everyExpr(condition)) {
    if (e.kind !== 'compare') continue;
    for (const [side, op] of [
      [e.left, e.op],
      [e.right, FLIPPED.get(e.op) ?? e.op],
    ] as const) {
      const path = argPath(side);
      if (path === null || path.length === 0) continue;
      const known = bounds.get(shown(path)) ?? { path, ops: new Set<string>(), at: e.span };
      known.ops.add(op[0] ?? op);
      bounds.set(shown(path), known);
    }
  }
  for (const [name, { path, ops, at }] of bounds) {
    const types = env.tools.flatMap((tool) => propertyAt(tool.inputSchema, path) ?? []);
    if (types.length === 0 || types.some((t) => !kindsOf(t.type).includes('number'))) continue;
    const [above, below] = [ops.has('<'), ops.has('>')];
    if (above === below || ops.has('=')) continue;
    if (types.every((t) => (above ? t.bounded.below : t.bounded.above))) continue;
    env.scope.report('SEP4007', at, { name, other: above ? 'small' : 'large' });
  }
}

/** `all` of an empty list is true; `size(x) > 0` or `minItems` says that it is not empty. */
function lintEmptyAll(env: Env, condition: Expr): void {
  const sized = new Set<string>();
  for (const e of everyExpr(condition)) {
    const [list] = e.kind === 'call' && e.callee.text === 'size' ? e.args : [];
    const path = list === undefined ? null : argPath(list);
    if (path !== null) sized.add(shown(path));
  }
  for (const e of everyExpr(condition)) {
    const path = e.kind === 'quantifier' && e.mode === 'all' ? argPath(e.list) : null;
    if (path === null || sized.has(shown(path))) continue;
    const least = env.tools.map((tool) => propertyAt(tool.inputSchema, path)?.minItems ?? 0);
    if (least.some((n) => n === 0)) env.scope.report('SEP4006', e.span, { name: shown(path) });
  }
}

/** `starts with "/a"`, and the pattern that means no more: `matches r"/a.*"`. */
function textPrefix(e: Expr): string | null {
  if (e.kind !== 'test') return null;
  if (e.op === 'starts with') return e.right.kind === 'string' ? e.right.value : null;
  if (e.op !== 'matches' || e.right.kind !== 'regex') return null;
  const pattern = e.right.value;
  const from = pattern.startsWith('^') ? 1 : 0;
  const tail = [...TAILS, ...TAILS.map((t) => `${t}$`)].find((t) => pattern.endsWith(t));
  const prefix = tail === undefined ? '' : pattern.slice(from, pattern.length - tail.length);
  const literal = prefix.replaceAll('\\/', '/');
  return /^[\w/:-]+$/.test(literal.replaceAll('\\.', '')) ? literal.replaceAll('\\.', '.') : null;
}
const TAILS = ['.*', '.+', '(/.*)?', '(?:/.*)?'];

/** Paths and URLs compared as texts. */
function lintTexts(scope: Scope, condition: Expr): void {
  for (const e of everyExpr(condition)) {
    const prefix = textPrefix(e);
    if (prefix === null || e.kind !== 'test') continue;
    const span = { start: e.opSpan.start, end: e.right.span.end };
    if (prefix.includes('://')) lintUrl(scope, e, prefix);
    const path = prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
    if (!path.startsWith('/') || pathSegments(path) === null) continue;
    const text = `under ${JSON.stringify(path)}`;
    const fix = { title: `write \`${text}\``, edits: [{ file: scope.file, span, text }], safe: false };
    scope.report('SEP4001', span, { path, op: `\`${e.op}\`` }, { fixes: [fix] });
  }
}

/** A URL that is compared as a text: its parts can be compared. */
function lintUrl(scope: Scope, e: Extract<Expr, { kind: 'test' }>, prefix: string): void {
  const url = parseUrl(prefix);
  const name = argPath(e.left) === null ? null : printExpr(e.left);
  if (url?.host === undefined || name === null) {
    scope.report('SEP4008', { start: e.opSpan.start, end: e.right.span.end }, { prefix });
    return;
  }
  const { path = '/' } = url;
  const parts = [
    `url(${name}).scheme == "${url.scheme}"`,
    `url(${name}).host == "${url.host}"`,
    ...(/:\d+(\/|$)/.test(prefix) ? [`url(${name}).port == ${url.port}`] : []),
    ...(path === '/' || pathSegments(path) === null
      ? []
      : [`url(${name}).path under ${JSON.stringify(path)}`]),
  ];
  const text = `(${parts.join(' and ')})`;
  const edits = [{ file: scope.file, span: e.span, text }];
  const fixes = [{ title: 'compare its parts', edits, safe: false }];
  scope.report('SEP4008', { start: e.opSpan.start, end: e.right.span.end }, { prefix }, { fixes });
}

/** Two or more words looked for in one text. */
function lintWords(scope: Scope, condition: Expr): void {
  const words = new Map<string, number>();
  for (const e of everyExpr(condition)) {
    const path =
      e.kind === 'test' && e.op === 'contains' && e.right.kind === 'string' ? argPath(bare(e.left)) : null;
    if (path === null) continue;
    const name = shown(path);
    const count = (words.get(name) ?? 0) + 1;
    words.set(name, count);
    if (count === 2) scope.report('SEP4009', condition.span, { name });
  }
}

const bare = (e: Expr): Expr => (e.kind === 'call' && e.callee.text === 'lower' ? (e.args[0] ?? e) : e);

const isUsed = (scope: Scope, name: string): boolean => scope.used.has(name) || scope.meant.has(name);

const DEFINED: readonly tree.Statement['kind'][] = [
  'principals',
  'actions',
  'let',
  'fact',
  'schedule',
  'counter',
  'score',
];

/** Sets, predicates, facts, schedules, counters, scores and roles that nothing refers to. */
export function lintUnused(scope: Scope, statements: readonly tree.Statement[]): void {
  for (const s of statements) {
    if (s.kind === 'role') {
      for (const { name } of s.roles) {
        if (isUsed(scope, `role:${name.text}`)) continue;
        const fixes = s.roles.length === 1 ? removal(scope, s, `role:${name.text}`) : [];
        scope.report('SEP4002', name.span, { name: name.text }, { fixes });
      }
    } else if (DEFINED.includes(s.kind) && 'name' in s) {
      if (isUsed(scope, s.name.text)) continue;
      scope.report('SEP4002', s.name.span, { name: s.name.text }, { fixes: removal(scope, s, s.name.text) });
    }
  }
}

/** What nothing refers to decides nothing: without it the policy means the same. */
function removal(scope: Scope, s: tree.Statement, name: string): readonly Fix[] {
  const edits = [{ file: scope.file, span: s.span, text: '' }];
  return scope.mentioned.has(name) ? [] : [{ title: 'remove it', edits, safe: true }];
}
