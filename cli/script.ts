// SPDX-License-Identifier: Apache-2.0
/**
 * Starts the verbs that people wait for from one script and what V8 kept of it: two thirds of such a run went into finding, reading and
 * compiling modules. scripts/script.mjs makes both files; the text is ours alone, so this is no evaluation of foreign text.
 */
import type { POLICY_VERBS } from './policy-verbs.js';
import type { Io } from './terminal.js';

// To import one of these loads all that hangs on it, streams with the files; to ask for it does not.
const { readFileSync, statSync } = process.getBuiltinModule('node:fs');
const { createRequire } = process.getBuiltinModule('node:module');
const { fileURLToPath } = process.getBuiltinModule('node:url');
const { Script } = process.getBuiltinModule('node:vm');

type Run = (argv: readonly string[], io: Io) => Promise<number>;

/** What the text is: a function of what a script has not by itself. */
type Link = (
  require: NodeJS.Require,
  load: (name: string) => Promise<unknown>,
  url: string,
) => { readonly run: Run };

/** The verbs of the script, without what loads them. */
export const SCRIPTED: readonly string[] = [
  'check',
  'fmt',
  'build',
  'test',
] satisfies readonly (keyof typeof POLICY_VERBS)[];

interface Scripted {
  readonly script: InstanceType<typeof Script>;
  readonly run: Run;
}

/** In `dist/cli`; code that is shared stands beside it, in `dist/chunks`. */
const PLACE = new URL('../cli/', import.meta.url);
export const FILES = { text: new URL('quick.cjs', PLACE), kept: new URL('quick.cache', PLACE) };

/** What runs `argv` from the script; null for another verb, and where there is no script, as in the sources. */
export function scripted(argv: readonly string[]): Run | null {
  const [verb = ''] = argv;
  return SCRIPTED.includes(verb) ? (load()?.run ?? null) : null;
}

/** The script with the code that was kept of it, where that is of this very build of node; without, it works the same. */
export function load(): Scripted | null {
  const text = read(FILES.text)?.toString('latin1');
  if (text === undefined) return null;
  const kept = keptCode();
  const script = new Script(text, {
    filename: fileURLToPath(FILES.text),
    ...(kept === null ? {} : { cachedData: kept }),
  });
  const link = script.runInThisContext() as Link;
  const main = new URL('main.js', PLACE).href;
  const imported = (name: string): Promise<unknown> => import(new URL(name, main).href);
  return { script, run: link(createRequire(main), imported, main).run };
}

/**
 * For a process that ends soon: V8 spent two fifths of its processor time on optimising code that hardly ran again. Not at the start,
 * since with other flags node has to compile modules of its own.
 */
export function optimiseLater(): void {
  // Releases of V8 that know the flag; another would print that it does not.
  const [major = 0] = process.versions.v8.split('.').map(Number);
  if (major < 11 || major > 13) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--interrupt-budget=1000000');
}

/**
 * What code is kept for: this build of node, since V8 knows its version and its flags again, but not how it was built; and this very
 * file, as it was written then.
 */
export function keptFor(): Buffer {
  const { mtimeMs, size } = statSync(FILES.text);
  return Buffer.from(`${JSON.stringify([mtimeMs, size, process.versions, process.config])}\n`);
}

function keptCode(): Buffer | null {
  const file = read(FILES.kept);
  if (file === null) return null;
  const wanted = keptFor();
  return file.subarray(0, wanted.length).equals(wanted) ? file.subarray(wanted.length) : null;
}

function read(file: URL): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}
