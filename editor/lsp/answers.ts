// SPDX-License-Identifier: Apache-2.0
/** One function for each question that an editor asks. What cannot be answered is null or empty, never an error. */
import {
  type CodeAction,
  CodeActionKind,
  type CodeLens,
  type CompletionItem,
  CompletionItemKind,
  type DocumentSymbol,
  type FoldingRange,
  FoldingRangeKind,
  type Hover,
  type Location,
  type Position,
  type Range,
  ResponseError,
  SymbolKind,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver';
import type { Span } from '../../grammar/tree.js';
import type { Opened } from './checking.js';
import { complete, type ItemKind } from './complete.js';
import type { Places } from './convert.js';
import { Formatter } from './formatting.js';
import { hoverAt, toolText } from './hover.js';
import { plain } from './markdown.js';
import { nodesAt } from './nodes.js';
import { type Entry, folds, outline, runnables } from './outline.js';
import type { Reading, Readings } from './reading.js';
import { placesOf, rename } from './references.js';
import { type Found, foundAt } from './resolve.js';
import { coloured, TOKEN_TYPES, Words } from './semantic.js';
import { situationAt } from './situation.js';
import { placeInLock, toolsOfAct } from './tools.js';
import type { World } from './world.js';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js';

export const RUN_TEST = 'sepal.runTest';

/** A text that is no policy for its length alone. */
const MAX_TEXT = 4 * 1024 * 1024;

export class Answers {
  private readonly world: World;
  private readonly readings: Readings;
  private readonly places: Places;
  private readonly formatter = new Formatter();
  private readonly words = new Words();
  /** Folders that the editor has open. */
  folders: readonly string[] = [];
  /** Does the editor show markup? */
  markup = true;

  constructor(world: World, readings: Readings, places: Places) {
    this.world = world;
    this.readings = readings;
    this.places = places;
  }

  private offset({ policy }: Opened, position: Position): number {
    return this.places.document(policy.path, policy.text).offsetAt(position);
  }
  private range({ policy }: Opened, span: Span): Range {
    return this.places.range(policy.path, policy.text, span);
  }
  private named(opened: Opened, position: Position): Found | null {
    const at = opened.policy.cells.at(this.offset(opened, position));
    return at === null ? null : foundAt(this.readings, this.readings.of(opened.policy), at);
  }

  hover(opened: Opened, position: Position): Hover | null {
    const { policy } = opened;
    const at = policy.cells.at(this.offset(opened, position));
    const hover = at === null ? null : hoverAt(this.readings, this.readings.of(policy), at);
    if (hover === null) return null;
    const contents = this.markdown(hover.markdown);
    return { contents, range: this.range(opened, policy.cells.place(hover.span)) };
  }

  private markdown(text: string): { readonly kind: 'markdown' | 'plaintext'; readonly value: string } {
    return this.markup ? { kind: 'markdown', value: text } : { kind: 'plaintext', value: plain(text) };
  }

  definition(opened: Opened, position: Position): Location | readonly Location[] | null {
    const found = this.named(opened, position);
    if (found === null) return this.elsewhere(opened, position);
    const { reading, definition } = found.target;
    const { statement } = definition;
    if (found.defines && statement.kind === 'import') return this.module(opened, statement.policy.text);
    return this.places.location(reading.path, reading.place(definition.name.span), reading.text);
  }

  private module({ policy }: Opened, name: string): Location | null {
    const path = this.readings.of(policy).module(name);
    return path === null ? null : this.places.location(path, { start: 0, end: 0 });
  }

  /** Tools are defined in the lock, modules in their files. */
  private elsewhere(opened: Opened, position: Position): Location | readonly Location[] | null {
    const { policy } = opened;
    const at = policy.cells.at(this.offset(opened, position));
    if (at === null) return null;
    const reading = this.readings.of(policy);
    const { statement } = at;
    if (statement.kind === 'import') return this.module(opened, statement.policy.text);
    if (statement.kind === 'tools') {
      const lock = this.world.input(policy.path, policy.text).readLock(statement.path.value);
      return lock === null ? null : this.places.location(lock.path, { start: 0, end: 0 });
    }
    for (const node of nodesAt(statement, at.offset)) {
      if (!('kind' in node) || node.kind !== 'act') continue;
      const tools = toolsOfAct(reading.inspect(), node as Parameters<typeof toolsOfAct>[1]).slice(0, 50);
      return tools.flatMap((tool) => {
        const place = placeInLock(this.world, reading, tool);
        return place === null
          ? []
          : [this.places.location(place.path, { start: place.offset, end: place.offset }, place.text)];
      });
    }
    return null;
  }

  /** This file and all policies that are open or below the folders. */
  private files(opened: Opened, name: string): readonly Reading[] {
    const own = this.readings.of(opened.policy);
    const others = this.world.policies(this.folders).filter((path) => path !== own.path);
    const naming = others.filter((path) => this.world.source(path)?.text.includes(name) === true);
    return [own, ...naming.flatMap((path) => this.readings.at(path) ?? [])];
  }

  references(opened: Opened, position: Position, declaration: boolean): readonly Location[] {
    const found = this.named(opened, position);
    if (found === null) return [];
    const files = this.files(opened, found.name.text);
    return placesOf(this.readings, files, found.target)
      .filter(({ defines }) => declaration || !defines)
      .map(({ path, span, text }) => this.places.location(path, span, text));
  }

  highlights(opened: Opened, position: Position): readonly { readonly range: Range }[] {
    const found = this.named(opened, position);
    if (found === null) return [];
    const own = [this.readings.of(opened.policy)];
    return placesOf(this.readings, own, found.target).map(({ span }) => ({
      range: this.range(opened, span),
    }));
  }

  prepareRename(
    opened: Opened,
    position: Position,
  ): { readonly range: Range; readonly placeholder: string } | null {
    const found = this.named(opened, position);
    if (found === null) return null;
    const range = this.range(opened, opened.policy.cells.place(found.name.span));
    return { range, placeholder: found.name.text };
  }

  rename(opened: Opened, position: Position, to: string): WorkspaceEdit | ResponseError | null {
    const found = this.named(opened, position);
    if (found === null) return null;
    const files = this.files(opened, found.target.definition.name.text);
    const renaming = rename(this.readings, files, found, to);
    if (!renaming.ok) return new ResponseError(INVALID_PARAMS, renaming.why);
    const edits = [...renaming.edits].flatMap(([file, list]) => list.map((edit) => ({ file, ...edit })));
    return this.places.edits(edits);
  }

  completion(opened: Opened, position: Position): readonly CompletionItem[] {
    const { policy } = opened;
    const offset = this.offset(opened, position);
    const situation = situationAt(policy.text, policy.cells.before(offset), offset);
    if (situation === null) return [];
    const reading = this.readings.of(policy);
    const items = complete({
      situation,
      reading,
      locks: () => this.world.locks(policy.path),
      policies: () => this.world.importable(policy.path),
    });
    const range = this.range(opened, { start: offset - situation.partial.length, end: offset });
    return items.map((item) => ({
      label: item.label,
      kind: KINDS[item.kind],
      detail: item.detail,
      sortText: `${item.kind === 'keyword' ? '2' : item.kind === 'function' ? '3' : '1'}${item.label}`,
      filterText: item.text ?? item.label,
      textEdit: { range, newText: item.text ?? item.label },
      ...(item.server === undefined ? {} : { data: { uri: opened.uri, tool: item.label } }),
    }));
  }

  /** What a tool is, for the one that is looked at. */
  resolve(item: CompletionItem, opened: Opened | undefined): CompletionItem {
    const tool: unknown = (item.data as { readonly tool?: unknown } | undefined)?.tool;
    if (opened === undefined || typeof tool !== 'string') return item;
    const { tools } = this.readings.of(opened.policy).inspect().scope;
    const found = tools.find(({ server, name }) => tool === `${server}/${name}`);
    return found === undefined ? item : { ...item, documentation: this.markdown(toolText(found)) };
  }

  /** Nothing where the text has errors. */
  formatting(opened: Opened): readonly TextEdit[] {
    const { text, cells } = opened.policy;
    const after = this.formatter.format(cells);
    if (after === null || after === text) return [];
    return [{ range: this.range(opened, { start: 0, end: text.length }), newText: after }];
  }

  symbols(opened: Opened): readonly DocumentSymbol[] {
    const symbol = ({ name, detail, kind, span, selection, children }: Entry): DocumentSymbol => ({
      name: name === '' ? detail : name,
      detail,
      kind: SYMBOLS.get(kind) ?? SymbolKind.Object,
      range: this.range(opened, span),
      selectionRange: this.range(opened, selection),
      children: children.map(symbol),
    });
    return outline(this.readings.of(opened.policy)).map(symbol);
  }

  folding(opened: Opened): readonly FoldingRange[] {
    if (opened.policy.text.length > MAX_TEXT) return [];
    return folds(this.readings.of(opened.policy)).map((fold) => {
      const { start, end } = this.range(opened, fold);
      const kind = fold.comment ? { kind: FoldingRangeKind.Comment } : {};
      return { startLine: start.line, endLine: end.line, ...kind };
    });
  }

  lenses(opened: Opened): readonly CodeLens[] {
    const tests = runnables(this.readings.of(opened.policy));
    const lens = (span: Span, title: string, ...args: readonly string[]): CodeLens => ({
      range: this.range(opened, span),
      command: { title, command: RUN_TEST, arguments: [opened.uri, ...args] },
    });
    const all = tests.length > 1 ? [lens({ start: 0, end: 0 }, `run all ${tests.length} tests`)] : [];
    return [...all, ...tests.map(({ span, title }) => lens(span, 'run test', title))];
  }

  /** Five numbers for each word, each place from the one before; a word of several lines is none of ours. */
  semantic(opened: Opened, range: Range | null): { readonly data: number[] } {
    const { path, text, cells } = opened.policy;
    const data: number[] = [];
    if (text.length > MAX_TEXT) return { data };
    const document = this.places.document(path, text);
    const start = range === null ? 0 : document.offsetAt({ line: range.start.line, character: 0 });
    const end = range === null ? 0 : document.offsetAt({ line: range.end.line + 1, character: 0 });
    const parts = range === null ? [cells.head, ...cells.parts] : [text.slice(start, end)];
    let before = { line: 0, character: 0 };
    const words = coloured(this.readings, this.readings.of(opened.policy), start, parts, this.words);
    for (const { span, kind, declares } of words) {
      const at = document.positionAt(span.start);
      const line = at.line - before.line;
      const character = line === 0 ? at.character - before.character : at.character;
      data.push(line, character, span.end - span.start, TOKEN_TYPES.indexOf(kind), declares ? 1 : 0);
      before = at;
    }
    return { data };
  }

  /** Fixes of the findings in a range, and all safe ones of the file at once. */
  actions(
    opened: Opened,
    range: Range,
    findings: readonly Diagnostic[],
    only: readonly string[],
  ): readonly CodeAction[] {
    const { policy } = opened;
    const [start, end] = [this.offset(opened, range.start), this.offset(opened, range.end)];
    const wants = (kind: string): boolean =>
      only.length === 0 || only.some((one) => kind === one || kind.startsWith(`${one}.`));
    const own = findings.filter((d) => d.primary.file === policy.path);
    const near = own.filter(({ primary: { span } }) => span.start <= end && span.end >= start);
    const quick = wants(CodeActionKind.QuickFix)
      ? near.flatMap((d) => this.places.actions(policy.path, d))
      : [];
    const safe = own
      .flatMap((d) => d.fixes.filter((fix) => fix.safe).slice(0, 1))
      .flatMap((fix) => fix.edits);
    if (safe.length === 0 || !wants(FIX_ALL) || only.length === 0) return quick;
    const all = { title: 'make all safe fixes', kind: FIX_ALL, edit: this.places.edits(apart(safe)) };
    return [...quick, all];
  }
}

type Edit = Diagnostic['fixes'][number]['edits'][number];

/** Edits that do not overlap, the first of those that do. */
function apart(edits: readonly Edit[]): readonly Edit[] {
  let end = -1;
  return edits
    .toSorted((a, b) => a.span.start - b.span.start)
    .filter(({ span }) => {
      const free = span.start >= end;
      if (free) end = span.end;
      return free;
    });
}

const FIX_ALL = `${CodeActionKind.SourceFixAll}.sepal`;
const INVALID_PARAMS = -32602;

const KINDS: { readonly [kind in ItemKind]: CompletionItemKind } = {
  keyword: CompletionItemKind.Keyword,
  tool: CompletionItemKind.Method,
  argument: CompletionItemKind.Property,
  role: CompletionItemKind.Class,
  set: CompletionItemKind.Class,
  value: CompletionItemKind.Variable,
  function: CompletionItemKind.Function,
  rule: CompletionItemKind.Reference,
  member: CompletionItemKind.EnumMember,
  file: CompletionItemKind.File,
};

const SYMBOLS: ReadonlyMap<Entry['kind'], SymbolKind> = new Map([
  ['import', SymbolKind.Module],
  ['tools', SymbolKind.File],
  ['role', SymbolKind.Class],
  ['principals', SymbolKind.Class],
  ['actions', SymbolKind.Class],
  ['let', SymbolKind.Function],
  ['template', SymbolKind.Function],
  ['instance', SymbolKind.Function],
  ['fact', SymbolKind.Variable],
  ['schedule', SymbolKind.Event],
  ['limit', SymbolKind.Number],
  ['counter', SymbolKind.Number],
  ['score', SymbolKind.Number],
  ['test', SymbolKind.Method],
  ['example', SymbolKind.Method],
]);
