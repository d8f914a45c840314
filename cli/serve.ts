// SPDX-License-Identifier: Apache-2.0
/** What `gateway` and `wrap` share: compile the policy in memory, open the log, put the gateway together, end it in order. */
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { type Config, loadConfig } from '../runtime/config.js';
import type { LoadedPolicy } from '../runtime/decide/load.js';
import { createGateway, type Gateway } from '../runtime/gateway/gateway.js';
import { type Log, openLog } from '../runtime/log/index.js';
import { type Cosigning, startCosigning } from '../runtime/witness/start.js';
import {
  bundleFiles,
  bundleLock,
  compilePolicy,
  isBundle,
  openBundle,
  policyOrFail,
  requireBundle,
} from './compiled.js';
import { Failure } from './failure.js';
import { version } from './install.js';
import { hasBegun, logOptions } from './log-keys.js';
import { recompiled } from './recompiled.js';
import { rootPolicy } from './sources.js';
import { type LogFormat, logLines } from './log-lines.js';
import type { Io } from './terminal.js';
import { type Watching, watchFiles } from './watch.js';

export interface Served {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly policy: LoadedPolicy;
  /** Ends fronts, upstreams and the log; safe to call twice. */
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly config: Config;
  readonly control: string;
  readonly onShutdown: () => void;
  readonly dryRun?: boolean;
  readonly log?: LogFormat;
  readonly io: Io;
}

export interface ReadyPolicy {
  readonly loaded: LoadedPolicy;
  /** Every file that it was made of. */
  readonly files: readonly string[];
  /** The lock that it was checked against, where it names one. */
  readonly lock: string | null;
}

const compiledHere = async (path: string, io: Io): Promise<ReadyPolicy> => {
  const { module, manifest, lock, files } = policyOrFail(await compilePolicy(path, io), io);
  return { loaded: { module, manifest }, lock, files };
};

/** A `.sep` file is compiled, in memory; a bundle is loaded as it was built. */
export async function readyPolicy(
  config: Config,
  io: Io,
  compiled: (path: string, io: Io) => Promise<ReadyPolicy> = compiledHere,
): Promise<ReadyPolicy> {
  const path = rootPolicy(config.policy, io);
  const { trustedPublishers: publishers } = config;
  requireBundle(path, publishers);
  if (isBundle(path)) {
    return {
      loaded: await openBundle(path, { publishers, now: io.now() }),
      lock: bundleLock(path),
      files: bundleFiles(path),
    };
  }
  return compiled(path, io);
}

export async function serve(options: ServeOptions, ready: ReadyPolicy): Promise<Served> {
  const { config, control, onShutdown, io } = options;
  const { loaded, lock } = ready;
  const { dir, keys } = config.receipts;
  const say = logLines(io, options.log ?? 'text');
  requireLog(dir, keys);
  for (const warning of warnings(config)) say(`warning: ${warning}`);
  const log = await openLog({
    ...logOptions(config.receipts, io.env),
    onTrouble: (message) => say(`warning: ${message}`),
    onFailure: (error) =>
      say(`the log stopped: ${error.message}; every call is denied until the gateway is started again`),
  });
  try {
    const gateway = await createGateway({
      config,
      policy: loaded,
      log,
      get kid() {
        return log.kid;
      },
      ...(lock === null ? {} : { lock }),
      version: version(),
      env: io.env,
      clock: { wall: Date.now, monotonic: () => performance.now() },
      say,
      control,
      onShutdown,
      dryRun: options.dryRun ?? false,
      source: async () => {
        sayUnreloaded(config, io, say);
        // Diagnostics are for people; where collectors read, each is one record.
        const told = options.log === 'json' ? { ...io, err: (text: string) => say(text.trim()) } : io;
        const next = await readyPolicy(config, told, recompiled);
        watching?.follow(filesOf(config, next));
        return next.loaded;
      },
    });
    const watching = watchFiles(
      filesOf(config, ready),
      // What is wrong has been told by then.
      () => void gateway.reload().catch(() => undefined),
      say,
    );
    const cosigning = startCosigning(dir, config.receipts.witnesses, say);
    return { gateway, log, policy: loaded, close: closing(gateway, log, cosigning, watching) };
  } catch (error) {
    await log.close();
    throw error;
  }
}

const filesOf = (config: Config, { files, lock }: ReadyPolicy): readonly string[] => [
  ...files,
  lock ?? config.lock,
];

/** The policy and the pins are all that a reload takes up; whoever changed more is told so. */
function sayUnreloaded(config: Config, io: Io, say: (line: string) => void): void {
  const now = loadConfig(config.file, io.env);
  if (!now.ok)
    return say(
      `warning: sepal.json has an error by now: ${now.errors[0]?.message ?? ''}; it is not read again`,
    );
  const keys = Object.keys(now.config) as (keyof Config)[];
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, inner: unknown) => (inner instanceof Map ? [...inner] : inner)) ?? '';
  const other = keys.filter((key) => key !== 'receipts' && text(now.config[key]) !== text(config[key]));
  if (other.length > 0) say(`warning: sepal.json has changed (${other.join(', ')}), which takes a restart`);
}

/** A log begins with its keys; a gateway that began another one would forget limits and approvals, and break the trust file. */
function requireLog(dir: string, keys: string): void {
  if (hasBegun(dir)) return;
  throw new Failure(
    `there is no log in ${dir}, but there are keys for it in ${keys}`,
    'restore the log from a copy; if it was never used, move the keys and the trust file away and run `sepal keygen log`',
  );
}

/** What starts, but will not work as it stands. */
function warnings(config: Config): readonly string[] {
  const found: string[] = [];
  for (const [name, server] of config.servers) {
    if (server.kind === 'stdio' && !isThere(server.command, server.cwd))
      found.push(`the command of \`${name}\` was not found: ${server.command}`);
  }
  return found;
}

/** As a shell would look for it: as a path, else in PATH. */
function isThere(command: string, cwd: string): boolean {
  if (command.includes('/')) return existsSync(resolve(cwd, command));
  return (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, command)));
}

function closing(gateway: Gateway, log: Log, cosigning: Cosigning, watching: Watching): () => Promise<void> {
  let done: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    watching.close();
    try {
      await gateway.close();
    } finally {
      await log.close();
      await cosigning.stop();
    }
  };
  return () => (done ??= close());
}

/** One line about what is in force. */
export function inForce({ policy, log }: Served): string {
  const { name, version: release } = policy.manifest.policy;
  return `policy ${name} ${release} (${policy.manifest.source.slice(0, 19)}…), receipts of ${log.origin}`;
}
