// SPDX-License-Identifier: Apache-2.0
// An HTTP server may end or reset its connection, or send crumbs without end, while nothing of it is read: that neither ends the gateway nor
// fills its memory. What was sent before an end is read in full.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { connector } from '../../../runtime/gateway/upstream/connect.js';

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
let server: Server | null = null;
let pool: Pool | null = null;
let peer: Socket | null = null;
afterEach(async () => {
  peer?.destroy();
  await pool?.destroy();
  server?.close();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Got {
  readonly controller: Dispatcher.DispatchController;
  readonly text: () => string;
  readonly bytes: () => number;
  readonly over: Promise<string>;
}

/** Asks a server that answers so, and pauses at each piece of what it says. */
async function pausing(answer: (socket: Socket) => void): Promise<Got> {
  server = createServer((socket) => {
    peer = socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { connect: connector() });
  const parts: Buffer[] = [];
  let controller: Dispatcher.DispatchController | null = null;
  let begun = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const over = new Promise<string>((resolve) => {
    pool?.dispatch(
      { path: '/', method: 'GET' },
      {
        onRequestStart: (own) => {
          controller = own;
        },
        onResponseStart: () => undefined,
        onResponseData: (own, chunk) => {
          // Going on where there is nothing gives an empty piece.
          if (chunk.length === 0) return;
          parts.push(chunk);
          own.pause();
          begun();
        },
        onResponseEnd: () => resolve('ended'),
        onResponseError: (_, error) => resolve(error.message),
      },
    );
  });
  await first;
  if (controller === null) throw new Error('no request');
  return {
    controller,
    over,
    text: () => Buffer.concat(parts).toString(),
    bytes: () => parts.reduce((sum, { length }) => sum + length, 0),
  };
}

/** Lets it go on until it is over. */
async function toTheEnd({ controller, over }: Got): Promise<string> {
  let said: string | null = null;
  void over.then((how) => (said = how));
  while (said === null) {
    controller.resume();
    await sleep(1);
  }
  return said;
}

const LATER = 30;

it.each([
  ['with nothing more', '', '{"a":'],
  ['after the rest', '1}', '{"a":1}'],
])('takes an end %s while it is paused', async (_, rest, text) => {
  const got = await pausing((socket) => {
    socket.write(`${HEAD}connection: close\r\n\r\n{"a":`);
    setTimeout(() => socket.end(rest), LATER);
  });
  await sleep(3 * LATER);
  expect(await toTheEnd(got)).toBe('ended');
  expect(got.text()).toBe(text);
});

it('takes an end in the middle of what was announced for a break', async () => {
  const got = await pausing((socket) => {
    socket.write(`${HEAD}content-length: 100\r\n\r\n{"a":`);
    setTimeout(() => socket.end(), LATER);
  });
  await sleep(3 * LATER);
  expect(await toTheEnd(got)).toBe('other side closed');
});

it('takes an end after all that was announced for what it is', async () => {
  const got = await pausing((socket) => {
    socket.write(`${HEAD}content-length: 7\r\nconnection: close\r\n\r\n{"a":`);
    setTimeout(() => socket.end('1}'), LATER);
  });
  await sleep(3 * LATER);
  expect(await toTheEnd(got)).toBe('ended');
  expect(got.text()).toBe('{"a":1}');
});

it('takes a reset while it is paused for a break, not for an end', async () => {
  const got = await pausing((socket) => {
    socket.write(`${HEAD}connection: close\r\n\r\n{"a":`);
    setTimeout(() => socket.resetAndDestroy(), LATER);
  });
  await sleep(3 * LATER);
  expect(await toTheEnd(got)).toBe('the connection was reset');
});

it('takes the end of a connection that nobody uses', async () => {
  const got = await pausing((socket) => {
    socket.write(`${HEAD}content-length: 7\r\n\r\n{"a":1}`);
    setTimeout(() => socket.end(), 3 * LATER);
  });
  expect(await toTheEnd(got)).toBe('ended');
  await expect.poll(() => peer?.destroyed).toBe(true);
});

it('holds no more than it read at first, however often it is paused', async () => {
  const crumbs = '1\r\nx\r\n'.repeat(20_000);
  const got = await pausing((socket) => {
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const more = (): void => {
      while (socket.write(crumbs));
      socket.once('drain', more);
    };
    more();
  });
  const taken = (): number => peer?.bytesWritten ?? 0;
  for (let i = 0; i < 20; i++) {
    got.controller.resume();
    await sleep(1);
  }
  // The kernel's own buffers are full by now.
  await sleep(200);
  const before = taken() - (peer?.writableLength ?? 0);
  for (let i = 0; i < 200; i++) {
    got.controller.resume();
    await sleep(1);
  }
  expect(got.bytes()).toBe(221);
  expect(taken() - (peer?.writableLength ?? 0) - before).toBeLessThan(1024 * 1024);
});
