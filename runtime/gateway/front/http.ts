// SPDX-License-Identifier: Apache-2.0
/**
 * Streamable HTTP front, revisions 2024-11-05 to 2025-11-25. In order: edge checks (host, origin, header twice), limits and
 * authentication, route, body, message, session. Answers are JSON unless something has to be streamed before them.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback, type ListenConfig } from '../../config.js';
import type { Appended } from '../../log/types.js';
import { type Authenticator, stepUpChallenge } from '../../decide/identity.js';
import { type Caller, callerKey, callerOf, sourceName } from '../caller.js';
import { type Connection, endConnection, type Handle, type Side } from '../connection.js';
import { Ending } from '../../ending.js';
import type { Floods } from '../floods.js';
import { claimed, envelopeFault, MODERN, modernConnection } from '../modern/envelope.js';
import type { Headers } from '../modern/headers.js';
import { statusOf } from '../modern/reply.js';
import { REVISIONS } from '../upstream/legacy.js';
import {
  type ClientMessage,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  MESSAGE_LIMITS,
  readMessage,
  type RequestId,
  type RpcRefusal,
  type RpcRequest,
} from '../wire/message.js';
import { endWith } from '../wire/turns.js';
import { errorOf, type Outgoing } from '../wire/reply.js';
import { sseEvent } from '../wire/sse.js';
import { together } from '../../log/files.js';
import { isLarge } from '../large/bound.js';
import { eventOf } from '../large/lines.js';
import type { LargeMessages } from '../large/service.js';
import { accepts, edgeFault, mediaType, readBody, sourceOf } from './edge.js';
import type { ResourceMetadata } from './metadata.js';
import { type Room, room } from './room.js';
import { type McpSession, mcpSessions, type Sessions } from './sessions.js';
import { type Throttle, throttle } from './throttle.js';
import { tlsServer } from './tls.js';

export interface FrontOptions {
  readonly listen: ListenConfig;
  /** Told of each connection whose session is over. */
  readonly ended?: (connection: Connection) => void;
  readonly sessionIdleMs: number;
  readonly authenticator: Pick<Authenticator, 'http'>;
  readonly handle: Handle;
  readonly floods: Floods;
  readonly large: Pick<LargeMessages, 'message'>;
  /** Does the log still take entries? What `/healthz` says. */
  readonly healthy: () => boolean;
  /** RFC 9728; null where clients bring no tokens of an issuer. */
  readonly metadata: ResourceMetadata | null;
  /** A message for a client could not be sent. */
  readonly dropped?: () => void;
  /** What the operator should know. */
  readonly say?: (line: string) => void;
  /** Monotonic, and wall time, in milliseconds. */
  readonly now: () => number;
  readonly wall: () => number;
}

export interface HttpFront {
  readonly address: { readonly host: string; readonly port: number };
  readonly sessions: Sessions;
  close(): Promise<void>;
}

interface Front extends FrontOptions {
  readonly sessions: Sessions;
  readonly perCredential: Throttle;
  readonly unauthenticated: Throttle;
  readonly room: Room;
}

const MAX_BODY = MESSAGE_LIMITS.size;
const MAX_QUEUED = 8 * 1024 * 1024;
const MAX_CONNECTIONS = 4_000;
const KEEP_ALIVE_MS = 20_000;
const MAX_TIMER_MS = 2_147_483_647;

const SERVER = {
  maxHeaderSize: 16 * 1024,
  requestTimeout: 60_000,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
};

/** Listens; rejects with one clear sentence when the port is taken. */
export async function serveHttp(options: FrontOptions): Promise<HttpFront> {
  const { listen, now } = options;
  if (listen.http === null) throw new Error('`listen.http` is not set');
  const front: Front = {
    ...options,
    sessions: mcpSessions(options.sessionIdleMs, now, options.ended),
    perCredential: throttle(listen.limits.perCredential, now),
    unauthenticated: throttle(listen.limits.unauthenticated, now),
    room: room(listen.limits.inFlight),
  };
  const served: RequestListener = (request, response) => {
    response.on('error', () => undefined);
    serve(front, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else answer(response, 500, errorOf(null, -32603, 'the gateway failed to answer'));
    });
  };
  const server =
    listen.tls === null
      ? createServer(SERVER, served)
      : tlsServer(listen.tls, SERVER, served, options.say ?? (() => undefined));
  server.maxConnections = MAX_CONNECTIONS;
  await bind(server, listen.http.host, listen.http.port);
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: listen.http.host, port },
    sessions: front.sessions,
    close: () =>
      new Promise((resolve) => {
        front.sessions.endAll();
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 500).unref();
      }),
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `${host}:${port} is in use by another process; stop it or change \`listen.http\``;
      reject(
        new Error(error.code === 'EADDRINUSE' ? taken : `cannot listen on ${host}:${port}: ${error.message}`),
      );
    });
    server.listen(port, host, resolve);
  });
}

function answer(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array | null,
  headers: { [name: string]: string } = {},
): void {
  if (response.destroyed) return;
  const type =
    body === null
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  response.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...type,
    ...headers,
  });
  if (body === null || !isLarge(body.length)) response.end(body ?? undefined);
  else endWith(response, [body]);
}

const plain = (message: string, id: string | null = null): string =>
  JSON.stringify({ error: message, ...(id === null ? {} : { receipt: id }) });

/** Refuses what an authenticated caller sent, and counts it: as JSON-RPC where there is a code for it, else in plain words. */
async function refuse(
  front: Front,
  caller: Caller,
  response: ServerResponse,
  { status, message, code, id = null, headers }: Refusal,
): Promise<null> {
  await front.floods.record('refused_input', sourceName(caller), message);
  answer(response, status, code === undefined ? plain(message) : errorOf(id, code, message), headers);
  return null;
}

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly code?: number;
  readonly id?: RequestId | null;
  readonly headers?: { [name: string]: string };
}

async function serve(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const fault = edgeFault(request, front.listen);
  if (fault !== null) {
    await front.floods.record('refused_input', sourceOf(request, front.listen), fault.message);
    return answer(response, fault.status, plain(fault.message));
  }
  const path = (request.url ?? '').split('?')[0];
  if (path === '/healthz' && request.method === 'GET') {
    return front.healthy()
      ? answer(response, 200, '{"status":"ok"}')
      : answer(response, 503, '{"status":"the receipt log cannot be written; every call is denied"}');
  }
  if (path !== undefined && front.metadata?.paths.includes(path) === true && request.method === 'GET')
    return answer(response, 200, front.metadata.body);
  if (path !== front.listen.path) {
    await front.floods.record('refused_input', sourceOf(request, front.listen), 'another path');
    return answer(response, 404, plain(`nothing is served here; the endpoint is ${front.listen.path}`));
  }
  const caller = await authenticated(front, request, response);
  if (caller === null) return;
  switch (request.method) {
    case 'POST':
      return post(front, caller, request, response);
    case 'GET':
      return stream(front, caller, request, response);
    case 'DELETE': {
      const session = await sessionOf(front, caller, request, response);
      if (session === null) return;
      front.sessions.end(session);
      return answer(response, 200, null);
    }
    default:
      await refuse(front, caller, response, {
        status: 405,
        message: 'use POST, GET or DELETE',
        headers: { allow: 'POST, GET, DELETE' },
      });
  }
}

/** The caller, or null once the refusal has been sent. Failures are limited by source, successes by credential. */
async function authenticated(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Caller | null> {
  const source = sourceOf(request, front.listen);
  const late = (ms: number): null => {
    void front.floods.record('refused_input', source, 'too many requests');
    answer(response, 429, plain('too many requests'), { 'retry-after': String(Math.ceil(ms / 1000)) });
    return null;
  };
  const locked = front.unauthenticated.peek(source);
  if (locked > 0) return late(locked);
  const loopback = isLoopback(front.listen.http?.host ?? '');
  const result = await front.authenticator.http({ headers: request.headersDistinct, loopback });
  if (!result.ok) {
    front.unauthenticated.take(source);
    const { status, message, detail, challenge } = result.refusal;
    const entry: Appended | null = await front.floods.record('failed_authentication', source, detail);
    answer(
      response,
      status,
      plain(message, entry?.id ?? null),
      challenge === null ? {} : { 'www-authenticate': challenge },
    );
    return null;
  }
  const caller = callerOf(result.identity);
  const wait = front.perCredential.take(callerKey(caller));
  return wait > 0 ? late(wait) : caller;
}

/** The session that the request names, or null once the refusal has been sent. */
async function sessionOf(
  front: Front,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<McpSession | null> {
  const refused = (status: number, message: string): Promise<null> =>
    refuse(front, caller, response, { status, message, code: INVALID_REQUEST });
  const id = request.headers['mcp-session-id'];
  const revision = request.headers['mcp-protocol-version'];
  if (typeof revision === 'string' && !(REVISIONS as readonly string[]).includes(revision))
    return refused(400, `this revision is not spoken here; use one of ${REVISIONS.join(', ')}`);
  if (typeof id !== 'string')
    return refused(400, 'the header `Mcp-Session-Id` is missing; send `initialize` first');
  const session = front.sessions.find(id, caller);
  return session ?? refused(404, 'there is no such session; send `initialize` again');
}

async function post(
  front: Front,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const length = Number(request.headers['content-length'] ?? MAX_BODY);
  const held = front.room.hold(Math.min(length, MAX_BODY) || 0);
  if (held === null) return void (await refuse(front, caller, response, FULL));
  try {
    const read = await readPost(front, request);
    if (read.kind === 'fault') return void (await refuse(front, caller, response, read));
    await inRoom(front, caller, read.message, request, response).finally(read.leave);
  } finally {
    held();
  }
}

const FULL: Refusal = {
  status: 503,
  message: 'the gateway has as many requests at a time as it takes; try again in a second',
  headers: { 'retry-after': '1' },
};

/** Who listens may stay for hours, and what is no request ends at once: neither takes the room of a request. */
async function inRoom(
  front: Front,
  caller: Caller,
  message: Exclude<ClientMessage, RpcRefusal>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const stays = message.kind !== 'request' || message.method === 'subscriptions/listen';
  const leave = stays ? () => undefined : front.room.run();
  if (leave === null) return void (await refuse(front, caller, response, FULL));
  try {
    await posted(front, caller, message, request, response);
  } finally {
    leave();
  }
}

async function posted(
  front: Front,
  caller: Caller,
  message: Exclude<ClientMessage, RpcRefusal>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (speaksModern(request.headers['mcp-protocol-version'], message))
    return postModern(front, caller, message, request, response);
  const opening =
    message.kind === 'request' &&
    message.method === 'initialize' &&
    request.headers['mcp-session-id'] === undefined;
  const session = opening ? front.sessions.open(caller) : await sessionOf(front, caller, request, response);
  if (session === null) return;
  if (message.kind !== 'request') {
    const gone = new Ending();
    await front.handle(session.connection, message, { notify: () => false, gone });
    return answer(response, 202, null);
  }
  const headers = opening ? { 'mcp-session-id': session.id } : {};
  await reply(front, message, response, {
    connection: session.connection,
    accept: request.headers.accept,
    headers,
    statusOf: () => 200,
    prefersStream: true,
  });
  session.used = front.now();
}

type Read =
  | {
      readonly kind: 'message';
      readonly message: Exclude<ClientMessage, RpcRefusal>;
      /** Puts away what is kept of a large one. */
      readonly leave: () => void;
    }
  | ({ readonly kind: 'fault' } & Refusal);

/** The one message of a POST, or what is wrong with it. */
async function readPost(front: Front, request: IncomingMessage): Promise<Read> {
  const { accept, 'content-type': type, 'content-encoding': encoding } = request.headers;
  if (mediaType(type) !== 'application/json' || encoding !== undefined) {
    const message = 'send `Content-Type: application/json` without content encoding';
    return { kind: 'fault', status: 415, message };
  }
  if (!accepts(accept, 'application/json') && !accepts(accept, 'text/event-stream'))
    return { kind: 'fault', status: 406, message: 'accept application/json and text/event-stream' };
  const body = await readBody(request, MAX_BODY);
  if (body === null) {
    const message = `a message is at most ${MAX_BODY} bytes`;
    return { kind: 'fault', status: 413, message, headers: { connection: 'close' } };
  }
  const { message, leave } = isLarge(body.size)
    ? await front.large.message(body.parts)
    : { message: readMessage(together(body.parts), MESSAGE_LIMITS), leave: NOTHING };
  if (message.kind !== 'refused') return { kind: 'message', message, leave };
  leave();
  return { ...message, kind: 'fault', status: message.code === INTERNAL_ERROR ? 503 : 400 };
}

const NOTHING = (): void => undefined;

/** A request of 2026-07-28 stands for itself: no session, and its client's leaving cancels it. */
async function postModern(
  front: Front,
  caller: Caller,
  message: Exclude<ClientMessage, RpcRefusal>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (message.kind === 'response') {
    const text = 'an answer stands in `inputResponses` of the repeated request';
    return void (await refuse(front, caller, response, {
      status: 400,
      message: text,
      code: INVALID_REQUEST,
    }));
  }
  const connection = modernConnection(caller, message.params);
  if (message.kind === 'notification') {
    const gone = new Ending();
    await front.handle(connection, message, { notify: () => false, gone });
    return answer(response, 202, null);
  }
  const wrong = envelopeFault(message.params) !== null;
  response.once('close', () => endConnection(connection));
  await reply(front, message, response, {
    connection,
    accept: request.headers.accept,
    sent: request.headers,
    statusOf: (text) => (wrong ? 400 : typeof text === 'string' ? statusOf(text) : text.status),
  });
}

/** By its body, or where that says nothing by its header. */
function speaksModern(header: string | readonly string[] | undefined, message: ClientMessage): boolean {
  const named = 'params' in message ? claimed(message.params) : undefined;
  return named === undefined ? header === MODERN : !REVISIONS.some((revision) => revision === named);
}

const streamFirst = (accept: string | undefined): boolean =>
  mediaType(accept?.split(',')[0]) === 'text/event-stream';

interface Replying {
  readonly connection: Connection;
  readonly accept: string | undefined;
  readonly headers?: { readonly [name: string]: string };
  /** The headers of the request, where they repeat parts of its body. */
  readonly sent?: Headers;
  /** Answers as a stream who names that first. */
  readonly prefersStream?: boolean;
  /** The status of an answer that is not streamed. */
  readonly statusOf: (text: Outgoing) => number;
}

/** Answers a request: as JSON, or as a stream once something has to be sent before the answer. */
async function reply(
  front: Front,
  message: RpcRequest,
  response: ServerResponse,
  { connection, accept, headers = {}, sent, statusOf, prefersStream = false }: Replying,
): Promise<void> {
  const gone = new Ending();
  response.once('close', () => gone.end());
  let streaming = false;
  const open = (): void => {
    if (streaming) return;
    streaming = true;
    openStream(response, headers);
  };
  if (!accepts(accept, 'application/json') || (prefersStream && streamFirst(accept))) open();
  const notify = (text: string): boolean => {
    const over = response.destroyed || finishing.has(response);
    if (!accepts(accept, 'text/event-stream') || over || response.writableLength > MAX_QUEUED) {
      front.dropped?.();
      return false;
    }
    open();
    response.write(sseEvent(text));
    return true;
  };
  let lacking: readonly string[] | null = null;
  const stepUp = (scopes: readonly string[]): void => {
    lacking = scopes;
  };
  const side: Side = {
    notify,
    stepUp,
    gone,
    ...(sent === undefined ? {} : { headers: sent }),
  };
  const text = await front.handle(connection, message, side);
  const body = text === null || typeof text === 'string' ? text : text.bytes;
  if (text !== null && typeof text !== 'string' && text.done !== undefined) closed(response, text.done);
  if (!streaming && lacking !== null && body !== null) {
    const challenge = stepUpChallenge(lacking, front.metadata?.url ?? null);
    return answer(response, 403, body, { ...headers, 'www-authenticate': challenge });
  }
  if (!streaming) return answer(response, text === null ? 202 : statusOf(text), body, headers);
  finishing.add(response);
  endWith(response, body === null || response.destroyed ? [] : eventOf(body));
}

function closed(response: ServerResponse, then: () => void): void {
  if (response.closed) then();
  else response.once('close', then);
}

/** Streams whose last event is going out, part by part: nothing comes in between. */
const finishing = new WeakSet<ServerResponse>();

function openStream(response: ServerResponse, headers: { [name: string]: string } = {}): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  const beat = setInterval(
    () => finishing.has(response) || response.write(': keep-alive\n\n'),
    KEEP_ALIVE_MS,
  );
  beat.unref();
  response.once('close', () => clearInterval(beat));
  response.flushHeaders();
}

/** The stream for what belongs to no request (changed lists). One per session. */
async function stream(
  front: Front,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refused = (status: number, message: string): Promise<null> =>
    refuse(front, caller, response, { status, message });
  if (!accepts(request.headers.accept, 'text/event-stream'))
    return void (await refused(406, 'accept text/event-stream'));
  const session = await sessionOf(front, caller, request, response);
  if (session === null) return;
  if (session.stream !== null) return void (await refused(409, 'this session already has a stream'));
  session.stream = response;
  session.connection.push = (text) => {
    if (!response.destroyed && response.writableLength < MAX_QUEUED) response.write(sseEvent(text));
    else front.dropped?.();
  };
  response.once('close', () => {
    if (session.stream !== response) return;
    session.stream = null;
    session.connection.push = () => undefined;
  });
  openStream(response);
  const { expires } = caller.identity;
  if (expires === null) return;
  const left = setTimeout(() => response.end(), Math.min(Math.max(0, expires - front.wall()), MAX_TIMER_MS));
  left.unref();
  response.once('close', () => clearTimeout(left));
}
