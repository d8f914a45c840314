// SPDX-License-Identifier: Apache-2.0
// What servers ask of clients: sampling, elicitation, roots. Under policy, for the one client whose call runs, with receipts of its own.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { outcomes, Raw, type Reply } from '../helpers/raw.js';

const offers = join(import.meta.dirname, '../helpers/offers.mjs');
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const ALL = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };

async function setUp(capabilities: object = ALL, server: object = {}, hidden: readonly string[] = []) {
  const dir = scratch();
  const module = policyOf(({ intent }) => {
    if (intent.kind === 'tool') return { effect: 'allow', rules: ['tools'] };
    if (JSON.stringify(intent.args).includes('password'))
      return { effect: 'deny', rules: ['no'], reason: 'Never that' };
    if (!JSON.stringify(intent.args).includes('people')) return { effect: 'allow', rules: ['rest'] };
    const need = { rule: 'asks', self: false, roles: ['lead'], quorum: 1, timeout: 60_000 };
    return { effect: 'review', rules: ['asks'], timeout: 60_000, approvals: [need] };
  });
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [offers, 'one', join(dir, 'account')], ...server } },
    identity: { stdio: { principal: 'agent:raw' }, anonymous: 'agent:raw' },
    approvals: { holdSeconds: 0 },
  });
  await pin(config);
  const seen = {
    ...module,
    visible: (_: unknown, { kind }: { readonly kind: string }) => !hidden.includes(kind),
  };
  const { gateway, log, said } = await startGateway(config, seen);
  open.push(gateway);
  const connect = async (own: object = capabilities) => {
    const client = new Raw(gateway);
    await client.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: own,
      clientInfo: { name: 'x', version: '1' },
    });
    return client;
  };
  const account = (what: string): readonly string[] =>
    existsSync(join(dir, 'account'))
      ? readFileSync(join(dir, 'account'), 'utf8')
          .split('\n')
          .filter((line) => line.includes(what))
      : [];
  const client = await connect();
  const wants = (method: string, params: object = {}, more: object = {}, who = client) =>
    who.call('wants', { method, params, ...more });
  return { client, connect, wants, gateway, log, said, account, dir };
}

/** The next request of a server that reaches this client. */
async function asked(client: Raw, count = 1): Promise<Reply> {
  for (let i = 0; i < 200; i++) {
    const found = client.lines
      .map((line) => JSON.parse(line) as Reply)
      .filter(({ id, method }) => id !== undefined && method !== undefined);
    const last = found[count - 1];
    if (last !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('nothing was asked');
}

const answerOf = (reply: Reply): unknown =>
  (reply.result?.['answer'] as Reply | undefined)?.result ??
  (reply.result?.['answer'] as Reply | undefined)?.error;

describe('a request of a server', () => {
  it.each([
    [
      'sampling/createMessage',
      { messages: [], maxTokens: 5, _meta: { odd: 1 } },
      'sampling',
      { role: 'assistant', x: 1.5 },
    ],
    [
      'elicitation/create',
      { message: 'how many?', requestedSchema: {} },
      'elicitation',
      { action: 'decline' },
    ],
    ['roots/list', {}, 'roots', { roots: [{ uri: 'file:///here' }] }],
  ])(
    '%s reaches the client whose call runs, and its answer the server, with two receipts',
    async (method, params, kind, result) => {
      const { client, wants, log, account } = await setUp();
      const call = wants(method, params);
      const request = await asked(client);
      expect(request).toMatchObject({ method });
      expect(request.params).not.toHaveProperty('_meta');
      expect(request.id).not.toBe('q0');
      client.send({ jsonrpc: '2.0', id: request.id, result });
      expect(answerOf(await call)).toEqual(result);
      expect(account(`"id":"q0"`)).toHaveLength(1);
      expect(await outcomes(log)).toEqual(['ok', 'ok']);
      expect(log.bodies.find((body) => body.intent?.kind === kind)).toMatchObject({
        type: 'decide',
        principal: { id: 'agent:raw' },
        intent: { method, server: 's', name: '' },
        decision: { effect: 'allow' },
      });
    },
  );

  it('is declared only where the client can do it and the policy may grant it', async () => {
    const { wants, account } = await setUp({ sampling: {}, roots: {}, experimental: { x: {} } }, {}, [
      'sampling',
    ]);
    await wants('ping');
    const hello = JSON.parse(account('"initialize"').at(-1) ?? '{}') as Reply;
    expect(hello.params?.['capabilities']).toEqual({ roots: {} });
    for (const method of ['sampling/createMessage', 'elicitation/create', 'odd/thing'])
      expect(answerOf(await wants(method))).toMatchObject({ code: -32601 });
  });

  it('that the policy denies, or wants people for, is refused with a receipt and never shown', async () => {
    const { client, wants, log } = await setUp();
    const form = (message: string) => wants('elicitation/create', { message, requestedSchema: {} });
    expect(answerOf(await form('your password?'))).toEqual({ code: -31001, message: 'Denied: Never that.' });
    expect(answerOf(await form('ask people'))).toMatchObject({
      message: expect.stringContaining('cannot wait'),
    });
    expect(client.notifications('elicitation/create')).toEqual([]);
    const decided = log.bodies.filter((body) => body.intent?.kind === 'elicitation');
    expect(decided.map((body) => body.decision?.effect)).toEqual(['deny', 'deny']);
  });

  it.each(['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'no url'])(
    'to open %s is refused',
    async (url) => {
      const { client, wants } = await setUp();
      const answer = answerOf(
        await wants('elicitation/create', { mode: 'url', message: 'open', url, elicitationId: 'e' }),
      );
      expect(answer).toMatchObject({ code: -32601 });
      expect(client.notifications('elicitation/create')).toEqual([]);
    },
  );

  it('passes the client’s refusal on', async () => {
    const { client, wants, log } = await setUp();
    const call = wants('sampling/createMessage', { messages: [] });
    const { id } = await asked(client);
    client.send({ jsonrpc: '2.0', id, error: { code: -1, message: 'the user said no', data: [1] } });
    expect(answerOf(await call)).toEqual({ code: -1, message: 'the user said no', data: [1] });
    expect(await outcomes(log)).toEqual(['upstream_error', 'ok']);
  });

  it('is answered once, and by nobody else', async () => {
    const { client, connect, wants, log } = await setUp();
    const other = await connect();
    const call = wants('roots/list');
    const { id } = await asked(client);
    other.send({ jsonrpc: '2.0', id, result: { roots: ['forged'] } });
    await other.ask('ping', {});
    for (const roots of [['first'], ['second']]) client.send({ jsonrpc: '2.0', id, result: { roots } });
    expect(answerOf(await call)).toEqual({ roots: ['first'] });
    await client.ask('ping', {});
    expect(log.bodies.some((body) => body.event?.detail === 'an answer to nothing')).toBe(true);
  });

  it('is refused where two clients of one principal have calls running: nobody knows for whom it is', async () => {
    const { client, connect, wants } = await setUp();
    const other = await connect();
    const first = wants('roots/list');
    const { id } = await asked(client);
    const second = await wants('roots/list', {}, {}, other);
    expect(answerOf(second)).toMatchObject({ code: -32601 });
    client.send({ jsonrpc: '2.0', id, result: { roots: [] } });
    expect(answerOf(await first)).toEqual({ roots: [] });
  });

  it.each([
    ['the server thinks better of it', { cancel: true }],
    ['its call is over', { silent: true }],
  ])('is withdrawn from the client when %s', async (_when, more) => {
    const { client, wants, log } = await setUp();
    const call = wants('sampling/createMessage', { messages: [] }, more);
    const { id } = await asked(client);
    for (let i = 0; i < 100 && client.notifications('notifications/cancelled').length === 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(client.notifications('notifications/cancelled')[0]?.params).toMatchObject({ requestId: id });
    client.send({ jsonrpc: '2.0', id, result: {} });
    await call;
    expect([...(await outcomes(log))].sort((a, b) => a.localeCompare(b))).toEqual(['cancelled', 'ok']);
  });

  it('does not let the call time out while the client thinks, and ends when it thinks too long', async () => {
    const { client, wants, log } = await setUp(ALL, { timeout: '600ms' });
    const call = wants('sampling/createMessage', { messages: [] });
    const { id } = await asked(client);
    await new Promise((resolve) => setTimeout(resolve, 450));
    client.send({ jsonrpc: '2.0', id, result: { role: 'x' } });
    expect(answerOf(await call)).toEqual({ role: 'x' });
    const late = await wants('sampling/createMessage', { messages: [] });
    expect(JSON.stringify(late.result)).toMatch(/did not answer|no answer within/);
    expect(await outcomes(log)).toContain('timeout');
  });

  it('about roots that changed is told to the servers that may know', async () => {
    const { client, wants, account } = await setUp();
    await wants('ping');
    client.send({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' });
    for (let i = 0; i < 100 && account('roots/list_changed').length === 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(account('roots/list_changed')).toHaveLength(1);
  });

  it('works for the SDK’s client over HTTP, on the stream of its call', async () => {
    const { gateway } = await setUp();
    const front = await gateway.serveHttp();
    const client = new Client({ name: 'sdk', version: '1' }, { capabilities: { elicitation: {} } });
    const messages: string[] = [];
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      messages.push(params.message);
      return { action: 'accept', content: { n: 3 } };
    });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${front.address.port}/mcp`)),
    );
    open.push(client);
    const schema = { type: 'object', properties: { n: { type: 'number' } } };
    const params = { message: 'how many?', requestedSchema: schema };
    const result = await client.callTool({
      name: 'wants',
      arguments: { method: 'elicitation/create', params },
    });
    expect(result['answer']).toMatchObject({ result: { action: 'accept', content: { n: 3 } } });
    expect(messages).toEqual(['how many?']);
  });
});
