// SPDX-License-Identifier: Apache-2.0
/** The command's end of the control socket. */
import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';
import { LineReader } from './line-reader.js';
import { CONTROL_VERSION, ControlError, MAX_RESPONSE, readResponse } from './protocol.js';
import { checkPathLength, socketFault } from './socket-file.js';

const REQUEST_ID = 1;

/** Is there a socket file at all? A command may then do alone what no running gateway has to know. */
export function gatewayMayRun(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * Asks the running gateway; rejects with a ControlError: `not_running`, `permissions`, `timeout`, `protocol`, or what the gateway said.
 */
export async function controlCall(
  path: string,
  method: string,
  params: JsonObject = {},
  timeoutMs = 30_000,
): Promise<JsonValue> {
  checkPathLength(path);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw notRunning(path);
  const fault = socketFault(path, stats);
  if (fault !== null) {
    throw new ControlError(
      'permissions',
      `the control socket ${path} cannot be trusted: ${fault}`,
      'run as the user who runs the gateway',
    );
  }
  const request = `${JSON.stringify({ v: CONTROL_VERSION, id: REQUEST_ID, method, params })}\n`;
  return readResponse(await exchange(path, request, timeoutMs), REQUEST_ID);
}

function exchange(path: string, request: string, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const reader = new LineReader(MAX_RESPONSE);
    const fail = (error: ControlError): void => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(
        new ControlError(
          'timeout',
          `the gateway did not answer within ${timeoutMs} ms`,
          'see its own messages, then try again',
        ),
      );
    }, timeoutMs);
    socket.once('connect', () => socket.write(request));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(connectFault(path, error)));
    socket.on('data', (chunk: Buffer) => {
      const lines = reader.push(chunk);
      if (lines === 'overflow')
        fail(new ControlError('protocol', 'the answer of the gateway is too long', 'ask for less'));
      else if (lines[0] !== undefined) {
        resolve(lines[0]);
        socket.destroy();
      }
    });
    socket.once('close', () => {
      clearTimeout(timer);
      reject(
        new ControlError(
          'protocol',
          'the gateway closed the connection without an answer',
          'see its own messages, then try again',
        ),
      );
    });
  });
}

function connectFault(path: string, error: NodeJS.ErrnoException): ControlError {
  if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') return notRunning(path);
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new ControlError(
      'permissions',
      `no permission to open ${path}`,
      'run as the user who runs the gateway',
    );
  }
  return new ControlError(
    'protocol',
    `the connection to ${path} failed: ${error.code ?? error.message}`,
    'see the gateway’s own messages',
  );
}

function notRunning(path: string): ControlError {
  return new ControlError(
    'not_running',
    `no gateway is running at ${path}`,
    'start it with `sepal gateway` or `sepal wrap`, or name its configuration with --config',
  );
}
