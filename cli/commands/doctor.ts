// SPDX-License-Identifier: Apache-2.0
import { choice, defineCommand } from '../command.js';
import { type Check, examine } from '../doctor.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { openConfig } from '../project.js';
import { readyPolicy } from '../serve.js';
import { columns, type Io, paint, shown } from '../terminal.js';
import { type Verdict, verdicts } from '../verdicts.js';
import type { Config } from '../../runtime/config.js';

export const command = defineCommand({
  usage: 'doctor [--config FILE] [--offline] [--format human|json]',
  about:
    'Examines a set-up and changes nothing: configuration, policy, keys and who can read them, log, clock, disk, approvers, servers and\ntheir pins, and whether a tool could reach the keys. Exit 6 when anything is a fault; warnings alone are 0.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    offline: { type: 'boolean', help: 'start no server' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  run: async ({ values }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const config = openConfig(values.config, io);
    const policy = await policyCheck(config, io);
    const checks = [...policy.checks, ...(await examine(config, !values.offline, io))];
    if (format === 'json')
      io.out(`${JSON.stringify({ version: 1, checks, verdicts: policy.verdicts }, null, 2)}\n`);
    else print(checks, policy.verdicts, io);
    return checks.some(({ status }) => status === 'fault') ? EXIT.differs : EXIT.ok;
  },
});

async function policyCheck(
  config: Config,
  io: Io,
): Promise<{ readonly checks: readonly Check[]; readonly verdicts: readonly Verdict[] }> {
  const read: Check = { name: 'configuration', status: 'ok', detail: config.file, help: null };
  try {
    const { loaded } = await readyPolicy(config, io);
    const { name, version } = loaded.manifest.policy;
    return {
      checks: [read, { name: 'policy', status: 'ok', detail: `${name} ${version} compiles`, help: null }],
      verdicts: verdicts(config, loaded),
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const wrong: Check = {
      name: 'policy',
      status: 'fault',
      detail: error.message,
      help: error.help ?? 'see `sepal check`',
    };
    return { checks: [read, wrong], verdicts: [] };
  }
}

const WORDS = { ok: 'ok', warning: 'warning', fault: 'FAULT' } as const;
const COLOURS = { ok: 'green', warning: 'yellow', fault: 'red' } as const;

function print(checks: readonly Check[], rows: readonly Verdict[], io: Io): void {
  for (const { name, status, detail, help } of checks) {
    io.out(`${paint(io, COLOURS[status], WORDS[status].padEnd(8))} ${shown(name)}: ${shown(detail)}\n`);
    if (help !== null && status !== 'ok') io.out(`         = help: ${shown(help)}\n`);
  }
  if (rows.length > 0)
    io.out(`\nwithout …, this happens:\n${columns(rows.map((row) => [shown(row.on), shown(row.happens)]))}`);
}
