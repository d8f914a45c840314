// SPDX-License-Identifier: Apache-2.0
// Streams of HTTP servers that end, break or begin anew before the answer, and are gone on with where the server says from where.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { DEFAULT_SHARE, type HttpServer } from '../../../runtime/config.js';
import type { ChannelEvents } from '../../../runtime/gateway/upstream/channel.js';
import { openHttp } from '../../../runtime/gateway/upstream/http.js';
import { openReach } from '../../../runtime/gateway/upstream/reach.js';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const PRIMING = 'id: p1\nretry: 120\ndata: \n\n';
const answer = (text = 'done') =>
  `id: p9\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 7, result: { text } })}\n\n`;
const streams =
  (text: string, then: (response: ServerResponse) => void = (response) => response.end()): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': 's1' });
    response.flushHeaders();
    if (text !== '') response.write(text);
    // What was written is on its way.
    setTimeout(() => then(response), 20);
  };
const refuses =
  (status: number): Answer =>
  (response) =>
    response.writeHead(status).end();
const staysOpen = (): undefined => undefined;

/** A server that answers the first request with the first of these, and so on; past the last as the last does. */
async function serving(...answers: Answer[]) {
  const seen: {
    readonly method: string;
    readonly headers: IncomingMessage['headers'];
    readonly at: number;
  }[] = [];
  let left = 0;
  const server = createServer((request, response) => {
    request.resume();
    const own = answers[Math.min(seen.length, answers.length - 1)];
    seen.push({ method: request.method ?? '', headers: request.headers, at: performance.now() });
    response.on('close', () => {
      if (!response.writableFinished) left++;
    });
    own?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ending.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const heard: string[] = [];
  const lost: string[] = [];
  const events: ChannelEvents = {
    message: (body) => {
      const text = typeof body === 'string' ? body : Buffer.concat(body).toString();
      heard.push(text);
      const waited = text.includes('"id":7');
      // As the thread for large messages answers.
      return text.length < 100_000
        ? waited
        : new Promise((resolve) => setTimeout(() => resolve(waited), 400));
    },
    noise: () => heard.push('noise'),
    slowed: () => undefined,
    lost: (id, why) => lost.push(`${id}: ${why}`),
    closed: (why) => lost.push(why),
  };
  const config: HttpServer = {
    kind: 'http',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    headers: {},
    perPrincipal: true,
    perSession: false,
    maxProcesses: 1,
    maxInFlight: 10,
    share: DEFAULT_SHARE,
    idleMs: 60_000,
    timeoutMs: 60_000,
  };
  const reach = openReach(config);
  const channel = await openHttp(config, reach, events);
  ending.push(
    () => reach.pool.destroy(),
    () => channel.close(),
  );
  return { channel, seen, heard, lost, server, gone: () => left };
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const over = (lost: readonly string[]) => expect.poll(() => lost.length, { timeout: 15_000 }).toBe(1);

it.each([
  ['ends', (response: ServerResponse) => response.end()],
  ['breaks', (response: ServerResponse) => response.destroy()],
])('goes on with a stream that %s, from where its server said, as soon as it said', async (_, end) => {
  const { channel, seen, heard, lost } = await serving(streams(PRIMING, end), streams(answer()));
  channel.negotiated('2025-11-25');
  await channel.send('{}', 7);
  await over(lost);
  expect(heard).toEqual([JSON.stringify({ jsonrpc: '2.0', id: 7, result: { text: 'done' } })]);
  expect(seen.map(({ method }) => method)).toEqual(['POST', 'GET']);
  expect(seen[1]?.headers).toMatchObject({
    'last-event-id': 'p1',
    'mcp-session-id': 's1',
    'mcp-protocol-version': '2025-11-25',
    accept: 'text/event-stream',
  });
  const waited = (seen[1]?.at ?? 0) - (seen[0]?.at ?? 0);
  expect(waited).toBeGreaterThan(120);
  expect(waited).toBeLessThan(900);
});

it('goes on from the last event, more than once, and hears each once', async () => {
  const note = (n: number) => `id: n${n}\ndata: {"n":${n}}\n\n`;
  const { channel, seen, heard, lost } = await serving(
    streams(`${PRIMING}${note(1)}`),
    streams(note(2)),
    streams('', (response) => response.destroy()),
    streams(answer()),
  );
  await channel.send('{}', 7);
  await over(lost);
  expect(heard.map((text) => text.slice(0, 6))).toEqual(['{"n":1', '{"n":2', '{"json']);
  expect(seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'n1', 'n2', 'n2']);
});

it.each([
  ['small', 'done'],
  ['large', 'x'.repeat(300_000)],
])('leaves a stream that is kept open when the answer (%s) has come by it', async (_, text) => {
  const { channel, seen, heard, lost, gone } = await serving(
    streams(PRIMING),
    streams(answer(text), staysOpen),
  );
  await channel.send('{}', 7);
  await over(lost);
  await expect.poll(gone).toBe(1);
  expect(heard).toHaveLength(1);
  expect(seen).toHaveLength(2);
});

it('asks again, not too often, while a server has nothing to say, until nobody waits any more', async () => {
  const { channel, seen, lost } = await serving(streams(PRIMING), streams(''));
  await channel.send('{}', 7);
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(4);
  expect((seen[3]?.at ?? 0) - (seen[2]?.at ?? 0)).toBeGreaterThan(950);
  channel.abandon(7);
  await over(lost);
  await later(1_300);
  expect(seen).toHaveLength(4);
});

it('waits for as long as a server wants, but not after nobody waits any more', async () => {
  const { channel, seen, lost } = await serving(streams('id: p1\nretry: 999999999\ndata: \n\n'));
  await channel.send('{}', 7);
  await later(300);
  expect([seen.length, lost.length]).toEqual([1, 0]);
  channel.abandon(7);
  await expect.poll(() => lost.length, { timeout: 500 }).toBe(1);
  expect(seen).toHaveLength(1);
});

it('waits for nothing where nobody waits any more when a stream ends', async () => {
  const large = `id: p1\nretry: 999999999\ndata: ${'x'.repeat(300_000)}\n\n`;
  const { channel, heard, lost } = await serving(streams(large));
  await channel.send('{}', 7);
  await expect.poll(() => heard.length).toBe(1);
  // The stream has ended by now; what came by it is still being read.
  await later(150);
  expect(lost).toEqual([]);
  channel.abandon(7);
  await expect.poll(() => lost.length, { timeout: 2_000 }).toBe(1);
});

it.each<[string, string, number, Answer]>([
  ['gives no place', 'data: \n\n', 1, refuses(500)],
  ['gives a place that no header can hold', 'id: pl\u00e4tz\ndata: \n\n', 1, refuses(500)],
  ['takes its place back', 'id: p1\ndata: \n\nid\ndata: \n\n', 1, refuses(500)],
  ['gives a place and no end of its event', 'id: p1\n', 1, refuses(500)],
  ['gives a place that is too long', `id: ${'p'.repeat(2_000)}\ndata: \n\n`, 1, refuses(500)],
  ['does not know its place', PRIMING, 2, refuses(400)],
  ['has lost the session', PRIMING, 2, refuses(404)],
])('does not go on where the server %s: the outcome is not known', async (_, first, requests, rest) => {
  const { channel, seen, heard, lost } = await serving(streams(first), rest);
  await channel.send('{}', 7);
  await over(lost);
  expect(lost).toEqual(['7: the stream ended without an answer']);
  expect(heard).toEqual([]);
  expect(seen).toHaveLength(requests);
});

it('gives up a server that is gone, after some tries', async () => {
  const { channel, lost, server } = await serving(
    streams(PRIMING, (response) => {
      server.close();
      response.destroy();
    }),
  );
  const begin = performance.now();
  await channel.send('{}', 7);
  await over(lost);
  expect(lost[0]).toMatch(/^7: the answer broke off/);
  expect(performance.now() - begin).toBeGreaterThan(1_000);
});

it('does not go on with streams of 2026-07-28, which has no places', async () => {
  const { channel, seen, lost } = await serving(streams(PRIMING), streams(answer()));
  await channel.send('{}', 7, { 'mcp-method': 'tools/call' });
  await over(lost);
  expect(lost).toEqual(['7: the stream ended without an answer']);
  expect(seen).toHaveLength(1);
});

it('goes on with the stream of what belongs to no request, and from anew where its place is not known', async () => {
  const { channel, seen, heard } = await serving(
    streams('id: a\nretry: 100\ndata: {"n":1}\n\n'),
    streams('id: b\ndata: {"n":2}\n\n'),
    refuses(400),
    streams('id: c\ndata: {"n":3}\n\n', staysOpen),
  );
  channel.listen();
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  expect(seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'a', 'b', undefined]);
  expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeLessThan(900);
});

it('reopens the stream of what belongs to no request ten times a second at most, however soon its server wants that', async () => {
  let n = 0;
  const { channel, seen } = await serving((response, request) => {
    streams(`id: ${n++}\nretry: 0\ndata: \n\n`)(response, request);
  });
  channel.listen();
  await later(1_500);
  // A tenth of a second at the least.
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.length).toBeLessThan(16);
});
