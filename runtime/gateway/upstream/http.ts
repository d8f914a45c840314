// SPDX-License-Identifier: Apache-2.0
/** Streamable HTTP as upstream: pooled, no redirect followed, headers built from nothing, JSON and event-stream answers. */
import type { HttpServer } from '../../config.js';
import { Passing } from '../../passing.js';
import { bodyOf } from '../wire/turns.js';
import { type Channel, type ChannelEvents, NotSent, Refused } from './channel.js';
import { meter } from './meter.js';
import type { Reach } from './reach.js';
import { ask } from './request.js';
import {
  codeOf,
  headersOf,
  isJson,
  leave,
  type Line,
  listen,
  MAX_ANSWER,
  type Run,
  read,
} from './streams.js';

const FORBIDDEN = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);

/** The session at the upstream is gone: the request did not run, a new session is needed. */
export class SessionGone extends NotSent {}

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
    abandon: (id) => leave(line.running.get(id)),
    close: () => end(line),
  };
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
  const run: Run = { asked, left: false };
  if (id !== null) line.running.set(id, run);
  try {
    const { status, headers, body } = await asked.head;
    line.reach.reached();
    const session = headers['mcp-session-id'];
    if (typeof session === 'string' && line.session === null && own === undefined) line.session = session;
    const answered = own !== undefined && [400, 404].includes(status) && isJson(headers['content-type']);
    if ((status >= 200 && status < 300) || answered) {
      // The answer streams in while the caller goes on; its faults reach `lost`.
      void read(line, id, run, { status, headers, body }, own === undefined);
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

async function end(line: Line): Promise<void> {
  line.stop.abort();
  for (const run of line.running.values()) leave(run);
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
