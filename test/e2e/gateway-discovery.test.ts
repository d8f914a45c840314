// SPDX-License-Identifier: Apache-2.0
// Hidden and absent alike: what a caller may not see answers in the bytes of what is not there; and only whose view changes is told.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, policyOf, repin, scratch, startGateway } from '../helpers/gateway.js';
import { Raw, stub } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp(hidden: readonly string[]) {
  const dir = scratch();
  const notes = join(dir, 'notes');
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [stub, 'drift', notes] } },
    identity: { stdio: { principal: 'agent:raw' } },
  });
  await pin(config, (_, tool) => tool !== 'raw');
  const module = policyOf(
    ({ intent }) =>
      hidden.includes(intent.name) ? { effect: 'deny', default: true } : { effect: 'allow', rules: ['a'] },
    (name) => hidden.includes(name),
  );
  const { gateway, log } = await startGateway(config, module);
  open.push(gateway);
  const client = new Raw(gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  return { gateway, client, config, log, notes };
}

/** An answer without what must differ: the name that was asked for, and where the receipt stands. */
const bare = (line: string, name: string): string =>
  line.replaceAll(name, 'NAME').replace(/"id":"[^"]*"|"hash":"[^"]*"|"seq":\d+/g, '');

describe('hidden and absent', () => {
  it('answer in the same bytes, whatever the arguments: hidden, not pinned, changed, or never there', async () => {
    const { client, notes } = await setUp(['echo']);
    writeFileSync(`${notes}.version`, '2');
    await client.call('many_changes');
    for (const args of [{}, { text: 'x' }, { text: 7, more: [] }]) {
      const answers: string[] = [];
      for (const [i, name] of ['echo', 'raw', 'gone', '__proto__', 'extra'].entries())
        answers.push(
          bare(await client.raw('tools/call', { name, arguments: args }, 1000 + i), name).replace(
            /"id":\d+/,
            '',
          ),
        );
      expect(new Set(answers).size, answers.join('\n')).toBe(1);
      expect(answers[0]).toContain('Unknown tool: NAME');
    }
    for (const method of ['prompts/get', 'authorization/propose']) {
      const ask = async (name: string) => bare(await client.raw(method, { name, arguments: {} }, 7), name);
      expect(await ask('echo')).toBe(await ask('gone'));
    }
  });

  it('a hidden tool that changes tells nobody; one that is seen does, once, and comes back when it is accepted', async () => {
    const changed = (client: Raw) => client.notifications('notifications/tools/list_changed').length;
    const silent = await setUp(['echo']);
    await silent.client.call('many_changes');
    writeFileSync(`${silent.notes}.version`, '2');
    await silent.client.call('many_changes');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(changed(silent.client)).toBe(0);
    expect(silent.log.bodies.some(({ event }) => event?.kind === 'pins_changed')).toBe(true);

    const seen = await setUp([]);
    await seen.client.call('many_changes');
    writeFileSync(`${seen.notes}.version`, '2');
    await seen.client.call('many_changes');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(changed(seen.client)).toBe(1);
    repin(seen.config, 'tools', 's', 'echo', { description: 'not what the server says' });
    await seen.gateway.reload();
    expect(changed(seen.client)).toBe(1);
  });
});
