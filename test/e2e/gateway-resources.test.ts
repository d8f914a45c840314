// SPDX-License-Identifier: Apache-2.0
// Resources, templates, prompts and completions of several servers: what the policy may grant is there, decided and receipted; the rest looks absent.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { outcomes, Raw } from '../helpers/raw.js';

const offers = join(import.meta.dirname, '../helpers/offers.mjs');
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

/** Everything but secrets; what ends in `no` is denied with a reason, what ends in `ask` needs people. */
const module = policyOf(
  ({ intent }) => {
    if (intent.name.endsWith('no')) return { effect: 'deny', rules: ['no'], reason: 'Not this one' };
    if (intent.args['who'] === 'nobody')
      return { effect: 'deny', rules: ['who'], reason: 'Nobody is nobody' };
    if (!intent.name.endsWith('ask')) return { effect: 'allow', rules: ['rest'] };
    const timeout = 60_000;
    const need = { rule: 'asks', self: false, roles: ['lead'], quorum: 1, timeout };
    return { effect: 'review', rules: ['asks'], timeout, approvals: [need] };
  },
  (name) => name.includes('secret') || name === 'hidden',
);

async function setUp(servers: { readonly [name: string]: string } = { one: 'plain' }) {
  const dir = scratch();
  const entry = (name: string, mode: string) => ({
    command: process.execPath,
    args: [offers, name, join(dir, name), mode],
  });
  const config = configOf(dir, {
    mcpServers: Object.fromEntries(Object.entries(servers).map(([name, mode]) => [name, entry(name, mode)])),
    identity: { stdio: { principal: 'agent:raw' } },
    approvals: { holdSeconds: 0 },
  });
  await pin(config);
  const { gateway, log, said } = await startGateway(config, module);
  open.push(gateway);
  const connect = async () => {
    const client = new Raw(gateway);
    const hello = await client.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    });
    return { client, hello };
  };
  const { client, hello } = await connect();
  const account = (name: string, what: string): readonly string[] =>
    existsSync(join(dir, name))
      ? readFileSync(join(dir, name), 'utf8')
          .split('\n')
          .filter((line) => line.includes(what))
      : [];
  return { client, hello, connect, gateway, log, said, dir, account, from: log.bodies.length };
}

const uris = (
  reply: { readonly result?: { readonly [key: string]: unknown } },
  member: string,
  key: string,
): readonly (string | undefined)[] => {
  const listed = (reply.result?.[member] ?? []) as readonly { readonly [key: string]: string }[];
  return listed.map((one) => one[key]);
};

describe('resources', () => {
  it('are offered, listed over all pages as the server sent them, without what is hidden or not canonical', async () => {
    const { client, hello } = await setUp();
    expect(hello.result?.['capabilities']).toMatchObject({
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      completions: {},
    });
    const listed = await client.ask('resources/list', {});
    expect(uris(listed, 'resources', 'uri')).toEqual([
      'memo://one/0',
      'memo://one/1',
      'memo://one/2',
      'memo://one/3',
      'memo://one/4',
      'memo://shared/both',
    ]);
    expect(listed.result?.['resources']).toContainEqual({
      uri: 'memo://one/3',
      name: 'memo 3',
      'x-vendor': 3,
    });
    const templates = await client.ask('resources/templates/list', {});
    expect(uris(templates, 'resourceTemplates', 'uriTemplate')).toHaveLength(2);
    expect((await client.ask('resources/list', { cursor: '3' })).error?.code).toBe(-32602);
  });

  it('are read with two receipts, and come back whole', async () => {
    const { client, log, from } = await setUp();
    const { result } = await client.ask('resources/read', { uri: 'memo://one/day/today' });
    expect(result).toMatchObject({ contents: [{ text: 'one: memo://one/day/today' }], odd: 1 });
    expect(result).toMatchObject({ _meta: { 'dev.sepal/receipt': { decision: 'allow' } } });
    expect(await outcomes(log)).toEqual(['ok']);
    expect(log.bodies[from]).toMatchObject({
      type: 'decide',
      intent: { kind: 'resource', method: 'resources/read', server: 'one', name: 'memo://one/day/today' },
    });
  });

  it('that are denied, hidden or unknown are not read, and hidden looks unknown', async () => {
    const { client, log, account } = await setUp();
    expect((await client.ask('resources/read', { uri: 'memo://one/no' })).error).toMatchObject({
      code: -31001,
      message: 'Denied: Not this one',
      data: { 'dev.sepal/receipt': { decision: 'deny' } },
    });
    const hidden = await client.ask('resources/read', { uri: 'memo://one/secret' });
    expect(hidden.error).toMatchObject({ code: -32002, message: 'Resource not found: memo://one/secret' });
    expect(account('one', 'resources/read')).toEqual([]);
    expect(log.bodies.filter((body) => body.decision?.effect === 'deny').length).toBeGreaterThanOrEqual(2);
  });

  it.each([
    'memo://one/../one/secret',
    'MEMO://one/0',
    'file:///data/%2e%2e/etc/passwd',
    'http://EXAMPLE.com/',
    'http://example.com:80/',
    'not a uri',
    '/etc/passwd',
    '',
    `memo://one/${'x'.repeat(3000)}`,
  ])('named %s are refused before anything is asked', async (uri) => {
    const { client, log, account } = await setUp();
    expect((await client.ask('resources/read', { uri })).error?.code).toBe(-32602);
    expect(log.bodies.at(-1)?.event?.kind).toBe('refused_input');
    expect(account('one', 'resources/read')).toEqual([]);
  });

  it('that need people are parked, and read once after', async () => {
    const { client, gateway, account } = await setUp();
    const { error } = await client.ask('resources/read', { uri: 'memo://one/ask' });
    expect(error).toMatchObject({ code: -31001, message: expect.stringContaining('pending') });
    expect(gateway.approvals.list()[0]?.intent).toMatchObject({ kind: 'resource', name: 'memo://one/ask' });
    expect(account('one', 'resources/read')).toEqual([]);
  });

  it('of two servers lead to the one that lists them or whose template fits; what both offer leads to neither', async () => {
    const { client, account } = await setUp({ one: 'plain', two: 'plain' });
    const listed = uris(await client.ask('resources/list', {}), 'resources', 'uri');
    expect(listed).toEqual(expect.arrayContaining(['memo://one/0', 'memo://two/0']));
    expect(listed).not.toContain('memo://shared/both');
    for (const [uri, text] of [
      ['memo://two/1', 'two: memo://two/1'],
      ['memo://one/day/monday', 'one: memo://one/day/monday'],
    ] as const)
      expect((await client.ask('resources/read', { uri })).result).toMatchObject({ contents: [{ text }] });
    for (const uri of ['memo://shared/both', 'memo://any/thing'])
      expect((await client.ask('resources/read', { uri })).error).toMatchObject({
        code: -31001,
        message: expect.stringContaining('more than one server'),
      });
    expect((await client.ask('resources/read', { uri: 'memo://three/1' })).error?.code).toBe(-32002);
    expect([...account('one', 'resources/read'), ...account('two', 'resources/read')]).toHaveLength(2);
  });

  it('of a server that cannot list do not hide those of the others', async () => {
    const { client, said } = await setUp({ one: 'plain', two: 'mute-lists' });
    expect(uris(await client.ask('resources/list', {}), 'resources', 'uri')).toContain('memo://one/0');
    expect(said.join()).toContain('server `two` lists no resources');
  });

  it('are told of when they change, to who asked and as long as anyone does', async () => {
    const { client, connect, account } = await setUp();
    const { client: other } = await connect();
    const { client: third } = await connect();
    const uri = 'memo://one/1';
    for (const who of [client, other])
      expect((await who.ask('resources/subscribe', { uri })).result).toBeDefined();
    expect((await client.ask('resources/subscribe', { uri: 'memo://one/no' })).error?.code).toBe(-31001);
    await client.call('touch');
    const updates = (who: Raw) =>
      who.notifications('notifications/resources/updated').map(({ params }) => params);
    expect(updates(client)).toEqual([{ uri, by: 'one' }]);
    expect(updates(other)).toEqual([{ uri, by: 'one' }]);
    expect(updates(third)).toEqual([]);
    await client.ask('resources/unsubscribe', { uri });
    expect(account('one', 'unsubscribe')).toEqual([]);
    await client.call('touch');
    expect([updates(client).length, updates(other).length]).toEqual([1, 2]);
    await other.ask('resources/unsubscribe', { uri });
    expect(account('one', 'unsubscribe')).toHaveLength(1);
    await client.call('touch', { lists: true });
    for (const who of [client, third])
      expect(who.notifications('notifications/resources/list_changed')).toHaveLength(1);
  });
});

describe('instructions', () => {
  it('are those of the servers as pinned, each under its name where there are several', async () => {
    const { hello } = await setUp();
    expect(hello.result?.['instructions']).toBe('Ask one politely.');
    const { hello: both } = await setUp({ one: 'plain', two: 'plain' });
    expect(both.result?.['instructions']).toBe('one:\nAsk one politely.\n\ntwo:\nAsk two politely.');
  });
});

describe('prompts', () => {
  it('are listed from the lock under exposed names, and got under their own', async () => {
    const { client, account, log } = await setUp({ one: 'plain', two: 'plain' });
    expect(uris(await client.ask('prompts/list', {}), 'prompts', 'name')).toEqual([
      'one__greet',
      'two__greet',
    ]);
    const got = await client.ask('prompts/get', { name: 'two__greet', arguments: { who: 'eve' } });
    expect(got.result).toMatchObject({ messages: [{ content: { text: 'greet eve' } }] });
    expect(account('two', 'prompts/get')[0]).toContain('"name":"greet"');
    expect(await outcomes(log)).toEqual(['ok']);
  });

  it('are decided with their arguments; hidden and unknown are alike', async () => {
    const { client, account } = await setUp();
    expect(
      (await client.ask('prompts/get', { name: 'greet', arguments: { who: 'nobody' } })).error,
    ).toMatchObject({
      code: -31001,
      message: 'Denied: Nobody is nobody',
    });
    for (const name of ['hidden', 'nothing'])
      expect((await client.ask('prompts/get', { name })).error).toMatchObject({
        code: -32602,
        message: `Unknown prompt: ${name}`,
      });
    expect((await client.ask('prompts/get', { name: 'greet', arguments: { who: 1 } })).error?.code).toBe(
      -32602,
    );
    expect(account('one', 'prompts/get')).toEqual([]);
  });

  it('that changed are neither shown nor got, also while the server runs', async () => {
    const { client, dir, account, said } = await setUp();
    expect(
      (await client.ask('prompts/get', { name: 'greet', arguments: { who: 'a' } })).result,
    ).toBeDefined();
    writeFileSync(join(dir, 'one.version'), '2');
    await client.call('touch', { lists: true });
    const refused = await client.ask('prompts/get', { name: 'greet', arguments: { who: 'b' } });
    expect(refused.error).toBeDefined();
    expect(account('one', '"b"')).toEqual([]);
    expect(uris(await client.ask('prompts/list', {}), 'prompts', 'name')).toEqual([]);
    expect(client.notifications('notifications/prompts/list_changed')).toHaveLength(1);
    expect(said.join()).toContain('is not as pinned, prompts: changed greet');
  });
});

describe('completions', () => {
  it('of a prompt go to its server under its own name; of a template to the server that has it', async () => {
    const { client, log } = await setUp({ one: 'plain', two: 'plain' });
    const complete = (ref: object) =>
      client.ask('completion/complete', { ref, argument: { name: 'who', value: 'e' } });
    expect((await complete({ type: 'ref/prompt', name: 'two__greet' })).result).toMatchObject({
      completion: { values: ['greet e'] },
    });
    const uri = 'memo://one/day/{date}';
    expect((await complete({ type: 'ref/resource', uri })).result).toMatchObject({
      completion: { values: [`${uri} e`] },
    });
    expect(await outcomes(log)).toEqual(['ok', 'ok']);
    expect(log.bodies.filter((body) => body.intent?.kind === 'completion')).toHaveLength(2);
    expect((await complete({ type: 'ref/prompt', name: 'one__hidden' })).error).toMatchObject({
      code: -32602,
      message: 'Unknown reference: one__hidden',
    });
    expect((await complete({ type: 'ref/odd' })).error?.code).toBe(-32602);
  });
});
