// SPDX-License-Identifier: Apache-2.0
/** The files of a policy: finds and reads the policy, its modules and its lock for the compiler. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Input, SourceFile } from '../compiler/check.js';
import type { Config } from '../runtime/config.js';
import { Failure } from './failure.js';
import { exists, readText, readTextIfThere } from './files.js';
import type { Io } from './terminal.js';

/** A path as people know it: relative where it is below the current folder. */
export function shortPath(path: string, io: Pick<Io, 'cwd'>): string {
  const short = relative(io.cwd, path);
  return short === '' ? '.' : short.startsWith('..') ? path : short;
}

/** The policy that a command speaks of: the one given, else the one of the configuration. */
export async function policyPath(
  given: string | undefined,
  io: Io,
  config?: Pick<Config, 'policy'> | null,
): Promise<string> {
  if (given !== undefined) return rootPolicy(resolve(io.cwd, given), io);
  // What reads configurations is larger than what checks policies.
  const found = config ?? (await import('./project.js')).findConfig(undefined, io);
  if (found !== null) return rootPolicy(found.policy, io);
  throw new Failure(
    'no policy is named and there is no sepal.json here',
    'name a `.sep` file, or run `sepal init`',
  );
}

/** The policies that a command speaks of: those given, else the one of the configuration. */
export const policyPaths = async (given: readonly string[], io: Io): Promise<readonly string[]> =>
  await Promise.all((given.length === 0 ? [undefined] : given).map((path) => policyPath(path, io)));

/** A file as it is; of a folder the one policy in it. */
export function rootPolicy(path: string, io: Pick<Io, 'cwd'>): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return path;
  const found = readdirSync(path).filter((name) => name.endsWith('.sep'));
  const [only] = found;
  if (only !== undefined && found.length === 1) return join(path, only);
  throw new Failure(
    `${shortPath(path, io)} holds ${found.length === 0 ? 'no policy' : `${found.length} policies`}`,
    'name the `.sep` file itself',
  );
}

export interface PolicySource {
  readonly path: string;
  readonly input: Input;
  /** Text of every file that diagnostics may point at, by the name they are shown under. */
  readonly sources: Map<string, string>;
  /** Absolute path of the lock that the policy names; null when it names none. */
  lock(): string | null;
  /** Absolute paths of the policy and of every module that was read. */
  files(): readonly string[];
}

/** Where the policy `acme.baseline` may stand: beside the file that imports it or the root, or in `modules/` there. */
export function modulePaths(name: string, from: string, root: string): readonly string[] {
  const last = name.split('.').at(-1) ?? '';
  // A name is words: nothing in it leads to another folder.
  if (!/^\w+$/.test(last)) return [];
  return [...new Set([dirname(from), dirname(root)])].flatMap((dir) => [
    join(dir, `${last}.sep`),
    join(dir, 'modules', `${last}.sep`),
  ]);
}

/** No rule was ever in the shadow for too long: what a policy meant then is asked, not whether it still may. */
export const ANY_DAY = '0001-01-01';

/** `--today 2026-03-09`. */
export const dayOf = (text: string | undefined): string | undefined => dayOption('today', text);

/** The value of an option that is a day. */
export function dayOption(name: string, text: string | undefined): string | undefined {
  if (text === undefined || new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(`${text}T`) === true)
    return text;
  throw new Failure(`\`--${name} ${text}\` is not a day`, 'write it as 2026-03-09');
}

/** Characters of a policy from which on compiling it takes longer than starting. */
const LARGE = 8_192;

/** Reads the policy now, and its lock when the compiler asks for it. */
export function openPolicy(path: string, io: Io, today?: string): PolicySource {
  const source: SourceFile = {
    path: shortPath(path, io),
    text: readText(path, 'name a `.sep` file, correct `policy` in sepal.json, or run `sepal init`'),
  };
  if (source.text.length > LARGE) io.onLarge?.();
  const sources = new Map([[source.path, source.text]]);
  let lock: string | null = null;
  const places = new Map([[source.path, path]]);
  const input: Input = {
    source,
    ...(today === undefined ? {} : { today }),
    readLock: (name) => {
      lock = resolve(dirname(path), name);
      const text = readTextIfThere(lock);
      if (text === null) return null;
      const shown = shortPath(lock, io);
      sources.set(shown, text);
      return { path: shown, text };
    },
    readModule: (name, from) => {
      const at = places.get(from) ?? path;
      const found = modulePaths(name, at, path).find(exists);
      if (found === undefined) return null;
      const shown = shortPath(found, io);
      const text = readText(found, null);
      places.set(shown, found);
      sources.set(shown, text);
      return { path: shown, text };
    },
  };
  return { path, input, sources, lock: () => lock, files: () => [...places.values()] };
}
