// SPDX-License-Identifier: Apache-2.0
/** The socket as a file: its permissions are the authentication, so both ends look before they trust. */
import { chmodSync, lstatSync, mkdirSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ControlError } from './protocol.js';

/** Of `sun_path`, with the closing NUL. */
const MAX_PATH = 107;

export function checkPathLength(path: string): void {
  if (Buffer.byteLength(path) <= MAX_PATH) return;
  const message = `the control socket's path is longer than ${MAX_PATH} bytes: ${path}`;
  throw new ControlError('path', message, 'keep sepal.json in a folder with a shorter path');
}

/** What is wrong with the file as a control socket of this user, or null. */
export function socketFault(path: string, stats: Stats = lstatSync(path)): string | null {
  if (!stats.isSocket()) return 'it is not a socket';
  const me = process.getuid?.();
  if (me !== undefined && stats.uid !== me) return 'it belongs to another user';
  return (stats.mode & 0o077) === 0
    ? null
    : `it is open to other users (mode 0${(stats.mode & 0o777).toString(8)})`;
}

/** Makes the folder (0700) where it is missing, and refuses one in which others could put a socket of their own. */
export function prepareFolder(path: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = statSync(folder);
  const me = process.getuid?.();
  const foreign = me !== undefined && stats.uid !== me && stats.uid !== 0;
  if (!foreign && (stats.mode & 0o022) === 0) return;
  const message = `other users can write in ${folder}, where the control socket stands`;
  throw new ControlError('permissions', message, `run: chmod 700 ${folder}`);
}

/** Removes the socket of a gateway that is gone; throws when one still answers, or when the file is no socket. */
export async function clearStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new ControlError(
      'path',
      `${path} is in the way: it is not a socket`,
      'move it elsewhere and start again',
    );
  }
  if (await answers(path)) {
    throw new ControlError(
      'running',
      `a gateway is running already at ${path}`,
      'stop it first, or use another sepal.json',
    );
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(1000, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** Closes the file to everybody else and makes sure of it. */
export function closeToOthers(path: string): void {
  chmodSync(path, 0o600);
  const fault = socketFault(path);
  if (fault !== null)
    throw new ControlError(
      'permissions',
      `the control socket ${path} cannot be trusted: ${fault}`,
      'use a local file system with permissions',
    );
}
