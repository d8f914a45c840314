// SPDX-License-Identifier: Apache-2.0
/**
 * Compiled tables as modules hold them: rows of numbers, written as texts, which are read at once by `JSON.parse` and take a
 * fraction of what as much code would. All rows are checked (rows-check.ts) before anything is decided; what they stand for is
 * made when a decision first asks for it, since one meets little of a large policy.
 */
import type { KeyPart, MeasureSpec } from './abi.js';
import type { Pin, Predicate, Test, Value } from './ask.js';
import type { WholeTables } from './compose.js';
import type { Measure } from './measure.js';
import {
  AS_TESTED,
  BLOCK,
  checkRows,
  type Columns,
  isPlace,
  isTest,
  PHASES,
  type Row,
  type RowTables,
} from './rows-check.js';
import { type Made, madeOf, wordsAt } from './rows-made.js';
import type { Block, Case, PinTable, Rule, StandIn, Unit, UnitTable } from './tables.js';

export { ACTION_KINDS, AS_TESTED, BLOCK, EFFECTS, PHASES } from './rows-check.js';

/** Texts of rows with spaces between; a row is numbers, and lists of them, between commas. */
type Rows = readonly string[];

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

/** The tables of a module; an error where a row is not what a compiler writes. */
export function tablesOf(module: ModuleTables): WholeTables {
  const { name, version, steps, standIns, strict, measures } = module;
  const rows = rowsOf(module);
  const { units, shadows } = checkRows(rows);
  const made = madeOf(module, rows);
  return {
    name,
    version,
    steps,
    tools: pinsOf(rows),
    units: unitsOf(rows.units, units, module, made),
    ...(rows.shadows.length === 0 ? {} : { shadows: unitsOf(rows.shadows, shadows, module, made) }),
    ...(standIns === undefined ? {} : { standIns }),
    ...(strict === undefined ? {} : { strict }),
    ...(measures === undefined ? {} : { measures: measures.map((one) => measureOf(one, rows, made)) }),
  };
}

const rowsOf = (module: ModuleTables): RowTables => ({
  texts: module.texts,
  tools: parsed(module.tools),
  globs: parsed(module.globs),
  whos: parsed(module.whos),
  whats: parsed(module.whats),
  outcomes: parsed(module.outcomes),
  asks: parsed(module.asks),
  below: parsed(module.below),
  units: parsed(module.units),
  shadows: parsed(module.shadows ?? []),
  runs: module.runs.length,
  reads: module.reads.length,
});
const parsed = (rows: Rows): readonly Row[] =>
  rows.length === 0 ? [] : (JSON.parse(`[[${rows.join(' ').replaceAll(' ', '],[')}]]`) as readonly Row[]);

/** By name, so that a pin is made of what is asked for alone. */
function pinsOf({ tools, texts }: RowTables): PinTable {
  let byName: Map<string, Row[]> | null = null;
  const rowsByName = (): ReadonlyMap<string, readonly Row[]> => {
    if (byName !== null) return byName;
    byName = new Map();
    for (let i = 0; i < tools.length; i++) {
      const row = tools[i] as Row;
      const name = texts[row[1] as number] as string;
      const rows = byName.get(name);
      if (rows === undefined) byName.set(name, [row]);
      else rows.push(row);
    }
    return byName;
  };
  return {
    named: (name) => rowsByName().has(name),
    at: (server, name) => {
      const row = rowsByName()
        .get(name)
        ?.find((one) => texts[one[0] as number] === server);
      return row === undefined ? undefined : pinOf(server, name, row[2] as number);
    },
  };
}

function pinOf(server: string, name: string, hints: number): Pin {
  const has = (bit: number): boolean => (hints & bit) !== 0;
  return {
    server,
    name,
    readOnly: has(1),
    destructive: has(2),
    idempotent: has(4),
    openWorld: has(8),
  };
}

function unitsOf(rows: readonly Row[], columns: Columns, module: ModuleTables, made: Made): UnitTable {
  const units: (Unit | undefined)[] = [];
  units.length = rows.length;
  const at = (order: number): Unit => (units[order] ??= unitOf(rows[order] as Row, module, made));
  return { size: rows.length, ...columns, at, whos: made.whos, whats: made.whats };
}

const unitOf = (row: Row, module: ModuleTables, made: Made): Unit =>
  row[1] === BLOCK ? blockOf(row, module, made) : new RowRule(row as readonly number[], module, made);

/** A decision asks for what it yields and for its tests; the rest is made when somebody else asks. */
class RowRule implements Rule {
  readonly kind = 'rule';
  readonly name: string;
  readonly phase: Rule['phase'];
  readonly outcome: Rule['outcome'];
  readonly tests: readonly Test[];
  readonly #row: readonly number[];
  readonly #module: ModuleTables;
  readonly #made: Made;

  constructor(row: readonly number[], module: ModuleTables, made: Made) {
    this.name = module.texts[row[0] as number] as string;
    this.phase = PHASES[row[1] as number] ?? 'call';
    this.outcome = made.outcome(row[2] as number);
    this.tests = row.length === 6 ? NO_TESTS : row.slice(6).map(made.test);
    this.#row = row;
    this.#module = module;
    this.#made = made;
  }
  get who(): Rule['who'] {
    return this.#made.whos.at(this.#row[3] as number);
  }
  get what(): Rule['what'] {
    return this.#made.whats.at(this.#row[4] as number);
  }
  get words(): string {
    const { tests } = this;
    const words = this.#row[5] as number;
    return words === AS_TESTED
      ? tests.map((one) => one.words(tests.length > 1)).join(' and ')
      : wordsAt(this.#module, words);
  }
}

const NO_TESTS: readonly Test[] = [];

function blockOf(row: Row, module: ModuleTables, { test, outcome, whos, whats }: Made): Block {
  const [name = 0, , otherwise = 0, who = 0, what = 0] = row as readonly number[];
  const cases = row.slice(5).map((cell): Case => {
    const [of = 0, yields = 0, words = 0] = cell as readonly number[];
    return { test: test(of), outcome: outcome(yields), words: wordsAt(module, words) };
  });
  return {
    kind: 'block',
    name: module.texts[name] as string,
    phase: 'call',
    who: whos.at(who),
    what: whats.at(what),
    cases,
    otherwise: otherwise === -1 ? null : outcome(otherwise),
  };
}

function measureOf(spec: ModuleMeasure, { whos, whats, asks, runs }: RowTables, made: Made): Measure {
  const additions = spec.additions.map(({ who, what, when, ...rest }) => {
    const whole = isPlace(who, whos.length) && isPlace(what, whats.length);
    if (!whole || !(when === null || isTest(when, asks.length, runs)))
      throw new RangeError(`${spec.name} adds where nothing stands`);
    return {
      ...rest,
      who: made.whos.at(who),
      what: made.whats.at(what),
      when: when === null ? null : made.test(when),
    };
  });
  return { ...spec, additions };
}
