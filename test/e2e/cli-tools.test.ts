// SPDX-License-Identifier: Apache-2.0
// Pinning: pull, diff and accept against a server that really changes, and against servers that cannot be asked.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectClear, folder, gateway, must, sepal, setup } from '../helpers/command.js';

const UPSTREAM = fileURLToPath(new URL('../helpers/upstream.mjs', import.meta.url));

/** A set-up in front of a server that offers other tools once `changed` is written. */
function drifting(): { readonly dir: string; readonly change: () => void } {
  const dir = folder();
  const notes = join(dir, 'notes');
  config(dir, { s: { command: process.execPath, args: [UPSTREAM, 'drift', notes] } });
  writeFileSync(
    join(dir, 'policy.sep'),
    'sep 1\npolicy t.t 1.0.0\ntools "sepal.lock"\nallow echo: agent:* -> s/echo\n',
  );
  return { dir, change: () => writeFileSync(`${notes}.version`, '2') };
}

function config(dir: string, mcpServers: object): void {
  const receipts = { origin: 't/log' };
  writeFileSync(join(dir, 'sepal.json'), JSON.stringify({ policy: 'policy.sep', mcpServers, receipts }));
}

interface Lock {
  readonly servers: {
    readonly [server: string]: {
      readonly tools: {
        readonly [tool: string]: {
          readonly hash: string;
          readonly definition: { readonly description: string };
        };
      };
    };
  };
}
const lockOf = (dir: string): Lock => JSON.parse(readFileSync(join(dir, 'sepal.lock'), 'utf8')) as Lock;

describe('tools', () => {
  it('pins whole definitions, with sorted keys and the same bytes each time', async () => {
    const { dir } = drifting();
    const pulled = await must(dir, 0, 'tools', 'pull');
    expect(pulled.out).toMatch(/^pinned s: ask, .*echo, env/);
    const text = readFileSync(join(dir, 'sepal.lock'), 'utf8');
    expect(text).toContain('"x-vendor"');
    expect(Object.keys(lockOf(dir).servers['s'] ?? {})).toEqual([
      'capabilities',
      'info',
      'protocol',
      'tools',
    ]);
    expect(await must(dir, 0, 'tools', 'diff')).toMatchObject({
      out: '',
      err: expect.stringContaining('nothing differs'),
    });
    await must(dir, 0, 'tools', 'pull', '--replace');
    expect(readFileSync(join(dir, 'sepal.lock'), 'utf8')).toBe(text);
    await must(dir, 0, 'check');
  });

  it('shows what changed, leaves the lock alone, and takes over what is accepted', async () => {
    const { dir, change } = drifting();
    await must(dir, 0, 'tools', 'pull');
    const before = lockOf(dir);
    change();
    const human = await must(dir, 6, 'tools', 'diff');
    expect(human.out).toMatch(
      /~ s\/echo\n {4}\/description\n {6}pinned: "does echo"\n {6}now: {4}"now does evil"/,
    );
    expect(human.out).toMatch(/\+ s\/extra\n {4}"does extra"/);
    const { out } = await must(dir, 6, 'tools', 'diff', '--format', 'json');
    expect(JSON.parse(out)).toEqual({
      version: 1,
      equal: false,
      changes: [
        { server: 's', tool: 'echo', change: 'changed', members: ['/description', '/x-vendor'] },
        { server: 's', tool: 'extra', change: 'added', members: [] },
      ],
    });
    expect((await must(dir, 6, 'tools', 'pull')).err).toMatch(/differ from what is pinned.*tools accept/);
    expect(lockOf(dir)).toEqual(before);
    await must(dir, 0, 'tools', 'accept', 's/extra');
    expect(lockOf(dir).servers['s']?.tools['echo']).toEqual(before.servers['s']?.tools['echo']);
    expectClear(
      await sepal(dir, ['tools', 'accept', 's/extra']),
      1,
      /`s\/extra` does not differ.*\n.*tools diff/,
    );
    expect((await must(dir, 0, 'tools', 'accept', '--all')).out).toMatch(/^~ s\/echo/);
    expect(lockOf(dir).servers['s']?.tools['echo']?.definition.description).toBe('now does evil');
    await must(dir, 0, 'tools', 'diff');
  });

  it('tells a running gateway', async () => {
    const dir = await setup();
    const running = await gateway(dir);
    const lock = lockOf(dir);
    const tools = { ...lock.servers['fs']?.tools };
    delete tools['directory_tree'];
    writeFileSync(
      join(dir, 'sepal.lock'),
      JSON.stringify({ ...lock, servers: { fs: { ...lock.servers['fs'], tools } } }),
    );
    const accepted = await must(dir, 0, 'tools', 'accept', 'fs');
    expect(accepted.out).toBe('+ fs/directory_tree\n');
    expect(accepted.err).toContain('the running gateway has read the new pins');
    await running.stop();
  });

  const DEAD: readonly (readonly [name: string, server: object, says: RegExp])[] = [
    [
      'has no command',
      { command: '/no/such/command' },
      /cannot ask `x`: the command `\/no\/such\/command` was not found\n.*`mcpServers`/,
    ],
    [
      'has no folder',
      { command: 'node', cwd: '/no/such/folder' },
      /`x`: its folder \/no\/such\/folder does not exist/,
    ],
    [
      'dies',
      { command: process.execPath, args: ['-e', 'console.error("no licence");process.exit(3)'] },
      /`x`: it ended before it answered; it said: no licence/,
    ],
    ['does not listen', { url: 'http://127.0.0.1:9/mcp' }, /no connection to http:\/\/127\.0\.0\.1:9\/mcp: /],
  ];
  it.concurrent.each(DEAD)('says so when a server %s', async (_name, server, says) => {
    const dir = folder();
    config(dir, { x: server });
    writeFileSync(join(dir, 'policy.sep'), '');
    expectClear(await sepal(dir, ['tools', 'pull']), 1, says);
    expect(existsSync(join(dir, 'sepal.lock'))).toBe(false);
  });

  it('refuses a definition that cannot be pinned', async () => {
    const dir = folder();
    const server = `const r=require("readline").createInterface({input:process.stdin});r.on("line",l=>{const m=JSON.parse(l);if(m.id===undefined)return;const result=m.method==="initialize"?{protocolVersion:"2025-06-18",capabilities:{tools:{}},serverInfo:{name:"x",version:"1"}}:{tools:[{name:"a",inputSchema:{type:"object"}},{name:"a",inputSchema:{type:"object"}}]};console.log(JSON.stringify({jsonrpc:"2.0",id:m.id,result}))})`;
    config(dir, { x: { command: process.execPath, args: ['-e', server] } });
    expectClear(
      await sepal(dir, ['tools', 'pull']),
      1,
      /tool 2 of `x` cannot be pinned: the name "a" stands twice/,
    );
  });
});
