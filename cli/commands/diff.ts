// SPDX-License-Identifier: Apache-2.0
import { type Change, differ } from '../../compiler/analyze/differ.js';
import { choice, defineCommand } from '../command.js';
import { compilePolicy, policyOrFail } from '../compiled.js';
import { EXIT } from '../exit-codes.js';
import { policyPath } from '../sources.js';
import { questionLine, sideOf } from '../proving.js';
import { changeLines, sentence } from '../changes.js';
import { shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'diff OLD NEW [--format human|markdown|json]',
  about:
    'Compares two policies over every call that can be made: what the new one widens and tightens, each with a question that shows\nit. Exit 0 where they are equal or only tightened, 6 where something is widened.',
  options: {
    format: {
      type: 'string',
      value: 'FORMAT',
      help: 'human (default), markdown (for a pull request) or json',
    },
  },
  takes: ['OLD', 'NEW'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'markdown', 'json']);
    const [old = '', now = ''] = rest;
    const before = sideOf(policyOrFail(await compilePolicy(await policyPath(old, io), io), io));
    const after = sideOf(policyOrFail(await compilePolicy(await policyPath(now, io), io), io));
    const { equal, widened, tightened, notes, more } = differ(before, after);
    if (format === 'json') {
      const plain = (change: Change): object => ({
        from: change.from,
        to: change.to,
        where: sentence(change),
        actions: change.actions,
        witness: change.witness,
        ...(change.why === null ? {} : { why: change.why }),
      });
      const shape = { equal, widened: widened.map(plain), tightened: tightened.map(plain), notes, more };
      io.out(`${JSON.stringify(shape, null, 2)}\n`);
    } else {
      const lines = format === 'human' ? changeLines : markdown;
      const text = [
        ...lines('widened', widened),
        ...lines('tightened', tightened),
        ...notes.map((n) => `note: ${n}`),
      ];
      if (more > 0) text.push(`note: ${more} kinds of change have more parts than are listed`);
      io.out(`${text.length === 0 ? 'equal: no call is decided otherwise' : text.join('\n')}\n`);
    }
    return widened.length > 0 || notes.length > 0 ? EXIT.differs : EXIT.ok;
  },
});

function markdown(kind: string, changes: readonly Change[]): readonly string[] {
  if (changes.length === 0) return [];
  const rows = changes.map((change) => {
    const example = change.witness === null ? (change.why ?? '') : questionLine(change.witness);
    return `| ${change.from} → ${change.to} | ${cell(sentence(change))} | ${cell(shown(example))} |`;
  });
  return [`### ${kind}`, '', '| decision | where | for example |', '| --- | --- | --- |', ...rows, ''];
}

/** Nothing of a policy or a server may end the cell, or be read as markup. */
const cell = (text: string): string => text.replaceAll(/[\\`*_{}[\]<>()#|~]/g, (c) => `\\${c}`);
