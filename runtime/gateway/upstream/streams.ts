// SPDX-License-Identifier: Apache-2.0
/**
 * What an HTTP server answers, and says without being asked. A stream that ends before its answer is gone on with where its server said from
 * where (event ids): servers may close streams to have clients come back later (MCP 2025-11-25, transports, "Resumability and Redelivery").
 */
import { setTimeout as setTimeoutUntil } from 'node:timers/promises';
import { Client } from 'undici';
import type { Passing } from '../../passing.js';
import { sseReader } from '../wire/sse.js';
import { type ChannelEvents, sizeOf } from './channel.js';
import { connector } from './connect.js';
import { type Meter, pause, unasked } from './meter.js';
import { endOfLine } from './paced.js';
import type { Reach } from './reach.js';
import { type Asked, ask, type Head, mediaTypeOf } from './request.js';

export const MAX_ANSWER = 16 * 1024 * 1024;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** However soon a server wants to be asked again. */
const LEAST_RETRY_MS = 100;
/** So many times in a row a stream may break, or not begin, and bring nothing. */
const MAX_TRIES = 5;
const STREAM = 'text/event-stream';

export interface Line {
  readonly reach: Reach;
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly events: ChannelEvents;
  readonly running: Passing<number, Run>;
  /** Of all its streams together. */
  readonly said: Meter;
  /** Ends the stream for what belongs to no request. */
  readonly stop: AbortController;
  session: string | null;
  revision: string | null;
}

/** A request and what is asked to go on with its answer. */
export interface Run {
  asked: Asked;
  left: boolean;
  /** Ends the wait before it is gone on with: a server may want a long one. */
  wake?: () => void;
}

/** Its answer is not wanted any more. */
export function leave(run: Run | undefined): void {
  if (run === undefined) return;
  run.left = true;
  run.asked.leave();
  run.wake?.();
}

/** `own` in place of what the session needs. */
export function headersOf(line: Line, own?: { readonly [name: string]: string }): { [name: string]: string } {
  const headers: { [name: string]: string } = Object.assign({}, line.headers, own);
  if (own !== undefined) return headers;
  if (line.session !== null) headers['mcp-session-id'] = line.session;
  if (line.revision !== null) headers['mcp-protocol-version'] = line.revision;
  return headers;
}

export const isJson = (type: string | readonly string[] | undefined): boolean =>
  mediaTypeOf(type) === 'application/json';

export const codeOf = (error: unknown): string => {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return typeof code === 'string' ? code : String(name);
};

/** The answer to one request to its end; `resumes` where its stream may be gone on with. */
export async function read(
  line: Line,
  id: number | null,
  run: Run,
  { headers, body }: Head,
  resumes: boolean,
): Promise<void> {
  try {
    if (body instanceof Promise) {
      const parts = await body;
      const size = sizeOf(parts);
      if (!isJson(headers['content-type'])) {
        line.said.said(size);
        if (size > 0) line.events.noise(size);
      } else unasked(line.said, size, line.events.message(parts, id));
    } else if (id === null || !resumes) await stream(line, body, id, newPlace());
    else await follow(line, body, id, run);
    if (id !== null) line.events.lost(id, 'the stream ended without an answer');
  } catch (error) {
    leave(run);
    const why = error instanceof RangeError ? error.message : `the answer broke off (${codeOf(error)})`;
    if (id !== null) line.events.lost(id, why);
  } finally {
    if (id !== null) line.running.delete(id);
  }
}

/** Where a stream stands. */
interface Place {
  /** From where it can be gone on with. */
  id: string | null;
  retryMs: number | null;
  /** An answer that was waited for came. */
  answered: boolean;
}

const newPlace = (): Place => ({ id: null, retryMs: null, answered: false });

/** The stream of a request, and those that go on with it, until its answer has come; how long that may take is for the caller to say. */
async function follow(line: Line, first: AsyncIterable<Buffer>, id: number, run: Run): Promise<void> {
  const place = newPlace();
  let next = async (): Promise<AsyncIterable<Buffer> | null> => first;
  for (let tries = 0; ; ) {
    const from = place.id;
    let broke: unknown = null;
    try {
      const body = await next();
      if (body === null) return;
      await stream(line, body, id, place, body === first ? undefined : run.asked);
    } catch (error) {
      if (error instanceof RangeError || run.left) throw error;
      broke = error;
    }
    if (place.answered || run.left) return;
    const stands = place.id === from;
    tries = stands && broke !== null ? tries + 1 : 0;
    if (place.id === null || tries > MAX_TRIES) {
      if (broke !== null) throw broke;
      return;
    }
    line.said.again();
    const least = stands ? FIRST_RETRY_MS : 0;
    await sleep(run, Math.max(least, place.retryMs ?? FIRST_RETRY_MS, line.said.rest() ?? 0));
    if (run.left) return;
    next = () => again(line, place, run);
  }
}

const sleep = (run: Run, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    run.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });

/** Asks for the rest of a stream; null where the server does not give it. Nothing is run by this, however often. */
async function again(line: Line, place: Place, run: Run): Promise<AsyncIterable<Buffer> | null> {
  run.asked = ask(line.reach.pool, listening(line, place), { cap: MAX_ANSWER, said: line.said });
  const { status, body } = await run.asked.head;
  if (status === 200 && !(body instanceof Promise)) return body;
  run.asked.leave();
  return null;
}

const listening = (line: Line, { id }: Place) => ({
  path: line.path,
  method: 'GET' as const,
  headers: { ...headersOf(line), accept: STREAM, ...(id === null ? {} : { 'last-event-id': id }) },
});

/** An event stream to its end, as fast as the meter lets; or to its answer, where it is `asked` of a server that may keep it open. */
async function stream(
  { events, said }: Line,
  body: AsyncIterable<Buffer>,
  id: number | null,
  place: Place,
  asked?: Asked,
): Promise<void> {
  /** In the middle of an event that is long already: all that comes of it costs little. */
  let long = false;
  /** Large messages are read one after the other. */
  let reading = Promise.resolve();
  const heard = (waited: boolean): void => {
    if (!waited) return;
    place.answered = true;
    asked?.leave();
  };
  const take = sseReader(MAX_ANSWER, {
    message: (data, size) => {
      long = false;
      const waited = events.message(data, id);
      unasked(said, size, waited);
      if (typeof waited === 'boolean') heard(waited);
      else reading = waited.then(heard);
    },
    place: (from) => {
      place.id = from;
    },
    retry: (ms) => {
      place.retryMs = Math.max(ms, LEAST_RETRY_MS);
    },
    nothing: (length) => {
      long = false;
      said.dropped(length, true);
    },
    growing: (bytes) => {
      long = true;
      said.growing(bytes);
    },
  });
  try {
    for await (const chunk of body) {
      said.read(chunk.length);
      for (let at = 0; at < chunk.length; ) {
        const to = Math.max(long ? endOfLine(chunk, at) : 0, Math.min(chunk.length, at + said.piece()));
        take(chunk.subarray(at, to));
        at = to;
        const ms = said.rest();
        if (ms !== null) await pause(ms);
      }
    }
  } finally {
    await reading;
  }
}

/**
 * The stream of what belongs to no request: changed lists, updates. It has a connection of its own; a server that has no such stream says so
 * with its status, a broken one is opened again, later each time.
 */
export async function listen(line: Line, origin: string, timeoutMs: number): Promise<void> {
  const { signal } = line.stop;
  const client = new Client(origin, { bodyTimeout: 0, headersTimeout: timeoutMs, connect: connector() });
  const place = newPlace();
  let heard = false;
  for (let delay = FIRST_RETRY_MS; !signal.aborted; delay = Math.min(delay * 2, LAST_RETRY_MS)) {
    const from = place.id;
    const asked = ask(client, listening(line, place), { cap: MAX_ANSWER, said: line.said });
    const end = (): void => asked.leave();
    signal.addEventListener('abort', end, { once: true });
    try {
      const { status, body } = await asked.head;
      if (status === 200 && !(body instanceof Promise)) {
        delay = FIRST_RETRY_MS;
        heard = true;
        await stream(line, body, null, place);
      } else {
        asked.leave();
        // It spoke before and knows the session no more: it has begun again.
        if (status === 404 && heard)
          line.events.closed('the session at the server has ended', 'the session has ended');
        if (status < 500 && (status === 404 || from === null)) break;
        // It may have forgotten from where to go on.
        place.id = null;
      }
    } catch {
      // What a broken stream would have said is not known; lists are read again from time to time.
    } finally {
      signal.removeEventListener('abort', end);
    }
    line.said.again();
    const told = place.id === from ? Math.max(delay, place.retryMs ?? 0) : (place.retryMs ?? delay);
    const wanted = Math.max(told, line.said.rest() ?? 0);
    await setTimeoutUntil(wanted, undefined, { signal, ref: false }).catch(() => undefined);
  }
  await client.destroy().catch(() => undefined);
}
