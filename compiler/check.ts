// SPDX-License-Identifier: Apache-2.0
/** The first half of the compiler, which `sepal check` needs alone: text → tree → names, types and IR. */
import type { ParseResult } from '../grammar/read.js';
import type * as tree from '../grammar/tree.js';
import { deadRules } from './analyze/lint-dead.js';
import { checkPolicy } from './check-policy.js';
import {
  type Code,
  type Diagnostic,
  diagnose,
  hasErrors,
  sortDiagnostics,
} from './diagnostics/diagnostic.js';
import type { PolicyIr } from './ir.js';
import { withHas } from './fix-has.js';
import { wideReviews } from './lint-review.js';
import { type Host, type Lock, NO_LOCK, readLock } from './lock.js';
import type { Memo } from './memo.js';
import { loadModules, moduleHashes } from './modules.js';
import { slip } from './slips.js';

export interface SourceFile {
  /** As shown in diagnostics. */
  readonly path: string;
  readonly text: string;
}

/** What a policy is compiled from. `readLock` gets the path of the `tools` statement; null when there is no such file. */
export interface Input {
  readonly source: SourceFile;
  readLock(path: string): SourceFile | null;
  /** The module with this policy name, imported by the file at `from`; null when there is none. Absent: there are none. */
  readonly readModule?: (name: string, from: string) => SourceFile | null;
  /** The day with which `shadow until` is compared, as `2026-03-09`; today in UTC by default. */
  readonly today?: string;
  /** Look for rules that decide nothing, too: what `sepal check` does, and others need not. */
  readonly deep?: boolean;
  /** For an editor: the text is read already, with spans that mean something to the caller. */
  readonly parsed?: ParseResult;
  /** For an editor: what was found in statements that are still the same. */
  readonly memo?: Memo;
}

export interface Checked {
  readonly file: tree.File;
  readonly ir: PolicyIr;
  readonly lock: Lock;
  /** Hash of the text of each imported module, by policy name. */
  readonly modules: ReadonlyMap<string, string>;
  /** The day with which `shadow until` was compared. */
  readonly today: string;
}
export interface Result<T> {
  /** Null when a diagnostic is an error. */
  readonly output: T | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Text to checked IR. Where the text cannot be read whole, only that is said: what is missing would look undefined. */
export function check(input: Input, host: Host): Result<Checked> {
  const { path, text } = input.source;
  const { file, faults } = input.parsed ?? host.parse(text);
  const diagnostics: Diagnostic[] = faults.map((f) => {
    const extra = slip(path, f.span, f.args['expected'] ?? '', f.args['found'] ?? '', text);
    return diagnose(f.code as Code, path, f.span, f.args, extra);
  });
  if (faults.length > 0) return { output: null, diagnostics: sortDiagnostics(diagnostics) };
  const lock = lockOf(file, input, host, diagnostics);
  const readModule = input.readModule ?? (() => null);
  const loading = { readModule, host, pins: lock === null ? null : lock.modules, diagnostics };
  const modules = loadModules(file, path, loading);
  const today = input.today ?? new Date().toISOString().slice(0, 10);
  // Alone, a module that only restricts speaks of tools that its importer will pin.
  const deferred = file.tighten && lock !== null && !lock.named;
  const ir = checkPolicy({ path, file, modules }, deferred ? null : lock, diagnostics, today, input.memo);
  if (input.deep === true && lock !== null && !deferred && !hasErrors(diagnostics)) {
    diagnostics.push(...deadRules({ ir, tools: lock.tools }, path, file), ...wideReviews(ir, path, text));
  }
  const all = withHas(sortDiagnostics(unique(diagnostics)), file, path, text);
  if (hasErrors(all) || lock === null) return { output: null, diagnostics: all };
  return { output: { file, ir, lock, modules: moduleHashes(modules), today }, diagnostics: all };
}

export function lockOf(file: tree.File, input: Input, host: Host, diagnostics: Diagnostic[]): Lock | null {
  const [statement, second] = file.statements.filter((s) => s.kind === 'tools');
  if (second !== undefined) diagnostics.push(diagnose('SEP2009', input.source.path, second.span));
  if (statement === undefined) return NO_LOCK;
  const found = input.readLock(statement.path.value);
  if (found === null) {
    const what = `there is no lock \`${statement.path.value}\``;
    diagnostics.push(diagnose('SEP2010', input.source.path, statement.path.span, { what }));
    return null;
  }
  const lock = locks.get(found) ?? readLock(found, host);
  if ('tools' in lock) {
    locks.set(found, lock);
    return lock;
  }
  diagnostics.push(...lock);
  return null;
}

/** A lock that is handed in again, as the same object, is the same lock. */
const locks = new WeakMap<SourceFile, Lock>();

/** Inlined predicates are checked at each use: the same finding stands once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const key = (d: Diagnostic): string =>
    `${d.code} ${d.primary.file} ${d.primary.span.start} ${d.primary.span.end} ${d.message}`;
  return [...new Map(diagnostics.map((d) => [key(d), d])).values()];
}
