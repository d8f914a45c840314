// SPDX-License-Identifier: Apache-2.0
// `sepal wrap` as an MCP client starts it: from a client configuration, in both forms, several at once, each with a log of its own.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { describe, expect, it } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { call, expectClear, folder, must, sepal, setup } from '../helpers/command.js';

const UPSTREAM = fileURLToPath(new URL('../helpers/upstream.mjs', import.meta.url));

interface Entry {
  readonly command: string;
  readonly args: readonly string[];
}

/** Starts an entry of a client's configuration the way a client does. */
async function start({
  command,
  args,
}: Entry): Promise<{ readonly by: Client; readonly said: () => string }> {
  const transport = new StdioClientTransport({ command, args: [...args], cwd: folder(), stderr: 'pipe' });
  let said = '';
  transport.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const by = new Client({ name: 'desktop', version: '1.0.0' });
  await by.connect(transport).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${said}`);
  });
  return { by, said: () => said };
}

/** The entry that `sepal init` wrote for the client, in this copy of the set-up. */
function entryOf(dir: string): Entry {
  const text = readFileSync(join(dir, 'client.json'), 'utf8').replace(
    /"\/[^"]*\/sepal\.json"/,
    JSON.stringify(join(dir, 'sepal.json')),
  );
  return (JSON.parse(text) as { readonly mcpServers: { readonly sepal: Entry } }).mcpServers.sepal;
}

async function passes(dir: string, log: string, trust: string): Promise<void> {
  const ran = await sepal(dir, ['verify', log, '--trust', trust]);
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('\npass: ') });
}

describe('wrap', () => {
  it('fronts all servers of a configuration, from the snippet that init wrote', async () => {
    const dir = await setup();
    const { by, said } = await start(entryOf(dir));
    const { tools } = await by.listTools();
    expect(tools.map((tool) => tool.name)).toContain('read_text_file');
    expect(await call(by, 'read_text_file', { path: join(dir, 'files/hello.txt') })).toMatchObject({
      isError: false,
    });
    expect(await call(by, 'read_text_file', { path: '/etc/passwd' })).toMatchObject({
      isError: true,
      receipt: expect.stringMatching(/^local\.sepal\/log\/all#\d+$/),
    });
    await by.close();
    expect(said()).toMatch(/wrapping fs; policy local\.files/);
    await passes(dir, '.sepal/logs/all', 'trust.all.json');
    // Reopened at the next start, not begun anew.
    const again = await start(entryOf(dir));
    expect(again.said()).not.toContain('began the log');
    await again.by.close();
    await passes(dir, '.sepal/logs/all', 'trust.all.json');
  });

  it('fronts the one server of its command line, which gets no environment but what is named', async () => {
    const dir = await setup();
    writeFileSync(
      join(dir, 'sepal.json'),
      JSON.stringify({
        ...(JSON.parse(readFileSync(join(dir, 'sepal.json'), 'utf8')) as object),
        policy: 'one.sep',
        mcpServers: { s: { command: process.execPath, args: [UPSTREAM, 'plain'] } },
      }),
    );
    writeFileSync(
      join(dir, 'one.sep'),
      'sep 1\npolicy t.t 1.0.0\ntools "sepal.lock"\nallow some: agent:local -> s/env\n',
    );
    await must(dir, 0, 'tools', 'pull');
    const args = [
      commandFile(),
      'wrap',
      '--config',
      join(dir, 'sepal.json'),
      '--name',
      's',
      '--env',
      'HOME',
      '--',
      process.execPath,
      UPSTREAM,
      'plain',
    ];
    const { by } = await start({ command: process.execPath, args });
    expect((await by.listTools()).tools.map((tool) => tool.name)).toEqual(['env']);
    const result = (await by.callTool({ name: 'env', arguments: {} })) as {
      readonly env?: { readonly [name: string]: string };
    };
    expect(Object.keys(result.env ?? {}).filter((name) => /NODE_OPTIONS|SEPAL|TOKEN/.test(name))).toEqual([]);
    expect(result.env?.['HOME']).toBe(process.env['HOME']);
    await by.close();
    await passes(dir, '.sepal/logs/s', 'trust.s.json');
  });

  it('gives processes at the same time numbered logs', async () => {
    const dir = await setup();
    const both = await Promise.all([start(entryOf(dir)), start(entryOf(dir))]);
    const receipts = await Promise.all(
      both.map(({ by }) => call(by, 'read_text_file', { path: join(dir, 'files/hello.txt') })),
    );
    const logs = new Set(receipts.map((each) => each.receipt.split('#')[0]));
    expect(logs).toEqual(new Set(['local.sepal/log/all', 'local.sepal/log/all-2']));
    await Promise.all(both.map(({ by }) => by.close()));
    expect(readdirSync(join(dir, '.sepal/logs')).sort()).toEqual(['all', 'all-2']);
    for (const name of ['all', 'all-2']) await passes(dir, `.sepal/logs/${name}`, `trust.${name}.json`);
  });

  it('asks for approval through the same command, and holds the call until it is there', async () => {
    const dir = await setup();
    const { by } = await start(entryOf(dir));
    const path = join(dir, 'files/page.md');
    const asked = call(by, 'write_file', { path, content: 'hi' });
    for (let i = 0; ; i++) {
      expect(i).toBeLessThan(200);
      const { pending } = JSON.parse((await must(dir, 0, 'approvals', 'list', '--format', 'json')).out) as {
        readonly pending: readonly { readonly id: string }[];
      };
      const [one] = pending;
      if (one === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      await must(dir, 0, 'approvals', 'approve', one.id);
      break;
    }
    expect(await asked).toMatchObject({ isError: false });
    expect(readFileSync(path, 'utf8')).toBe('hi');
    await by.close();
  });

  it('ends when its client goes away', async () => {
    const dir = await setup();
    const ran = await sepal(dir, ['wrap'], { input: '' });
    expect(ran).toMatchObject({ code: 0, out: '' });
  });

  it('says what is missing', async () => {
    const dir = await setup();
    writeFileSync(
      join(dir, 'sepal.json'),
      readFileSync(join(dir, 'sepal.json'), 'utf8').replace('.sepal/keys', 'elsewhere'),
    );
    expectClear(await sepal(dir, ['wrap']), 1, /there are no keys in .*elsewhere\n.*sepal keygen log/);
    expect(existsSync(join(dir, '.sepal/logs'))).toBe(false);
  });
});

describe('init --from', () => {
  it('takes over the servers of a client: every call waits for the owner, and its tests pass', async () => {
    const dir = folder();
    const mcpServers = {
      first: { command: process.execPath, args: [UPSTREAM, 'plain'] },
      second: { command: process.execPath, args: [UPSTREAM, 'plain'] },
    };
    writeFileSync(join(dir, 'claude.json'), JSON.stringify({ theme: 'dark', mcpServers }));
    await must(dir, 0, 'init', 'gw', '--from', 'claude.json');
    const own = join(dir, 'gw');
    for (const verb of ['check', 'test']) await must(own, 0, verb);
    await must(own, 0, 'fmt', '--check');
    await must(own, 0, 'tools', 'diff');
    await must(own, 4, 'decide', '--as', 'agent:local', '--call', 'first/echo');
    const { by } = await start(entryOf(own));
    expect((await by.listTools()).tools.map((tool) => tool.name)).toContain('second__echo');
    await by.close();
  });

  it('writes nothing when a server cannot be asked', async () => {
    const dir = folder();
    writeFileSync(
      join(dir, 'c.json'),
      JSON.stringify({ mcpServers: { x: { command: '/no/such/command' } } }),
    );
    expectClear(
      await sepal(dir, ['init', 'gw', '--from', 'c.json']),
      1,
      /the command `\/no\/such\/command` was not found/,
    );
    expect(existsSync(join(dir, 'gw'))).toBe(false);
  });
});
