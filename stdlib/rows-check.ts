// SPDX-License-Identifier: Apache-2.0
/**
 * Is every row of a module what a compiler writes? Asked of all rows when a policy is loaded, so that nothing about a damaged one is
 * left for a decision to find. It runs before anything is warm, so it is written for that: a loop a table, and in each cell one
 * comparison in place, since a function that all cells go through would be compiled for the two milliseconds that it is needed.
 */
import type { ActionKind, Phase, RuleEffect } from './abi.js';
import { KINDS, OPS } from './ask.js';

export type Row = readonly Cell[];
export type Cell = number | readonly Cell[];
/** A row as if it held numbers only: `x >>> 0 === x` is false for whatever else stands there. */
type Places = readonly number[];

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

/** The rows of a module, by table. */
export interface RowTables {
  readonly texts: readonly string[];
  readonly tools: readonly Row[];
  readonly globs: readonly Row[];
  readonly whos: readonly Row[];
  readonly whats: readonly Row[];
  readonly outcomes: readonly Row[];
  readonly asks: readonly Row[];
  readonly below: readonly Row[];
  readonly units: readonly Row[];
  readonly shadows: readonly Row[];
  /** How many functions there are, and how many reads. */
  readonly runs: number;
  readonly reads: number;
}

/** Of each unit, what an index needs. */
export interface Columns {
  readonly phase: readonly Phase[];
  readonly who: readonly number[];
  readonly what: readonly number[];
}

/** Columns of the units; an error that names the table in which a row stands that no compiler writes. */
export function checkRows(rows: RowTables): { readonly units: Columns; readonly shadows: Columns } {
  const { texts, globs } = rows;
  for (let i = 0; i < texts.length; i++) if (typeof texts[i] !== 'string') fail('texts');
  if (rows.runs !== rows.below.length) fail('below');
  if (!areTools(rows.tools, texts.length)) fail('tools');
  for (let i = 0; i < globs.length; i++) if (!isGlob(globs[i] as Places, 0, texts.length)) fail('globs');
  if (!areWhos(rows.whos, globs.length, texts.length)) fail('whos');
  if (!areWhats(rows.whats, globs.length)) fail('whats');
  if (!areOutcomes(rows.outcomes, texts.length)) fail('outcomes');
  if (!areAsks(rows.asks, texts)) fail('asks');
  if (!areBelow(rows.below, rows)) fail('below');
  return { units: columns(rows.units, rows), shadows: columns(rows.shadows, rows) };
}

function fail(table: string): never {
  throw new RangeError(`among its ${table} is a row that no compiler writes`);
}

/** The place of something in a list of so many. */
export const isPlace = (cell: unknown, size: number): boolean =>
  (cell as number) >>> 0 === cell && (cell as number) < size;
const orNone = (cell: unknown, size: number): boolean => cell === -1 || isPlace(cell, size);
/** Questions count from 0 up, functions from -1 down. */
export const isTest = (cell: unknown, asks: number, runs: number): boolean =>
  ((cell as number) | 0) === cell && (cell as number) < asks && (cell as number) >= -runs;

function arePlaces(list: unknown, from: number, size: number): boolean {
  if (!Array.isArray(list)) return false;
  const places = list as Places;
  for (let i = from; i < places.length; i++) {
    const cell = places[i] as number;
    if (cell >>> 0 !== cell || cell >= size) return false;
  }
  return true;
}

/** server, name, hints. */
function areTools(rows: readonly Row[], texts: number): boolean {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Places;
    if (row.length !== 3 || !isPlace(row[0], texts) || !isPlace(row[1], texts) || !isPlace(row[2], 16))
      return false;
  }
  return true;
}

/** Texts with gaps between. */
function isGlob(row: Places, from: number, texts: number): boolean {
  if ((row.length - from) % 2 !== 1) return false;
  for (let i = from; i < row.length; i++) {
    const cell = row[i] as number;
    if (cell >>> 0 !== cell || cell >= ((i - from) % 2 === 0 ? texts : 2)) return false;
  }
  return true;
}

function areWhos(rows: readonly Row[], globs: number, texts: number): boolean {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Row;
    if (row.length !== 2 || !areWhoTerms(row[0], i, globs, texts) || !areWhoTerms(row[1], i, globs, texts))
      return false;
  }
  return true;
}

/** A set may hold another that stands before it. */
function areWhoTerms(terms: unknown, place: number, globs: number, texts: number): boolean {
  if (!Array.isArray(terms)) return false;
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i] as unknown;
    if (!Array.isArray(term)) return false;
    const kind = term[0] as unknown;
    const of = term[1] as number;
    if (kind === 0) {
      if (term.length !== 1) return false;
      continue;
    }
    const size = kind === 1 ? globs : kind === 2 ? texts : kind === 3 ? place : 0;
    if (term.length !== 2 || of >>> 0 !== of || of >= size) return false;
  }
  return true;
}

function areWhats(rows: readonly Row[], globs: number): boolean {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Row;
    if (row.length !== 2 || !areWhatTerms(row[0], i, globs) || !areWhatTerms(row[1], i, globs)) return false;
  }
  return true;
}

function areWhatTerms(terms: unknown, place: number, globs: number): boolean {
  if (!Array.isArray(terms)) return false;
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i] as unknown;
    if (!Array.isArray(term)) return false;
    const kind = term[0] as unknown;
    if (kind === 0 || kind === 1) {
      if (term.length !== 1) return false;
    } else if (kind === 3) {
      if (term.length !== 2 || !isPlace(term[1], place)) return false;
    } else if (kind !== 2 || !isAct(term as Places, globs)) return false;
  }
  return true;
}
const isAct = (term: Places, globs: number): boolean =>
  term.length === 4 &&
  isPlace(term[1], ACTION_KINDS.length) &&
  isPlace(term[2], globs) &&
  orNone(term[3], globs);

/** effect, because or -1, tell, [masks], [] or [may it be the caller, how many, for how long, who …]. */
function areOutcomes(rows: readonly Row[], texts: number): boolean {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Row;
    if (row.length !== 5 || !isPlace(row[0], EFFECTS.length) || !orNone(row[1], texts)) return false;
    if (!isPlace(row[2], 2) || !arePlaces(row[3], 0, texts) || !arePlaces(row[4], 3, texts)) return false;
    const asked = row[4] as Row;
    const counts = typeof asked[1] === 'number' && typeof asked[2] === 'number';
    if (asked.length > 0 && !(counts && isPlace(asked[0], 2))) return false;
  }
  return true;
}

const HAS = OPS.indexOf('has');
const LIKE = OPS.indexOf('like');
const IN = OPS.indexOf('in');
const BETWEEN = OPS.indexOf('between');

/** question, key, kind, behind has, what it is compared with …. */
function areAsks(rows: readonly Row[], texts: readonly string[]): boolean {
  const [ops, kinds, most] = [OPS.length, KINDS.length, texts.length];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Places;
    const op = row[0] as number;
    const key = row[1] as number;
    const kind = row[2] as number;
    const guarded = row[3] as number;
    if (op >>> 0 !== op || op === 0 || op >= ops || key >>> 0 !== key || key >= most) return false;
    if (kind >>> 0 !== kind || kind >= kinds || guarded >>> 0 !== guarded || guarded > 1) return false;
    if (op === IN ? row.length === 4 || !areItems(row, texts) : !isCompared(op, row, texts)) return false;
  }
  return true;
}

function isCompared(op: number, row: Row, texts: readonly string[]): boolean {
  const first = row[4];
  if (op === HAS) return row.length === 4;
  if (op === LIKE) return isGlob(row as Places, 4, texts.length);
  if (op === BETWEEN) return row.length === 6 && typeof first === 'number' && typeof row[5] === 'number';
  if (row.length !== 5) return false;
  if (op < LIKE) return isPlace(first, texts.length);
  return (
    typeof first === 'number' ||
    (Array.isArray(first) && first.length === 1 && isPlace(first[0], texts.length))
  );
}

/** There are more of these than of all else together: whether a text stands there says it all of a number. */
function areItems(row: Places, texts: readonly string[]): boolean {
  for (let i = 4; i < row.length; i++) if (texts[row[i] as number] === undefined) return false;
  return true;
}

/** [facts], [arguments], [[test, reads …] …], words, 1 where it joins conditions. */
function areBelow(rows: readonly Row[], { texts, asks, runs, reads }: RowTables): boolean {
  for (const row of rows) {
    const leaves: unknown = row[2];
    if (row.length !== 5 || !arePlaces(row[0], 0, texts.length) || !arePlaces(row[1], 0, texts.length))
      return false;
    if (!Array.isArray(leaves) || !isPlace(row[3], Number.MAX_SAFE_INTEGER) || !isPlace(row[4], 2))
      return false;
    for (const leaf of leaves as readonly unknown[])
      if (!arePlaces(leaf, 1, reads) || !isTest((leaf as Row)[0], asks.length, runs)) return false;
  }
  return true;
}

/** Of all tables the longest, gone through once: name, phase, outcome, principals, actions, then words and tests, or cases. */
function columns(rows: readonly Row[], { texts, whos, whats, outcomes, asks, runs }: RowTables): Columns {
  const [phases, who, what]: [Phase[], number[], number[]] = [[], [], []];
  const [names, most, all, tests, results] = [
    texts.length,
    whos.length,
    whats.length,
    asks.length,
    outcomes.length,
  ];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Places;
    const name = row[0] as number;
    const phase = row[1] as number;
    const outcome = row[2] as number;
    const of = row[3] as number;
    const on = row[4] as number;
    if (name >>> 0 !== name || name >= names || of >>> 0 !== of || of >= most) fail('units');
    if (on >>> 0 !== on || on >= all || phase >>> 0 !== phase || phase > BLOCK) fail('units');
    if (outcome >= results || (outcome >>> 0 !== outcome && !(outcome === -1 && phase === BLOCK)))
      fail('units');
    if (phase === BLOCK) {
      if (!areCases(row, tests, runs, results)) fail('units');
    } else {
      if (!isWords(row[5])) fail('units');
      for (let k = 6; k < row.length; k++) {
        const test = row[k] as number;
        if ((test | 0) !== test || test >= tests || test < -runs) fail('units');
      }
    }
    who[i] = of;
    what[i] = on;
    phases[i] = PHASES[phase] ?? 'call';
  }
  return { phase: phases, who, what };
}
const isWords = (cell: unknown): boolean => ((cell as number) | 0) === cell && (cell as number) >= AS_TESTED;

function areCases(row: Row, asks: number, runs: number, outcomes: number): boolean {
  for (let i = 5; i < row.length; i++) {
    const one: unknown = row[i];
    if (!Array.isArray(one) || one.length !== 3) return false;
    if (!isTest(one[0], asks, runs) || !isPlace(one[1], outcomes) || !isWords(one[2])) return false;
  }
  return true;
}
