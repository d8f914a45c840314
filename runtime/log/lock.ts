// SPDX-License-Identifier: Apache-2.0
/**
 * One process writes a log. The lock is a listening socket, because the kernel closes it when the process dies, however it dies,
 * and no file is left to be judged. On Linux two of them: an abstract one named after the folder decides between processes that
 * start at once; one in the folder itself is seen from other containers that mount it, where abstract names are not.
 */
import { closeSync, openSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { sha256 } from '../verify/format/hash.js';
import { LogFailure, LogHeld } from './failure.js';

export interface Lock {
  /** False once the socket in the folder is not this process's any more: someone removed it, or took the log over. */
  isHeld(): boolean;
  release(): Promise<void>;
}

const LINUX = process.platform === 'linux';
const SOCKET = 'writer.sock';
/** What a file system that knows no sockets answers. */
const NO_SOCKETS = ['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EINVAL', 'ENOSYS'];
/** What connecting to a socket of a dead process, or to none, answers. */
const NOBODY = ['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'];

/** Takes the lock, or throws a `LogHeld` that names the process which has it. */
export async function lockFolder(dir: string): Promise<Lock> {
  const servers: Server[] = [];
  const folder = LINUX ? openSync(dir, 'r') : null;
  let inode: number | null = null;
  const release = async (): Promise<void> => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (folder !== null) closeSync(folder);
  };
  try {
    if (LINUX) {
      servers.push(await listen(`\0sepal-log-${sha256(realpathSync(dir)).toString('hex')}`, dir));
    }
    const own = await listenIn(dir, folder);
    if (own !== null) {
      servers.push(own);
      inode = inodeOf(join(dir, SOCKET));
    }
    writeFileSync(join(dir, 'writer.pid'), `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    await release();
    throw error;
  }
  return { release, isHeld: () => inode === null || inodeOf(join(dir, SOCKET)) === inode };
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

/** A socket file that nobody answers on belongs to a process that is gone. */
async function listenIn(dir: string, folder: number | null): Promise<Server | null> {
  const path = join(dir, SOCKET);
  // The name of a socket is short (108 bytes on Linux); through the descriptor any folder will do.
  const short = folder === null ? path : `/proc/self/fd/${folder}/${SOCKET}`;
  if (await isAnswered(short)) throw held(dir);
  rmSync(path, { force: true });
  try {
    return await listen(short, dir);
  } catch (error) {
    const { code = '' } = (error instanceof Error ? (error.cause ?? {}) : {}) as { readonly code?: string };
    if (folder !== null && NO_SOCKETS.includes(code)) return null;
    throw error;
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(!NOBODY.includes(error.code ?? '')));
  });
}

function listen(name: string, dir: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = `cannot lock ${dir}: ${error.message}; the log folder must be on a local disk`;
      reject(error.code === 'EADDRINUSE' ? held(dir) : new LogFailure(why, { cause: error }));
    });
    server.listen(name, () => resolve(server.unref()));
  });
}

function held(dir: string): LogHeld {
  const pid = holder(dir);
  const who = pid === null ? 'another process' : `process ${pid}`;
  return new LogHeld(
    `${who} writes the log in ${dir} already; one log has one writer: stop it, or use another \`receipts.dir\``,
  );
}

/** For the message only. */
function holder(dir: string): number | null {
  try {
    const pid = Number(readFileSync(join(dir, 'writer.pid'), 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
