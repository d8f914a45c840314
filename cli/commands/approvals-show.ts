// SPDX-License-Identifier: Apache-2.0
import { findWaiting, needs, showWaiting, who } from '../approvals.js';
import { choice, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { openConfig } from '../project.js';
import { columns, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'approvals show ID [--config FILE] [--format human|json]',
  about: 'Shows one waiting call in full: exactly what will be forwarded when it is approved, escaped.',
  options: {
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    format: { type: 'string', value: 'FORMAT', help: 'human (default) or json' },
  },
  takes: ['ID'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json']);
    const waiting = await findWaiting(openConfig(values.config, io), rest[0] ?? '');
    const { pending, intent, answer } = await showWaiting(waiting);
    if (format === 'json') {
      io.out(
        `${JSON.stringify({ version: 1, pending, intent, ...(answer === undefined ? {} : { answer }) }, null, 2)}\n`,
      );
      return EXIT.ok;
    }
    const rows = [
      ['id', pending.id],
      ['who', shown(who(pending))],
      ['roles', shown(pending.principal.roles.join(', ') || '-')],
      ['action', shown(`${pending.intent.kind} ${pending.intent.server}/${pending.intent.name}`)],
      ['rules', shown(pending.rules.join(', '))],
      ['reason', shown(pending.reason ?? '-')],
      ['needs', needs(pending.missing)],
      ['given', pending.given.map((given) => given.approver).join(', ') || '-'],
      ['opened', pending.opened],
      ['expires', pending.expires],
      ['digest', pending.intent.digest],
    ];
    io.out(columns(rows));
    if (answer === undefined) io.out(`\nwhat will be forwarded:\n${shown(intent)}\n`);
    else {
      io.out(`\nwhat was called:\n${shown(intent)}\n`);
      io.out(`\nwhat the server answered, and the caller gets:\n${shown(answer)}\n`);
    }
    return EXIT.ok;
  },
});
