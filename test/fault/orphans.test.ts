// SPDX-License-Identifier: Apache-2.0
// kill -9 of the gateway leaves no server behind, not even one that overlooks the end of its input and the polite signal, nor what it started.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratch } from '../helpers/gateway.js';
import { bundleCommand, project, runGateway, session } from '../helpers/gateway-process.js';

const STUBBORN = `
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
process.on('SIGTERM', () => undefined);
setInterval(() => undefined, 1000);
const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { stdio: 'ignore' });
appendFileSync(process.argv[2], process.pid + ' ' + child.pid + '\\n');
const out = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
const schema = { type: 'object', properties: {} };
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') out(id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } });
  else if (method === 'tools/list') out(id, { tools: ['run', 'environment', 'ask', 'never'].map((name) => ({ name, inputSchema: schema })) });
  else out(id, { content: [] });
});
`;

let command: Awaited<ReturnType<typeof bundleCommand>>;
beforeAll(async () => {
  command = await bundleCommand();
});
afterAll(() => command.remove());

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('a killed gateway leaves no server behind', async () => {
  const folder = scratch();
  const [server, pids] = [join(folder, 'stubborn.mjs'), join(folder, 'pids')];
  writeFileSync(server, STUBBORN);
  const own = await project({ mcpServers: { s: { command: process.execPath, args: [server, pids] } } });
  rmSync(pids);
  const running = await runGateway(command.file, own);
  const client = await session(running.url ?? '', own.token);
  await client.ask('tools/call', { name: 'run', arguments: {} });
  const started = readFileSync(pids, 'utf8').trim().split(/\s+/).map(Number);
  expect(started).toHaveLength(2);
  expect(started.every(lives)).toBe(true);
  running.child.kill('SIGKILL');
  await running.ended;
  for (let i = 0; i < 100 && started.some(lives); i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(started.filter(lives)).toEqual([]);
  rmSync(own.dir, { recursive: true, force: true });
});

test.skipIf(process.platform !== 'linux')(
  'who ends the servers of a killed gateway is replaced when it dies',
  async () => {
    const folder = scratch();
    const [server, pids] = [join(folder, 'stubborn.mjs'), join(folder, 'pids')];
    writeFileSync(server, STUBBORN);
    const own = await project({ mcpServers: { s: { command: process.execPath, args: [server, pids] } } });
    rmSync(pids);
    const running = await runGateway(command.file, own);
    const client = await session(running.url ?? '', own.token);
    await client.ask('tools/call', { name: 'run', arguments: {} });
    const started = readFileSync(pids, 'utf8').trim().split(/\s+/).map(Number);
    const parent = running.child.pid ?? 0;
    const reapers = (): readonly number[] =>
      readdirSync(`/proc/${parent}/task`)
        .flatMap((task) => readFileSync(`/proc/${parent}/task/${task}/children`, 'utf8').split(' '))
        .filter((pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/bin/sh\0-c'))
        .map(Number);
    const [first = 0] = reapers();
    expect(first).toBeGreaterThan(0);
    process.kill(first, 'SIGKILL');
    await expect.poll(() => reapers().filter((pid) => pid !== first), { timeout: 20_000 }).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    running.child.kill('SIGKILL');
    await running.ended;
    for (let i = 0; i < 100 && started.some(lives); i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(started.filter(lives)).toEqual([]);
    rmSync(own.dir, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  },
);
