// SPDX-License-Identifier: Apache-2.0
// Hostile and odd upstreams, through the whole gateway, behind the stdio front.
import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, scratch, startGateway } from '../helpers/gateway.js';
import { allowAll, behindStub, outcomes, Raw, type Reply, stub, until } from '../helpers/raw.js';

const open: Gateway[] = [];

afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp(mode: string, server: object = {}, pinMode = mode) {
  const made = await behindStub(mode, server, pinMode);
  open.push(made.gateway);
  return made;
}

describe('the hop', () => {
  it('passes a result on byte for byte but for id and our `_meta`', async () => {
    const { client } = await setUp('plain');
    const line = await client.raw('tools/call', { name: 'raw', arguments: {} });
    expect(line).toContain(
      '"result":{ "content" : [ ],"big":12345678901234567890, "n" : 1.50e+3,"structuredContent":{"b":1,"a":2},"_meta":{"x":1.0,"dev.sepal/receipt":{',
    );
    expect(line).not.toContain('forged');
  });

  it('forwards the canonical intent, unknown parameters included, and only the allowed `_meta`', async () => {
    const { client, read } = await setUp('plain');
    client.send(
      '{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"zeta":1,"name":"echo","arguments":{"text":"é\\u0041","b":1.0,"a":[]},"_meta":{"progressToken":"p","dev.sepal/receipt":1,"acme":2}}}',
    );
    await until(() => read().some((line) => line.includes('tools/call')));
    const sent = read().find((line) => line.includes('tools/call')) ?? '';
    const bare = sent.replace(/,"dev\.sepal\/receipt":\{[^{}]*\}/, '');
    expect(bare.replace(/"(id|progressToken)":\d+/g, '"$1":0')).toBe(
      '{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"_meta":{"progressToken":0,"acme":2},"arguments":{"a":[],"b":1,"text":"éA"},"name":"echo","zeta":1}}',
    );
  });

  it('keeps colliding ids of any kind apart', async () => {
    const { client } = await setUp('plain');
    const ids = [0, '0', -1, 'x', 9_007_199_254_740_991];
    const replies = await Promise.all(
      ids.map((id) =>
        client.ask('tools/call', { name: 'echo', arguments: { text: JSON.stringify(id) } }, id),
      ),
    );
    expect(replies.map((reply) => reply.result?.content?.[0]?.text)).toEqual(
      ids.map((id) => JSON.stringify(id)),
    );
  });

  it('relays progress under the client’s own token and keeps log messages by level', async () => {
    const { client } = await setUp('plain');
    const reply = await client.call('progress', {}, { progressToken: 'mine' });
    expect(reply.result?.['token']).toBe('number');
    expect(client.notifications('notifications/progress').map((n) => n.params)).toEqual([
      { progressToken: 'mine', progress: 1, total: 2 },
      { progressToken: 'mine', progress: 2, total: 2 },
    ]);
    await client.call('log');
    expect(client.notifications('notifications/message').map((n) => n.params?.['data'])).toEqual(['careful']);
    await client.ask('logging/setLevel', { level: 'debug' });
    await client.call('log');
    expect(client.notifications('notifications/message').map((n) => n.params?.['data'])).toEqual([
      'careful',
      'careful',
      'chatter',
    ]);
  });

  it('passes an upstream’s error on with code, message and data', async () => {
    const { client, log } = await setUp('plain');
    expect((await client.call('fail')).error).toEqual({
      code: -32050,
      message: 'no luck',
      data: { why: [1, 2] },
    });
    expect(await outcomes(log)).toEqual(['upstream_error']);
  });

  it('refuses what an upstream asks of the client, at once and with a receipt', async () => {
    const { client, log } = await setUp('plain');
    const reply = await client.call('ask');
    expect(reply.result?.['answer']).toMatchObject({ error: { code: -32601 } });
    await outcomes(log);
    expect(log.bodies.find((body) => body.intent?.kind === 'sampling')).toMatchObject({
      type: 'decide',
      principal: { id: 'agent:raw' },
      intent: { server: 's', method: 'sampling/createMessage' },
      decision: { effect: 'deny', default: true },
    });
  });

  it('gives children four names of its environment and what is configured, nothing else', async () => {
    process.env['SEPAL_TEST_SECRET'] = 'hidden';
    const { client } = await setUp('plain', { env: { GIVEN: 'yes' } });
    const env = (await client.call('env')).result?.['env'] as { [name: string]: string };
    expect(
      Object.keys(env).filter(
        (name) => !['HOME', 'PATH', 'SHELL', 'TERM', 'GIVEN'].includes(name) && !name.startsWith('__'),
      ),
    ).toEqual([]);
    expect(env['GIVEN']).toBe('yes');
  });

  it('cancels a running call at the upstream under the upstream’s id', async () => {
    const { client, log, read } = await setUp('plain');
    client.send({
      jsonrpc: '2.0',
      id: 'long',
      method: 'tools/call',
      params: { name: 'hang', arguments: {} },
    });
    for (let i = 0; i < 100 && !read().some((line) => line.includes('"hang"')); i++)
      await new Promise((r) => setTimeout(r, 20));
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'long' } });
    expect(await outcomes(log)).toEqual(['cancelled']);
    const sent = read().map((line) => (line.startsWith('{') ? (JSON.parse(line) as Reply) : {}));
    const id = sent.find((message) => message.method === 'tools/call')?.id;
    expect(sent.find((message) => message.method === 'notifications/cancelled')?.params?.['requestId']).toBe(
      id,
    );
    expect(client.lines.some((line) => line.includes('"long"'))).toBe(false);
  });

  it('gives up on a call that takes too long', async () => {
    const { client, log } = await setUp('plain', { timeout: '200ms' });
    const reply = await client.call('hang');
    expect(reply.result?.isError).toBe(true);
    expect(reply.result?.content?.[0]?.text).toContain('not known whether the call ran');
    expect(await outcomes(log)).toEqual(['timeout']);
  });

  it('fails a call as unknown when the process dies, never repeats it, and starts the server again', async () => {
    const { client, log, read } = await setUp('plain');
    const reply = await client.call('crash');
    expect(reply.result?.isError).toBe(true);
    expect(reply.result?.content?.[0]?.text).toContain('not known whether');
    expect((await client.call('echo', { text: 'again' })).result?.content?.[0]?.text).toBe('again');
    expect(await outcomes(log)).toEqual(['unknown', 'ok']);
    expect(read().filter((line) => line.includes('"crash"'))).toHaveLength(1);
  });

  it('answers an overlong result with an error and keeps the upstream', async () => {
    const { client, log, read } = await setUp('plain');
    expect((await client.call('huge')).result?.isError).toBe(true);
    expect((await client.call('echo', { text: 'alive' })).result?.content?.[0]?.text).toBe('alive');
    expect(await outcomes(log)).toEqual(['unknown', 'ok']);
    expect(read().filter((line) => line.startsWith('start '))).toHaveLength(2); // one to pin, one for the calls
  });

  it('tolerates a banner and speaks an old revision', async () => {
    for (const mode of ['noise', 'old']) {
      const { client } = await setUp(mode);
      expect((await client.call('echo', { text: mode })).result?.content?.[0]?.text).toBe(mode);
    }
  });

  it.each([
    ['dead', 'code 3'],
    ['future', 'revision 2199-01-01'],
    ['loop', 'repeats a cursor'],
  ])('says what is wrong with a %s upstream, and does not run the call', async (mode, why) => {
    const { client, log, said } = await setUp(mode, {}, 'plain');
    const reply = await client.call('echo', { text: 'x' });
    expect(reply.result?.isError).toBe(true);
    expect(reply.result?.content?.[0]?.text).toContain('the call was not sent');
    expect(said.join('\n')).toContain(why);
    expect(await outcomes(log)).toEqual(['not_sent']);
  });

  it('says that a command does not exist', async () => {
    const dir = scratch();
    await pin(configOf(dir, { mcpServers: { s: { command: process.execPath, args: [stub] } } }));
    const config = configOf(dir, {
      mcpServers: { s: { command: '/no/such/program' } },
      identity: { stdio: { principal: 'agent:raw' } },
    });
    const { gateway, said } = await startGateway(config, allowAll);
    open.push(gateway);
    const client = new Raw(gateway);
    await client.ask('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    });
    expect((await client.call('echo')).result?.content?.[0]?.text).toContain('its program cannot be started');
    expect(said.join()).toContain('cannot start `/no/such/program`: ENOENT');
  });

  it('neither shows nor calls a tool whose definition changed, and says so', async () => {
    const { client, log, notes, said } = await setUp('drift');
    writeFileSync(`${notes}.version`, '2');
    const first = await client.call('echo', { text: 'x' });
    expect(first.result?.isError).toBe(true);
    expect(await outcomes(log)).toEqual(['not_sent']);
    expect((await client.call('echo', { text: 'x' })).error).toMatchObject({
      code: -32602,
      message: 'Unknown tool: echo',
    });
    const listed = await client.ask('tools/list', {});
    const names = (listed.result?.['tools'] as { name: string }[] | undefined)?.map((tool) => tool.name);
    expect(names).not.toContain('echo');
    expect(names).not.toContain('extra');
    expect(names).toContain('raw');
    expect((await client.call('extra')).error).toMatchObject({ code: -32602 });
    expect(said.join()).toContain('changed echo; not pinned extra');
    expect(log.bodies.some((body) => body.event?.kind === 'pins_changed')).toBe(true);
    expect(existsSync(`${notes}.started`)).toBe(true);
  });
});

describe('a definition that changes while the server runs', () => {
  it('is not called once the server has said that its list changed, not even by a call right behind', async () => {
    const { client, read, notes, log } = await setUp('drift');
    expect((await client.call('echo', { text: 'before' })).result?.content?.[0]?.text).toBe('before');
    writeFileSync(`${notes}.version`, '2');
    const told = client.call('many_changes');
    const right = told.then(() => client.call('echo', { text: 'behind' }));
    expect((await told).result?.content?.[0]?.text).toBe('changed');
    const refused = await right;
    expect(refused.result?.isError ?? refused.error !== undefined).toBe(true);
    expect(read().some((line) => line.includes('behind'))).toBe(false);
    expect((await client.call('echo')).error?.message).toBe('Unknown tool: echo');
    expect(client.notifications('notifications/tools/list_changed')).toHaveLength(1);
    expect((await client.call('raw')).result).toBeDefined();
    expect((await outcomes(log)).filter((status) => status === 'ok')).toHaveLength(3);
  });
});

describe('the front', () => {
  it('starts nothing before the first call and serves the list from the lock', async () => {
    const { client, read } = await setUp('plain');
    await client.ask('tools/list', {});
    expect(read().filter((line) => line.startsWith('start '))).toHaveLength(1); // the one that was pinned from
    await client.call('echo', { text: 'x' });
    expect(read().filter((line) => line.startsWith('start '))).toHaveLength(2);
  });

  it('shows the definition as pinned, unknown members included', async () => {
    const { client } = await setUp('plain');
    const tools = (await client.ask('tools/list', {})).result?.['tools'] as { [key: string]: unknown }[];
    expect(tools.find((tool) => tool['name'] === 'echo')?.['x-vendor']).toEqual({ kept: true });
  });

  it.each([
    ['[]', -32600],
    ['{', -32700],
    ['{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}', -32700],
    ['{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"echo","Arguments":{}}}', -32602],
    ['{"jsonrpc":"2.0","id":78,"method":"tools/call","params":{"name":5}}', -32602],
    ['{"jsonrpc":"2.0","id":79,"method":"tools/call","params":{"name":"echo","arguments":[]}}', -32602],
    ['{"jsonrpc":"2.0","id":80,"method":"tools/call","params":{"name":"echo","task":{}}}', -32602],
  ])('refuses %s and writes it down', async (text, code) => {
    const { client, log, read } = await setUp('plain');
    client.send(text);
    await client.ask('ping', {});
    await outcomes(log);
    const error = client.lines
      .map((line) => JSON.parse(line) as Reply)
      .find((reply) => reply.error !== undefined)?.error;
    expect(error?.code).toBe(code);
    expect(log.bodies.at(-1)?.event?.kind).toMatch(/refused_input|denied_method/);
    expect(read().some((line) => line.includes('tools/call'))).toBe(false);
  });

  it('counts a flood of refused input instead of writing each', async () => {
    const { client, log } = await setUp('plain');
    const before = log.bodies.length;
    for (let i = 0; i < 500; i++) client.send('[]');
    await client.ask('ping', {});
    expect(log.bodies.length - before).toBeLessThanOrEqual(2);
  });

  it('forwards nothing once the log has failed', async () => {
    const { client, log, read } = await setUp('plain');
    log.fail(new Error('no space left on device'));
    const reply = await client.call('echo', { text: 'x' });
    expect(reply.error?.code).toBe(-32603);
    expect(read().some((line) => line.includes('tools/call'))).toBe(false);
  });

  it('still answers what was asked before the client closed its side', async () => {
    const { client } = await setUp('plain');
    const reply = client.call('echo', { text: 'last words' });
    client.end();
    expect((await reply).result?.content?.[0]?.text).toBe('last words');
  });
});
