// SPDX-License-Identifier: Apache-2.0
/** What is done beside the language server: the whole check of a policy, and its tests. */
import { dirname, resolve } from 'node:path';
import { misfitBy, scanFor } from '../../cli/compiled.js';
import { compilerId } from '../../cli/compiler-id.js';
import { fullCompiler } from '../../cli/full-compiler.js';
import { compile } from '../../compiler/compile.js';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js';
import { runTests, type TestReport } from '../../compiler/testing/index.js';
import type { File, Statement } from '../../grammar/tree.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import { OpenPolicy } from './policy.js';
import { World } from './world.js';

export interface Job {
  readonly kind: 'check' | 'test';
  readonly path: string;
  /** Texts that the editor holds, by path. */
  readonly edited: ReadonlyMap<string, string>;
  /** The one test to run. */
  readonly title: string | null;
}

export type Answer =
  | { readonly kind: 'checked'; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: 'tested'; readonly report: TestReport }
  /** Tests are run of policies without errors. */
  | { readonly kind: 'errors'; readonly count: number };

export async function answer(job: Job): Promise<Answer> {
  const world = new World();
  for (const [path, text] of job.edited) world.edit(path, text);
  const text = world.source(job.path)?.text ?? '';
  if (job.kind === 'check') {
    return { kind: 'checked', diagnostics: new OpenPolicy(job.path, text, world).check(true) };
  }
  const { output, diagnostics } = compile(world.input(job.path, text), fullCompiler, compilerId());
  if (output === null)
    return { kind: 'errors', count: diagnostics.filter((d) => d.severity === 'error').length };
  const loaded = await loadPolicy(output.js, output.manifest);
  const lock = lockOf(job.path, output.file);
  const report = runTests({
    path: job.path,
    source: text,
    file: only(output.file, job.title),
    ir: output.ir,
    module: loaded.module,
    misfit: misfitBy(lock),
    scan: await scanFor(loaded, lock),
  });
  return { kind: 'tested', report };
}

function lockOf(path: string, file: File): string | null {
  const tools = file.statements.find((s) => s.kind === 'tools');
  return tools === undefined ? null : resolve(dirname(path), tools.path.value);
}

function only(file: File, title: string | null): File {
  if (title === null) return file;
  const named = (s: Statement): boolean =>
    s.kind === 'test' ? s.title.value === title : s.kind !== 'example' || `example ${s.rule.text}` === title;
  return { ...file, statements: file.statements.filter(named) };
}
