// SPDX-License-Identifier: Apache-2.0
/** Policies with one fault each: what a slip of the author would make of this one. */
import type { BlockIr, ExprIr, GlobIr, OutcomeIr, PolicyIr, RuleIr, UnitIr, WhoIr } from '../ir.js';
import { words } from '../words.js';

export interface Mutant {
  /** The unit that it changes. */
  readonly unit: string;
  /** In words: `without the rule`, `args.amount <= 500 → args.amount < 500`. */
  readonly change: string;
  readonly ir: PolicyIr;
}

const ANYONE: WhoIr = { include: [{ kind: 'any' }], except: [] };

export function* mutants(ir: PolicyIr): Generator<Mutant> {
  for (const [at, unit] of ir.units.entries()) {
    if (unit.kind === 'rule' && (unit.phase !== 'call' || unit.shadow !== undefined)) continue;
    const replaced = (change: string, ...units: readonly UnitIr[]): Mutant => ({
      unit: unit.name,
      change,
      ir: { ...ir, units: ir.units.flatMap((other, i) => (i === at ? units : [other])) },
    });
    yield replaced('without it');
    if (unit.who.include.some((term) => term.kind !== 'any'))
      yield replaced('for any', { ...unit, who: ANYONE });
    if (unit.who.except.length > 0) {
      yield replaced('without `except` of who', { ...unit, who: { ...unit.who, except: [] } });
    }
    if (unit.what.except.length > 0) {
      yield replaced('without `except` of what', { ...unit, what: { ...unit.what, except: [] } });
    }
    const wider = widened(unit);
    if (wider !== null) yield replaced(...wider);
    const changes = unit.kind === 'rule' ? ruleChanges(unit) : blockChanges(unit);
    for (const [change, changed] of changes) yield replaced(change, changed);
  }
}

const EVERY: GlobIr = { text: '*', parts: ['', ''], gaps: ['any'] };

/** The first pattern of an action as every action of its server. */
function widened(unit: UnitIr): readonly [string, UnitIr] | null {
  const at = unit.what.include.findIndex(
    (term) => term.kind === 'act' && term.name !== null && term.name.text !== '*',
  );
  const term = unit.what.include[at];
  if (term?.kind !== 'act' || term.name === null) return null;
  const include = unit.what.include.map((other, i) => (i === at ? { ...term, name: EVERY } : other));
  return [
    `${term.server.text}/${term.name.text} → ${term.server.text}/*`,
    { ...unit, what: { ...unit.what, include } },
  ];
}

type Change = readonly [string, UnitIr];

const APPROVAL = { self: false, roles: [], quorum: 1, timeout: 60_000 };
const FLIPPED = {
  allow: 'deny',
  review: 'allow',
  deny: 'allow',
  escalate: 'deny',
  redact: 'redact',
} as const;

function flipped<O extends OutcomeIr>(outcome: O): O {
  const effect = FLIPPED[outcome.effect];
  return { ...outcome, effect, approval: null };
}

function* ruleChanges(rule: RuleIr): Generator<Change> {
  yield [`${rule.effect} → ${FLIPPED[rule.effect]}`, flipped(rule)];
  if (rule.effect === 'allow') yield ['allow → review', { ...rule, effect: 'review', approval: APPROVAL }];
  if (rule.when === null) return;
  yield [`without \`${words(rule.when)}\``, { ...rule, when: null }];
  for (const [change, when] of conditionChanges(rule.when)) yield [change, { ...rule, when }];
}

function* blockChanges(block: BlockIr): Generator<Change> {
  const { cases, otherwise } = block;
  for (const [i, one] of cases.entries()) {
    const put = (...made: readonly (typeof one)[]): BlockIr => ({
      ...block,
      cases: cases.flatMap((other, j) => (j === i ? made : [other])),
    });
    yield [`without case ${i + 1}`, put()];
    yield [
      `case ${i + 1}: ${one.outcome.effect} → ${FLIPPED[one.outcome.effect]}`,
      put({ ...one, outcome: flipped(one.outcome) }),
    ];
    for (const [change, when] of conditionChanges(one.when))
      yield [`case ${i + 1}: ${change}`, put({ ...one, when })];
    const next = cases[i + 1];
    if (next === undefined) continue;
    const swapped = cases.map((other, j) => (j === i ? next : j === i + 1 ? one : other));
    yield [`cases ${i + 1} and ${i + 2} swapped`, { ...block, cases: swapped }];
  }
  if (otherwise !== null) {
    yield [
      `otherwise: ${otherwise.effect} → ${FLIPPED[otherwise.effect]}`,
      { ...block, otherwise: flipped(otherwise) },
    ];
  }
}

/** The condition with one fault in it. */
function* conditionChanges(e: ExprIr): Generator<readonly [string, ExprIr]> {
  if (e.op === 'and' || e.op === 'or') {
    const other = e.op === 'and' ? 'or' : 'and';
    yield [`\`${words(e)}\`: ${e.op} → ${other}`, { ...e, op: other }];
    for (const [i, operand] of e.operands.entries()) {
      const put = (...made: readonly ExprIr[]): ExprIr => ({
        ...e,
        operands: e.operands.flatMap((one, j) => (j === i ? made : [one])),
      });
      if (e.operands.length > 1) yield [`without \`${words(operand)}\``, put()];
      for (const [change, changed] of conditionChanges(operand)) yield [change, put(changed)];
    }
    return;
  }
  if (e.op === 'not') {
    yield [`\`${words(e)}\` → \`${words(e.operand)}\``, e.operand];
    for (const [change, operand] of conditionChanges(e.operand)) yield [change, { ...e, operand }];
    return;
  }
  for (const changed of leafChanges(e)) yield [`\`${words(e)}\` → \`${words(changed)}\``, changed];
}

const MOVED = { '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==' } as const;

function* leafChanges(e: ExprIr): Generator<ExprIr> {
  switch (e.op) {
    case 'compare':
      yield { ...e, cmp: MOVED[e.cmp] };
      return;
    case 'inList':
      for (const i of e.items.keys()) yield { ...e, items: e.items.filter((_, j) => j !== i) };
      return;
    case 'under':
      if (e.right.op === 'const' && e.right.value.kind === 'string') {
        const { value } = e.right.value;
        const parent = value.slice(0, Math.max(1, value.lastIndexOf('/')));
        if (parent !== value) yield { ...e, right: { ...e.right, value: { kind: 'string', value: parent } } };
      }
      return;
    case 'like': {
      const { parts, gaps } = e.glob;
      if (gaps.includes('segment')) {
        yield {
          ...e,
          glob: { text: e.glob.text.replaceAll(/\*+/g, '**'), parts, gaps: gaps.map(() => 'any') },
        };
      }
      return;
    }
    case 'startsWith':
    case 'endsWith':
      yield { ...e, op: 'contains' };
      return;
    case 'quantifier':
      yield { ...e, mode: e.mode === 'all' ? 'any' : 'all' };
      return;
    default:
      if (e.op !== 'const') yield { op: 'not', operand: e };
  }
}
