// SPDX-License-Identifier: Apache-2.0
// Answers over HTTP: in one piece they cost nothing, in crumbs they are read at the meter's pace, and they come whole either way.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { type Meter, meter } from '../../../runtime/gateway/upstream/meter.js';
import { ask } from '../../../runtime/gateway/upstream/request.js';

const TEXT = JSON.stringify({ said: 'x'.repeat(3000) });
let server: Server;
let pool: Pool;
afterEach(async () => {
  await pool.destroy();
  server.close();
});

/** Asks a server that answers with the text in pieces of so many characters. */
async function asked(piece: number, said: Meter): Promise<string> {
  server = createServer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': TEXT.length });
    const write = (at: number): void => {
      if (at >= TEXT.length) return void res.end();
      res.write(TEXT.slice(at, at + piece));
      setImmediate(write, at + piece);
    };
    write(0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const { body } = await ask(pool, { path: '/', method: 'GET' }, { cap: 10_000, said }).head;
  return body instanceof Promise ? Buffer.concat([...(await body)]).toString() : '';
}

function counting(): { readonly said: Meter; readonly asked: { reads: number; rests: number } } {
  const own = meter({ slowed: () => undefined });
  const asked = { reads: 0, rests: 0 };
  const said: Meter = {
    ...own,
    read: () => asked.reads++,
    rest: () => (++asked.rests % 10 === 0 ? 0 : null),
  };
  return { said, asked };
}

it('costs nothing in one piece', async () => {
  const { said, asked: was } = counting();
  expect(await asked(TEXT.length, said)).toBe(TEXT);
  expect(was).toEqual({ reads: 1, rests: 0 });
});

it('is read at a pace in crumbs, and comes whole', async () => {
  const { said, asked: was } = counting();
  expect(await asked(3, said)).toBe(TEXT);
  expect(was.reads).toBeGreaterThan(20);
  expect(was.rests).toBe(was.reads - 1);
});
