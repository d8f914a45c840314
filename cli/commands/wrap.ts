// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { wrapSocket } from '../approvals.js';
import { type Config, DEFAULT_SHARE, type StdioServer } from '../../runtime/config.js';
import { KeyFailure, LogHeld } from '../../runtime/log/index.js';
import { defineCommand, type Input } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { beginLog, hasBegun } from '../log-keys.js';
import { openConfig } from '../project.js';
import { isHardened, onStop, restartHardened } from '../restart.js';
import { inForce, type ReadyPolicy, readyPolicy, serve, type Served } from '../serve.js';
import type { Io } from '../terminal.js';

const OPTIONS = {
  config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
  name: { type: 'string', value: 'SERVER', help: 'front only this one server, started by CMD' },
  env: { type: 'string', multiple: true, value: 'NAME', help: 'give CMD this variable of the environment' },
  'dry-run': { type: 'boolean', help: 'decide and record, but forward what the policy would deny or review' },
  instance: {
    type: 'string',
    value: 'NAME',
    help: 'name of the log of this wrap (default: the server, or "all")',
  },
} as const;

export const command = defineCommand({
  usage: 'wrap [--config FILE] [--name SERVER -- CMD...]',
  about:
    'The gateway behind stdio, for the configuration of an MCP client. Without CMD it fronts all `mcpServers` of the\nconfiguration; with --name it fronts that one server. The principal is `identity.stdio`. Each wrap has a log of its own.',
  options: OPTIONS,
  takes: ['CMD...'],
  run: async (input, io) => (isHardened() ? run(input, io) : ((await restartHardened()) as ExitCode)),
});

async function run({ values, rest }: Input<typeof OPTIONS>, io: Io): Promise<ExitCode> {
  const config = fronted(openConfig(values.config, io), values, rest, io);
  const instance = values.instance ?? values.name ?? 'all';
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(instance) || /^\.+$/.test(instance)) {
    throw new Failure(`\`${instance}\` cannot name a log`, 'use letters, digits, `_`, `-` and `.`');
  }
  let stop: (why: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => {
    stop = resolve;
  });
  const ready = await readyPolicy(config, io);
  const served = await serveInstance(config, { instance, dryRun: values['dry-run'] }, ready, stop, io);
  onStop(stop);
  try {
    const front = served.gateway.serveStdio({ input: process.stdin, output: process.stdout });
    io.err(`sepal: wrapping ${[...config.servers.keys()].join(', ')}; ${inForce(served)}\n`);
    await Promise.race([front.ended, stopped]);
  } finally {
    await served.close();
  }
  // An open stdin would keep the process.
  process.stdin.destroy();
  return EXIT.ok;
}

/** All servers of the configuration, or the one of the command line in their place. */
function fronted(
  config: Config,
  values: Input<typeof OPTIONS>['values'],
  rest: readonly string[],
  io: Io,
): Config {
  const { name } = values;
  const [command, ...args] = rest;
  if ((name === undefined) !== (command === undefined)) {
    throw new Failure(
      '`--name` and a command belong together',
      'for example `sepal wrap --name fs -- npx -y SERVER /srv/data`',
    );
  }
  if (name === undefined || command === undefined) {
    if (values.env.length > 0)
      throw new Failure('`--env` needs a command', 'set `env` of the servers in sepal.json');
    if (config.servers.size > 0) return config;
    throw new Failure(
      'sepal.json has no `mcpServers`',
      'add the servers to guard, or name one: `--name fs -- CMD...`',
    );
  }
  const known = config.servers.get(name);
  const server: StdioServer = {
    kind: 'stdio',
    command,
    args,
    env: Object.fromEntries(values.env.map((variable) => [variable, variableOf(variable, io)])),
    cwd: io.cwd,
    perPrincipal: known?.perPrincipal ?? true,
    perSession: known?.perSession ?? false,
    maxProcesses: known?.maxProcesses ?? 20,
    maxInFlight: known?.maxInFlight ?? config.listen.limits.inFlight,
    share: known?.share ?? DEFAULT_SHARE,
    idleMs: known?.idleMs ?? 600_000,
    timeoutMs: known?.timeoutMs ?? 120_000,
  };
  return { ...config, servers: new Map([[name, server]]) };
}

function variableOf(name: string, io: Io): string {
  const value = io.env[name];
  if (value !== undefined) return value;
  throw new Failure(`the environment variable \`${name}\` is not set`, 'set it, or remove `--env`');
}

const MAX_INSTANCES = 100;
const BEGIN_MS = 3000;
const POLL_MS = 50;

/** A stable log, reopened at each start; processes at the same time take numbered ones. */
async function serveInstance(
  config: Config,
  { instance, dryRun }: { readonly instance: string; readonly dryRun: boolean },
  ready: ReadyPolicy,
  stop: (why: string) => void,
  io: Io,
): Promise<Served> {
  for (let i = 1; i <= MAX_INSTANCES; i++) {
    const name = i === 1 ? instance : `${instance}-${i}`;
    try {
      const own = await instanceConfig(config, name, io);
      const control = wrapSocket(config, name);
      return await serve(
        { config: own, control, onShutdown: () => stop('it was asked to'), dryRun, io },
        ready,
      );
    } catch (error) {
      if (!(error instanceof LogHeld)) throw error;
    }
  }
  throw new Failure(
    `${MAX_INSTANCES} wraps named \`${instance}\` run already`,
    'stop some, or use another --instance',
  );
}

/** The log, its keys and its trust file of one instance; made on its first start, where the gateway's own keys exist. */
async function instanceConfig(config: Config, name: string, io: Io): Promise<Config> {
  const { receipts } = config;
  const own = {
    ...receipts,
    origin: `${receipts.origin}/${name}`,
    dir: join(dirname(receipts.dir), 'logs', name),
    keys: join(receipts.keys, name),
  };
  if (!existsSync(join(receipts.keys, 'log.pem'))) {
    throw new Failure(`there are no keys in ${receipts.keys}`, 'make them with `sepal keygen log`');
  }
  if (!existsSync(join(own.keys, 'log.pem'))) {
    const trust = join(config.dir, `trust.${name}.json`);
    await beginLog(own, trust).catch((error: unknown) => {
      // Another wrap of this name is making them at this very moment: it holds the log.
      const taken = error instanceof KeyFailure || (error as NodeJS.ErrnoException).code === 'EEXIST';
      throw taken ? new LogHeld(String(error)) : error;
    });
    io.err(`sepal: began the log of this wrap in ${own.dir}; auditors need ${trust}\n`);
  }
  // Another wrap of this name may have made its keys and not yet begun its log.
  for (let waited = 0; waited < BEGIN_MS && !hasBegun(own.dir); waited += POLL_MS) await setTimeout(POLL_MS);
  return { ...config, receipts: own };
}
