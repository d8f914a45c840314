// SPDX-License-Identifier: Apache-2.0
/**
 * Keys that do not lie in the key folder: in an environment variable, or printed by a command. The command is an argument vector
 * without a shell, gets no environment but PATH and HOME, and has a time limit; what it or the variable says never comes into
 * an error, and the variable is taken out of the environment once it is read.
 */
import { spawnSync } from 'node:child_process';
import { KeyFailure, type Secrets } from './keys.js';

/** Where one key comes from. */
export type SecretSource =
  | { readonly env: string }
  | { readonly command: readonly string[]; readonly timeoutSeconds: number };

export interface SecretSources {
  readonly log?: SecretSource;
  readonly seal?: SecretSource;
}

type Environment = { readonly [name: string]: string | undefined };

/** More than any key. */
const MAX_OUTPUT = 64 * 1024;

/** Reads them all; throws a `KeyFailure`. This process's own environment loses the variables that were read. */
export function readSecrets(sources: SecretSources, env: Environment): Secrets {
  const { log, seal } = sources;
  return {
    ...(log === undefined ? {} : { log: readOne('log', log, env) }),
    ...(seal === undefined ? {} : { seal: readOne('seal', seal, env) }),
  };
}

function readOne(what: string, source: SecretSource, env: Environment): string {
  return 'env' in source ? fromEnvironment(what, source.env, env) : fromCommand(what, source, env);
}

function fromEnvironment(what: string, name: string, env: Environment): string {
  const value = env[name];
  delete process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new KeyFailure(
    `the ${what} key should stand in the environment variable ${name}, which is not set; set it, or change \`receipts.keyFrom\``,
  );
}

function fromCommand(
  what: string,
  { command, timeoutSeconds }: Extract<SecretSource, { readonly command: unknown }>,
  env: Environment,
): string {
  const [file = '', ...args] = command;
  const { PATH, HOME } = env;
  const { status, signal, error, stdout } = spawnSync(file, args, {
    shell: false,
    timeout: timeoutSeconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) },
  });
  if (status === 0 && error === undefined && stdout !== '') return stdout;
  throw new KeyFailure(
    `the command for the ${what} key (${file}) ${ending({ status, signal, error, timeoutSeconds })}; run it by hand, or change \`receipts.keyFrom\``,
  );
}

function ending(of: {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: Error | undefined;
  readonly timeoutSeconds: number;
}): string {
  const code = of.error === undefined || !('code' in of.error) ? null : of.error.code;
  if (code === 'ETIMEDOUT') return `did not end within ${of.timeoutSeconds} seconds`;
  if (code === 'ENOBUFS') return `printed more than ${MAX_OUTPUT} bytes`;
  if (code === 'ENOENT') return 'was not found';
  if (of.error !== undefined) return `could not be started (${String(code)})`;
  if (of.signal !== null) return `was ended by ${of.signal}`;
  return of.status === 0 ? 'printed nothing' : `ended with exit code ${of.status}`;
}
