// SPDX-License-Identifier: Apache-2.0
// A client that proposes its calls before it makes them, with `sepal/client`: `node examples/sep-client/main.mjs`, after `npm run build`. The
// gateway stands behind stdio (`sepal wrap`); the person who approves is this script too, with a key of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { authorization, CAPABILITIES, receiptOf } from 'sepal/client';

const require = createRequire(import.meta.url);
const command = join(import.meta.dirname, '../../dist/cli/main.js');
const memory = join(require.resolve('@modelcontextprotocol/server-memory/package.json'), '../dist/index.js');
const dir = mkdtempSync(join(tmpdir(), 'sepal-client-'));
const sepal = (...args) =>
  execFileSync(process.execPath, [command, ...args], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
const say = (line) => process.stdout.write(`${line}\n`);

for (const file of ['policy.sep', 'sepal.lock'])
  copyFileSync(join(import.meta.dirname, file), join(dir, file));
const approver = JSON.parse(
  sepal('keygen', 'approver', '--id', 'user:eve', '--roles', 'lead', '--out', 'eve.key').match(
    /\{[\s\S]*\}/,
  )[0],
);
writeFileSync(
  join(dir, 'sepal.json'),
  JSON.stringify({
    policy: 'policy.sep',
    mcpServers: {
      notes: {
        command: process.execPath,
        args: [memory],
        env: { MEMORY_FILE_PATH: join(dir, 'notes.jsonl') },
      },
    },
    identity: { stdio: { principal: 'agent:demo' } },
    approvers: [approver],
    receipts: { origin: 'sep-client.local/log' },
  }),
);
sepal('keygen', 'log');

const client = new Client({ name: 'sep-client', version: '1.0.0' }, { capabilities: CAPABILITIES });
client.fallbackNotificationHandler = async ({ method, params }) => {
  if (method === 'authorization/receipt') say(['  receipt', params.id, params.decision].join(' '));
};
await client.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: [command, 'wrap'],
    cwd: dir,
    stderr: 'inherit',
  }),
);
const sep = authorization(client);
try {
  say('reading: proposed, allowed, called with the token of the decision');
  const read = await sep.call({ name: 'read_graph', arguments: {} });
  say(`  ${JSON.stringify(read.structuredContent)}`);

  say('adding: proposed, a person approves, called');
  const note = { name: 'sepal', entityType: 'plant', observations: ['has parts'] };
  const call = { name: 'create_entities', arguments: { entities: [note] } };
  const proposed = await sep.propose(call);
  say(`  ${proposed.decision} ${proposed.approvalId}`);
  const done = sep.call(call);
  sepal('approvals', 'approve', proposed.approvalId, '--as', 'user:eve', '--key', 'eve.key');
  say(`  ${JSON.stringify((await done).structuredContent)}`);

  say('proposing one call and making another: denied');
  const { token } = await sep.propose({ name: 'search_nodes', arguments: { query: 'sepal' } });
  const other = await client.callTool({
    name: 'search_nodes',
    arguments: { query: 'everything' },
    _meta: { 'dev.sepal/decision': token },
  });
  say(`  ${other.content[0].text}`);

  say('deleting: no rule may ever grant it, so it is as if it were not there');
  await sep.propose({ name: 'delete_entities', arguments: { entityNames: ['sepal'] } }).catch((error) => {
    say(`  ${error.message}`);
  });

  const { entry } = await sep.receipt(receiptOf(other).id);
  say(`the receipt of the refusal gives the reason: ${JSON.stringify(entry.decision.reason)}`);
} finally {
  await client.close();
  rmSync(dir, { recursive: true, force: true });
}
