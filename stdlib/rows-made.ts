// SPDX-License-Identifier: Apache-2.0
/** What checked rows stand for: sets, outcomes and tests, each made when a decision first asks for it. */
import { asking, type Below, KINDS, type Leaf, OPS, running, type Test } from './ask.js';
import { decimal } from './decimal.js';
import { type Glob, glob } from './glob.js';
import type { ModuleTables } from './rows.js';
import { ACTION_KINDS, type Cell, EFFECTS, type Row, type RowTables } from './rows-check.js';
import * as sets from './sets.js';
import type { What, WhatTerm, Who, WhoTerm } from './sets.js';
import type { ActionPlace, Outcome, WhatTable, WhoTable } from './tables.js';

/** By place. */
export interface Made {
  readonly whos: WhoTable;
  readonly whats: WhatTable;
  readonly outcome: (place: number) => Outcome;
  /** Questions from 0 up, functions from -1 down. */
  readonly test: (ref: number) => Test;
}

/** Of rows that were checked: what a cell holds is known where it stands. */
type Places = readonly number[];
type SetRow = readonly [include: readonly Places[], except: readonly Places[]];

export function madeOf(module: ModuleTables, rows: RowTables): Made {
  const { texts } = rows;
  const globAt = lazily(rows.globs, (row: Places) => globOf(row, texts));
  const whoTerm = (term: Places): WhoTerm => {
    const of = term[1] as number;
    if (term[0] === 0) return sets.anyone;
    if (term[0] === 1) return sets.principal(globAt(of));
    return term[0] === 2 ? sets.role(texts[of] as string) : sets.members(who(of));
  };
  const who: (place: number) => Who = lazily(rows.whos, (row: SetRow) =>
    sets.who(row[0].map(whoTerm), row[1].map(whoTerm)),
  );
  const whatTerm = (term: Places): WhatTerm => {
    const of = term[1] as number;
    if (term[0] === 0) return sets.every;
    if (term[0] === 1) return sets.everyTool;
    if (term[0] === 3) return sets.actions(what(of));
    const name = term[3] as number;
    const named = name === -1 ? null : globAt(name);
    return sets.act(ACTION_KINDS[of] ?? 'tool', globAt(term[2] as number), named);
  };
  const what: (place: number) => What = lazily(rows.whats, (row: SetRow) =>
    sets.what(row[0].map(whatTerm), row[1].map(whatTerm)),
  );
  return {
    whos: {
      size: rows.whos.length,
      at: who,
      name: (place) => onlyName(rows, place),
      begin: (place) => onlyBegin(rows, place),
    },
    whats: { size: rows.whats.length, at: what, places: (place) => placesOf(rows, place) },
    outcome: lazily(rows.outcomes, (row: Row) => outcomeOf(row, texts)),
    test: testsOf(module, rows),
  };
}

/** Each made once, when first asked for. */
function lazily<R extends Row, T>(rows: readonly Row[], make: (row: R) => T): (place: number) => T {
  const made: (T | undefined)[] = [];
  made.length = rows.length;
  return (place) => (made[place] ??= make(rows[place] as unknown as R));
}

/** The text of a pattern without gaps, else null. */
function textOf({ globs, texts }: RowTables, place: number): string | null {
  const row = globs[place] as Places;
  return row.length === 1 ? (texts[row[0] as number] as string) : null;
}

function onlyName(rows: RowTables, place: number): string | null {
  const row = rows.whos[place] as unknown as SetRow;
  const term = row[0][0];
  if (term === undefined || row[0].length > 1 || row[1].length > 0 || term[0] !== 1) return null;
  return textOf(rows, term[1] as number);
}

/** Of anyone, and of a pattern whose only gap is its end, as long as it may cross a slash. */
function onlyBegin({ whos, globs, texts }: RowTables, place: number): string | null {
  const row = whos[place] as unknown as SetRow;
  const term = row[0][0];
  if (term === undefined || row[0].length > 1 || row[1].length > 0) return null;
  if (term[0] === 0) return '';
  if (term[0] !== 1) return null;
  const glob = globs[term[1] as number] as Places;
  const open = glob.length === 3 && glob[1] === 0 && texts[glob[2] as number] === '';
  return open ? (texts[glob[0] as number] as string) : null;
}

function placesOf(rows: RowTables, place: number): readonly ActionPlace[] | null {
  const found: ActionPlace[] = [];
  const include = (rows.whats[place] as unknown as SetRow)[0];
  for (let i = 0; i < include.length; i++) {
    const term = include[i] as Places;
    if (term[0] === 3) {
      const inner = placesOf(rows, term[1] as number);
      if (inner === null) return null;
      found.push(...inner);
      continue;
    }
    const server = term[0] === 2 ? textOf(rows, term[2] as number) : null;
    if (server === null) return null;
    found.push({ server, name: term[3] === -1 ? null : textOf(rows, term[3] as number) });
  }
  return found;
}

function globOf(row: Places, texts: readonly string[]): Glob {
  const parts: string[] = [];
  let gaps = '';
  for (let i = 0; i < row.length; i++) {
    if (i % 2 === 0) parts.push(texts[row[i] as number] as string);
    else gaps += row[i] === 0 ? 'a' : 's';
  }
  return glob(parts, gaps);
}

function outcomeOf(row: Row, texts: readonly string[]): Outcome {
  const masks = row[3] as Places;
  const text = (place: number): string => texts[place] as string;
  return {
    effect: EFFECTS[row[0] as number] ?? 'deny',
    approval: approvalOf(row[4] as Places, text),
    because: row[1] === -1 ? null : text(row[1] as number),
    ...(masks.length === 0 ? {} : { masks: masks.map(text) }),
    ...(row[2] === 1 ? { tell: true } : {}),
  };
}

function approvalOf(cells: Places, text: (place: number) => string): Outcome['approval'] {
  if (cells.length === 0) return null;
  const [self, quorum = 0, timeout = 0, ...roles] = cells;
  return { self: self === 1, roles: roles.map(text), quorum, timeout };
}

function testsOf(module: ModuleTables, { asks, below, texts }: RowTables): Made['test'] {
  const { runs, reads } = module;
  const made = new Map<number, Test>();
  const test = (ref: number): Test => {
    const known = made.get(ref);
    if (known !== undefined) return known;
    const found = ref >= 0 ? askOf(asks[ref] as Row, texts) : runOf(-1 - ref);
    made.set(ref, found);
    return found;
  };
  const runOf = (i: number): Test => {
    const [facts, args, leaves, words, joins] = below[i] as readonly [
      Places,
      Places,
      readonly Places[],
      number,
      number,
    ];
    const text = (place: number): string => texts[place] as string;
    const leaf = ([of = 0, ...under]: Places): Leaf => ({
      test: test(of),
      reads: under.map((one) => reads[one] as ModuleTables['reads'][number]),
    });
    const said = (among: boolean): string =>
      among && joins === 1 ? `(${wordsAt(module, words)})` : wordsAt(module, words);
    const under = (): Below => ({ facts: facts.map(text), reads: args.map(text), leaves: leaves.map(leaf) });
    return running(runs[i] as ModuleTables['runs'][number], under, said);
  };
  return test;
}

function askOf(row: Row, texts: readonly string[]): Test {
  const cells = row as Places;
  const op = cells[0] as number;
  const first = cells[4] as number;
  const text = (place: number): string => texts[place] as string;
  const ask = (other: Parameters<typeof asking>[4]): Test =>
    asking(op, text(cells[1] as number), KINDS[cells[2] as number] ?? 'json', cells[3] === 1, other);
  switch (OPS[op]) {
    case undefined:
    case 'run':
    case 'has':
      return ask({});
    case 'like':
      return ask({ glob: globOf(cells.slice(4), texts) });
    case 'in':
      return ask({ set: new Set(cells.slice(4).map(text)) });
    case 'between':
      return ask({ low: first, high: cells[5] as number });
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'under':
    case 'equal':
    case 'differ':
      return ask({ text: text(first) });
    default:
      return ask(numberOf(row[4], texts));
  }
}

/** A number that no double writes stands as its text. */
function numberOf(cell: Cell | undefined, texts: readonly string[]): Parameters<typeof asking>[4] {
  if (typeof cell === 'number') return { low: cell };
  const text = texts[(cell as Places)[0] as number] as string;
  return { low: decimal(text), text };
}

/** -1 stands for none. */
export const wordsAt = (module: ModuleTables, place: number): string => module.words()[place] ?? '';
