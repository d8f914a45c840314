// SPDX-License-Identifier: Apache-2.0
// `perSession`: each session of a client has a process of its own at the server, so that what it asks has one client it can be for.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, expect, it } from 'vitest';
import { readConfig } from '../../runtime/config.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, scratch, startGateway } from '../helpers/gateway.js';
import { allowAll, stub } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function behind(server: object): Promise<URL> {
  const config = configOf(scratch(), {
    mcpServers: { s: { command: process.execPath, ...server } },
    identity: { anonymous: 'agent:raw' },
  });
  await pin(config);
  const { gateway } = await startGateway(config, allowAll);
  open.push(gateway);
  const front = await gateway.serveHttp();
  return new URL(`http://127.0.0.1:${front.address.port}/mcp`);
}

async function client(url: URL, name: string, answer?: () => Promise<object>) {
  const own = new Client(
    { name, version: '1' },
    { capabilities: answer === undefined ? {} : { elicitation: {} } },
  );
  if (answer !== undefined) own.setRequestHandler(ElicitRequestSchema, answer as never);
  const transport = new StreamableHTTPClientTransport(url);
  await own.connect(transport as never);
  return { own, transport };
}

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it('a server over stdio that asks two clients of one principal at once is answered by each for its own call', async () => {
  const fixture = join(import.meta.dirname, '../helpers/conformance-server.mjs');
  const url = await behind({ args: [fixture], perSession: true });
  const answered = ['Alice', 'Bob', 'Carol'].map(async (name) => {
    const { own } = await client(url, name, async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { action: 'accept', content: { username: name, email: 'x@example.com' } };
    });
    const results = await Promise.all(
      [1, 2].map(() => own.callTool({ name: 'test_elicitation', arguments: { message: name } })),
    );
    await own.close();
    return JSON.stringify(results.map(({ content }) => content));
  });
  const texts = await Promise.all(answered);
  expect(texts.map((text) => [...new Set(text.match(/Alice|Bob|Carol/g))])).toEqual([
    ['Alice'],
    ['Bob'],
    ['Carol'],
  ]);
});

it('a process ends with the session that it belongs to, and no other', async () => {
  const notes = join(scratch(), 'notes');
  const url = await behind({ args: [stub, 'plain', notes], perSession: true });
  const started = (): readonly number[] =>
    [...readFileSync(notes, 'utf8').matchAll(/^start (\d+)$/gm)].map(([, pid]) => Number(pid));
  const before = started().length;
  const [one, two] = [await client(url, 'one'), await client(url, 'two')];
  for (const { own } of [one, two, one]) await own.callTool({ name: 'echo', arguments: { text: 'x' } });
  const [first = 0, second = 0, ...more] = started().slice(before);
  expect(more).toEqual([]);
  expect([first, second].map(lives)).toEqual([true, true]);
  await one.transport.terminateSession();
  await expect.poll(() => lives(first), { timeout: 10_000 }).toBe(false);
  expect(lives(second)).toBe(true);
  const again = await two.own.callTool({ name: 'echo', arguments: { text: 'still' } });
  expect(again.content).toEqual([{ type: 'text', text: 'still' }]);
});

it('needs processes of each principal', () => {
  const file = {
    policy: 'p.sep',
    mcpServers: { s: { command: 'x', perPrincipal: false, perSession: true } },
    receipts: { origin: 'test/log' },
  };
  const read = readConfig(JSON.stringify(file), '/etc/sepal/sepal.json', {});
  expect(JSON.stringify(read)).toContain('needs processes of each principal');
});
