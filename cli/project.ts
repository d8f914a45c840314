// SPDX-License-Identifier: Apache-2.0
/** Finds and reads what commands work on: sepal.json, the policy, its lock; hands them to the compiler. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Input, SourceFile } from '../compiler/check.js';
import type { Host } from '../compiler/lock.js';
import { type Config, type ConfigError, loadConfig } from '../runtime/config.js';
import { canonical } from '../runtime/verify/format/canonical.js';
import { digest } from '../runtime/verify/format/hash.js';
import { parseStrict } from '../runtime/verify/format/json.js';
import { Failure } from './failure.js';
import { exists, readText, readTextIfThere } from './files.js';
import type { Io } from './terminal.js';

export const CONFIG_NAME = 'sepal.json';

const LOCK_LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };

/** What the compiler needs from outside. */
export const compilerHost: Host = {
  parseJson: (text) => parseStrict(text, LOCK_LIMITS),
  canonical,
  hash: digest,
};

/** A path as people know it: relative where it is below the current folder. */
export function shortPath(path: string, io: Pick<Io, 'cwd'>): string {
  const short = relative(io.cwd, path);
  return short === '' ? '.' : short.startsWith('..') ? path : short;
}

/** The checked configuration; a failure that lists everything that is wrong with it. */
export function openConfig(given: string | undefined, io: Io): Config {
  const path = resolve(io.cwd, given ?? CONFIG_NAME);
  const result = loadConfig(path, io.env);
  if (result.ok) return result.config;
  throw configFailure(shortPath(path, io), result.errors);
}

function configFailure(file: string, errors: readonly ConfigError[]): Failure {
  const [first, ...more] = errors.map((error) => {
    const at = error.line === undefined ? '' : `:${error.line}:${error.column ?? 1}`;
    return {
      text: `${at === '' && error.path === '' ? '' : `${file}${at}: `}${error.message}`,
      help: error.help,
    };
  });
  if (first === undefined) return new Failure(`${file} cannot be used`);
  const rest = more.map((error) => `\nerror: ${error.text}\n  = help: ${error.help}`).join('');
  return new Failure(first.text, `${first.help}${rest}`);
}

/**
 * The configuration that a command works with where it starts no server: the one named, else the one here, null without either.
 * No environment variable is looked up.
 */
export function findConfig(given: string | undefined, io: Io): Config | null {
  const path = resolve(io.cwd, given ?? CONFIG_NAME);
  if (given === undefined && !exists(path)) return null;
  const result = loadConfig(path, null);
  if (result.ok) return result.config;
  throw configFailure(shortPath(path, io), result.errors);
}

/** The policy that a command speaks of: the one given, else the one of the configuration. */
export function policyPath(given: string | undefined, io: Io, config?: Config | null): string {
  if (given !== undefined) return rootPolicy(resolve(io.cwd, given), io);
  const found = config ?? findConfig(undefined, io);
  if (found !== null) return rootPolicy(found.policy, io);
  throw new Failure(
    'no policy is named and there is no sepal.json here',
    'name a `.sep` file, or run `sepal init`',
  );
}

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

/** Reads the policy now, and its lock when the compiler asks for it. */
export function openPolicy(path: string, io: Io, today?: string): PolicySource {
  const source: SourceFile = {
    path: shortPath(path, io),
    text: readText(path, 'name a `.sep` file, correct `policy` in sepal.json, or run `sepal init`'),
  };
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
