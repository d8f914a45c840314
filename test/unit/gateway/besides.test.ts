// SPDX-License-Identifier: Apache-2.0
// What an HTTP server sends that is no part of an answer (interim responses, extensions of chunks) is read up to a bound; some is nothing amiss.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Pool } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { connector } from '../../../runtime/gateway/upstream/connect.js';
import { DEFAULT_SHARE } from '../../../runtime/config.js';
import { meter } from '../../../runtime/gateway/upstream/meter.js';
import { ask } from '../../../runtime/gateway/upstream/request.js';

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n';
const HINT = 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n';
const LONG = 'e'.repeat(15_000);
const EXTENDED = `1;${LONG}\r\nx\r\n`;
const LAST = '0\r\n\r\n';

let end = async (): Promise<void> => undefined;
afterEach(() => end());

/** Gives a function that asks a server which answers so. */
async function asking(answer: (socket: Socket) => void): Promise<() => Promise<string>> {
  const server = createServer((socket) =>
    socket.on('error', () => undefined).on('data', () => answer(socket)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pool = new Pool(origin, { connect: connector(), connections: 1 });
  end = async () => {
    await pool.destroy();
    server.close();
  };
  const said = meter({ slowed: () => undefined }, DEFAULT_SHARE);
  return async () => {
    const { body } = await ask(pool, { path: '/', method: 'GET' }, { cap: 1e6, said }).head;
    return body instanceof Promise ? Buffer.concat([...(await body)]).toString() : 'a stream';
  };
}

it.each([
  ['interim responses', '', HINT.repeat(1000)],
  ['an extension of a chunk', `${HEAD}\r\n5;`, LONG],
  ['short chunks with long extensions', `${HEAD}\r\n`, EXTENDED],
])('breaks off %s without end', async (_, begin, more) => {
  let sent = (): number => 0;
  const one = await asking((socket) => {
    sent = () => socket.bytesWritten - socket.writableLength;
    socket.write(begin);
    const go = (): void => {
      while (socket.write(more));
      socket.once('drain', go);
    };
    go();
  });
  await expect(one()).rejects.toThrow('no part of an answer');
  // What was taken, and the buffers between.
  expect(sent()).toBeLessThan(12e6);
});

it('takes some', async () => {
  const text = `${HINT.repeat(100)}${HEAD}\r\n${EXTENDED.repeat(5)}${'1\r\nx\r\n'.repeat(20_000)}${LAST}`;
  const one = await asking((socket) => socket.write(text));
  expect(await one()).toBe('x'.repeat(20_005));
});

it('does not sum it up over answers', async () => {
  const one = await asking((socket) => socket.write(`${HEAD}x-long: ${LONG}\r\n\r\n${EXTENDED}${LAST}`));
  for (let i = 0; i < 50; i++) expect(await one()).toBe('x');
});
