// SPDX-License-Identifier: Apache-2.0
/** Streamable HTTP as upstream: pooled, no redirect followed, headers built from nothing, JSON and event-stream answers. */
import { Passing } from '../../passing.js';
import { Client } from 'undici';
import type { HttpServer } from '../../config.js';
import { sseReader } from '../wire/sse.js';
import { bodyOf } from '../wire/turns.js';
import { type Channel, type ChannelEvents, NotSent, Refused, sizeOf } from './channel.js';
import { type Meter, meter, pause, unasked } from './meter.js';
import { connector } from './connect.js';
import { endOfLine } from './paced.js';
import type { Reach } from './reach.js';
import { type Asked, ask, type Head, mediaTypeOf } from './request.js';

const MAX_ANSWER = 16 * 1024 * 1024;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
const FORBIDDEN = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);

/** The session at the upstream is gone: the request did not run, a new session is needed. */
export class SessionGone extends NotSent {}

interface Line {
  readonly reach: Reach;
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly events: ChannelEvents;
  readonly running: Passing<number, Asked>;
  /** Of all its streams together. */
  readonly said: Meter;
  /** Ends the stream for what belongs to no request. */
  readonly stop: AbortController;
  session: string | null;
  revision: string | null;
}

export async function openHttp(server: HttpServer, reach: Reach, events: ChannelEvents): Promise<Channel> {
  const url = new URL(server.url);
  const own = Object.entries(server.headers).filter(([name]) => !FORBIDDEN.has(name.toLowerCase()));
  const line: Line = {
    reach,
    path: url.pathname + url.search,
    headers: Object.fromEntries(own),
    events,
    running: new Passing(),
    said: meter(events, server.share),
    stop: new AbortController(),
    session: null,
    revision: null,
  };
  return {
    kind: 'http',
    send: (text, id, own) => post(line, text, id, own),
    negotiated: (revision) => {
      line.revision = revision;
    },
    listen: () => void listen(line, url.origin, server.timeoutMs),
    abandon: (id) => line.running.get(id)?.leave(),
    close: () => end(line),
  };
}

/** `own` in place of what the session needs. */
function headersOf(line: Line, own?: { readonly [name: string]: string }): { [name: string]: string } {
  const headers: { [name: string]: string } = Object.assign({}, line.headers, own);
  if (own !== undefined) return headers;
  if (line.session !== null) headers['mcp-session-id'] = line.session;
  if (line.revision !== null) headers['mcp-protocol-version'] = line.revision;
  return headers;
}

/** Resolves when the upstream has taken the message (its status is in); the answer is then read on its own. */
async function post(
  line: Line,
  text: string | Uint8Array,
  id: number | null,
  own?: { readonly [name: string]: string },
): Promise<void> {
  const attempt = line.reach.enter();
  const sent = bodyOf(text);
  const headers = headersOf(line, own);
  headers['content-type'] = 'application/json';
  headers['accept'] = 'application/json, text/event-stream';
  Object.assign(headers, sent.headers);
  const asked = ask(
    line.reach.pool,
    {
      path: line.path,
      method: 'POST',
      headers,
      body: sent.body,
      ...(own?.['mcp-method'] === 'subscriptions/listen' ? { bodyTimeout: 0 } : {}),
    },
    { cap: MAX_ANSWER, said: line.said },
  );
  if (id !== null) line.running.set(id, asked);
  try {
    const { status, headers, body } = await asked.head;
    line.reach.reached();
    const session = headers['mcp-session-id'];
    if (typeof session === 'string' && line.session === null && own === undefined) line.session = session;
    const answered = own !== undefined && [400, 404].includes(status) && isJson(headers['content-type']);
    if ((status >= 200 && status < 300) || answered) {
      // The answer streams in while the caller goes on; its faults reach `lost`.
      void read(line, id, asked, { status, headers, body });
      return;
    }
    asked.leave();
    if (id !== null) line.running.delete(id);
    if (status >= 500 || status === 408) line.events.lost(id, `the server failed with HTTP ${status}`);
    else throw refusal(line, status);
  } catch (error) {
    if (id !== null) line.running.delete(id);
    if (error instanceof NotSent) throw error;
    if (unsent(error)) {
      const why = `the server cannot be reached (${codeOf(error)})`;
      line.reach.failed(attempt, why);
      throw new NotSent(why);
    }
    line.events.lost(id, `the connection broke before it answered (${codeOf(error)})`);
  }
}

function refusal(line: Line, status: number): NotSent {
  if (status === 404 && line.session !== null) {
    line.session = null;
    return new SessionGone('the session at the server has ended');
  }
  if (status >= 300 && status < 400)
    return new NotSent(`the server answers with a redirect (${status}), which is not followed`);
  return new Refused(`the server refuses with HTTP ${status}`);
}

const isJson = (type: string | readonly string[] | undefined): boolean =>
  mediaTypeOf(type) === 'application/json';

async function read(line: Line, id: number | null, asked: Asked, { headers, body }: Head): Promise<void> {
  try {
    if (body instanceof Promise) {
      const parts = await body;
      const size = sizeOf(parts);
      if (!isJson(headers['content-type'])) {
        line.said.said(size);
        if (size > 0) line.events.noise(size);
      } else unasked(line.said, size, line.events.message(parts, id));
    } else await stream(line, body, id);
    if (id !== null) line.events.lost(id, 'the stream ended without an answer');
  } catch (error) {
    asked.leave();
    const why = error instanceof RangeError ? error.message : `the answer broke off (${codeOf(error)})`;
    if (id !== null) line.events.lost(id, why);
  } finally {
    if (id !== null) line.running.delete(id);
  }
}

/** An event stream to its end, as fast as the meter lets. */
async function stream({ events, said }: Line, body: AsyncIterable<Buffer>, id: number | null): Promise<void> {
  /** In the middle of an event that is long already: all that comes of it costs little. */
  let long = false;
  const take = sseReader(MAX_ANSWER, {
    message: (data, size) => {
      long = false;
      unasked(said, size, events.message(data, id));
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
}

const codeOf = (error: unknown): string => {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return typeof code === 'string' ? code : String(name);
};

/** Faults before a connection stood: nothing was sent. Anything later counts as perhaps run. */
const unsent = (error: unknown): boolean =>
  [
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
  ].includes(codeOf(error)) ||
  codeOf(error).startsWith('ERR_TLS') ||
  codeOf(error).startsWith('CERT_') ||
  codeOf(error) === 'DEPTH_ZERO_SELF_SIGNED_CERT';

/**
 * The stream of what belongs to no request: changed lists, updates. It has a connection of its own; a server that has no such stream says so
 * with its status, a broken one is opened again, later each time.
 */
async function listen(line: Line, origin: string, timeoutMs: number): Promise<void> {
  const { signal } = line.stop;
  const client = new Client(origin, { bodyTimeout: 0, headersTimeout: timeoutMs, connect: connector() });
  let heard = false;
  for (let delay = FIRST_RETRY_MS; !signal.aborted; delay = Math.min(delay * 2, LAST_RETRY_MS)) {
    const headers = { ...headersOf(line), accept: 'text/event-stream' };
    const asked = ask(
      client,
      { path: line.path, method: 'GET', headers },
      { cap: MAX_ANSWER, said: line.said },
    );
    const leave = (): void => asked.leave();
    signal.addEventListener('abort', leave, { once: true });
    try {
      const { status, body } = await asked.head;
      if (status === 200 && !(body instanceof Promise)) {
        delay = FIRST_RETRY_MS;
        heard = true;
        await stream(line, body, null);
      } else {
        asked.leave();
        // It spoke before and knows the session no more: it has begun again.
        if (status === 404 && heard)
          line.events.closed('the session at the server has ended', 'the session has ended');
        if (status < 500) break;
      }
    } catch {
      // What a broken stream would have said is not known; lists are read again from time to time.
    } finally {
      signal.removeEventListener('abort', leave);
    }
    await new Promise((resolve) => setTimeout(resolve, delay).unref());
  }
  await client.destroy().catch(() => undefined);
}

async function end(line: Line): Promise<void> {
  line.stop.abort();
  for (const asked of line.running.values()) asked.leave();
  line.running.clear();
  if (line.session === null) return;
  try {
    const { body } = await line.reach.pool.request({
      path: line.path,
      method: 'DELETE',
      headers: headersOf(line),
      signal: AbortSignal.timeout(1000),
    });
    body.on('error', () => undefined).destroy();
  } catch {
    // The session ends on its own when the server does not listen.
  }
}
