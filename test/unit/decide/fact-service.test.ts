// SPDX-License-Identifier: Apache-2.0
// Facts from HTTP: what a service answers as agreed is the value; everything else cannot be had, in bounded time and memory.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { factServices } from '../../../runtime/decide/fact-service.js';
import type { FactSource } from '../../../runtime/decide/manifest.js';
import type { Request } from '../../../stdlib/abi.js';

type Handler = (
  body: { readonly [key: string]: unknown },
  response: ServerResponse,
  request: IncomingMessage,
) => void;
let answer: Handler = () => undefined;
let asked: { readonly [key: string]: unknown }[] = [];
let server: Server;
let url = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const body = JSON.parse(text === '' ? '{}' : text) as { readonly [key: string]: unknown };
      asked.push(body);
      answer(body, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/state`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const NOW = Date.parse('2026-03-09T13:00:00Z');
const fact = (
  type: unknown = { kind: 'string' },
  fresh?: number,
  path: readonly string[] = ['state'],
): FactSource => ({
  name: 'state',
  type,
  source: 'http',
  path,
  ...(fresh === undefined ? {} : { fresh }),
});
const question = (id = 'a'): Request => ({
  principal: 'agent:x',
  roles: ['r'],
  user: 'user:y',
  userRoles: [],
  session: 's',
  intent: { kind: 'tool', server: 'fs', name: 'read', args: { id } },
});
const json =
  (body: unknown): Handler =>
  (_, response) =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
const raw =
  (text: string, status = 200): Handler =>
  (_, response) =>
    void response.writeHead(status).end(text);
const at = (offset = 0): string => new Date(NOW + offset).toISOString();

const services = (now: () => number = () => NOW, timeoutMs = 2_000) =>
  factServices(new Map([['state', { url, headers: { authorization: 'Bearer x' }, timeoutMs }]]), now);

describe('a fact service', () => {
  it('is asked with who, for whom, in which session, what; and answers', async () => {
    asked = [];
    let seen = '';
    answer = (body, response, request) => {
      seen = `${request.method} ${request.headers['content-type']} ${request.headers.authorization}`;
      json({ value: 'open', at: at() })(body, response, request);
    };
    expect(await services().value(fact(), question())).toBe('open');
    expect(seen).toBe('POST application/json Bearer x');
    expect(asked).toEqual([
      {
        fact: 'state',
        principal: 'agent:x',
        user: 'user:y',
        session: 's',
        intent: { kind: 'tool', server: 'fs', name: 'read', args: { id: 'a' } },
      },
    ]);
    answer = json({ value: { ticket: { open: true } }, at: at() });
    expect(
      await services().value(fact({ kind: 'bool' }, undefined, ['state', 'ticket', 'open']), question()),
    ).toBe(true);
  });

  const FITTING: readonly (readonly [unknown, unknown])[] = [
    [{ kind: 'bool' }, false],
    [{ kind: 'int' }, 3],
    [{ kind: 'decimal' }, 0.5],
    [{ kind: 'enum', members: ['eu', 'us'] }, 'eu'],
    [{ kind: 'instant' }, '2026-01-01T00:00:00+01:00'],
    [{ kind: 'duration' }, '15m'],
    [{ kind: 'list', element: { kind: 'string' } }, ['a', 'b']],
  ];
  it.each(FITTING)('%j: takes %j and no other', async (type, value) => {
    answer = json({ value, at: at() });
    expect(await services().value(fact(type), question())).toEqual(value);
    for (const other of [null, {}, 'mars', 1.25, [1], [['a']], '30m ', '2026-02-30T00:00:00Z', true]) {
      const same = JSON.stringify(other) === JSON.stringify(value);
      const fitsToo =
        (type as { kind: string }).kind === 'decimal'
          ? typeof other === 'number'
          : (type as { kind: string }).kind === 'bool' && typeof other === 'boolean';
      answer = json({ value: other, at: at() });
      const found = await services().value(fact(type), question());
      if (!same && !fitsToo) expect(found, JSON.stringify(other)).toBeUndefined();
    }
  });

  const FAULTS: readonly (readonly [string, Handler])[] = [
    ['an error', raw('{"value":"open","at":"2026-03-09T13:00:00Z"}', 500)],
    ['not found', raw('', 404)],
    ['a redirect', (_, response) => void response.writeHead(307, { location: url }).end()],
    ['no JSON', raw('open')],
    ['nothing', raw('')],
    ['a list', json([])],
    ['no value', json({ at: at() })],
    ['no time', json({ value: 'open' })],
    ['a time that is none', json({ value: 'open', at: 'now' })],
    ['more than was agreed', json({ value: 'open', at: at(), cache: true })],
    ['a name twice', raw('{"value":"shut","value":"open","at":"2026-03-09T13:00:00Z"}')],
    ['a BOM', raw('\uFEFF{"value":"open","at":"2026-03-09T13:00:00Z"}')],
    ['another type', json({ value: 1, at: at() })],
    ['a time to come', json({ value: 'open', at: at(60_000) })],
    ['far too much', json({ value: 'x'.repeat(100_000), at: at() })],
    ['a broken connection', (_, response) => void response.destroy()],
    [
      'half an answer',
      (_, response) => void response.writeHead(200, { 'content-length': '100' }).end('{"value"'),
    ],
    ['no end', (_, response) => void response.write('{"value":"op')],
    ['silence', () => undefined],
  ];
  it.each(FAULTS)('%s is no value', async (_, handler) => {
    answer = handler;
    const started = performance.now();
    expect(await services(undefined, 250).value(fact(), question())).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('that nobody configured, or that is down, has no value', async () => {
    const other = factServices(
      new Map([['down', { url: 'http://127.0.0.1:1/', headers: {}, timeoutMs: 200 }]]),
      () => NOW,
    );
    expect(await other.value(fact(), question())).toBeUndefined();
    expect(await other.value(fact({ kind: 'string' }, undefined, ['down']), question())).toBeUndefined();
    expect(await other.value(fact({ kind: 'string' }, undefined, ['__proto__']), question())).toBeUndefined();
  });

  it('is asked again once its answer is older than `fresh`, and each time without', async () => {
    let now = NOW;
    const own = services(() => now);
    answer = (...rest) => json({ value: 'open', at: new Date(now).toISOString() })(...rest);
    asked = [];
    for (const after of [0, 30_000, 60_000]) {
      now = NOW + after;
      expect(await own.value(fact({ kind: 'string' }, 60_000), question())).toBe('open');
    }
    expect(asked).toHaveLength(1);
    now = NOW + 60_001;
    expect(await own.value(fact({ kind: 'string' }, 60_000), question())).toBe('open');
    expect(asked).toHaveLength(2);
    expect(await own.value(fact({ kind: 'string' }, 60_000), question('b'))).toBe('open');
    expect(asked).toHaveLength(3);
    await own.value(fact(), question());
    await own.value(fact(), question());
    expect(asked).toHaveLength(5);
  });

  it('that answers with something old has no value, and the fault is not kept', async () => {
    const own = services();
    answer = json({ value: 'open', at: at(-60_001) });
    expect(await own.value(fact({ kind: 'string' }, 60_000), question())).toBeUndefined();
    answer = json({ value: 'open', at: at(-59_999) });
    expect(await own.value(fact({ kind: 'string' }, 60_000), question())).toBe('open');
  });

  it('is asked once for equal questions at a time, and for no more than 64 at a time', async () => {
    asked = [];
    const open: (() => void)[] = [];
    answer = (...rest) => void open.push(() => json({ value: 'open', at: at() })(...rest));
    const own = services();
    const same = Array.from({ length: 50 }, () => own.value(fact(), question()));
    const others = Array.from({ length: 100 }, (_, i) => own.value(fact(), question(String(i))));
    const answered = setInterval(() => open.splice(0).forEach((go) => go()), 20);
    expect(new Set(await Promise.all(same))).toEqual(new Set(['open']));
    const found = await Promise.all(others);
    clearInterval(answered);
    expect(found.filter((value) => value === undefined).length).toBe(100 - 63);
    expect(asked.length).toBe(64);
  });
});
