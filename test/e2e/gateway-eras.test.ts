// SPDX-License-Identifier: Apache-2.0
// Clients and servers of both eras in every pairing: who asks in the middle of a call is answered, and every round is decided anew.
import { randomBytes } from 'node:crypto';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client as Modern, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullOffer } from '../../cli/sdk/pull.js';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import type { Request } from '../../stdlib/abi.js';
import { configOf, type MemoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { hear, MODERN, post, type Posted, type Sent } from '../helpers/modern.js';
import { stub, until } from '../helpers/raw.js';

const fixture = join(import.meta.dirname, '../helpers/conformance-server.mjs');
const dir = scratch();
const notes = join(dir, 'notes');
const a = createToken({ principal: 'agent:a' }, randomBytes);
const b = createToken({ principal: 'agent:b' }, randomBytes);
const webs: ChildProcess[] = [];
const all = { elicitation: {}, sampling: {}, roots: {} };
let gateway: Gateway;
let log: MemoryLog;
let url: URL;
/** What the policy denies, by kind and name. */
const denied = new Set<string>();

async function web(eras: string): Promise<string> {
  const child = spawn(process.execPath, [fixture, '0', eras], { stdio: ['ignore', 'pipe', 'inherit'] });
  webs.push(child);
  const port = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (text) => resolve(String(text).trim())),
  );
  return `http://127.0.0.1:${port}/mcp`;
}

const rule = ({ intent }: Request) =>
  denied.has(intent.kind) || denied.has(intent.name)
    ? ({ effect: 'deny', rules: ['no'], reason: 'Not now' } as const)
    : ({ effect: 'allow', rules: ['yes'] } as const);

beforeAll(async () => {
  const tokens = join(dir, 'tokens.json');
  writeFileSync(tokens, printTokens([a.entry, b.entry]), { mode: 0o600 });
  const config = configOf(dir, {
    mcpServers: {
      old: { command: process.execPath, args: [stub, 'plain', notes] },
      both: { url: await web('both') },
      young: { url: await web('modern') },
      pipe: { command: process.execPath, args: [fixture] },
      'young-pipe': { command: process.execPath, args: [fixture, 'stdio', 'modern'] },
    },
    identity: { tokens },
  });
  await pin(config);
  ({ gateway, log } = await startGateway(config, policyOf(rule)));
  const front = await gateway.serveHttp();
  url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
});

afterAll(async () => {
  await gateway?.close();
  for (const child of webs) child.kill('SIGKILL');
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const ask = (name: string, more: object = {}, sent: Sent = {}): Promise<Posted> =>
  post(
    url,
    'tools/call',
    { name, arguments: {}, ...more },
    { capabilities: all, ...sent, headers: { ...bearer(a.token), ...sent.headers } },
  );
const stateOf = ({ reply }: Posted): string => String(reply.result?.['requestState']);
const decisions = (kind: string) =>
  log.bodies.filter((body) => body.type === 'decide' && body.intent?.kind === kind);
const ALICE = { user_name: { action: 'accept', content: { name: 'Alice' } } };

async function legacyClient(token = a.token): Promise<Client> {
  const client = new Client({ name: 'old', version: '1' }, { capabilities: all });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    action: 'accept',
    content: params.message.includes('color')
      ? { color: 'green' }
      : { name: 'Alice', ok: true, username: 'Alice', email: 'a@example.com' },
  }));
  client.setRequestHandler(CreateMessageRequestSchema, async () => ({
    role: 'assistant',
    content: { type: 'text', text: 'Paris' },
    model: 'm',
  }));
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: 'file:///r' }] }));
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: bearer(token) } }));
  return client;
}

async function modernClient(): Promise<Modern> {
  const options = { capabilities: all, versionNegotiation: { mode: { pin: MODERN } } };
  const client = new Modern({ name: 'new', version: '1' }, options);
  client.setRequestHandler('elicitation/create', async ({ params }) => ({
    action: 'accept',
    content: params.message.includes('color') ? { color: 'green' } : { name: 'Alice', ok: true },
  }));
  client.setRequestHandler('sampling/createMessage', async () => ({
    role: 'assistant',
    content: { type: 'text', text: 'Paris' },
    model: 'm',
  }));
  client.setRequestHandler('roots/list', async () => ({ roots: [{ uri: 'file:///r' }] }));
  await client.connect(new ModernHttp(url, { requestInit: { headers: bearer(a.token) } }));
  return client;
}

describe.each(['both', 'young', 'pipe', 'young-pipe'])('a server that asks in the middle (%s)', (server) => {
  it.each([
    ['modern', modernClient],
    ['legacy', legacyClient],
  ])('is answered by a %s client, each round decided', async (era, connect) => {
    const client = await connect();
    const from = log.bodies.length;
    const call = (name: string) => client.callTool({ name: `${server}__${name}`, arguments: {} });
    if (server !== 'both' || era === 'modern') {
      const result = await call('test_input_required_result_multi_round');
      expect(result.content).toEqual([{ type: 'text', text: 'Alice likes green' }]);
      const rounds = log.bodies.slice(from).filter((body) => body.type === 'decide');
      expect(rounds.map((body) => body.intent?.kind)).toEqual([
        'tool',
        'elicitation',
        'tool',
        'elicitation',
        'tool',
      ]);
      const outcomes = () =>
        log.bodies
          .slice(from)
          .filter((body) => body.outcome !== undefined)
          .map((body) => body.outcome?.status);
      await until(() => outcomes().length >= 5);
      expect(outcomes()).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
      expect((await call('test_input_required_result_multiple_inputs')).content).toEqual([
        { type: 'text', text: 'Greeted Alice' },
      ]);
    } else {
      const result = await client.callTool({
        name: `${server}__test_elicitation`,
        arguments: { message: 'who?' },
      });
      expect(JSON.stringify(result.content)).toContain('Alice');
    }
    await client.close();
  });
});

describe('`sepal tools pull`', () => {
  it('pins what a server of 2026-07-28 alone offers, over HTTP and stdio', async () => {
    const { servers } = configOf(scratch(), {
      mcpServers: {
        web: { url: await web('modern') },
        pipe: { command: process.execPath, args: [fixture, 'stdio', 'modern'] },
      },
    });
    for (const server of servers.values()) {
      const offer = await pullOffer(server, '0');
      expect([offer.protocol, offer.tools.length > 20, offer.prompts.length > 4]).toEqual([
        MODERN,
        true,
        true,
      ]);
    }
  });
});

describe('a modern client of a legacy server', () => {
  it('goes away with its question while the call waits, and comes back with the answer', async () => {
    const first = await ask('old__ask');
    expect(first.reply.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { q1: { method: 'sampling/createMessage', params: { messages: [] } } },
    });
    const answer = { role: 'assistant', content: { type: 'text', text: 'yes' }, model: 'm' };
    const more = { inputResponses: { q1: answer }, requestState: stateOf(first) };
    const { reply } = await ask('old__ask', more);
    expect(reply.result).toMatchObject({ resultType: 'complete', answer: { id: 'srv-1', result: answer } });
    // Once: the call has been made one time, whatever the client sends.
    expect((await ask('old__ask', more)).reply.error?.code).toBe(-32602);
    const calls = readFileSync(notes, 'utf8')
      .split('\n')
      .filter((line) => line.includes('tools/call'));
    expect(calls).toHaveLength(1);
  });

  it('is denied when the policy has changed its mind, and the call that waited is cancelled', async () => {
    const first = await ask('old__ask');
    denied.add('ask');
    const more = { inputResponses: { q1: {} }, requestState: stateOf(first) };
    const { reply } = await ask('old__ask', more);
    denied.delete('ask');
    expect(reply.result).toMatchObject({ isError: true, content: [{ text: 'Denied: Not now' }] });
    await until(() => readFileSync(notes, 'utf8').includes('notifications/cancelled'));
    expect(readFileSync(notes, 'utf8')).toContain('notifications/cancelled');
  });

  it('is not asked what its own request does not declare', async () => {
    const { reply } = await ask('old__ask', {}, { capabilities: {} });
    expect(JSON.stringify(reply.result?.['answer'])).toContain('-32601');
  });
});

describe('a state that a client carries', () => {
  const name = 'both__test_input_required_result_request_state';
  const confirm = { inputResponses: { confirm: { action: 'accept', content: { ok: true } } } };

  it('is good once, for the same principal, call and arguments, and says nothing', async () => {
    const state = stateOf(await ask(name));
    expect(Buffer.from(state, 'base64url').toString('latin1')).not.toContain('confirm');
    const before = decisions('tool').length;
    const refused: [string, Promise<Posted>][] = [
      ['another principal', ask(name, { ...confirm, requestState: state }, { headers: bearer(b.token) })],
      ['other arguments', ask(name, { ...confirm, arguments: { x: 1 }, requestState: state })],
      ['another tool', ask('both__test_simple_text', { ...confirm, requestState: state })],
      ['another server', ask(name.replace('both', 'young'), { ...confirm, requestState: state })],
      ['changed', ask(name, { ...confirm, requestState: `${state}A` })],
      ['cut', ask(name, { ...confirm, requestState: state.slice(0, -4) })],
      ['of another form', ask(name, { ...confirm, requestState: { state } })],
      ['made up', ask(name, { ...confirm, requestState: randomBytes(90).toString('base64url') })],
    ];
    for (const [what, posted] of refused)
      expect([what, (await posted).reply.error?.code]).toEqual([what, -32602]);
    expect(decisions('tool')).toHaveLength(before);
    const good = await ask(name, { ...confirm, requestState: state });
    expect(good.reply.result).toMatchObject({ content: [{ text: 'state-ok confirm' }] });
    expect((await ask(name, { ...confirm, requestState: state })).reply.error?.code).toBe(-32602);
  });

  it('redeems once, however many come at once', async () => {
    const state = stateOf(await ask(name));
    const tries = Array.from({ length: 30 }, () => ask(name, { ...confirm, requestState: state }));
    const good = (await Promise.all(tries)).filter(({ reply }) => reply.result !== undefined);
    expect(good).toHaveLength(1);
  });

  it('is nothing that a legacy client has', async () => {
    const client = await legacyClient();
    const params = { name, arguments: {}, requestState: 'x' };
    await expect(client.callTool(params as never)).rejects.toThrow('not part of this revision');
    await client.close();
  });
});

describe('what a server asks for', () => {
  it('is decided as an action of its own: denied, the whole round is refused', async () => {
    for (const kind of ['elicitation', 'roots']) {
      denied.add(kind);
      const name = 'both__test_input_required_result_multiple_inputs';
      const { reply } = await ask(name);
      denied.delete(kind);
      expect(reply.result).toMatchObject({ isError: true });
      expect(reply.result).not.toHaveProperty('inputRequests');
      expect(decisions(kind).at(-1)?.decision?.effect).toBe('deny');
    }
  });

  it('goes to the server with the answers that were evaluated, under a name and headers of its own', async () => {
    const from = log.bodies.length;
    const first = await ask('both__test_input_required_result_elicitation');
    const more = { inputResponses: ALICE, requestState: stateOf(first) };
    const { reply } = await ask('both__test_input_required_result_elicitation', more);
    expect(reply.result).toMatchObject({ content: [{ text: 'Hello, Alice!' }] });
    const [one, two] = log.bodies.slice(from).filter((body) => body.intent?.kind === 'tool');
    expect(one?.intent?.digest).not.toBe(two?.intent?.digest);
    const param = await ask(
      'both__test_custom_header_tool',
      { arguments: { region: 'eu ☃' } },
      {
        headers: { 'mcp-param-region': `=?base64?${Buffer.from('eu ☃').toString('base64')}?=` },
      },
    );
    expect(param.reply.result).toMatchObject({ content: [{ text: '{"region":"eu ☃"}' }] });
    const wrong = await ask(
      'both__test_custom_header_tool',
      { arguments: { region: 'eu' } },
      {
        headers: { 'mcp-param-region': 'us' },
      },
    );
    expect([wrong.status, wrong.reply.error?.code]).toEqual([400, -32020]);
  });

  it('that the client lacks is said by the code of the revision', async () => {
    const { status, reply } = await ask('both__test_missing_capability', {}, { capabilities: {} });
    expect([status, reply.error?.code]).toEqual([400, -32021]);
  });
});

describe('news of a server of 2026-07-28 alone', () => {
  const uri = 'test://watched-resource';
  let own: Gateway;
  let at: URL;
  beforeAll(async () => {
    const config = configOf(scratch(), {
      mcpServers: { young: { url: await web('modern') } },
      identity: { anonymous: 'agent:a' },
    });
    await pin(config);
    own = (await startGateway(config, policyOf(rule))).gateway;
    const front = await own.serveHttp();
    at = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
  });
  afterAll(async () => {
    await own?.close();
  });

  it('reaches a legacy client on the stream of its session, while it wants to know', async () => {
    const client = new Client({ name: 'old', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(at));
    const heard: string[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'));
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      heard.push(params.uri);
    });
    const call = (name: string) => client.callTool({ name, arguments: {} });
    await client.subscribeResource({ uri });
    await call('test_trigger_resource_update');
    await until(() => heard.length === 1);
    await call('test_trigger_tool_change');
    await until(() => heard.length === 2);
    expect(heard).toEqual([uri, 'tools']);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).not.toContain('test_dynamic_tool');
    await client.unsubscribeResource({ uri });
    await call('test_trigger_resource_update');
    await call('test_trigger_tool_change');
    await until(() => heard.length === 3);
    expect(heard).toEqual([uri, 'tools', 'tools']);
    await client.close();
  });

  it('reaches a modern client that listens, of the resource that it names alone', async () => {
    const wanted = { resourceSubscriptions: [uri, 'test://static-text'] };
    const heard = await hear(at, wanted, 2, () =>
      post(at, 'tools/call', { name: 'test_trigger_resource_update', arguments: {} }),
    );
    expect(heard.map(({ method }) => method)).toEqual([
      'notifications/subscriptions/acknowledged',
      'notifications/resources/updated',
    ]);
    expect(heard[0]?.params?.['notifications']).toEqual(wanted);
    expect(heard[1]?.params).toMatchObject({ uri });
  });
});
