// SPDX-License-Identifier: Apache-2.0
/** One file as it is read for questions: an open one, or one on the disk that another imports. */
import { fullCompiler } from '../../cli/full-compiler.js';
import { checkExpr } from '../../compiler/check-expr.js';
import { askable, inspect, type Inspected } from '../../compiler/inspect.js';
import type { SourceFile } from '../../compiler/check.js';
import type { Ty } from '../../compiler/types.js';
import { parse, type ParseResult } from '../../grammar/parse.js';
import type * as tree from '../../grammar/tree.js';
import type { OpenPolicy } from './policy.js';
import { type Definition, namesOf } from './symbols.js';
import type { World } from './world.js';

export interface Reading {
  readonly path: string;
  readonly text: string;
  readonly file: tree.File;
  /** Could all of it be read? */
  readonly whole: boolean;
  /** Where a span of the tree is in the text. */
  readonly place: (span: tree.Span) => tree.Span;
  readonly inspect: () => Inspected;
  /** The names that the file gives, the first of each. */
  readonly names: ReadonlyMap<string, Definition>;
  readonly roles: ReadonlyMap<string, Definition>;
  /** The path of a module by the name of its policy. */
  readonly module: (policy: string) => string | null;
}

/** All files that questions come to, each read once as long as its text is the same. */
export class Readings {
  private readonly world: World;
  private readonly opened: (path: string) => OpenPolicy | undefined;
  private readonly read = new WeakMap<SourceFile, Reading>();
  private readonly edited = new WeakMap<OpenPolicy['cells'], Reading>();

  constructor(world: World, opened: (path: string) => OpenPolicy | undefined) {
    this.world = world;
    this.opened = opened;
  }

  of(policy: OpenPolicy): Reading {
    const { cells } = policy;
    const known = this.edited.get(cells);
    if (known !== undefined) return known;
    const reading = this.reading(
      policy.path,
      policy.text,
      cells.parsed,
      (span) => cells.place(span),
      () => policy.inspect(),
    );
    this.edited.set(cells, reading);
    return reading;
  }

  /** Null where there is no such file. */
  at(path: string): Reading | null {
    const open = this.opened(path);
    if (open !== undefined) return this.of(open);
    const source = this.world.source(path);
    if (source === null) return null;
    const known = this.read.get(source);
    if (known !== undefined) return known;
    const parsed = parse(source.text);
    const input = { ...this.world.input(path, source.text), parsed };
    const reading = this.reading(
      path,
      source.text,
      parsed,
      (span) => span,
      () => inspect(input, fullCompiler),
    );
    this.read.set(source, reading);
    return reading;
  }

  /** The same files, but for some. */
  with(files: readonly SourceFile[]): Readings {
    const world = this.world.with(files);
    const policies = new Map<string, OpenPolicy>();
    for (const { path, text } of files) {
      const open = this.opened(path)?.with(text, world);
      if (open !== undefined) policies.set(path, open);
    }
    return new Readings(world, (path) => policies.get(path));
  }

  private reading(
    path: string,
    text: string,
    { file, faults }: ParseResult,
    place: Reading['place'],
    look: () => Inspected,
  ): Reading {
    const names = new Map<string, Definition>();
    const roles = new Map<string, Definition>();
    for (const statement of file.statements) {
      for (const definition of namesOf(statement).definitions) {
        if (definition.statement !== statement || definition.kind === 'parameter') continue;
        const space = definition.kind === 'role' ? roles : names;
        if (!space.has(definition.name.text)) space.set(definition.name.text, definition);
      }
    }
    const input = this.world.input(path, text);
    return {
      path,
      text,
      file,
      whole: faults.length === 0,
      place,
      inspect: look,
      names,
      roles,
      module: (policy) => input.readModule?.(policy, path)?.path ?? null,
    };
  }
}

/** The actions that the condition at `offset` of a statement is about, and its phase; none for a predicate. */
export function aboutOf(
  s: tree.Statement,
  offset: number,
): { readonly what: tree.What; readonly phase: tree.Phase } {
  const about = (what: tree.What | null, phase: tree.Phase = 'call') => ({ what: what ?? NOTHING, phase });
  switch (s.kind) {
    case 'rule':
      return about(s.what, s.phase?.value ?? 'call');
    case 'redact':
      return about(s.what, s.phase);
    case 'decide':
      return about(s.what);
    case 'limit':
    case 'counter':
      return about(s.clauses.find((c) => c.kind === 'on')?.what ?? null);
    case 'score':
      return about(s.adds.find(({ span }) => within(span, offset))?.what ?? null);
    case 'prove':
      return about('what' in s.claim ? s.claim.what : null);
    case 'template': {
      const inner = s.body.find(({ span }) => within(span, offset));
      return inner === undefined ? about(null) : aboutOf(inner, offset);
    }
    default:
      return about(null);
  }
}

export const within = ({ start, end }: tree.Span, offset: number): boolean =>
  start <= offset && offset <= end;

const NOTHING: tree.What = { include: [], except: [], span: { start: 0, end: 0 } };

/** The type of an expression of a statement; null where it has none. */
export function typeOf({ scope }: Inspected, s: tree.Statement, e: tree.Expr): Ty | null {
  const { what, phase } = aboutOf(s, e.span.start);
  return checkExpr(askable(scope, what, phase), e)?.type ?? null;
}
