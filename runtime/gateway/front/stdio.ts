// SPDX-License-Identifier: Apache-2.0
/** The gateway behind stdio (`sepal wrap`): one client, its principal from the operator's configuration. */
import type { Readable, Writable } from 'node:stream';
import { DEFAULT_LIMITS } from '../../verify/format/json.js';
import type { Caller } from '../caller.js';
import { type Connection, endConnection, type Handle, newConnection } from '../connection.js';
import { lineSplitter } from '../wire/lines.js';
import { PARSE_ERROR, readMessage } from '../wire/message.js';
import { errorOf } from '../wire/reply.js';

export interface StdioFront {
  readonly connection: Connection;
  /** Resolves when the client has closed its side and all answers are out. */
  readonly ended: Promise<void>;
}

const MAX_LINE = DEFAULT_LIMITS.size * 3;
/** After the client has closed its side, what runs may still finish for this long. */
const LAST_ANSWERS_MS = 10_000;

/** `identify` gives the caller afresh for each message, since its session may have gone idle. */
export function serveStdio(
  io: { readonly input: Readable; readonly output: Writable },
  identify: () => Caller,
  handle: Handle,
): StdioFront {
  const connection = newConnection(identify());
  const gone = new AbortController();
  const pending = new Set<Promise<void>>();
  // A raw answer may hold line breaks between tokens; inside JSON strings they cannot stand.
  const write = (text: string): void => {
    if (io.output.writable)
      io.output.write(
        `${text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, ' ') : text}\n`,
      );
  };
  connection.push = write;
  const take = async (bytes: Buffer): Promise<void> => {
    connection.caller = identify();
    const answer = await handle(connection, readMessage(bytes, DEFAULT_LIMITS), {
      notify: write,
      gone: gone.signal,
    });
    if (answer !== null) write(answer);
  };
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      gone.abort();
      const late = setTimeout(() => endConnection(connection), LAST_ANSWERS_MS);
      void Promise.allSettled(pending).then(() => {
        clearTimeout(late);
        resolve();
      });
    };
    io.input.on(
      'data',
      lineSplitter(MAX_LINE, {
        line: (bytes) => {
          const work = take(bytes).finally(() => pending.delete(work));
          pending.add(work);
        },
        tooLong: () => write(errorOf(null, PARSE_ERROR, `a message is at most ${MAX_LINE} bytes`)),
      }),
    );
    io.input.once('end', end);
    io.input.once('error', end);
    io.output.once('error', end);
  });
  return { connection, ended };
}
