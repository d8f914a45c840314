// SPDX-License-Identifier: Apache-2.0
/** The gateway behind stdio (`sepal wrap`): one client, its principal from the operator's configuration. */
import { Ending } from '../../ending.js';
import type { Readable, Writable } from 'node:stream';
import type { Caller } from '../caller.js';
import { type Connection, endConnection, type Handle, newConnection } from '../connection.js';
import { oneLine } from '../large/lines.js';
import type { LargeMessages } from '../large/service.js';
import { claimed, modernConnection } from '../modern/envelope.js';
import { lineSplitter } from '../wire/lines.js';
import { type ClientMessage, MESSAGE_LIMITS, PARSE_ERROR, readMessage } from '../wire/message.js';
import type { Outgoing } from '../wire/reply.js';

export interface StdioFront {
  readonly connection: Connection;
  /** Resolves when the client has closed its side and all answers are out. */
  readonly ended: Promise<void>;
}

const MAX_LINE = MESSAGE_LIMITS.size * 3;
/** A client that does not read: past this nothing is notified, and nothing more is taken from it until it has read. */
const MAX_QUEUED = 8 * 1024 * 1024;
const TOO_LONG: ClientMessage = {
  kind: 'refused',
  id: null,
  code: PARSE_ERROR,
  message: `a message is at most ${MAX_LINE} bytes`,
};
/** After the client has closed its side, what runs may still finish for this long. */
const LAST_ANSWERS_MS = 10_000;

/** The connection that a message belongs to: requests of 2026-07-28 have one each, and their ids are the connection's. */
function speaking(connection: Connection, message: ClientMessage): Connection {
  if (message.kind !== 'request') return connection;
  const modern = claimed(message.params) !== undefined || message.method === 'server/discover';
  return modern
    ? { ...modernConnection(connection.caller, message.params), running: connection.running }
    : connection;
}

const inOneLine = (text: string): string =>
  text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, ' ') : text;

/** `identify` gives the caller afresh for each message, since its session may have gone idle. */
export function serveStdio(
  io: { readonly input: Readable; readonly output: Writable },
  identify: () => Caller,
  handle: Handle,
  large: Pick<LargeMessages, 'message'>,
): StdioFront {
  const connection = newConnection(identify());
  const gone = new Ending();
  const pending = new Set<Promise<void>>();
  // A raw answer may hold line breaks between tokens; inside JSON strings they cannot stand.
  const write = (text: Outgoing): void => {
    if (!io.output.writable) return;
    if (typeof text === 'string') io.output.write(`${inOneLine(text)}\n`);
    else {
      io.output.write(oneLine(text.bytes));
      io.output.write('\n', () => text.done?.());
    }
  };
  const notify = (text: string): boolean => {
    if (!io.output.writable || io.output.writableLength >= MAX_QUEUED) return false;
    write(text);
    return true;
  };
  connection.push = (text) => void notify(text);
  const take = async (message: ClientMessage): Promise<void> => {
    connection.caller = identify();
    const answer = await handle(speaking(connection, message), message, { notify, gone });
    if (answer === null) return;
    write(answer);
    if (io.output.writableLength < MAX_QUEUED || io.input.isPaused()) return;
    io.input.pause();
    io.output.once('drain', () => io.input.resume());
  };
  const begin = (work: Promise<void>): void => {
    const own = work.finally(() => pending.delete(own));
    pending.add(own);
  };
  /** While a large message is read, what came behind it waits: a client may cancel it, or say what it builds on. */
  let reading: Promise<void> | null = null;
  const takeLarge = async (parts: readonly Buffer[]): Promise<void> => {
    const before = reading;
    const read = (before ?? Promise.resolve()).then(() => large.message(parts));
    const done = read.then(() => {
      if (reading === done) reading = null;
    });
    reading = done;
    const { message, leave } = await read;
    await take(message).finally(leave);
  };
  const took = (bytes: Buffer): void => {
    if (reading === null) begin(take(readMessage(bytes, MESSAGE_LIMITS)));
    else begin(reading.then(() => take(readMessage(bytes, MESSAGE_LIMITS))));
  };
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      gone.end();
      const late = setTimeout(() => endConnection(connection), LAST_ANSWERS_MS);
      void Promise.allSettled(pending).then(() => {
        clearTimeout(late);
        resolve();
      });
    };
    io.input.on(
      'data',
      lineSplitter(MAX_LINE, {
        line: took,
        large: (parts) => begin(takeLarge(parts)),
        tooLong: () => begin(take(TOO_LONG)),
      }),
    );
    io.input.once('end', end);
    io.input.once('error', end);
    io.output.once('error', end);
  });
  return { connection, ended };
}
