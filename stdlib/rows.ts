// SPDX-License-Identifier: Apache-2.0
/**
 * Compiled tables as modules hold them: rows of numbers, written as texts, which are read at once by `JSON.parse` and take a
 * fraction of what as much code would. Every number is the place of something in another table; one that leads nowhere is an
 * error here, before anything is decided. What only some decisions need is made when first asked for.
 */
import type { ActionKind, MeasureSpec, Phase, RuleEffect, KeyPart } from './abi.js';
import {
  asking,
  type Below,
  KINDS,
  type Leaf,
  OPS,
  type Pin,
  type Predicate,
  running,
  type Test,
  type Value,
} from './ask.js';
import type { WholeTables } from './compose.js';
import { decimal } from './decimal.js';
import { type Glob, glob } from './glob.js';
import type { Measure } from './measure.js';
import * as sets from './sets.js';
import type { What, WhatTerm, Who, WhoTerm } from './sets.js';
import type { Block, Case, Outcome, Rule, StandIn, Unit } from './tables.js';

/** Texts of rows with spaces between; a row is numbers, and lists of them, between commas. */
type Rows = readonly string[];
type Row = readonly Cell[];
type Cell = number | readonly Cell[];

/** What a module hands over (docs/auditors.md says how to read it). */
export interface ModuleTables {
  readonly name: string;
  readonly version: string;
  readonly steps: number;
  /** Every text of the policy. */
  readonly texts: readonly string[];
  /** Conditions in words, for explanations. */
  readonly words: () => readonly string[];
  /** server, name, hints: 1 read-only, 2 destructive, 4 idempotent, 8 open world, or their sum. */
  readonly tools: Rows;
  /** text, gap, text, gap … text; a gap is 0 for any run, 1 for any without `/`. */
  readonly globs: Rows;
  /** [terms], [but]; a term is [0] any, [1, glob], [2, role], [3, principals]. */
  readonly whos: Rows;
  /** [terms], [but]; a term is [0] all, [1] all tools, [2, kind, server's glob, name's glob or -1], [3, actions]. */
  readonly whats: Rows;
  /** effect, because or -1, tell, [masks], [self, quorum, timeout, roles …] or []. */
  readonly outcomes: Rows;
  /** question, key, kind, behind has, then what it is compared with. */
  readonly asks: Rows;
  /** Functions, and of each [facts], [arguments], [[test, reads …] …], words, 1 where it joins conditions. */
  readonly runs: readonly Predicate[];
  readonly below: Rows;
  readonly reads: readonly Read[];
  /** name, phase, outcome, principals, actions, words or -1, tests … (words -2: those of its tests); or name, 3, otherwise or -1, principals, actions, [test, outcome, words] …. */
  readonly units: Rows;
  readonly shadows?: Rows;
  readonly standIns?: readonly StandIn[];
  readonly strict?: true;
  readonly measures?: readonly ModuleMeasure[];
}
/** A read below a leaf, and the name that authors know it by. */
export interface Read {
  readonly label: string;
  readonly value: Value;
}
export const read = (label: string, value: Value): Read => ({ label, value });

/** A measure before its numbers are looked up: principals, actions, test or null. */
export interface ModuleAddition {
  readonly who: number;
  readonly what: number;
  readonly when: number | null;
  readonly amount: Measure['additions'][number]['amount'];
  readonly facts: readonly string[];
  readonly reads: readonly string[];
}
export type ModuleMeasure = Omit<Measure, 'additions'> & { readonly additions: readonly ModuleAddition[] };
export const addition = (
  who: number,
  what: number,
  when: number | null,
  amount: ModuleAddition['amount'],
  facts: readonly string[],
  reads: readonly string[],
): ModuleAddition => ({ who, what, when, amount, facts, reads });

export const measure = (
  name: string,
  kind: MeasureSpec['kind'],
  window: number | null,
  fixed: boolean,
  attempts: boolean,
  keys: readonly KeyPart[],
  decay: readonly [amount: number, per: number] | null,
  cap: number | null,
  additions: readonly ModuleAddition[],
): ModuleMeasure => ({ name, kind, window, fixed, attempts, keys, decay, cap, additions });

export const EFFECTS: readonly RuleEffect[] = ['allow', 'review', 'deny', 'escalate', 'redact'];
export const PHASES: readonly Phase[] = ['call', 'list', 'result'];
/** In place of a phase: the unit is a block. */
export const BLOCK = 3;
export const ACTION_KINDS: readonly ActionKind[] = [
  'tool',
  'resource',
  'prompt',
  'completion',
  'sampling',
  'elicitation',
  'roots',
];

/** In place of words: those of the tests, joined. */
export const AS_TESTED = -2;

const parsed = (rows: Rows): readonly Row[] =>
  rows.length === 0 ? [] : (JSON.parse(`[[${rows.join(' ').replaceAll(' ', '],[')}]]`) as readonly Row[]);
/** Of tables of which most is never asked for. */
const unparsed = (rows: Rows): readonly string[] => (rows.length === 0 ? [] : rows.join(' ').split(' '));
const rowOf = (text: string): Row => JSON.parse(`[${text}]`) as Row;

/** What stands at a place of a table. */
function at<T>(list: readonly T[], place: Cell | undefined): T {
  const found = typeof place === 'number' ? list[place] : undefined;
  if (found === undefined) throw new RangeError(`a table leads to ${String(place)}, where nothing stands`);
  return found;
}
function cells(cell: Cell | undefined): readonly Cell[] {
  if (typeof cell !== 'object') throw new RangeError('a table has no list where one belongs');
  return cell;
}
function number(cell: Cell | undefined): number {
  if (typeof cell !== 'number') throw new RangeError('a table has no number where one belongs');
  return cell;
}
/** -1 stands for nothing. */
const orNone = <T>(list: readonly T[], place: Cell | undefined): T | null =>
  place === -1 ? null : at(list, place);

/** The tables of a module, with their numbers looked up. */
export function tablesOf(module: ModuleTables): WholeTables {
  const { name, version, steps, texts, standIns, strict, shadows, measures } = module;
  const found = setsOf(module);
  const outcomes = parsed(module.outcomes).map((row) => outcomeOf(row, texts));
  const tests = testsOf(module);
  const context = { module, ...found, ...tests, outcomes };
  const unitsOf = (rows: Rows): readonly Unit[] => parsed(rows).map((row) => unitOf(row, context));
  return {
    name,
    version,
    steps,
    tools: parsed(module.tools).map((row) => pinOf(row, texts)),
    units: unitsOf(module.units),
    ...(shadows === undefined ? {} : { shadows: unitsOf(shadows) }),
    ...(standIns === undefined ? {} : { standIns }),
    ...(strict === undefined ? {} : { strict }),
    ...(measures === undefined ? {} : { measures: measures.map((one) => measureOf(one, found, tests)) }),
  };
}

function pinOf([server, name, hints]: Row, texts: readonly string[]): Pin {
  const bits = number(hints);
  const has = (bit: number): boolean => (bits & bit) !== 0;
  return {
    server: at(texts, server),
    name: at(texts, name),
    readOnly: has(1),
    destructive: has(2),
    idempotent: has(4),
    openWorld: has(8),
  };
}

interface Sets {
  readonly whos: readonly Who[];
  readonly whats: readonly What[];
}

/** A set may hold another that stands before it. */
function setsOf({ globs: globRows, whos: whoRows, whats: whatRows, texts }: ModuleTables): Sets {
  const globs = parsed(globRows).map((row) => globOf(row, texts));
  const whos: Who[] = [];
  const whoTerm = (cell: Cell): WhoTerm => {
    const term = cells(cell);
    if (term[0] === 0) return sets.anyone;
    if (term[0] === 1) return sets.principal(at(globs, term[1]));
    return term[0] === 2 ? sets.role(at(texts, term[1])) : sets.members(at(whos, term[1]));
  };
  for (const row of parsed(whoRows))
    whos.push(sets.who(cells(row[0]).map(whoTerm), cells(row[1]).map(whoTerm)));
  const whats: What[] = [];
  const whatTerm = (cell: Cell): WhatTerm => {
    const term = cells(cell);
    if (term[0] === 0) return sets.every;
    if (term[0] === 1) return sets.everyTool;
    if (term[0] === 3) return sets.actions(at(whats, term[1]));
    return sets.act(at(ACTION_KINDS, term[1]), at(globs, term[2]), orNone(globs, term[3]));
  };
  for (const row of parsed(whatRows))
    whats.push(sets.what(cells(row[0]).map(whatTerm), cells(row[1]).map(whatTerm)));
  return { whos, whats };
}

function globOf(row: Row, texts: readonly string[]): Glob {
  if (row.length === 1) return glob([at(texts, row[0])], '');
  const parts = row.filter((_, i) => i % 2 === 0).map((place) => at(texts, place));
  const gaps = row.filter((_, i) => i % 2 === 1).map((gap) => (gap === 0 ? 'a' : 's'));
  if (parts.length !== gaps.length + 1) throw new RangeError('a pattern ends in a gap');
  return glob(parts, gaps.join(''));
}

function outcomeOf([effect, because, tell, masks, approval]: Row, texts: readonly string[]): Outcome {
  const [self, quorum, timeout, ...roles] = cells(approval);
  const asked =
    self === undefined
      ? null
      : {
          self: self === 1,
          roles: roles.map((role) => at(texts, role)),
          quorum: number(quorum),
          timeout: number(timeout),
        };
  const masked = cells(masks).map((mask) => at(texts, mask));
  return {
    effect: at(EFFECTS, effect),
    approval: asked,
    because: orNone(texts, because),
    ...(masked.length === 0 ? {} : { masks: masked }),
    ...(tell === 1 ? { tell: true } : {}),
  };
}

/** Tests by number: questions from 0 up, functions from -1 down; how many there are of each. */
interface Tests {
  readonly asks: number;
  readonly runs: number;
  readonly test: (ref: number) => Test;
}

function testsOf(module: ModuleTables): Tests {
  const { runs, texts, reads } = module;
  const asks = unparsed(module.asks);
  const below = unparsed(module.below);
  if (runs.length !== below.length) throw new RangeError('a function says not what it reads');
  const made = new Map<number, Test>();
  const test = (ref: number): Test => {
    const known = made.get(ref);
    if (known !== undefined) return known;
    const found = ref >= 0 ? askOf(rowOf(at(asks, ref)), texts) : runOf(-1 - ref);
    made.set(ref, found);
    return found;
  };
  const runOf = (i: number): Test => {
    const [facts, args, leaves, words, joins] = rowOf(at(below, i));
    const leaf = (cell: Cell): Leaf => {
      const [of, ...under] = cells(cell);
      return { test: test(number(of)), reads: under.map((one) => at(reads, one)) };
    };
    const said = (among: boolean): string =>
      among && joins === 1 ? `(${wordsAt(module, words)})` : wordsAt(module, words);
    const under = (): Below => ({
      facts: cells(facts).map((fact) => at(texts, fact)),
      reads: cells(args).map((pointer) => at(texts, pointer)),
      leaves: cells(leaves).map(leaf),
    });
    return running(at(runs, i), under, said);
  };
  return { asks: asks.length, runs: runs.length, test };
}

function askOf([op, key, kind, guarded, ...others]: Row, texts: readonly string[]): Test {
  const [first, second] = others;
  const ask = (other: Parameters<typeof asking>[4]): Test =>
    asking(number(op), at(texts, key), at(KINDS, kind), guarded === 1, other);
  switch (at(OPS, op)) {
    case 'run':
      throw new RangeError('a function stands among the questions');
    case 'has':
      return ask({});
    case 'like':
      return ask({ glob: globOf(others, texts) });
    case 'in':
      return ask({ set: new Set(others.map((place) => at(texts, place))) });
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
    case 'equal':
    case 'differ':
      return ask({ text: at(texts, first) });
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return typeof first === 'number' ? ask({ low: first }) : ask(exactly(at(texts, cells(first)[0])));
    case 'between':
      return ask({ low: number(first), high: number(second) });
  }
}

/** A number that no double writes stands as its text. */
const exactly = (text: string): Parameters<typeof asking>[4] => ({ low: decimal(text), text });

interface Context extends Sets, Tests {
  readonly module: ModuleTables;
  readonly outcomes: readonly Outcome[];
}

/** There are many units, and all are gone through before anything is warm: nothing is made here that a decision may not need. */
function unitOf(row: Row, context: Context): Unit {
  const { module, outcomes, whos, whats, asks, runs } = context;
  const name = at(module.texts, row[0]);
  const phase = row[1];
  const who = at(whos, row[3]);
  const what = at(whats, row[4]);
  if (phase === BLOCK) return blockOf(row, { name, who, what }, context);
  for (let i = 6; i < row.length; i++) {
    const test = row[i];
    if (typeof test !== 'number' || !(test < asks) || !(test >= -runs)) throw new RangeError(NO_TEST);
  }
  return new TableRule(name, at(PHASES, phase), who, what, at(outcomes, row[2]), row, context);
}
const NO_TEST = 'a unit asks for a test that is not there';

function blockOf(row: Row, base: Pick<Unit, 'name' | 'who' | 'what'>, context: Context): Unit {
  const { outcomes, asks, runs } = context;
  for (const cell of row.slice(5)) {
    const [test, yields] = cells(cell);
    if (!(number(test) < asks && number(test) >= -runs)) throw new RangeError(NO_TEST);
    at(outcomes, yields);
  }
  return new TableBlock(base, orNone(outcomes, row[2]), row, context);
}

const wordsAt = (module: ModuleTables, place: Cell | undefined): string =>
  (typeof place === 'number' ? module.words()[place] : undefined) ?? '';

class TableRule implements Rule {
  readonly kind = 'rule';
  readonly name: string;
  readonly phase: Phase;
  readonly who: Who;
  readonly what: What;
  readonly outcome: Outcome;
  private readonly row: Row;
  private readonly context: Context;
  private made: readonly Test[] | null = null;

  constructor(
    name: string,
    phase: Phase,
    who: Who,
    what: What,
    outcome: Outcome,
    row: Row,
    context: Context,
  ) {
    this.name = name;
    this.phase = phase;
    this.who = who;
    this.what = what;
    this.outcome = outcome;
    this.row = row;
    this.context = context;
  }
  get tests(): readonly Test[] {
    this.made ??= this.row.slice(6).map((ref) => this.context.test(number(ref)));
    return this.made;
  }
  get words(): string {
    const place = this.row[5];
    if (place !== AS_TESTED) return wordsAt(this.context.module, place);
    return this.tests.map((test) => test.words(this.tests.length > 1)).join(' and ');
  }
}

class TableBlock implements Block {
  readonly kind = 'block';
  readonly name: string;
  readonly phase = 'call';
  readonly who: Who;
  readonly what: What;
  readonly otherwise: Outcome | null;
  private readonly row: Row;
  private readonly context: Context;
  private made: readonly Case[] | null = null;

  constructor(
    base: Pick<Unit, 'name' | 'who' | 'what'>,
    otherwise: Outcome | null,
    row: Row,
    context: Context,
  ) {
    this.name = base.name;
    this.who = base.who;
    this.what = base.what;
    this.otherwise = otherwise;
    this.row = row;
    this.context = context;
  }
  get cases(): readonly Case[] {
    this.made ??= this.row.slice(5).map((cell) => {
      const [test, outcome, words] = cells(cell);
      const { outcomes, test: of, module } = this.context;
      return { test: of(number(test)), outcome: at(outcomes, outcome), words: wordsAt(module, words) };
    });
    return this.made;
  }
}

function measureOf(spec: ModuleMeasure, { whos, whats }: Sets, tests: Tests): Measure {
  const additions = spec.additions.map((one) => ({
    ...one,
    who: at(whos, one.who),
    what: at(whats, one.what),
    when: one.when === null ? null : tests.test(one.when),
  }));
  return { ...spec, additions };
}
