// SPDX-License-Identifier: Apache-2.0
import type { Config } from '../../runtime/config.js';
import { readTokenFile } from '../../runtime/decide/token-file.js';
import { choice, defineCommand } from '../command.js';
import { LOG_FORMATS, logLines } from '../log-lines.js';
import { verdicts } from '../verdicts.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { openConfig } from '../project.js';
import { isHardened, onStop, restartHardened } from '../restart.js';
import { inForce, readyPolicy, serve } from '../serve.js';
import type { Io } from '../terminal.js';
import type { ExitCode } from '../exit-codes.js';

export const command = defineCommand({
  usage: 'gateway [--config FILE] [--dry-run] [--log text|json]',
  about:
    'Guards the servers of sepal.json over HTTP until it is stopped. Prints its address on stdout once it listens.\nRefuses to start without a policy, its keys, a writable log, or when its own test call is not denied.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    log: { type: 'string', value: 'FORMAT', help: 'how it tells its news on stderr: text (default) or json' },
    'dry-run': {
      type: 'boolean',
      help: 'decide and record, but forward what the policy would deny or review',
    },
  },
  run: async ({ values }, io) => (isHardened() ? run(values, io) : ((await restartHardened()) as ExitCode)),
});

interface Given {
  readonly config: string | undefined;
  readonly log: string | undefined;
  readonly 'dry-run': boolean;
}

async function run({ config: file, log: format, 'dry-run': dryRun }: Given, io: Io): Promise<ExitCode> {
  const log = choice('log', format, LOG_FORMATS);
  const say = logLines(io, log);
  const config = openConfig(file, io);
  if (config.listen.http === null) {
    throw new Failure('`listen.http` is null in sepal.json', 'set an address, or use `sepal wrap`');
  }
  let stop: (why: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => {
    stop = resolve;
  });
  const ready = await readyPolicy(config, io);
  const served = await serve(
    { config, control: config.control, onShutdown: () => stop('it was asked to'), dryRun, log, io },
    ready,
  );
  onStop(stop, () => void served.gateway.reload().catch(() => undefined));
  try {
    const front = await served.gateway.serveHttp();
    const host = front.address.host.includes(':') ? `[${front.address.host}]` : front.address.host;
    if (nobodyMayCall(config))
      say(
        `warning: there are no tokens, so nobody can call; ${config.identity.tokens === null ? 'add `"identity": { "tokens": "tokens.json" }` to sepal.json and ' : ''}make one with \`sepal token create\``,
      );
    io.out(
      `listening on ${config.listen.tls === null ? 'http' : 'https'}://${host}:${front.address.port}${config.listen.path}\n`,
    );
    say(inForce(served));
    for (const row of verdicts(config, served.policy)) say(`without ${row.on}: ${row.happens}`);
    const watching = served.gateway.watching();
    if (watching !== null) say(`metrics, health and readiness on http://${watching.host}:${watching.port}`);
    say(`stopping: ${await stopped}`);
  } finally {
    await served.close();
  }
  return EXIT.ok;
}

function nobodyMayCall({ identity: { tokens, anonymous, jwt } }: Config): boolean {
  return anonymous === null && jwt === null && (tokens === null || readTokenFile(tokens).length === 0);
}
