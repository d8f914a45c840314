// SPDX-License-Identifier: Apache-2.0
/**
 * Connections on which undici's HTTP/1 parser can be paused at any place, whatever the server does meanwhile. By themselves (7.30, nodejs/undici
 * issue 5360; mended in 8, which needs Node 22) an end or a reset that comes while it is paused fails an assertion that nobody can catch; and what
 * it puts back when it is paused is not counted against what the socket may hold, which then holds, and copies, more at each pause. Nor does it
 * bound what comes besides answers: interim responses (RFC 9110, 15.2) and extensions of chunks (RFC 9112, 7.1.1).
 */
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

export const CONNECT_MS = 5000;
/** What Node takes from a connection at once. */
const SLICE = 64 * 1024;
/** Of bytes that are no part of an answer; each byte that is one makes up for some, since a chunk of one has six. */
const MAX_BESIDE = 256 * 1024;
const BESIDE_A_BYTE = 64;

export function connector(): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_MS });
  return (options, done) =>
    connect(options, (...[error, socket]) => {
      if (error === null) done(null, pausable(socket));
      else done(error, null);
    });
}

/** What the parser works on was read last: it does so at once. */
let last = { beside: 0, pieces: 0 };

/** What is being parsed held all that comes before the body of an answer. */
export function begun(): void {
  last.beside = 0;
}

/** What is being parsed held so many bytes of an answer's body; gives how many such pieces it held so far. */
export function held(bytes: number): number {
  last.beside = Math.max(0, last.beside - bytes * BESIDE_A_BYTE);
  return ++last.pieces;
}

/** It gives what it holds slice by slice, its end only to whoever has read the rest, and its reset under a name that undici takes for no end. */
function pausable<S extends Socket>(socket: S): S {
  const [read, push, unshift, destroy] = [
    socket.read.bind(socket),
    socket.push.bind(socket),
    socket.unshift.bind(socket),
    socket.destroy.bind(socket),
  ];
  const own = { beside: 0, pieces: 0 };
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
  const slice = (): Buffer | null => {
    if (own.beside > MAX_BESIDE) {
      destroy(new Broken('NOISE', 'the server sends what is no part of an answer'));
      return null;
    }
    const bytes = read(Math.min(SLICE, socket.readableLength) || undefined) as Buffer | null;
    own.beside += bytes?.length ?? 0;
    own.pieces = 0;
    last = own;
    return bytes;
  };
  return Object.assign(socket, {
    push: (bytes: unknown, encoding?: BufferEncoding) => {
      if (bytes !== null) return push(bytes, encoding);
      ending = true;
      ask();
      return false;
    },
    unshift: (bytes: Buffer) => {
      own.beside -= bytes.length;
      unshift(bytes);
    },
    read: (size?: number) => {
      const bytes = size === undefined ? slice() : read(size);
      if (bytes !== null || !ending) return bytes;
      if (asking && size === undefined) end();
      else process.nextTick(ask);
      return null;
    },
    destroy: (error?: Error) =>
      destroy(isReset(error) ? new Broken('RESET', 'the connection was reset') : error),
  });
}

const isReset = (error: Error | undefined): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';

class Broken extends Error {
  readonly code: string;
  constructor(code: string, why: string) {
    super(why);
    this.code = code;
  }
}
