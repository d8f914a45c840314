// SPDX-License-Identifier: Apache-2.0
/** Statements to decision IR: rules, blocks, facts; what this release does not compile is refused by name. */
import type * as tree from '../grammar/tree.js';
import type { Claiming } from './analyze/claims.js';
import { assertNever } from './assert.js';
import { checkClaim } from './check-claim.js';
import { checkUnusedLet } from './check-call.js';
import { scheduleIr } from './check-schedule.js';
import { type Around, checkLimit, checkScore, type MeasureNode } from './check-measure.js';
import { checkMaskedCall, checkMasks, maskedArguments } from './check-redact.js';
import { lintDelegation, shadowIr } from './check-shadow.js';
import { checkCondition, type Env, typeOfRef } from './check-expr.js';
import type { Diagnostic } from './diagnostics/diagnostic.js';
import type {
  ApprovalIr,
  BlockIr,
  ExprIr,
  FactIr,
  OutcomeIr,
  PolicyIr,
  RuleIr,
  UnitIr,
  WhatIr,
  WhatTermIr,
} from './ir.js';
import { lintBlock, lintRule, lintUnused } from './lints.js';
import type { Lock } from './lock.js';
import type { Found, Memo } from './memo.js';
import { narrowedBy } from './narrow.js';
import {
  buildScope,
  checkActs,
  fullName,
  roleValue,
  type Scope,
  type Shared,
  toolsIn,
  whatIr,
  whoIr,
} from './scope.js';
import { expandInstances, type Part, unusedTemplates } from './instances.js';
import type { Source } from './modules.js';
import { withValues } from './stand-in.js';
import { checkTest } from './check-test.js';
import { nodes } from './emit.js';

/** The IR of a policy; it is complete only if no diagnostic is an error. */
export function checkPolicy(
  source: Omit<Source, 'hash'>,
  lock: Lock | null,
  diagnostics: Diagnostic[],
  today: string,
  memo: Memo | null = null,
): PolicyIr {
  const { file } = source;
  const claims: Claiming = { claims: [], assumptions: [] };
  const shared: Shared = {
    lock,
    roles: new Map(),
    scans: new Map(),
    claims,
    measures: [],
    today,
    diagnostics,
  };
  const units: UnitIr[] = [];
  const facts: FactIr[] = [];
  const parts: Part[] = [];
  const scope = scopeOf(source, '', shared, parts);
  memo?.begin(lock, today);
  const found: Found = { units, facts, diagnostics };
  for (const part of parts) checkPart(part, found, memo);
  for (const part of unusedTemplates(scope, file.statements, valuesOnly)) {
    const apartFromClaims = { ...part.scope, claims: { claims: [], assumptions: [] }, measures: [] };
    checkPart({ ...part, scope: apartFromClaims }, { ...found, units: [], facts: [] }, null);
  }
  for (const statement of file.statements) {
    if (statement.kind !== 'let' || scope.used.has(statement.name.text)) continue;
    checkUnusedLet(environment(apart(scope), NOTHING, false), statement);
  }
  if (!file.tighten) lintUnused(scope, file.statements);
  const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
    a.name < b.name ? -1 : 1;
  const strict = parts.some((part) => part.statements.some((s) => s.kind === 'delegation'));
  if (strict) lintDelegation(scope, file.statements);
  const measures = shared.measures.toSorted(byName);
  const policy: PolicyIr = {
    name: file.name?.text ?? '',
    version: file.version?.text ?? '',
    roles: [...scope.roles].map(([name, value]) => ({ name, value })).sort(byName),
    facts: [...facts, ...shared.scans.values()].sort(byName),
    tools: scope.tools.map(({ server, name, hash, hints }) => ({ server, name, hash, hints })),
    ...(strict ? { delegation: 'strict' as const } : {}),
    ...(measures.length === 0 ? {} : { measures }),
    units: units.sort(byName),
    ...maskedArguments(parts),
    ...(claims.claims.length + claims.assumptions.length === 0 ? {} : { claims }),
  };
  return policy.facts.some(({ review }) => review !== undefined) ? withStandIns(policy, parts) : policy;
}

/** The values that stand in for facts with `on unknown review`. */
function withStandIns(policy: PolicyIr, parts: readonly Part[]): PolicyIr {
  const { facts, faults } = withValues(policy);
  for (const { scope, statements } of parts) {
    for (const s of statements) {
      if (s.kind !== 'fact' || s.onUnknownReview === null) continue;
      const fault = faults.find(({ fact }) => fact === scope.prefix + s.name.text);
      if (fault !== undefined)
        scope.report('SEP3024', s.onUnknownReview.span, { name: s.name.text, what: fault.what });
    }
  }
  return { ...policy, facts };
}

/** The scope of a file and its modules; all that they hold is put into `parts`. */
export function scopeOf(
  { file, path, modules }: Omit<Source, 'hash'>,
  prefix: string,
  shared: Shared,
  parts: Part[],
): Scope {
  const scopes = new Map<string, Scope>();
  for (const [alias, module] of modules) {
    scopes.set(alias, scopeOf(module, `${prefix}${alias}.`, shared, parts));
  }
  const scope = buildScope(path, prefix, file.statements, scopes, shared);
  // Tests of a module are asked, and checked, where it is the policy itself.
  const own = prefix === '' ? file.statements : file.statements.filter((s) => !CHECKS.includes(s.kind));
  const instances = expandInstances(scope, file.statements, valuesOnly);
  const checked = (part: Part): Part =>
    prefix === '' ? part : { ...part, statements: part.statements.filter((s) => !CHECKS.includes(s.kind)) };
  parts.push({ scope, statements: own }, ...instances.map(checked));
  for (const s of file.statements) {
    if (prefix !== '' && s.kind === 'tools') scope.report('SEP2009', s.span, {}, { help: ONLY_ROOT });
    if (file.tighten) checkTightens(scope, s);
  }
  return scope;
}

const CHECKS: readonly tree.Statement['kind'][] = ['test', 'example', 'prove', 'assume'];
const ONLY_ROOT = 'a module uses the pinned tools of the policy that imports it; remove the statement';

/** A module marked `tighten` can only restrict: it may be imported without reading it. */
function checkTightens(scope: Scope, s: tree.Statement): void {
  const inside = s.kind === 'template' ? s.body : [];
  for (const inner of inside) checkTightens(scope, inner);
  if (s.kind === 'decide' || (s.kind === 'rule' && (s.effect === 'allow' || s.effect === 'review'))) {
    scope.report('SEP3016', s.name.span, { what: s.kind === 'decide' ? 'decide' : s.effect });
  }
}

function checkPart({ scope, statements }: Part, found: Found, memo: Memo | null): void {
  for (const statement of statements) {
    scope.tally.terms = 0;
    const one = (of: Scope, { units, facts }: Found): void => checkStatement(of, statement, units, facts);
    if (memo === null || scope.prefix !== '') one(scope, found);
    else memo.check(scope, statement, found, one);
  }
}

/** For arguments of instances, which are the same for every call. */
const valuesOnly = (scope: Scope): Env => ({ ...environment(scope, NOTHING, false), readsArgs: false });

function checkStatement(scope: Scope, s: tree.Statement, units: UnitIr[], facts: FactIr[]): void {
  switch (s.kind) {
    case 'rule': {
      const rule = checkRule(scope, s);
      if (rule !== null) units.push(rule);
      return;
    }
    case 'redact':
      if (s.phase === 'result') units.push(checkRedact(scope, s));
      else checkMaskedCall(environment(scope, whatIr(scope, s.what, false), false), s);
      return;
    case 'decide': {
      const block = checkBlock(scope, s);
      if (block !== null) units.push(block);
      return;
    }
    case 'fact': {
      const fact = checkFact(scope, s);
      if (fact !== null) facts.push(fact);
      return;
    }
    case 'principals':
      whoIr(apart(scope), s.who, [fullName(scope, s.name.text)]);
      return;
    case 'actions':
      whatIr(apart(scope), s.what, true, [fullName(scope, s.name.text)]);
      checkActs(scope, s.what, false, [fullName(scope, s.name.text)]);
      return;
    case 'let':
    case 'role':
    case 'tools':
    case 'import':
    case 'template':
    case 'instance':
    case 'delegation':
      return;
    case 'test':
    case 'example':
      checkTest(scope, s);
      return;
    case 'schedule':
      scheduleIr(scope, s);
      return;
    case 'assume':
    case 'prove':
      checkClaim(scope, s, scope.claims, (what) => environment(scope, what, false), readsTool);
      return;
    case 'limit':
    case 'counter':
    case 'score':
      checkMeasure(scope, s, units);
      return;
    default:
      assertNever(s);
  }
}

/** A limit is a rule as well; what a measure counts stands beside the rules. */
function checkMeasure(scope: Scope, s: MeasureNode, units: UnitIr[]): void {
  const around: Around = {
    env: (of, what) => environment(of, whatIr(of, what, false), false),
    approval: approvalIr,
    readsTool,
  };
  const acts =
    s.kind === 'score'
      ? s.adds.map((add) => add.what)
      : s.clauses.flatMap((c) => (c.kind === 'on' ? [c.what] : []));
  for (const what of acts) checkActs(scope, what, false);
  if (s.kind === 'score') {
    scope.measures.push(checkScore(scope, s, around));
    return;
  }
  const found = checkLimit(scope, s, around);
  if (found === null) return;
  scope.measures.push(found.measure);
  if (found.rule !== null) units.push(found.rule);
}

/** What only a definition mentions is used where the definition is: it is written out there. */
const apart = (scope: Scope): Scope => ({ ...scope, used: scope.mentioned });

function checkFact(scope: Scope, s: tree.FactStatement): FactIr | null {
  const type = typeOfRef(s.type);
  const review = s.onUnknownReview === null ? null : approvalIr(scope, s.onUnknownReview);
  return {
    name: scope.prefix + s.name.text,
    type,
    source: s.source,
    path: s.path.map((part) => part.text),
    ...(s.fresh === null ? {} : { fresh: s.fresh.ms }),
    ...(review === null ? {} : { review }),
  };
}

/** Is every action of the set a tool (or `*`, which is narrowed to tools when arguments are read)? */
function onlyTools(what: WhatIr): boolean {
  const tool = (term: WhatTermIr): boolean =>
    term.kind === 'every' || (term.kind === 'set' ? onlyTools(term.what) : term.act === 'tool');
  return what.include.every(tool);
}

const NOTHING: WhatIr = { include: [], except: [] };

export function environment(scope: Scope, what: WhatIr, grants: boolean, phase: tree.Phase = 'call'): Env {
  return {
    scope,
    tools: toolsIn(scope, what),
    readsArgs: onlyTools(what),
    phase,
    grants,
    narrowed: new Set(),
    params: scope.bindings,
    lets: [],
    counter: { params: 0, nodes: 0 },
  };
}

function checkRule(scope: Scope, s: tree.RuleStatement): RuleIr | null {
  const grant = s.effect === 'allow' || s.effect === 'review';
  checkActs(scope, s.what, grant);
  const phase = s.phase?.value ?? 'call';
  if (s.phase !== null && !RESTRICTS[phase].includes(s.effect)) {
    scope.report('SEP3020', s.phase.span, { effect: s.effect, phase, wanted: RESTRICTS[phase] });
  }
  const before = scope.tally.errors;
  const who = whoIr(scope, s.who);
  const env = environment(scope, whatIr(scope, s.what, false), s.effect === 'allow', phase);
  const when = ruleCondition(env, s.clauses);
  const details = ruleDetails(scope, s);
  const what = whatIr(scope, s.what, when !== null && readsTool(when));
  if (scope.tally.errors === before) lintRule(scope, s, env);
  return {
    kind: 'rule',
    name: scope.prefix + s.name.text,
    effect: s.effect,
    phase,
    who,
    what,
    when,
    ...details,
    span: s.span,
  };
}

/** What the rules of a phase can do: grants belong to the call. */
const RESTRICTS: { readonly [phase in tree.Phase]: string } = {
  call: '`allow`, `review`, `deny` and `escalate`',
  list: '`deny`',
  result: '`deny`, `escalate` and `redact`',
};

function checkRedact(scope: Scope, s: tree.RedactStatement): RuleIr {
  checkActs(scope, s.what, false);
  const env = environment(scope, whatIr(scope, s.what, false), false, 'result');
  const when = ruleCondition(env, s.clauses);
  const masks = checkMasks(scope, s);
  return {
    kind: 'rule',
    name: scope.prefix + s.name.text,
    effect: 'redact',
    phase: 'result',
    who: whoIr(scope, s.who),
    what: whatIr(scope, s.what, when !== null && readsTool(when)),
    when,
    ...ruleDetails(scope, { ...s, effect: 'redact' }),
    masks,
    span: s.span,
  };
}

/** `when` and `not unless`, joined: each knows what the other establishes, in whatever order they are written. */
function ruleCondition(env: Env, clauses: readonly tree.Clause[]): ExprIr | null {
  const conditions = clauses.filter((c) => c.kind === 'when' || c.kind === 'unless');
  const irs = conditions.flatMap((clause) => {
    const others = conditions.filter((other) => other !== clause);
    const known = others.flatMap((other) => [...narrowedBy(other.expr, other.kind === 'when')]);
    const ir = checkCost(env, clause.expr, checkCondition({ ...env, narrowed: new Set(known) }, clause.expr));
    return ir === null ? [] : [clause.kind === 'when' ? ir : ({ op: 'not', operand: ir } as const)];
  });
  const [first] = irs;
  return irs.length > 1 ? { op: 'and', operands: irs } : (first ?? null);
}

/** Past this one condition can hold a decision for seconds. */
const MAX_STEPS = 100_000_000;

/** Quantifiers inside one another multiply: each may walk over 1,000 items. */
function checkCost({ scope }: Env, e: tree.Expr, ir: ExprIr | null): ExprIr | null {
  const steps = ir === null ? 0 : nodes(ir);
  if (steps > MAX_STEPS) scope.report('SEP4016', e.span, { steps: steps.toLocaleString('en') });
  return ir;
}

type Detailed = Pick<tree.RedactStatement, 'name' | 'clauses'> & { readonly effect: tree.Effect | 'redact' };

function ruleDetails(scope: Scope, s: Detailed): Pick<RuleIr, 'approval' | 'because' | 'tell' | 'shadow'> {
  let shadow: string | null = null;
  let tell = false;
  let approval: ApprovalIr | null = null;
  let approved: tree.Span | null = null;
  let because: string | null = null;
  for (const clause of s.clauses) {
    switch (clause.kind) {
      case 'when':
      case 'unless':
        break;
      case 'approval':
        approval = approvalIr(scope, clause.approval);
        approved = clause.span;
        break;
      case 'because':
        because = clause.text.value;
        break;
      case 'tell':
        tell = true;
        break;
      case 'shadow':
        shadow = shadowIr(scope, clause.until, s.name);
        break;
      default:
        assertNever(clause);
    }
  }
  checkApproval(scope, s.effect, approved, s.name.span);
  return { approval, because, tell, ...(shadow === null ? {} : { shadow }) };
}

function checkBlock(scope: Scope, s: tree.DecideStatement): BlockIr | null {
  const outcomes = [...s.cases.map((c) => c.outcome), ...(s.otherwise === null ? [] : [s.otherwise])];
  checkActs(
    scope,
    s.what,
    outcomes.some((o) => o.effect === 'allow' || o.effect === 'review'),
  );
  if (s.otherwise === null && !s.partial) scope.report('SEP3011', s.name.span, { name: s.name.text });
  const before = scope.tally.errors;
  const who = s.who === null ? { include: [{ kind: 'any' } as const], except: [] } : whoIr(scope, s.who);
  const env = environment(scope, whatIr(scope, s.what, false), false);
  let narrowed = env.narrowed;
  const cases = s.cases.flatMap((c) => {
    const when = checkCost(
      env,
      c.when,
      checkCondition({ ...env, grants: c.outcome.effect === 'allow', narrowed }, c.when),
    );
    narrowed = new Set([...narrowed, ...narrowedBy(c.when, false)]);
    const outcome = outcomeIr(scope, c.outcome);
    return when === null ? [] : [{ when, outcome, span: c.span }];
  });
  const otherwise = s.otherwise === null ? null : outcomeIr(scope, s.otherwise);
  if (scope.tally.errors === before) lintBlock(scope, s, env);
  const what = whatIr(
    scope,
    s.what,
    cases.some((c) => readsTool(c.when)),
  );
  return { kind: 'block', name: scope.prefix + s.name.text, who, what, cases, otherwise, span: s.span };
}

function outcomeIr(scope: Scope, o: tree.Outcome): OutcomeIr {
  checkApproval(scope, o.effect, o.approval?.span ?? null, o.span);
  const approval = o.approval === null ? null : approvalIr(scope, o.approval);
  return { effect: o.effect, approval, because: o.because?.value ?? null };
}

/** `review` and `escalate` need an approval; elsewhere it is an error. */
function checkApproval(
  scope: Scope,
  effect: Detailed['effect'],
  approval: tree.Span | null,
  at: tree.Span,
): void {
  const needs = effect === 'review' || effect === 'escalate';
  if (needs && approval === null) scope.report('SEP3009', at, { effect });
  if (!needs && approval !== null) scope.report('SEP3010', approval, { effect });
}

function approvalIr(scope: Scope, a: tree.Approval): ApprovalIr {
  const roles = a.roles.flatMap((role) => roleValue(scope, role) ?? []);
  const quorum = a.quorum === null ? 1 : Number(a.quorum.text);
  if (!Number.isSafeInteger(quorum) || quorum < 1 || quorum > 100) {
    const found = a.quorum?.text ?? '';
    scope.report('SEP3012', a.quorum?.span ?? a.span, { found, wanted: 'a quorum between 1 and 100' });
  }
  if (a.timeout.ms < 1000 || a.timeout.ms > 366 * 86_400_000) {
    scope.report('SEP3012', a.timeout.span, {
      found: a.timeout.text,
      wanted: 'a timeout between 1s and 366d',
    });
  }
  return { self: a.self, roles, quorum, timeout: a.timeout.ms };
}

/** Does the condition read `tool` or `args`? Then a bare `*` means tools. */
function readsTool(e: ExprIr): boolean {
  switch (e.op) {
    case 'arg':
    case 'has':
    case 'hint':
      return true;
    case 'subject':
      return e.field === 'tool.name' || e.field === 'tool.server';
    case 'fact':
      return e.name === 'tool.description' || /\((?:args|tool)\b/.test(e.name);
    case 'const':
    case 'hasRole':
    case 'inWho':
    case 'param':
      return false;
    case 'not':
    case 'negate':
    case 'amount':
    case 'lower':
    case 'size':
    case 'moment':
    case 'span':
    case 'url':
    case 'ip':
      return readsTool(e.operand);
    case 'and':
    case 'or':
      return e.operands.some(readsTool);
    case 'inList':
      return readsTool(e.left) || e.items.some(readsTool);
    case 'inValue':
      return readsTool(e.left) || readsTool(e.list);
    case 'within':
      return readsTool(e.instant);
    case 'like':
    case 'matches':
    case 'inDomain':
    case 'inCidr':
      return readsTool(e.left);
    case 'member':
    case 'hasMember':
      return readsTool(e.object);
    case 'quantifier':
      return readsTool(e.list) || readsTool(e.body);
    case 'compare':
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
    case 'arith':
      return readsTool(e.left) || readsTool(e.right);
    default:
      return assertNever(e);
  }
}
