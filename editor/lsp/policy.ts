// SPDX-License-Identifier: Apache-2.0
/** An open policy: its text, its statements, and what is known of them. Everything is computed when it is first asked for. */
import { fullCompiler } from '../../cli/full-compiler.js';
import { check, type SourceFile } from '../../compiler/check.js';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js';
import { inspect, type Inspected } from '../../compiler/inspect.js';
import type { Lock } from '../../compiler/lock.js';
import { Memo } from '../../compiler/memo.js';
import { parse, type ParseResult } from '../../grammar/parse.js';
import type { Span } from '../../grammar/tree.js';
import { Cells } from './cells.js';
import type { World } from './world.js';

/** Policies that others are modules of, as long as their text is the same. */
const roots = new WeakMap<SourceFile, ParseResult>();

export class OpenPolicy {
  readonly path: string;
  private readonly world: World;
  private readonly memo = new Memo();
  cells: Cells;

  constructor(path: string, text: string | Cells, world: World) {
    this.path = path;
    this.world = world;
    this.cells = typeof text === 'string' ? Cells.of(text) : text;
    world.edit(path, this.text);
  }

  /** The same policy with another text, in another world. */
  with(text: string, world: World): OpenPolicy {
    return new OpenPolicy(this.path, this.cells.update(text), world);
  }

  get text(): string {
    return this.cells.text;
  }

  update(text: string): void {
    if (text === this.text) return;
    this.cells = this.cells.update(text);
    this.world.edit(this.path, text);
  }

  /** Names and tools, as far as the text can be read. Of a module, with the tools of the policy that it belongs to. */
  inspect(): Inspected {
    const input = { ...this.world.input(this.path, this.text), parsed: this.cells.parsed };
    const own = inspect(input, fullCompiler);
    if (own.lock === null || own.lock.named) return own;
    const lock = this.rootLock();
    return lock === null ? own : inspect(input, fullCompiler, lock);
  }

  /** What `sepal check` says; rules that decide nothing only where `deep` asks for a look at every call. Spans are those of the text. */
  check(deep = false): readonly Diagnostic[] {
    const { parsed } = this.cells;
    const input = { ...this.world.input(this.path, this.text), parsed, memo: this.memo, deep };
    const own = check(input, fullCompiler).diagnostics.map((d) => this.placed(d));
    const root = this.root();
    if (root === null) return own;
    const around = check(root, fullCompiler).diagnostics.filter((d) => d.primary.file === this.path);
    const key = (d: Diagnostic): string => `${d.code} ${d.primary.span.start} ${d.message}`;
    const said = new Set(around.map(key));
    // Its tools are pinned by the policy that imports it.
    return [...around, ...own.filter((d) => d.code !== 'SEP2008' && !said.has(key(d)))];
  }

  /** The policy that sepal.json names, where this one is a module of it. */
  private root(): ReturnType<World['input']> | null {
    const path = this.world.root(this.path);
    const source = path === null || path === this.path ? null : this.world.source(path);
    if (source === null) return null;
    const known = roots.get(source) ?? parse(source.text);
    roots.set(source, known);
    const input = { ...this.world.input(source.path, source.text), source, parsed: known };
    return this.within(input) ? input : null;
  }

  private within(root: ReturnType<World['input']>): boolean {
    const { modules } = inspect(root, fullCompiler);
    const holds = (all: Inspected['modules']): boolean =>
      [...all.values()].some((module) => module.path === this.path || holds(module.modules));
    return holds(modules);
  }

  private rootLock(): Lock | null {
    const root = this.root();
    return root === null ? null : inspect(root, fullCompiler).lock;
  }

  private placed(d: Diagnostic): Diagnostic {
    const move = <T extends { readonly file: string; readonly span: Span }>(at: T): T =>
      at.file === this.path ? { ...at, span: this.cells.place(at.span) } : at;
    return {
      ...d,
      primary: move(d.primary),
      labels: d.labels.map(move),
      fixes: d.fixes.map((fix) => ({ ...fix, edits: fix.edits.map(move) })),
    };
  }
}
