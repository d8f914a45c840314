// SPDX-License-Identifier: Apache-2.0
import type { CellWords } from '../../compiler/analyze/describe.js';
import { reach, type Reached } from '../../compiler/analyze/reach.js';
import { isPrincipal } from '../../runtime/config-schema.js';
import { choice, defineCommand, required } from '../command.js';
import { compilePolicy, policyOrFail } from '../compiled.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { policyPath } from '../sources.js';
import { reachPicture } from '../reach-picture.js';
import { columns, paintEffect, shown } from '../terminal.js';
import { words } from './token-create.js';

export const command = defineCommand({
  usage: 'reach [POLICY] --as WHO [--roles A,B] [--format table|json|svg]',
  about:
    'Lists everything that a principal can ever be allowed, by effect, and under which condition. Without --roles it may have any\ndeclared role.',
  options: {
    as: { type: 'string', value: 'WHO', help: 'the principal: agent:reporter' },
    roles: { type: 'string', value: 'A,B', help: 'exactly these roles (empty: none)' },
    format: { type: 'string', value: 'FORMAT', help: 'table (default), json or svg' },
  },
  takes: ['POLICY?'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['table', 'json', 'svg']);
    const who = required('as', values.as, 'agent:reporter');
    if (!isPrincipal(who)) {
      throw new Failure(`\`${who}\` is not a principal`, 'write agent:NAME, user:NAME or service:NAME');
    }
    const { compiled } = policyOrFail(await compilePolicy(await policyPath(rest[0], io), io), io);
    const roles = values.roles === undefined ? null : words(values.roles);
    const { reached, open } = reach({ ir: compiled.ir, tools: compiled.lock.tools }, who, roles);
    const rows = reached.map((row) => ({ ...row, when: waysOf(row) }));
    if (format === 'json')
      io.out(`${JSON.stringify({ version: 1, principal: who, roles, reached: rows, open }, null, 2)}\n`);
    else if (format === 'svg') io.out(reachPicture(who, rows));
    else {
      const lines = rows.map(({ effect, actions, when }) => [
        paintEffect(io, effect),
        shown(actions.join(', ')),
        shown(when.join(' | ')),
      ]);
      io.out(lines.length === 0 ? `${who} can reach nothing\n` : columns(lines));
    }
    for (const text of open) io.err(`not known: ${shown(text)}\n`);
    return EXIT.ok;
  },
});

/** Each way in words; none where there is no condition. */
function waysOf({ when, more }: Reached): readonly string[] {
  const say = ({ who, conditions }: CellWords): string =>
    [...(who === null ? [] : [`as ${who}`]), ...conditions].join(' and ');
  const ways = when.map(say);
  if (ways.includes('')) return [];
  return more ? [...ways, '…'] : ways;
}
