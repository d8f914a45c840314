// SPDX-License-Identifier: Apache-2.0
/** The gateway's end of the control socket: only the gateway's own user can open it, and every request is answered or refused in words. */
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { LineReader } from './line-reader.js';
import { controlMethods, type ControlTargets } from './methods.js';
import {
  ControlError,
  type ControlHandler,
  MAX_REQUEST,
  printError,
  printResult,
  readRequest,
} from './protocol.js';
import { checkPathLength, clearStale, closeToOthers, prepareFolder } from './socket-file.js';

export interface ControlServer {
  close(): Promise<void>;
}

export interface ControlServerOptions {
  readonly path: string;
  readonly methods: ReadonlyMap<string, ControlHandler>;
  readonly onFault: (error: Error) => void;
}

const MAX_CONNECTIONS = 32;
const IDLE_MS = 60_000;

/** Opens the control socket of a gateway; see methods.ts for what it answers. */
export function serveControl(
  path: string,
  targets: ControlTargets,
  onFault: (error: Error) => void,
): Promise<ControlServer> {
  return openControl({ path, methods: controlMethods(targets), onFault });
}

/** Opens the socket; refuses to when another gateway answers there or others could reach it. */
export async function openControl(options: ControlServerOptions): Promise<ControlServer> {
  const { path } = options;
  checkPathLength(path);
  prepareFolder(path);
  await clearStale(path);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, path);
  const inode = lstatSync(path).ino;
  try {
    closeToOthers(path);
  } catch (error) {
    server.close();
    throw error;
  }
  server.on('error', options.onFault);
  return { close: () => close(server, sockets, path, inode) };
}

/** The socket is made under a umask that leaves others nothing, so that it is never open, not even before chmod. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const help = 'the folder must be writable by the user who runs the gateway';
      reject(
        new ControlError(
          'listen',
          `cannot open the control socket ${path}: ${error.code ?? error.message}`,
          help,
        ),
      );
    };
    server.once('error', fail);
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', fail);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function close(server: Server, sockets: ReadonlySet<Socket>, path: string, inode: number): Promise<void> {
  // A gateway that was started meanwhile may own the name now; node would remove its socket.
  const mine = lstatSync(path, { throwIfNoEntry: false })?.ino === inode;
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
    if (mine && lstatSync(path, { throwIfNoEntry: false }) !== undefined) unlinkSync(path);
  });
}

/** One connection: its requests are answered one after the other. */
function serve(socket: Socket, options: ControlServerOptions): void {
  const reader = new LineReader(MAX_REQUEST);
  let queue: Promise<void> = Promise.resolve();
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const lines = reader.push(chunk);
    if (lines === 'overflow') {
      socket.removeAllListeners('data');
      socket.end(
        printError(
          null,
          new ControlError('size', `a request is longer than ${MAX_REQUEST} bytes`, 'send less'),
        ),
      );
      return;
    }
    if (lines.length === 0) return;
    socket.pause();
    queue = queue.then(async () => {
      for (const line of lines) await reply(socket, await answer(line, options));
      socket.resume();
    });
  });
}

function reply(socket: Socket, text: string): Promise<void> {
  if (socket.destroyed || socket.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}

async function answer(line: Uint8Array, options: ControlServerOptions): Promise<string> {
  let id: number | null = null;
  try {
    const request = readRequest(line);
    id = request.id;
    const handler = options.methods.get(request.method);
    if (handler === undefined) {
      const known = [...options.methods.keys()].join(', ');
      throw new ControlError(
        'method',
        `the gateway has no method ${JSON.stringify(request.method)}`,
        `it has ${known}`,
      );
    }
    return printResult(request.id, await handler(request.params));
  } catch (error) {
    if (error instanceof ControlError) return printError(id, error);
    options.onFault(error instanceof Error ? error : new Error(String(error)));
    return printError(
      id,
      new ControlError('internal', 'the gateway could not do it', 'see its own messages'),
    );
  }
}
