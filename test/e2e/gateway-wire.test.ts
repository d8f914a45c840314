// SPDX-License-Identifier: Apache-2.0
// The client's side of the wire, byte for byte: what is refused before any rule is asked, and that what is forwarded is what was decided.
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { behindStub, outcomes, type Reply, stub } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function overHttp(listen: object = {}) {
  const made = await behindStub('plain');
  open.push(made.gateway);
  const config = configOf(scratch(), {
    mcpServers: { s: { command: process.execPath, args: [stub, 'plain', made.notes] } },
    identity: { anonymous: 'agent:a' },
    listen: { http: '127.0.0.1:0', ...listen },
  });
  await pin(config);
  const { gateway, log } = await startGateway(
    config,
    policyOf(() => ({ effect: 'allow', rules: ['all'] })),
  );
  open.push(gateway);
  const front = await gateway.serveHttp();
  const url = `http://127.0.0.1:${front.address.port}/mcp`;
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const post = (body: string | Buffer, more: { [name: string]: string } = {}) =>
    fetch(url, { method: 'POST', headers: { ...headers, ...more }, body });
  const hello = await post(
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}',
  );
  const session = { 'mcp-session-id': hello.headers.get('mcp-session-id') ?? '' };
  return { ...made, gateway, log, post, session, port: front.address.port, url };
}

const call = (args: string, rest = ''): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${args}${rest}}}`;

describe('bytes that could be read in two ways', () => {
  const bodies: readonly (readonly [string, string | Buffer])[] = [
    ['a key twice', call('{"text":"a","text":"b"}')],
    ['a key twice, once escaped', call('{"text":"a","\\u0074ext":"b"}')],
    [
      'the name twice',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"raw"}}',
    ],
    [
      'a case variant',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"raw"}}',
    ],
    ['__proto__', call('{"__proto__":{"text":"x"}}')],
    ['constructor', call('{"constructor":1}')],
    ['a lone surrogate', call('{"text":"\\ud800"}')],
    ['a number past 2^53', call('{"n":9007199254740993}')],
    ['a number past all doubles', call('{"n":1e999}')],
    ['too many digits', call('{"n":0.1000000000000000055511151231257827}')],
    ['nesting without end', call(`{"text":${'['.repeat(2_000_000)}`)],
    ['nesting past the limit', call(`{"n":${'['.repeat(70)}${']'.repeat(70)}}`)],
    ['more keys than fit', call(`{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":1`).join(',')}}`)],
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(call('{}'))])],
    ['UTF-16', Buffer.from(call('{}'), 'utf16le')],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    ],
    ['an overlong encoding', Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
    ['a trailing comma', call('{"text":"a",}')],
    ['a comment', `/* hi */${call('{}')}`],
    ['NaN', call('{"n":NaN}')],
    ['text after the end', `${call('{}')} {}`],
    ['a batch', `[${call('{}')}]`],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"echo"}}'],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"name":"echo"}}'],
    [
      'request and response in one',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"},"result":{}}',
    ],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"echo"}}'],
    ['parameters in a list', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["echo"]}'],
  ];

  it('are refused with 400 and an error, counted, and nothing is forwarded', async () => {
    const { post, session, read, log } = await overHttp();
    for (const [what, body] of bodies) {
      const response = await post(body, session);
      expect(response.status, what).toBe(400);
      expect(((await response.json()) as Reply).error?.code, what).toBeLessThan(-32_000);
    }
    for (const gateway of open.splice(0)) await gateway.close();
    const counted = log.bodies.reduce(
      (sum, { event }) => sum + (event?.kind === 'refused_input' ? (event.count ?? 0) : 0),
      0,
    );
    expect(counted).toBe(bodies.length);
    expect(read().filter((line) => line.includes('tools/call'))).toEqual([]);
  });

  it('are refused in a compressed body, another media type, and when too large', async () => {
    const { post, session, read } = await overHttp();
    expect((await post(call('{}'), { ...session, 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await post(call('{}'), { ...session, 'content-type': 'application/json-seq' })).status).toBe(415);
    expect((await post(call('{}'), { ...session, accept: 'text/html' })).status).toBe(406);
    expect((await post(call(`{"text":"${'x'.repeat(8 * 1024 * 1024)}"}`), session)).status).toBe(413);
    expect(read().filter((line) => line.includes('tools/call'))).toEqual([]);
  });
});

describe('what is forwarded', () => {
  it('is, byte for byte, the intent whose digest stands in the receipt', async () => {
    const { client, read, log, gateway } = await behindStub('plain');
    open.push(gateway);
    const texts = [
      '{"text":"\\u00e9\\ud83d\\ude00\\u2028 \\"q\\" \\\\ \\/"}',
      '{"b":1E2,"a":-0,"text":"","c":1.50,"d":[true,null,{"z":1,"y":2}]}',
      '{"€":1,"\\ufb33":2,"a":3}',
    ];
    for (const [i, args] of texts.entries()) {
      client.send(
        `{"params":{"arguments":${args},"name":"echo","extra":{"b":1,"a":[]}},"method":"tools/call","id":"t${i}","jsonrpc":"2.0"}`,
      );
      await client.ask('ping', {});
    }
    expect(await outcomes(log)).toEqual(['ok', 'ok', 'ok']);
    const sent = read().filter((line) => line.includes('"tools/call"'));
    const decided = log.bodies.filter((body) => body.type === 'decide' && body.decision?.effect === 'allow');
    expect(sent).toHaveLength(3);
    for (const [i, line] of sent.entries()) {
      const bare = line.replace(/"_meta":\{"dev\.sepal\/receipt":\{[^{}]*\}\},/, '');
      const forwarded = bare.slice(bare.indexOf('"params":') + '"params":'.length, -1);
      const intent = `{"kind":"tool","method":"tools/call","name":"echo","params":${forwarded},"server":"s"}`;
      expect(canonical(JSON.parse(intent)), 'it is canonical').toBe(intent);
      const digest = `sha256:${createHash('sha256').update(intent).digest('hex')}`;
      expect(decided[i]?.intent?.digest).toBe(digest);
      const kept = await log.openings(decided[i]?.seq ?? -1);
      expect(kept?.intent).toBe(intent);
    }
  });

  it('follows its durable decision: while the log hangs nothing leaves', async () => {
    const { client, read, log, gateway } = await behindStub('plain');
    open.push(gateway);
    await client.call('echo');
    const release = log.hold();
    const reply = client.call('raw');
    await new Promise((r) => setTimeout(r, 300));
    expect(read().filter((line) => line.includes('"raw"'))).toEqual([]);
    release();
    expect((await reply).result).toBeDefined();
  });
});

describe('every other method', () => {
  const methods: readonly (readonly [string, object, string | null])[] = [
    ['resources/list', {}, 'resource'],
    ['resources/read', { uri: 'file:///etc/passwd' }, 'resource'],
    ['resources/subscribe', { uri: 'file:///x' }, 'resource'],
    ['resources/templates/list', {}, 'resource'],
    ['prompts/list', {}, 'prompt'],
    ['prompts/get', { name: 'p' }, 'prompt'],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }, 'completion'],
    ['sampling/createMessage', {}, 'sampling'],
    ['elicitation/create', {}, 'elicitation'],
    ['roots/list', {}, 'roots'],
    ['tasks/list', {}, null],
    ['tools/delete', {}, null],
    ['TOOLS/CALL', { name: 'echo' }, null],
    ['authorization/anything', {}, null],
  ];

  it('is denied with a receipt, and none reaches the upstream', async () => {
    const { client, read, log, gateway } = await behindStub('plain');
    open.push(gateway);
    await client.call('echo');
    await outcomes(log);
    const before = read().length;
    for (const [method, params, kind] of methods) {
      const from = log.bodies.length;
      const reply = await client.ask(method, params);
      expect(reply.error?.code, method).toBe(-32601);
      const added = log.bodies.slice(from);
      if (kind !== null) {
        expect(added[0], method).toMatchObject({ intent: { kind, method }, decision: { effect: 'deny' } });
        expect(JSON.stringify(reply.error?.data)).toContain(`test/log#${added[0]?.seq}`);
      }
    }
    await gateway.close();
    const counted = log.bodies.reduce(
      (sum, { event }) => sum + (event?.kind === 'denied_method' ? (event.count ?? 0) : 0),
      0,
    );
    expect(counted).toBe(methods.filter(([, , kind]) => kind === null).length);
    expect(read()).toHaveLength(before);
  });

  it('answers housekeeping itself and refuses it out of place', async () => {
    const { client, gateway, log } = await behindStub('plain');
    open.push(gateway);
    expect((await client.ask('ping', {})).result).toEqual({});
    expect((await client.ask('logging/setLevel', { level: 'error' })).result).toEqual({});
    expect((await client.ask('logging/setLevel', { level: 'loud' })).error?.code).toBe(-32602);
    expect((await client.ask('tools/list', { cursor: 'x' })).error?.code).toBe(-32602);
    expect((await client.ask('initialize', { protocolVersion: '2025-06-18' })).error?.code).toBe(-32600);
    for (const note of ['initialized', 'roots/list_changed', 'progress', 'cancelled', 'odd'])
      client.send({ jsonrpc: '2.0', method: `notifications/${note}`, params: {} });
    client.send({ jsonrpc: '2.0', id: 'nobody-asked', result: {} });
    client.send({ jsonrpc: '2.0', id: 'nobody-asked', error: { code: 1, message: 'x' } });
    await client.ask('ping', {});
    await gateway.close();
    const count = (kind: string) =>
      log.bodies.reduce((sum, { event }) => sum + (event?.kind === kind ? (event.count ?? 0) : 0), 0);
    expect([count('refused_input'), count('denied_method')]).toEqual([5, 1]);
    expect(client.lines.some((line) => line.includes('nobody-asked'))).toBe(false);
  });
});

describe('peers that take their time', () => {
  it('a client that sends its headers by drops is cut off, and others are served', async () => {
    const { port, post, session } = await overHttp();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise<number>((resolve) => socket.once('close', () => resolve(Date.now())));
    const started = Date.now();
    socket.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    socket.resume();
    expect((await post('{"jsonrpc":"2.0","id":1,"method":"ping"}', session)).status).toBe(200);
    expect((await closed) - started).toBeLessThan(20_000);
  }, 30_000);

  it('a body that claims more than the cap is refused before it is sent', async () => {
    const { port, session } = await overHttp();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        path: '/mcp',
        method: 'POST',
        headers: { ...session, 'content-type': 'application/json', 'content-length': '99999999' },
      });
      request.on('response', (response) => resolve(response.statusCode));
      request.on('error', reject);
      request.flushHeaders();
    });
    expect(status).toBe(413);
  });

  it('a name that rebinds to us, a foreign page and `null` are refused before anyone asks who they are', async () => {
    const { port, log } = await overHttp({ publicUrl: 'https://gw.example.com/mcp' });
    const status = (headers: { [name: string]: string }) =>
      new Promise<number | undefined>((resolve, reject) => {
        const request = httpRequest({ port, host: '127.0.0.1', path: '/mcp', method: 'GET', headers });
        request.on('response', (response) => resolve(response.resume().statusCode));
        request.on('error', reject);
        request.end();
      });
    for (const host of ['evil.example', 'localhost.evil.com', '127.0.0.1.nip.io', 'a@127.0.0.1', '0.0.0.0'])
      expect(await status({ host }), host).toBe(403);
    for (const origin of ['null', 'https://evil.example', 'http://localhost.evil.com', 'file://', '']) {
      expect(await status({ host: '127.0.0.1', origin }), origin).toBe(403);
    }
    for (const host of ['127.0.0.1', 'localhost:1', '[::1]', 'gw.example.com'])
      expect(await status({ host, accept: 'text/event-stream' }), host).toBe(400);
    expect(log.bodies.some((body) => body.event?.detail?.includes('host'))).toBe(true);
  });

  it('health says when the log has failed', async () => {
    const { url, log } = await overHttp();
    expect((await fetch(new URL('/healthz', url))).status).toBe(200);
    log.fail(new Error('no space left on device'));
    expect((await fetch(new URL('/healthz', url))).status).toBe(503);
  });
});
