// SPDX-License-Identifier: Apache-2.0
/** Finds and reads sepal.json. */
import { resolve } from 'node:path';
import { type Config, type ConfigError, loadConfig } from '../runtime/config.js';
import { Failure } from './failure.js';
import { exists } from './files.js';
import { shortPath } from './sources.js';
import type { Io } from './terminal.js';

export const CONFIG_NAME = 'sepal.json';

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
