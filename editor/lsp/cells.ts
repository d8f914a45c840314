// SPDX-License-Identifier: Apache-2.0
/**
 * The statements of an open file, kept across edits: only what an edit touches is parsed again, and every other statement stays
 * the very same object, so that what is known of it stays known. For that, spans do not move with the text: each cell has a place
 * of its own among all spans (`base`), and `place` says where that is in the text now.
 *
 * A statement starts with a word that continues no other statement, and no token goes past its line. So the parts of a file that
 * start at such a word, at the beginning of a line, are read alike apart and together (test/unit/editor/cells.test.ts).
 */
import { parse, type ParseResult } from '../../grammar/parse.js';
import type { Fault, File, Span, Statement } from '../../grammar/tree.js';

/** A statement, or text that could not be read whole with the statements in it that could. */
interface Cell {
  /** Where it is in the text. */
  readonly start: number;
  readonly length: number;
  /** Where it is among the spans of its statements. */
  readonly base: number;
  readonly statements: readonly Statement[];
  readonly faults: readonly Fault[];
}

type Header = Omit<File, 'statements' | 'comments' | 'span'>;

/** Stands before a part of a file, so that it can be read alone. */
const HEAD = 'sep 1\npolicy a 1.0.0\n';

const endOf = (cell: Cell): number => cell.start + cell.length;

export class Cells {
  readonly text: string;
  private readonly header: Header;
  /** In the order of the text. */
  private readonly cells: readonly Cell[];
  /** The least base that no cell ever had. */
  private readonly free: number;
  private byBase: readonly Cell[] | null = null;

  private constructor(text: string, header: Header, cells: readonly Cell[], free: number) {
    this.text = text;
    this.header = header;
    this.cells = cells;
    this.free = free;
  }

  static of(text: string): Cells {
    const { file, faults } = parse(text);
    const { edition, name, version, tighten, header } = file;
    const head = { edition, name, version, tighten, header };
    const cells = file.statements.map((s) => cellOf(s, s.span.start));
    const free = text.length + 1;
    if (faults.length === 0) return new Cells(text, head, cells, free);
    const parts = header === null ? null : around(text, cells, faults, free);
    if (parts !== null) return new Cells(text, head, parts, free + text.length + 1);
    const whole = { start: 0, length: text.length, base: 0, statements: file.statements, faults };
    return new Cells(text, head, [whole], free);
  }

  /** The same file with another text. */
  update(text: string): Cells {
    const { cells } = this;
    const same = commonEnds(this.text, text);
    const moved = text.length - this.text.length;
    const ends = this.text.length - same.behind;
    const touched = (cell: Cell): boolean =>
      cell.faults.length > 0 || (endOf(cell) >= same.before && cell.start <= ends);
    let from =
      Math.min(
        lowest(cells, touched),
        lowest(cells, (cell) => endOf(cell) >= same.before),
      ) - 1;
    while (from > 0 && !startsLine(text, cells[from]?.start ?? 0)) from--;
    const first = cells[from];
    if (first === undefined || !startsLine(text, first.start)) return Cells.of(text);
    let to =
      Math.max(
        cells.findLastIndex(touched),
        cells.findLastIndex((cell) => cell.start <= ends),
      ) + 1;
    while (to < cells.length && !startsLine(text, (cells[to]?.start ?? 0) + moved)) to++;
    const next = cells[to];
    const region = { start: first.start, end: next === undefined ? text.length : next.start + moved };
    const again = read(text, region, this.free);
    const known = this.unchanged(from, to);
    const behind = cells.slice(to).map((cell) => ({ ...cell, start: cell.start + moved }));
    const parts = [...cells.slice(0, from), ...split(again, (cell) => known(cell, text)), ...behind];
    return new Cells(text, this.header, parts, this.free + again.length + 1);
  }

  /** A statement that was read again and says what it said before, is the one that it was. */
  private unchanged(from: number, to: number): (cell: Cell, text: string) => Cell {
    const before = new Map<string, Cell>();
    for (const old of this.cells.slice(from, to)) {
      if (old.faults.length === 0) before.set(this.text.slice(old.start, endOf(old)), old);
    }
    return (cell, text) => {
      const written = text.slice(cell.start, endOf(cell));
      const old = before.get(written);
      // One object stands for one place: of two alike, one is new.
      before.delete(written);
      return old === undefined ? cell : { ...old, start: cell.start };
    };
  }

  /** The tree, with spans of this class. */
  get parsed(): ParseResult {
    const span = { start: 0, end: this.free };
    const statements = this.cells.flatMap((cell) => cell.statements);
    const file = { ...this.header, statements, comments: [], span };
    return { file, faults: this.cells.flatMap((cell) => cell.faults) };
  }

  get broken(): boolean {
    return this.cells.some((cell) => cell.faults.length > 0);
  }

  /** Where a span of a statement or fault is in the text. */
  place({ start, end }: Span): Span {
    this.byBase ??= [...this.cells].sort((a, b) => a.base - b.base);
    const cell = lastAtOrBefore(this.byBase, start);
    // The header never moves.
    if (cell === undefined || start > cell.base + cell.length) return { start, end };
    const by = cell.start - cell.base;
    const last = endOf(cell);
    return { start: Math.min(start + by, last), end: Math.min(end + by, last) };
  }

  /** The statement at an offset of the text, and that offset among its spans; null between statements. */
  at(offset: number): { readonly statement: Statement; readonly offset: number } | null {
    for (let i = lowest(this.cells, (cell) => endOf(cell) >= offset); i < this.cells.length; i++) {
      const cell = this.cells[i];
      if (cell === undefined || cell.start > offset) return null;
      const within = offset - cell.start + cell.base;
      const statement = cell.statements.find((s) => s.span.start <= within && within <= s.span.end);
      if (statement !== undefined) return { statement, offset: within };
    }
    return null;
  }

  /** Where the statement starts that an offset of the text is in or behind. */
  before(offset: number): number {
    const cell = this.cells.findLast(({ start }) => start <= offset);
    return cell?.start ?? this.header.header?.end ?? 0;
  }

  /** What stands before the parts: the header. */
  get head(): string {
    return this.text.slice(0, this.header.header?.end ?? 0);
  }

  /** The text in parts that can be read apart: each ends with a statement, and the comment behind it on its line; the last is the rest. */
  get parts(): readonly string[] {
    const { text } = this;
    const ends = this.cells.map((cell) => behindComment(text, endOf(cell)));
    const starts = [this.header.header?.end ?? 0, ...ends];
    return [...ends, text.length].map((end, i) => text.slice(starts[i], end));
  }
}

/** Where all faults are in one part of a file, that part as a cell among the others; null where it is not so. */
function around(
  text: string,
  cells: readonly Cell[],
  faults: readonly Fault[],
  free: number,
): readonly Cell[] | null {
  const first = faults[0]?.span.start ?? 0;
  const last = faults.at(-1)?.span.end ?? 0;
  const before = cells.filter((cell) => endOf(cell) < first);
  const behind = cells.filter((cell) => cell.start > last && startsLine(text, cell.start)).slice(1);
  const start = before.at(-1);
  if (start === undefined) return null;
  const region = { start: endOf(start), end: behind[0]?.start ?? text.length };
  const broken = read(text, region, free);
  return broken.faults.length === 0 ? null : [...before, broken, ...behind];
}

/** Behind the comment that follows on the line, if one does. */
function behindComment(text: string, at: number): number {
  const line = text.indexOf('\n', at);
  const end = line < 0 ? text.length : line;
  return text.slice(at, end).trimStart().startsWith('//') ? end : at;
}

const startsLine = (text: string, at: number): boolean => at === 0 || text[at - 1] === '\n';

/** Reads a part of a file as one cell, whose spans start at `base`. */
function read(text: string, { start, end }: Span, base: number): Cell {
  const { file, faults } = parse(HEAD + text.slice(start, end));
  const by = base - HEAD.length;
  return {
    start,
    length: end - start,
    base,
    statements: file.statements.map((s) => shifted(s, by)),
    // What is said of the whole part is said at its start.
    faults: faults.map((fault) => shifted(fault, Math.max(by, base - fault.span.start))),
  };
}

/** A cell for each statement; where there are faults, for those before the first, and one for the rest. */
function split(region: Cell, known: (cell: Cell) => Cell): readonly Cell[] {
  const { base, start, statements, faults } = region;
  const first = faults[0]?.span.start ?? Number.POSITIVE_INFINITY;
  const good = statements.filter((s) => s.span.end < first);
  const cells = good.map((s) => known(cellOf(s, s.span.start - base + start)));
  if (faults.length === 0) return cells;
  const skip = (good.at(-1)?.span.end ?? base) - base;
  const rest = {
    start: start + skip,
    length: region.length - skip,
    base: base + skip,
    statements: statements.slice(good.length),
    faults,
  };
  return [...cells, rest];
}

const cellOf = (s: Statement, start: number): Cell => ({
  start,
  length: s.span.end - s.span.start,
  base: s.span.start,
  statements: [s],
  faults: [],
});

/** How much two texts share at both ends. */
function commonEnds(a: string, b: string): { readonly before: number; readonly behind: number } {
  const most = Math.min(a.length, b.length);
  let before = 0;
  while (before < most && a.charCodeAt(before) === b.charCodeAt(before)) before++;
  let behind = 0;
  while (
    behind < most - before &&
    a.charCodeAt(a.length - 1 - behind) === b.charCodeAt(b.length - 1 - behind)
  )
    behind++;
  return { before, behind };
}

/** The cell with the greatest base that is not behind `at`. */
function lastAtOrBefore(byBase: readonly Cell[], at: number): Cell | undefined {
  let [low, high] = [0, byBase.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((byBase[middle]?.base ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return byBase[low - 1];
}

/** The index of the first cell for which it holds, else one behind the last. */
function lowest(cells: readonly Cell[], holds: (cell: Cell) => boolean): number {
  const found = cells.findIndex(holds);
  return found < 0 ? cells.length : found;
}

/** The same tree with every span moved. */
function shifted<T>(node: T, by: number): T {
  if (Array.isArray(node)) return node.map((each: unknown) => shifted(each, by)) as T;
  if (typeof node !== 'object' || node === null) return node;
  if ('start' in node && typeof node.start === 'number' && 'end' in node && typeof node.end === 'number') {
    return { start: node.start + by, end: node.end + by } as T;
  }
  const moved: { [key: string]: unknown } = {};
  for (const [key, value] of Object.entries(node)) {
    moved[key] = typeof value === 'object' && value !== null ? shifted<unknown>(value, by) : value;
  }
  return moved as T;
}
