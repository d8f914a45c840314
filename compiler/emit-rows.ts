// SPDX-License-Identifier: Apache-2.0
/**
 * What of a policy is data: sets, outcomes, questions and units as rows of numbers (stdlib/rows.ts reads them). A row is written
 * once, whoever asks for it; the same IR gives the same rows in the same order.
 */
import { asking, KINDS, type Kind, type Op, OPS, type Other } from '../stdlib/ask.js';
import { decimal } from '../stdlib/decimal.js';
import { glob } from '../stdlib/glob.js';
import { ACTION_KINDS, AS_TESTED, BLOCK, EFFECTS, PHASES } from '../stdlib/rows.js';
import type { Constants } from './encode.js';
import { asksOnly, children, condition, type Emitter, exactDouble, hasParam, readCode } from './emit-expr.js';
import type {
  ApprovalIr,
  BlockIr,
  ExprIr,
  GlobIr,
  OutcomeIr,
  RuleIr,
  TypeIr,
  UnitIr,
  WhatIr,
  WhatTermIr,
  WhoIr,
  WhoTermIr,
} from './ir.js';
import { whatWords, whoWords, words } from './words.js';

export type Cell = number | readonly Cell[];

/** A table of different rows, each with words for those who read it. */
export interface Table {
  readonly place: (row: readonly Cell[], said: string) => number;
  readonly rows: () => readonly { readonly code: string; readonly words: string }[];
}

function table(): Table {
  const rows = new Map<string, { readonly place: number; readonly words: string }>();
  return {
    place: (row, said) => {
      const text = rowText(row);
      const known = rows.get(text);
      if (known !== undefined) return known.place;
      rows.set(text, { place: rows.size, words: said });
      return rows.size - 1;
    },
    rows: () => [...rows].map(([text, { words: said }]) => ({ code: text, words: said })),
  };
}

/** Without the outer brackets. */
export const rowText = (row: readonly Cell[]): string => JSON.stringify(row).slice(1, -1);

/** Everything of a module that is data. */
export interface RowEmitter extends Emitter {
  readonly said: Constants;
  readonly globs: Table;
  readonly whos: Table;
  readonly whats: Table;
  readonly outcomes: Table;
  readonly asks: Table;
  /** Functions that are tests, by name, with what they read. */
  readonly runs: Map<string, { readonly place: number; below: string; readonly words: string }>;
  readonly reads: Map<string, number>;
}
export const rowTables = (): Pick<
  RowEmitter,
  'globs' | 'whos' | 'whats' | 'outcomes' | 'asks' | 'runs' | 'reads'
> => ({
  globs: table(),
  whos: table(),
  whats: table(),
  outcomes: table(),
  asks: table(),
  runs: new Map(),
  reads: new Map(),
});

const placeOf = (m: Emitter, text: string): number => m.k.place(text);

const globRow = (m: RowEmitter, glob: GlobIr): readonly Cell[] =>
  glob.parts.flatMap((part, i) =>
    i === 0 ? [placeOf(m, part)] : [glob.gaps[i - 1] === 'any' ? 0 : 1, placeOf(m, part)],
  );
const globPlace = (m: RowEmitter, glob: GlobIr): number => m.globs.place(globRow(m, glob), glob.text);

/** Terms in an order of their own: the order in which they are written says nothing. */
const terms = (list: readonly (readonly Cell[])[]): readonly Cell[] =>
  [...list].sort((a, b) => (rowText(a) < rowText(b) ? -1 : 1));

export function whoPlace(m: RowEmitter, set: WhoIr): number {
  const term = (t: WhoTermIr): readonly Cell[] => {
    switch (t.kind) {
      case 'any':
        return [0];
      case 'principal':
        return [1, globPlace(m, t.glob)];
      case 'role':
        return [2, placeOf(m, t.value)];
      case 'set':
        return [3, whoPlace(m, t.who)];
    }
  };
  return m.whos.place([terms(set.include.map(term)), terms(set.except.map(term))], whoWords(set));
}

export function whatPlace(m: RowEmitter, set: WhatIr): number {
  const term = (t: WhatTermIr): readonly Cell[] => {
    switch (t.kind) {
      case 'every':
        return [t.toolsOnly ? 1 : 0];
      case 'act':
        return [
          2,
          ACTION_KINDS.indexOf(t.act),
          globPlace(m, t.server),
          t.name === null ? -1 : globPlace(m, t.name),
        ];
      case 'set':
        return [3, whatPlace(m, t.what)];
    }
  };
  return m.whats.place([terms(set.include.map(term)), terms(set.except.map(term))], whatWords(set));
}

function outcomePlace(m: RowEmitter, o: OutcomeIr | RuleIr): number {
  const masks = 'masks' in o ? (o.masks ?? []) : [];
  const row = [
    EFFECTS.indexOf(o.effect),
    o.because === null ? -1 : placeOf(m, o.because),
    'tell' in o && o.tell ? 1 : 0,
    masks.map((mask) => placeOf(m, mask)),
    approvalCells(m, o.approval),
  ];
  return m.outcomes.place(row, o.effect);
}
const approvalCells = (m: RowEmitter, a: ApprovalIr | null): readonly Cell[] =>
  a === null ? [] : [a.self ? 1 : 0, a.quorum, a.timeout, ...a.roles.map((role) => placeOf(m, role))];

export function unitRow(m: RowEmitter, unit: UnitIr): readonly Cell[] {
  return unit.kind === 'rule' ? ruleRow(m, unit) : blockRow(m, unit);
}

function ruleRow(m: RowEmitter, rule: RuleIr): readonly Cell[] {
  const { name, phase, who, what, when } = rule;
  const tests = when === null ? [] : conjuncts(m, when);
  const said = tests.map((test) => (tests.length > 1 ? test.among : test.words)).join(' and ');
  return [
    placeOf(m, name),
    PHASES.indexOf(phase),
    outcomePlace(m, rule),
    whoPlace(m, who),
    whatPlace(m, what),
    when === null ? -1 : said === words(when) ? AS_TESTED : m.said.place(words(when)),
    ...tests.map((test) => test.place),
  ];
}

function blockRow(m: RowEmitter, { name, who, what, cases, otherwise }: BlockIr): readonly Cell[] {
  return [
    placeOf(m, name),
    BLOCK,
    otherwise === null ? -1 : outcomePlace(m, otherwise),
    whoPlace(m, who),
    whatPlace(m, what),
    ...cases.map((c) => [testPlace(m, c.when), outcomePlace(m, c.outcome), m.said.place(words(c.when))]),
  ];
}

/** The number of a test (questions count from 0 up, functions from -1 down), its words, and those between others. */
interface Placed {
  readonly place: number;
  readonly words: string;
  readonly among: string;
}
export const testPlace = (m: RowEmitter, e: ExprIr): number => {
  const asked = question(m, e, false);
  return asked === null ? runOf(m, e).place : askOf(m, asked).place;
};

function runOf(m: RowEmitter, e: ExprIr): Placed {
  const name = condition(m, e);
  const said = words(e);
  const joins = e.op === 'and' || e.op === 'or';
  const placed = (place: number): Placed => ({
    place: -1 - place,
    words: said,
    among: joins ? `(${said})` : said,
  });
  const known = m.runs.get(name);
  if (known !== undefined) return placed(known.place);
  const run = { place: m.runs.size, below: '', words: said };
  m.runs.set(name, run);
  run.below = rowText([...belowOf(m, e), m.said.place(said), joins ? 1 : 0]);
  return placed(run.place);
}

/** Facts, arguments, and the boolean leaves that read something, with their reads. */
function belowOf(m: RowEmitter, e: ExprIr): readonly Cell[] {
  const texts = (list: readonly string[]): readonly Cell[] =>
    [...new Set(list)].sort().map((text) => placeOf(m, text));
  const leaves = leavesOf(e).flatMap((leaf) => {
    const reads = readsBelow(leaf).map((r) => readPlace(m, r));
    return reads.length === 0 ? [] : [[testPlace(m, leaf), ...reads]];
  });
  return [texts(factsOf(e)), texts(readsOf(e)), leaves];
}

function readPlace(m: RowEmitter, e: ExprIr): number {
  const code = `read(${m.k.ref(words(e))}, (a, r, f, t) => ${readCode(m, e)})`;
  const known = m.reads.get(code);
  if (known !== undefined) return known;
  m.reads.set(code, m.reads.size);
  return m.reads.size - 1;
}

/** A question of the library: one argument against a constant. */
interface Question {
  readonly op: Op;
  readonly head: Head;
  readonly rest: readonly Cell[];
  readonly other: Other;
}
interface Head {
  readonly key: string;
  readonly kind: Kind;
  readonly behindHas: boolean;
}
function askOf(m: RowEmitter, { op, head: { key, kind, behindHas }, rest, other }: Question): Placed {
  const said = asking(OPS.indexOf(op), key, kind, behindHas, other).words(false);
  const row = [OPS.indexOf(op), placeOf(m, key), KINDS.indexOf(kind), behindHas ? 1 : 0, ...rest];
  return { place: m.asks.place(row, said), words: said, among: said };
}

/**
 * The tests whose least value is the value of the condition. `has(args.x)` goes with each thing that is asked of `args.x`, so that
 * equal questions of different rules are one test.
 */
function conjuncts(m: RowEmitter, e: ExprIr): readonly Placed[] {
  const one = (operand: ExprIr): Question | Placed => question(m, operand, false) ?? runOf(m, operand);
  const placed = (list: readonly (Question | Placed)[]): readonly Placed[] => [
    ...new Map(
      between(list).map((of) => {
        const test = 'place' in of ? of : askOf(m, of);
        return [test.place, test];
      }),
    ).values(),
  ];
  if (e.op !== 'and' || hasParam(e)) return placed([one(e)]);
  const found: (Question | Placed)[] = [];
  const taken = new Set<ExprIr>();
  for (const operand of e.operands) {
    if (taken.has(operand)) continue;
    const about = operand.op === 'has' ? e.operands.filter((other) => asksOnly(other, operand.path)) : [];
    for (const other of about) taken.add(other);
    const asked = about.map((other) => question(m, other, true));
    const rest = about.filter((_, i) => asked[i] === null);
    found.push(...asked.filter((question) => question !== null));
    if (about.length === 0) found.push(one(operand));
    else if (rest.length > 0) found.push(one({ op: 'and', operands: [operand, ...rest] }));
  }
  return placed(found);
}

/** A number that is asked for a lower and then for an upper bound is asked once. */
function between(list: readonly (Question | Placed)[]): readonly (Question | Placed)[] {
  const found: (Question | Placed)[] = [];
  for (const one of list) {
    const before = found.at(-1);
    const joined = before === undefined ? null : bounds(before, one);
    if (joined === null) found.push(one);
    else found[found.length - 1] = joined;
  }
  return found;
}

function bounds(low: Question | Placed, high: Question | Placed): Question | null {
  if (!('op' in low) || !('op' in high) || low.op !== '>=' || high.op !== '<=') return null;
  const { key, kind, behindHas } = low.head;
  const same = key === high.head.key && kind === high.head.kind && behindHas === high.head.behindHas;
  const [from, to] = [low.rest[0], high.rest[0]];
  if (!same || typeof from !== 'number' || typeof to !== 'number') return null;
  return { op: 'between', head: low.head, rest: [from, to], other: { low: from, high: to } };
}

/** The question of the library that asks this, if it is one argument against a constant. */
function question(m: RowEmitter, e: ExprIr, behindHas: boolean): Question | null {
  if (e.op === 'has') {
    const [key] = e.path;
    if (key === undefined || e.path.length > 1) return null;
    return { op: 'has', head: { key, kind: 'text', behindHas: false }, rest: [], other: {} };
  }
  if (!('left' in e) || e.left.op !== 'arg' || e.left.path.length !== 1 || e.left.nullable) return null;
  const compared = comparison(m, e);
  const head = { key: e.left.path[0] ?? '', kind: kindOf(e.left.type), behindHas };
  return compared === null ? null : { ...compared, head };
}

/** What the argument is compared with, and how. */
function comparison(
  m: RowEmitter,
  e: Extract<ExprIr, { readonly left: ExprIr }>,
): Pick<Question, 'op' | 'rest' | 'other'> | null {
  if (e.op === 'like') {
    const gaps = e.glob.gaps.map((gap) => (gap === 'any' ? 'a' : 's')).join('');
    return { op: 'like', rest: globRow(m, e.glob), other: { glob: glob(e.glob.parts, gaps) } };
  }
  if (e.op === 'inList') {
    const texts = e.items.flatMap((i) =>
      i.op === 'const' && i.value.kind === 'string' ? [i.value.value] : [],
    );
    if (e.on !== 'string' || texts.length === 0 || texts.length < e.items.length) return null;
    return { op: 'in', rest: texts.map((text) => placeOf(m, text)), other: { set: new Set(texts) } };
  }
  if (!('right' in e) || e.right.op !== 'const') return null;
  const value = e.right.value;
  if (value.kind === 'string') {
    const op = textOp(e);
    return op === null ? null : { op, rest: [placeOf(m, value.value)], other: { text: value.value } };
  }
  if (e.op !== 'compare' || e.on !== 'number' || value.kind !== 'number') return null;
  const double = exactDouble(value.text);
  return double === null
    ? { op: e.cmp, rest: [[placeOf(m, value.text)]], other: { low: decimal(value.text), text: value.text } }
    : { op: e.cmp, rest: [double], other: { low: double } };
}

function textOp(e: ExprIr): Op | null {
  if (e.op === 'startsWith' || e.op === 'endsWith' || e.op === 'contains' || e.op === 'under') return e.op;
  if (e.op !== 'compare' || e.on !== 'string') return null;
  return e.cmp === '==' ? 'equal' : e.cmp === '!=' ? 'differ' : null;
}

/** How an operator sees a value of the type. */
export function kindOf(type: TypeIr): Kind {
  switch (type.kind) {
    case 'string':
    case 'path':
    case 'url':
    case 'enum':
    case 'instant':
      return 'text';
    case 'int':
      return 'int';
    case 'decimal':
      return 'num';
    case 'list':
      return 'list';
    default:
      return 'json';
  }
}

function leavesOf(e: ExprIr): readonly ExprIr[] {
  if (e.op === 'not' || e.op === 'and' || e.op === 'or') return children(e).flatMap(leavesOf);
  return e.op === 'const' ? [] : [e];
}

/** Arguments, facts and the user: what may be missing. */
export function readsBelow(e: ExprIr): readonly ExprIr[] {
  if (e.op === 'arg' || e.op === 'fact' || e.op === 'hint') return [e];
  if (e.op === 'subject') return e.field === 'user.id' ? [e] : [];
  if ((e.op === 'hasRole' || e.op === 'inWho') && e.subject === 'user')
    return [{ op: 'subject', field: 'user.id' }];
  return children(e).flatMap(readsBelow);
}

export function factsOf(e: ExprIr): readonly string[] {
  return e.op === 'fact' ? [e.name] : children(e).flatMap(factsOf);
}
export function readsOf(e: ExprIr): readonly string[] {
  if (e.op === 'arg' || e.op === 'has') {
    return [e.path.map((p) => `/${p.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')];
  }
  return children(e).flatMap(readsOf);
}
