// SPDX-License-Identifier: Apache-2.0
/**
 * One process writes a log. On Linux an abstract socket named after the folder is the lock: the kernel frees it when the process
 * dies, however it dies. Elsewhere a file with the process id, taken over when that process is gone.
 */
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { sha256 } from '../verify/format/hash.js';
import { LogHeld } from './failure.js';

export interface Lock {
  release(): void;
}

export async function lockFolder(dir: string): Promise<Lock> {
  const file = join(dir, 'writer.pid');
  if (process.platform === 'linux') {
    const server = await listen(`\0sepal-log-${sha256(realpathSync(dir)).toString('hex')}`, dir, file);
    writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
    return { release: () => void server.close() };
  }
  const pid = holder(file);
  if (pid !== null && pid !== process.pid && isAlive(pid)) throw held(dir, pid);
  writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  return { release: () => rmSync(file, { force: true }) };
}

function listen(name: string, dir: string, file: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => reject(held(dir, holder(file))));
    server.listen(name, () => resolve(server.unref()));
  });
}

function held(dir: string, pid: number | null): LogHeld {
  const who = pid === null ? 'another process' : `process ${pid}`;
  return new LogHeld(
    `${who} writes the log in ${dir} already; one log has one writer: stop it, or use another \`receipts.dir\``,
  );
}

function holder(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
