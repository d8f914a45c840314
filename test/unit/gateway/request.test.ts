// SPDX-License-Identifier: Apache-2.0
// Answers over HTTP: in one piece they cost nothing, in crumbs they are read at the meter's pace, and they come whole either way.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { DEFAULT_SHARE } from '../../../runtime/config.js';
import { type Meter, meter } from '../../../runtime/gateway/upstream/meter.js';
import { ask, type Head } from '../../../runtime/gateway/upstream/request.js';
import { connector } from '../../../runtime/gateway/upstream/connect.js';

const TEXT = JSON.stringify({ said: 'x'.repeat(3000) });
let server: Server;
let pool: Pool;
afterEach(async () => {
  await pool.destroy();
  server.close();
});

async function from(answer: (res: ServerResponse) => void, said: Meter): Promise<Head> {
  server = createServer((_, res) => answer(res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { connect: connector() });
  return ask(pool, { path: '/', method: 'GET' }, { cap: 10_000, said }).head;
}

/** Asks a server that answers with the text in pieces of so many characters. */
async function asked(piece: number, said: Meter): Promise<string> {
  const answer = (res: ServerResponse): void => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': TEXT.length });
    const write = (at: number): void => {
      if (at >= TEXT.length) return void res.end();
      res.write(TEXT.slice(at, at + piece));
      setImmediate(write, at + piece);
    };
    write(0);
  };
  const { body } = await from(answer, said);
  return body instanceof Promise ? Buffer.concat([...(await body)]).toString() : '';
}

/** The body of a stream of events. */
async function streaming(answer: (res: ServerResponse) => void, said: Meter): Promise<AsyncIterable<Buffer>> {
  const { body } = await from((res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    answer(res);
  }, said);
  if (body instanceof Promise) throw new Error('not a stream');
  return body;
}

function counting(): {
  readonly said: Meter;
  readonly asked: { reads: number; rests: number; crumbs: number };
} {
  const own = meter({ slowed: () => undefined }, DEFAULT_SHARE);
  const asked = { reads: 0, rests: 0, crumbs: 0 };
  const said: Meter = {
    ...own,
    read: () => asked.reads++,
    crumb: () => asked.crumbs++,
    rest: () => (++asked.rests % 10 === 0 ? 0 : null),
  };
  return { said, asked };
}

it('costs nothing in one piece', async () => {
  const { said, asked: was } = counting();
  expect(await asked(TEXT.length, said)).toBe(TEXT);
  expect(was).toEqual({ reads: 1, rests: 0, crumbs: 0 });
});

it('is read at a pace in crumbs, and comes whole', async () => {
  const { said, asked: was } = counting();
  expect(await asked(3, said)).toBe(TEXT);
  expect(was.reads).toBeGreaterThan(20);
  // After a rest one goes through unasked.
  expect(was.rests * 1.1).toBeGreaterThan(was.reads - 3);
  expect(was.rests).toBeLessThan(was.reads);
});

it('comes whole as a stream in crumbs, many at a time, each counted', async () => {
  const { said, asked: was } = counting();
  const text = 'abcdefghij'.repeat(5_000);
  const body = await streaming((res) => {
    for (const byte of text) res.write(byte);
    res.end();
  }, said);
  let got = '';
  let pieces = 0;
  for await (const piece of body) {
    got += piece.toString();
    pieces++;
    // Whoever reads slowly gets more at a time.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(got).toBe(text);
  expect(pieces).toBeLessThan(1_000);
  expect(was.crumbs).toBeGreaterThan(45_000);
});

it('is not read further ahead than some', async () => {
  const { said } = counting();
  let sent = 0;
  const body = await streaming((res) => {
    const more = (): void => {
      while (res.write('x'.repeat(1024))) sent += 1024;
      res.once('drain', more);
    };
    more();
  }, said);
  const reading = body[Symbol.asyncIterator]();
  await reading.next();
  await expect
    .poll(async () => {
      const before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return sent - before;
    })
    .toBe(0);
  // What it holds, and the buffers of two sockets.
  expect(sent).toBeLessThan(10 * 1024 * 1024);
  await reading.return?.();
});

it('gives what came before a break, then the break', async () => {
  const { said } = counting();
  const body = await streaming((res) => {
    res.write('data: 1\n\n');
    setTimeout(() => res.destroy(), 50);
  }, said);
  const reading = body[Symbol.asyncIterator]();
  expect(String((await reading.next()).value)).toBe('data: 1\n\n');
  await expect(reading.next()).rejects.toThrow();
});

it('ends at the server, too, where nobody reads it any more', async () => {
  const { said } = counting();
  let over = false;
  const body = await streaming((res) => {
    res.write('data: 1\n\n');
    res.on('close', () => (over = true));
  }, said);
  for await (const _ of body) break;
  await expect.poll(() => over).toBe(true);
});
