// SPDX-License-Identifier: Apache-2.0
/** `limit`, `counter`, `score`: what is counted by which key, the rule that a limit is, and their values in conditions. */
import type * as tree from '../grammar/tree.js';
import { checkCondition, type Env, expectKind } from './check-expr.js';
import type { ApprovalIr, ExprIr, FactIr, KeyIr, MeasureIr, RuleIr, TypeIr, WhoIr } from './ir.js';
import { fullName, ownerOf, type Scope, whatIr, whoIr } from './scope.js';
import { bool, type Typed } from './types.js';

export type MeasureNode = tree.MeasureStatement | tree.ScoreStatement;
type Clause<K extends tree.MeasureClause['kind']> = Extract<tree.MeasureClause, { readonly kind: K }>;

/** What checking a measure needs from the statements around it. */
export interface Around {
  /** For conditions over these actions. */
  readonly env: (scope: Scope, what: tree.What) => Env;
  readonly approval: (scope: Scope, approval: tree.Approval) => ApprovalIr;
  readonly readsTool: (condition: ExprIr) => boolean;
}

const ANYONE: WhoIr = { include: [{ kind: 'any' }], except: [] };
const ONE: ExprIr = { op: 'const', type: { kind: 'int' }, value: { kind: 'number', text: '1' } };
const WINDOW = { least: 1000, most: 366 * 86_400_000 };

/** The measure, and for a limit the rule that denies (or asks) when it is used up. */
export function checkLimit(
  scope: Scope,
  s: tree.MeasureStatement,
  around: Around,
): { readonly measure: MeasureIr; readonly rule: RuleIr | null } | null {
  const on = clause(s, 'on');
  if (on === null) return null;
  const name = scope.prefix + s.name.text;
  const env = around.env(scope, on.what);
  const who = s.clauses.some((c) => c.kind === 'for')
    ? whoIr(scope, (clause(s, 'for') as Clause<'for'>).who)
    : ANYONE;
  const sum = clause(s, 'sum');
  const counted = sum === null ? ONE : amountIr(env, sum.expr);
  const window = windowOf(scope, s);
  if (counted === null) return null;
  const what = whatIr(scope, on.what, sum !== null && around.readsTool(counted));
  const measure: MeasureIr = {
    kind: s.kind,
    name,
    window,
    fixed: clause(s, 'window')?.mode === 'fixed',
    attempts: clause(s, 'count')?.mode === 'attempts',
    keys: keysOf(scope, s, clause(s, 'by')?.keys ?? []),
    decay: null,
    cap: null,
    additions: [{ who, what, when: null, amount: sum === null ? null : counted }],
  };
  if (s.kind === 'counter') checkCounter(scope, s);
  return { measure, rule: s.amount === null ? null : ruleOf(scope, s, around, { measure, counted }) };
}

/** A counter only counts: what is said of a denial, or of people, is of a limit. */
function checkCounter(scope: Scope, s: tree.MeasureStatement): void {
  const raises = clause(s, 'else');
  if (raises !== null) scope.report('SEP3010', raises.span, { effect: 'counter' });
  for (const kind of ['because', 'tell'] as const) {
    const span = clause(s, kind)?.span;
    if (span === undefined) continue;
    const fixes = [{ title: 'remove it', edits: [{ file: scope.file, span, text: '' }], safe: true }];
    scope.report('SEP4017', span, { clause: kind, name: s.name.text }, { fixes });
  }
}

function ruleOf(
  scope: Scope,
  s: tree.MeasureStatement,
  around: Around,
  { measure, counted }: { readonly measure: MeasureIr; readonly counted: ExprIr },
): RuleIr | null {
  const [addition] = measure.additions;
  const most = s.amount === null ? null : whole(scope, s.amount, 'a limit');
  if (most === null || addition === undefined) return null;
  const used = registered(scope, s, measure.name);
  const after: ExprIr = { op: 'arith', fn: '+', left: used, right: counted };
  const when: ExprIr = {
    op: 'compare',
    cmp: addition.amount === null ? '>=' : '>',
    on: 'number',
    left: addition.amount === null ? used : after,
    right: numberIr(most),
  };
  const raises = clause(s, 'else');
  return {
    kind: 'rule',
    name: measure.name,
    effect: raises === null ? 'deny' : 'escalate',
    phase: 'call',
    who: addition.who,
    what: addition.what,
    when,
    approval: raises === null ? null : around.approval(scope, raises.approval),
    because: clause(s, 'because')?.text.value ?? null,
    tell: clause(s, 'tell') !== null,
    span: s.span,
  };
}

export function checkScore(scope: Scope, s: tree.ScoreStatement, around: Around): MeasureIr {
  const additions = s.adds.flatMap((add) => {
    const env = around.env(scope, add.what);
    const when = add.when === null ? null : checkCondition(env, add.when);
    const amount = whole(scope, add.amount, 'what a score adds');
    if (amount === null || (add.when !== null && when === null)) return [];
    const what = whatIr(scope, add.what, when !== null && around.readsTool(when));
    return [{ who: ANYONE, what, when, amount: numberIr(amount) }];
  });
  if (s.decay !== null && s.decay.per.ms < WINDOW.least) {
    scope.report('SEP3012', s.decay.per.span, { found: s.decay.per.text, wanted: 'at least `1s`' });
  }
  const decay = s.decay === null ? null : whole(scope, s.decay.amount, 'a decay');
  return {
    kind: 'score',
    name: scope.prefix + s.name.text,
    window: windowOf(scope, s),
    fixed: false,
    attempts: false,
    keys: keysOf(scope, s, s.keys),
    decay: s.decay === null || decay === null ? null : { amount: Number(decay), per: s.decay.per.ms },
    cap: s.cap === null ? null : Number(whole(scope, s.cap, 'a cap')),
    additions,
  };
}

function clause<K extends tree.MeasureClause['kind']>(s: tree.MeasureStatement, kind: K): Clause<K> | null {
  return (s.clauses.find((c) => c.kind === kind) as Clause<K> | undefined) ?? null;
}

function amountIr(env: Env, expr: tree.Expr): ExprIr | null {
  const typed = expectKind(env, expr, 'number', '`sum`', 'a number');
  return typed && { op: 'amount', operand: typed.ir };
}

const numberIr = (text: string): ExprIr => ({
  op: 'const',
  type: { kind: 'int' },
  value: { kind: 'number', text },
});

const MOST = 1_000_000_000_000;

/** A whole number that counting can reach. */
function whole(scope: Scope, { text, span }: tree.Num, what: string): string | null {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && value <= MOST) return String(value);
  scope.report('SEP3012', span, { found: text, wanted: `${what}: a whole number up to ${MOST}` });
  return null;
}

function windowOf(scope: Scope, s: MeasureNode): number | null {
  if (s.window === null || (s.window.ms >= WINDOW.least && s.window.ms <= WINDOW.most))
    return s.window?.ms ?? null;
  scope.report('SEP3012', s.window.span, {
    found: s.window.text,
    wanted: 'a window between `1s` and `366d`',
  });
  return WINDOW.most;
}

const KEYS: readonly string[] = ['principal', 'user', 'session', 'server', 'tool', 'all'];

/** Without `by`: the session for `per session`, else all. A measure per session is always kept by session too. */
function keysOf(scope: Scope, s: MeasureNode, by: readonly tree.Name[]): readonly KeyIr[] {
  const named = by.map((key) => key.text as KeyIr);
  for (const [i, key] of by.entries()) {
    if (!KEYS.includes(key.text) || named.indexOf(key.text as KeyIr) < i) {
      scope.report('SEP3012', key.span, {
        found: key.text,
        wanted: `each of ${KEYS.join(', ')} at most once`,
      });
    }
  }
  const own = named.length === 0 && s.window !== null ? (['all'] as const) : named;
  return s.window === null && !named.includes('session')
    ? ['session', ...own.filter((k) => k !== 'all')]
    : own;
}

/** The measure as a value that the host knows. */
function registered(scope: Scope, s: MeasureNode, name: string): ExprIr {
  const sums = s.kind !== 'score' && s.clauses.some((c) => c.kind === 'sum');
  const type: TypeIr = { kind: sums ? 'decimal' : 'int' };
  const fact: FactIr = { name, type, source: 'measure', path: [name] };
  scope.scans.set(name, fact);
  return { op: 'fact', name, type };
}

/** `risk`, `images`: what it stands at before this call. */
export function checkMeasureRead(env: Env, text: string, s: MeasureNode): Typed {
  env.scope.used.add(text);
  const ir = registered(env.scope, s, fullName(env.scope, text));
  return { ir, type: ir.op === 'fact' ? ir.type : { kind: 'int' } };
}

/** `images.exhausted`: nothing is left of the limit. Null when it is no such read. */
export function checkExhausted(env: Env, chain: readonly string[]): Typed | null {
  const name = chain.slice(0, -1).join('.');
  const s = env.scope.names.get(name);
  if (chain.at(-1) !== 'exhausted' || s?.kind !== 'limit' || s.amount === null) return null;
  const most = whole({ ...ownerOf(env.scope, name), report: () => {} }, s.amount, '');
  const { ir } = checkMeasureRead(env, name, s);
  return bool({ op: 'compare', cmp: '>=', on: 'number', left: ir, right: numberIr(most ?? '0') });
}
