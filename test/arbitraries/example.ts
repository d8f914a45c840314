// SPDX-License-Identifier: Apache-2.0
/** The worked example of docs/receipt-format.md, from fixed keys; `node scripts/receipt-example.mjs` writes it there. */
import { commitMembers, hashText, leafHash, memberLeaf } from '../../runtime/verify/format/index.js';
import { smallLog } from './log.js';

export function example(): string {
  const log = smallLog();
  const [genesis, key, policy, allow] = log.entries.map((entry) => entry.toString());
  const salt = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const args = { path: '/data/public/q3.csv', head: 5 };
  const one = commitMembers(salt, '', args);
  const block = (text: string): string => `\`\`\`\n${text}\`\`\`\n`;
  return [
    'The secret keys are SHA-256 of the ASCII text `test key NAME` (NAME as below), so that a second implementation can sign',
    'the same bytes. They are for this example only.',
    '',
    `| key | verifier key |`,
    `| --- | --- |`,
    ...[log.root, log.logKey, log.epoch].map((k) => `| \`${k.name}\` | \`${k.vkey}\` |`),
    '',
    `Entry 0, genesis; its leaf is the log's identity, \`${log.leaves[0]}\`:`,
    '',
    block(genesis as string),
    `Entry 1, the first epoch's key; leaf \`${log.leaves[1]}\`:`,
    '',
    block(key as string),
    `Entry 2, a policy is activated; leaf \`${log.leaves[2]}\`:`,
    '',
    block(policy as string),
    `Entry 3, a call is allowed (${(allow as string).length} characters); leaf \`${log.leaves[3]}\`:`,
    '',
    block(allow as string),
    'The checkpoint over entries 0 to 4 (entry 4 is the outcome):',
    '',
    block(log.checkpoints[0] as string),
    `Its root is the tree over the ${5} leaves: ${log.leaves
      .slice(0, 5)
      .map((leaf) => `\`${leaf.slice(7, 15)}…\``)
      .join(', ')}.`,
    `The leaf of entry 3 again, from its bytes: \`${hashText(leafHash(log.entries[3] as Buffer))}\`.`,
    '',
    `A commitment: salt \`000102030405060708090a0b0c0d0e0f\` (hex), arguments \`${JSON.stringify(args)}\`, prefix empty.`,
    '',
    '| pointer | leaf |',
    '| --- | --- |',
    `| \`/head\` | \`${hashText(memberLeaf(salt, '/head', 5))}\` |`,
    `| \`/path\` | \`${hashText(memberLeaf(salt, '/path', args.path))}\` |`,
    '',
    `Root \`${one.root}\`, count ${one.count}.`,
    '',
    'The trust file of this log:',
    '',
    block(`${log.trust}\n`),
  ].join('\n');
}
