// SPDX-License-Identifier: Apache-2.0
// Review end to end: held, pending, approved with the approver's key, redeemed exactly once, expired, after a restart.
import { mkdirSync, readFileSync, writeFileSync, existsSync, renameSync } from 'node:fs';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, describe, expect, it } from 'vitest';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { definitionHash } from '../../runtime/gateway/pins.js';
import type { ReceiptLog } from '../../runtime/log/types.js';
import type { JsonObject } from '../../runtime/verify/format/canonical.js';
import { configOf, memoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { until } from '../helpers/raw.js';

const server = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js',
);
const approver = createApproverKey('eve');
let timeout = 60_000;
let denyNow = false;
const module = policyOf(({ intent }) =>
  denyNow
    ? { effect: 'deny', rules: ['closed'], reason: 'Closed' }
    : intent.name === 'move_file'
      ? {
          effect: 'review',
          rules: ['moves'],
          reason: 'Moving needs a lead',
          timeout,
          approvals: [{ rule: 'moves', self: false, roles: ['lead'], quorum: 1, timeout }],
        }
      : { effect: 'allow', rules: ['rest'] },
);
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  timeout = 60_000;
  denyNow = false;
  for (const one of open.splice(0).reverse()) await one.close();
});

async function setUp(
  holdSeconds: number,
  dir = scratch(),
  log: ReceiptLog = memoryLog(),
  identity: object = { anonymous: 'agent:mover' },
  headers: { [name: string]: string } = {},
) {
  const files = join(dir, 'files');
  mkdirSync(files, { recursive: true });
  if (!existsSync(join(files, 'b'))) writeFileSync(join(files, 'a'), 'x');
  const config = configOf(dir, {
    mcpServers: { fs: { command: process.execPath, args: [server, files] } },
    identity,
    approvers: [{ id: 'user:eve', roles: ['lead'], key: approver.vkey }],
    approvals: { holdSeconds },
  });
  if (!existsSync(config.lock)) await pin(config);
  const { gateway } = await startGateway(config, module, { log });
  open.push(gateway);
  const front = await gateway.serveHttp();
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${front.address.port}/mcp`), {
      requestInit: { headers },
    }),
  );
  open.push(client);
  const move = (to = 'b', more: object = {}) =>
    client.callTool({
      name: 'move_file',
      arguments: { source: join(files, 'a'), destination: join(files, to), ...more },
    });
  const bodies = () => (log as ReturnType<typeof memoryLog>).bodies;
  return {
    gateway,
    config,
    client,
    move,
    files,
    dir,
    log,
    bodies,
    moved: () => existsSync(join(files, 'b')),
  };
}

async function judge(gateway: Gateway, verdict: 'approve' | 'deny') {
  for (let i = 0; i < 200 && gateway.approvals.list().length === 0; i++)
    await new Promise((r) => setTimeout(r, 10));
  const [pending] = gateway.approvals.list();
  const shown = await gateway.approvals.show(pending?.id ?? '');
  if (shown === null) throw new Error('nothing to judge');
  const result = await gateway.approvals.decideBy(
    signVerdict(createPrivateKey(approver.pem), 'user:eve', shown, verdict),
  );
  if (!result.ok) throw new Error(result.message);
  return shown;
}

const pendingText = (result: object): string => JSON.stringify(result);

describe('review', () => {
  it('is forwarded while the client waits, once approved, with all its entries linked', async () => {
    const { gateway, move, bodies, moved } = await setUp(20);
    const before = bodies().length;
    const call = move();
    const shown = await judge(gateway, 'approve');
    expect(JSON.parse(shown.intent)).toMatchObject({ name: 'move_file', server: 'fs' });
    const result = await call;
    expect(result.isError).toBeFalsy();
    expect(result._meta?.['dev.sepal/receipt']).toMatchObject({ decision: 'allow' });
    expect(moved()).toBe(true);
    await until(() => bodies().some((body) => body.type === 'outcome'));
    const [review, approve, allow, outcome] = bodies().slice(before);
    expect([review, approve, allow, outcome].map((b) => b?.type)).toEqual([
      'decide',
      'approve',
      'decide',
      'outcome',
    ]);
    expect(new Set([review, approve, allow, outcome].map((b) => b?.call)).size).toBe(1);
    expect(review?.decision).toMatchObject({
      effect: 'review',
      rules: ['moves'],
      approvals: [{ roles: ['lead'] }],
    });
    expect(allow?.refs).toMatchObject({ decide: shown.pending.leaf });
    expect(allow?.refs?.approve).toHaveLength(1);
    expect(allow?.decision?.effect).toBe('allow');
  });

  it('answers pending after the hold; the identical repeat redeems once, changed arguments do not', async () => {
    const { gateway, move, moved, bodies } = await setUp(0);
    const first = await move();
    expect(first.isError).toBe(true);
    const id = gateway.approvals.list()[0]?.id ?? '';
    expect(pendingText(first)).toContain(`approval ${id} pending; repeat the same call when approved`);
    expect(first._meta).toMatchObject({ decision: 'review', approvalId: id, retryAfterMs: 5000 });
    expect(pendingText(await move())).toContain(id);
    expect(gateway.approvals.list()).toHaveLength(1);
    await judge(gateway, 'approve');
    expect(moved()).toBe(false);
    const other = await move('c');
    expect(pendingText(other)).toContain('pending');
    expect(pendingText(other)).not.toContain(id);
    expect((await move()).isError).toBeFalsy();
    expect(moved()).toBe(true);
    const again = await move();
    expect(pendingText(again)).toContain('pending');
    await until(() => bodies().some((body) => body.type === 'outcome'));
    expect(bodies().filter((b) => b.type === 'outcome')).toHaveLength(1);
  });

  it('lets exactly one of many identical repeats through', async () => {
    const { gateway, move, bodies } = await setUp(0);
    await move();
    await judge(gateway, 'approve');
    await Promise.all(Array.from({ length: 20 }, () => move()));
    await until(() => bodies().some((body) => body.type === 'outcome'));
    await new Promise((r) => setTimeout(r, 50));
    expect(bodies().filter((b) => b.type === 'outcome')).toHaveLength(1);
  });

  it('ends with a person’s no', async () => {
    const { gateway, move, moved, bodies } = await setUp(20);
    const call = move();
    await judge(gateway, 'deny');
    expect(pendingText(await call)).toContain('an approver denied');
    expect(moved()).toBe(false);
    await until(() => bodies().at(-1)?.type === 'decide');
    expect(bodies().at(-1)).toMatchObject({ type: 'decide', decision: { effect: 'deny', default: true } });
  });

  it('ends in time with a second decide(deny)', async () => {
    timeout = 300;
    const { move, moved, bodies } = await setUp(20);
    expect(pendingText(await move())).toContain('not given in time');
    expect(moved()).toBe(false);
    await until(() => bodies().filter((b) => b.intent?.name === 'move_file').length > 1);
    const [review, close] = bodies().filter((b) => b.intent?.name === 'move_file');
    expect(close).toMatchObject({ type: 'decide', call: review?.call, decision: { effect: 'deny' } });
  });

  it('forwards nothing for a client that has gone; the repeat does', async () => {
    const { gateway, client, files, move, moved } = await setUp(20);
    const cancel = new AbortController();
    const args = { source: join(files, 'a'), destination: join(files, 'b') };
    const gone = client
      .callTool({ name: 'move_file', arguments: args }, undefined, { signal: cancel.signal })
      .catch(() => null);
    for (let i = 0; i < 200 && gateway.approvals.list().length === 0; i++)
      await new Promise((r) => setTimeout(r, 10));
    cancel.abort();
    await gone;
    await new Promise((r) => setTimeout(r, 50));
    await judge(gateway, 'approve');
    await new Promise((r) => setTimeout(r, 100));
    expect(moved()).toBe(false);
    expect((await move()).isError).toBeFalsy();
    expect(moved()).toBe(true);
  });

  it('asks the policy again: one that denies by then wins over the approval', async () => {
    const { gateway, move, moved, bodies } = await setUp(0);
    await move();
    await judge(gateway, 'approve');
    denyNow = true;
    expect(pendingText(await move())).toContain('Denied: Closed');
    denyNow = false;
    expect(pendingText(await move())).toContain('pending');
    expect(moved()).toBe(false);
    const deny = bodies().find(
      (b) => b.decision?.rules.includes('closed') === true && b.refs?.decide !== undefined,
    );
    expect(deny?.decision?.effect).toBe('deny');
  });

  it('survives a restart: what was approved before is redeemed after', async () => {
    const first = await setUp(0);
    await first.move();
    await judge(first.gateway, 'approve');
    for (const one of open.splice(0).reverse()) await one.close();
    const second = await setUp(0, first.dir, first.log);
    expect(second.moved()).toBe(false);
    expect((await second.move()).isError).toBeFalsy();
    expect(second.moved()).toBe(true);
    renameSync(join(second.files, 'b'), join(second.files, 'a'));
    expect(pendingText(await second.move())).toContain('pending');
  });

  it('tells a client that gave a progress token that it waits', async () => {
    const { gateway, client, files } = await setUp(20);
    const seen: (string | undefined)[] = [];
    const args = { source: join(files, 'a'), destination: join(files, 'b') };
    const call = client.callTool({ name: 'move_file', arguments: args }, undefined, {
      onprogress: (p) => seen.push(p.message),
    });
    const shown = await judge(gateway, 'approve');
    expect((await call).isError).toBeFalsy();
    expect(seen[0]).toBe(`waiting for approval ${shown.pending.id}`);
  });

  it('sends nothing for a credential that was revoked while the call waited', async () => {
    const dir = scratch();
    const { token, entry } = createToken({ principal: 'agent:mover' }, randomBytes);
    writeFileSync(join(dir, 'tokens.json'), printTokens([entry]), { mode: 0o600 });
    const headers = { authorization: `Bearer ${token}` };
    const { gateway, move, moved, bodies } = await setUp(
      20,
      dir,
      memoryLog(),
      { tokens: 'tokens.json' },
      headers,
    );
    const call = move().catch(() => null);
    for (let i = 0; i < 200 && gateway.approvals.list().length === 0; i++)
      await new Promise((r) => setTimeout(r, 10));
    gateway.tokens.replace([]);
    await judge(gateway, 'approve');
    await Promise.race([call, new Promise((r) => setTimeout(r, 500))]);
    expect(moved()).toBe(false);
    expect(bodies().some((body) => body.decision?.effect === 'allow')).toBe(false);
  });

  it('does not spend an approval on a tool that was pinned anew while the call waited', async () => {
    const { gateway, config, move, moved, bodies } = await setUp(20);
    const call = move();
    for (let i = 0; i < 200 && gateway.approvals.list().length === 0; i++)
      await new Promise((r) => setTimeout(r, 10));
    const lock = JSON.parse(readFileSync(config.lock, 'utf8')) as {
      servers: { fs: { tools: { [name: string]: { hash: string; definition: JsonObject } } } };
    };
    const own = lock.servers.fs.tools['move_file'];
    if (own === undefined) throw new Error('not pinned');
    own.definition = { ...own.definition, description: 'moves files elsewhere' };
    own.hash = definitionHash(own.definition);
    writeFileSync(config.lock, JSON.stringify(lock));
    await gateway.reload();
    await judge(gateway, 'approve');
    const text = pendingText(await call);
    expect(text).toMatch(/pending|Unknown tool/);
    expect(moved()).toBe(false);
    expect(bodies().some((body) => body.decision?.effect === 'allow')).toBe(false);
  });
});
