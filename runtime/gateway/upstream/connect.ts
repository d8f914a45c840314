// SPDX-License-Identifier: Apache-2.0
/**
 * Connections on which undici's HTTP/1 parser can be paused at any place, whatever the server does meanwhile. By themselves (7.30, nodejs/undici
 * issue 5360; mended in 8, which needs Node 22) an end or a reset that comes while it is paused fails an assertion that nobody can catch; and what
 * it puts back when it is paused is not counted against what the socket may hold, which then holds, and copies, more at each pause.
 */
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

export const CONNECT_MS = 5000;
/** What Node takes from a connection at once. */
const SLICE = 64 * 1024;

export function connector(): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_MS });
  return (options, done) =>
    connect(options, (...[error, socket]) => {
      if (error === null) done(null, pausable(socket));
      else done(error, null);
    });
}

/** It gives what it holds slice by slice, its end only to whoever has read the rest, and its reset under a name that undici takes for no end. */
function pausable<S extends Socket>(socket: S): S {
  const read = socket.read.bind(socket);
  const push = socket.push.bind(socket);
  const destroy = socket.destroy.bind(socket);
  let ending = false;
  let asking = false;
  const end = (): void => {
    ending = false;
    push(null);
    read(0);
  };
  /** A parser that is not paused reads until there is nothing; one that goes on reads once before it is known whether it stays so. */
  const ask = (): void => {
    asking = true;
    socket.emit('readable');
    asking = false;
  };
  return Object.assign(socket, {
    push: (bytes: unknown, encoding?: BufferEncoding) => {
      if (bytes !== null) return push(bytes, encoding);
      ending = true;
      ask();
      return false;
    },
    read: (size?: number) => {
      const bytes = read(size ?? (Math.min(SLICE, socket.readableLength) || undefined));
      if (bytes !== null || !ending) return bytes;
      if (asking && size === undefined) end();
      else process.nextTick(ask);
      return null;
    },
    destroy: (error?: Error) => destroy(isReset(error) ? new Reset() : error),
  });
}

const isReset = (error: Error | undefined): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';

class Reset extends Error {
  readonly code = 'RESET';
  constructor() {
    super('the connection was reset');
  }
}
