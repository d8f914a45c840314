// SPDX-License-Identifier: Apache-2.0
// What `sepal init` writes runs as it is: a real SDK client, the real filesystem server, a review from asking to the one run,
// tokens, receipts, and a copy that was tampered with.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  client,
  expectClear,
  gateway,
  must,
  type Running,
  sepal,
  setup,
  spawned,
} from '../helpers/command.js';

let dir: string;
let running: Running;
let token: string;
let by: Client;

beforeAll(async () => {
  dir = await setup();
  running = await gateway(dir);
  // Through the control socket: the running gateway must know of it at once.
  token = (await must(dir, 0, 'token', 'create', '--principal', 'agent:writer', '--json')).out;
  token = (JSON.parse(token) as { readonly token: string }).token;
  by = await client(running.url, token);
});
afterAll(async () => {
  await by.close();
  expect(await running.stop()).toBe(0);
});

const file = (name: string): string => join(dir, 'files', name);

describe('a set-up by sepal init', () => {
  it('checks, passes its own tests, and is formatted', async () => {
    await must(dir, 0, 'check');
    await must(dir, 0, 'test');
    await must(dir, 0, 'fmt', '--check');
    await must(dir, 0, 'tools', 'diff');
    await must(dir, 0, 'verify', join(dir, '.sepal/log'), '--trust', join(dir, 'trust.json')).catch(
      () => undefined,
    );
  });

  it('shows only what the policy may grant', async () => {
    const { tools } = await by.listTools();
    expect(tools.map((tool) => tool.name).sort()).toEqual([
      'get_file_info',
      'list_directory',
      'move_file',
      'read_text_file',
      'write_file',
    ]);
  });

  it('allows, and denies a traversal and a write elsewhere, with a receipt each', async () => {
    expect(await call(by, 'read_text_file', { path: file('hello.txt') })).toMatchObject({
      isError: false,
      text: 'Hello from behind the gateway.\n',
    });
    const escape = await call(by, 'read_text_file', { path: `${file('..')}/../etc/passwd` });
    expect(escape).toMatchObject({
      isError: true,
      text: expect.stringContaining('no rule of the policy allows this call'),
    });
    const outside = await call(by, 'write_file', { path: '/etc/sepal-test', content: 'x' });
    expect(outside).toMatchObject({
      isError: true,
      text: expect.stringContaining('Files may be written below the shared folder only'),
    });
    expect(existsSync('/etc/sepal-test')).toBe(false);
    expect(escape.receipt).toMatch(/^local\.sepal\/log#\d+$/);
  });
});

/** A call that is parked: it holds for longer than the test wants to wait, so its client goes away. */
async function park(name: string, args: { readonly [key: string]: unknown }): Promise<string> {
  const before = new Set((await waiting()).map((each) => each.id));
  const own = await client(running.url, token);
  const asked = own.callTool({ name, arguments: { ...args } }).catch(() => undefined);
  for (let i = 0; i < 200; i++) {
    const found = (await waiting()).find((each) => !before.has(each.id));
    if (found !== undefined) {
      await own.close();
      await asked;
      return found.id;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the call was not parked');
}

interface Waiting {
  readonly id: string;
  readonly intent: { readonly digest: string };
}
async function waiting(): Promise<readonly Waiting[]> {
  const { out } = await must(dir, 0, 'approvals', 'list', '--format', 'json');
  return (JSON.parse(out) as { readonly pending: readonly Waiting[] }).pending;
}

describe('a review', () => {
  it('is listed, shown in full, approved with the key of init, and runs exactly once', async () => {
    const args = { path: file('page.md'), content: 'the \u202etext' };
    const id = await park('write_file', args);
    const list = await must(dir, 0, 'approvals', 'list');
    expect(list.out).toMatch(
      new RegExp(`^${id}  agent:writer  fs/write_file  writing  needs 1 of role:owner  1\\d min left\n$`),
    );
    const shown = await must(dir, 0, 'approvals', 'show', id);
    expect(shown.out).toContain('\\u{202e}');
    expect(shown.out).not.toContain('\u202e');
    const { pending, intent } = JSON.parse(
      (await must(dir, 0, 'approvals', 'show', id, '--format', 'json')).out,
    ) as { readonly pending: Waiting; readonly intent: string };
    expect(pending.id).toBe(id);
    expect(JSON.parse(intent)).toMatchObject({ server: 'fs', name: 'write_file' });
    expect((await must(dir, 0, 'approvals', 'approve', id)).out).toBe(`${id}: approved\n`);
    expect(existsSync(args.path)).toBe(false);
    expect(await call(by, 'write_file', args)).toMatchObject({ isError: false });
    expect(readFileSync(args.path, 'utf8')).toBe(args.content);
    expectClear(await sepal(dir, ['approvals', 'approve', id]), 1, /no call .* is waiting/);
  });

  it('is not redeemed by other arguments, and a denial ends it', async () => {
    const args = { path: file('b.md'), content: 'x' };
    const id = await park('write_file', args);
    await must(dir, 0, 'approvals', 'approve', `#${id.split('#')[1]}`);
    const other = await park('write_file', { ...args, content: 'y' });
    expect(other).not.toBe(id);
    expect((await must(dir, 0, 'approvals', 'deny', other)).out).toBe(`${other}: denied\n`);
    expect(existsSync(args.path)).toBe(false);
  });

  it('says what is wrong with a verdict', async () => {
    const id = await park('move_file', { source: file('hello.txt'), destination: file('moved.txt') });
    expectClear(
      await sepal(dir, ['approvals', 'approve', '999']),
      1,
      new RegExp(`no call \`999\` is waiting\n.*waiting now: .*${id}`),
    );
    expectClear(await sepal(dir, ['approvals', 'approve', id, '--as', 'user:mallory']), 1, /mallory/);
    await must(dir, 0, 'keygen', 'approver', '--id', 'user:mallory', '--out', 'mallory.key');
    expectClear(await sepal(dir, ['approvals', 'approve', id, '--key', 'mallory.key']), 1, /signature|key/);
    expectClear(await sepal(dir, ['approvals', 'approve', id, '--key', 'policy.sep']), 1, /policy\.sep/);
    await must(dir, 0, 'approvals', 'deny', id);
    expect(existsSync(file('hello.txt'))).toBe(true);
  });
});

describe('tokens', () => {
  const knock = (bearer: string | null): Promise<Response> =>
    fetch(running.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
      }),
    });

  it('turns away a wrong one, and a revoked or rotated one at once', async () => {
    for (const bad of [null, 'sepal_wrong', 'x']) expect((await knock(bad)).status).toBe(401);
    const made = JSON.parse(
      (
        await must(
          dir,
          0,
          'token',
          'create',
          '--principal',
          'agent:b',
          '--roles',
          'r1,r2',
          '--ceiling',
          'fs/read_*',
          '--expires',
          '30d',
          '--json',
        )
      ).out,
    ) as { readonly id: string; readonly token: string };
    expect((await knock(made.token)).status).toBe(200);
    expect((await must(dir, 0, 'token', 'list')).out).toMatch(
      new RegExp(`${made.id}  agent:b .*roles r1,r2.*only fs/read_\\*.*until 20`),
    );
    const rotated = (await must(dir, 0, 'token', 'rotate', made.id)).out.trim();
    expect((await knock(made.token)).status).toBe(401);
    expect((await knock(rotated)).status).toBe(200);
    expect((await must(dir, 0, 'token', 'revoke', made.id)).out).toBe(`revoked ${made.id}\n`);
    expect((await knock(rotated)).status).toBe(401);
    const text = readFileSync(join(dir, 'tokens.json'), 'utf8') + running.err();
    for (const secret of [made.token, rotated, token])
      expect(text).not.toContain(secret.slice('sepal_'.length));
  });
});

describe('receipts', () => {
  it('shows them as lines and as bodies, by number and by call', async () => {
    const { out } = await must(dir, 0, 'log', 'show');
    expect(out).toMatch(
      /^#0 {5}\S+ {2}genesis[^]*allow {2}agent:writer fs\/read_text_file by reading[^]*deny {3}agent:writer fs\/write_file by writing "Files may/,
    );
    const bodies = (await must(dir, 0, 'log', 'show', '--format', 'json', '--from', '2', '--limit', '3')).out
      .trimEnd()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { readonly seq: number; readonly type: string; readonly call?: string },
      );
    expect(bodies.map((body) => body.seq)).toEqual([2, 3, 4]);
    const decided = (await must(dir, 0, 'log', 'show', '--format', 'json')).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly call?: string; readonly type: string })
      .find((body) => body.type === 'outcome');
    const one = (await must(dir, 0, 'log', 'show', '--format', 'json', '--call', decided?.call ?? '')).out
      .trimEnd()
      .split('\n');
    expect(one.map((line) => (JSON.parse(line) as { readonly type: string }).type)).toEqual([
      'decide',
      'outcome',
    ]);
    expect(out).not.toContain(file('hello.txt'));
  });

  it('verify while the gateway runs; a copy with one byte changed does not', async () => {
    const trust = ['--trust', 'trust.json'];
    for (let i = 0; ; i++) {
      const ran = await sepal(dir, ['verify', '.sepal/log', ...trust]);
      if (ran.code === 0) break;
      expect(ran.code, ran.out).toBe(7);
      expect(i).toBeLessThan(60);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const report = JSON.parse(
      (await sepal(dir, ['verify', '.sepal/log', ...trust, '--format', 'json'])).out,
    ) as object;
    expect(report).toMatchObject({
      entries: expect.any(Number),
      result: expect.stringMatching(/pass|incomplete/),
      properties: expect.any(Array),
    });
    const copy = join(dir, 'copy');
    cpSync(join(dir, '.sepal/log/entries'), join(copy, 'entries'), { recursive: true });
    cpSync(join(dir, '.sepal/log/checkpoints'), join(copy, 'checkpoints'), { recursive: true });
    const path = join(copy, 'entries/000000.log');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('agent:writer') + 6;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);
    const failed = await sepal(dir, ['verify', 'copy', ...trust]);
    expect(failed.code).toBe(5);
    expect(failed.out).toMatch(/signatures +FAIL +at entry \d+[^]*\nfail: \d+ entries/);
    // Shown all the same, as what somebody claims.
    await must(dir, 0, 'log', 'show', 'copy');
    bytes.write('X', bytes.indexOf('sepal.dev/receipt/v1', at));
    writeFileSync(path, bytes);
    expectClear(
      await sepal(dir, ['log', 'show', 'copy']),
      1,
      /is not an entry; nothing after entry \d+ can be shown\n.*sepal verify/,
    );
  });

  it('watches until it is interrupted', async () => {
    const ran = spawned(dir, ['approvals', 'watch'], { until: /^\+ /m });
    const id = await park('move_file', { source: file('hello.txt'), destination: file('c.txt') });
    expect((await ran).out).toMatch(new RegExp(`^\\+ ${id}  agent:writer  fs/move_file`, 'm'));
    await must(dir, 0, 'approvals', 'deny', id);
  });
});
