// SPDX-License-Identifier: Apache-2.0
/** One MCP session of one client, whatever the transport: which revision it speaks, what is running, where notifications go. */
import { Passing } from '../passing.js';
import type { Caller } from './caller.js';
import type { JsonObject } from '../verify/format/canonical.js';
import type { Ended, Ending } from '../ending.js';
import type { Headers } from './modern/headers.js';
import type { ClientMessage, RequestId, RpcResponse } from './wire/message.js';
import type { Outgoing } from './wire/reply.js';

/** How the transport of one request can be reached while it runs. */
export interface Side {
  /** Sends a message on the stream of this request; false when it cannot be sent. */
  notify(text: string): boolean;
  /** Ends when the client is gone (its connection closed). */
  readonly gone: Ended;
  /** The credential lacks scopes that this action needs: where the transport can, it says so in its own way. */
  readonly stepUp?: (scopes: readonly string[]) => void;
  /** Of the HTTP request, where it came by HTTP and its revision repeats parts of the body there. */
  readonly headers?: Headers;
}

export interface Running {
  readonly cancel: Ending;
  readonly side: Side;
}

export interface Connection {
  /** Verified afresh for each message. */
  caller: Caller;
  revision: string | null;
  /** What the client said that it can do. */
  capabilities: JsonObject;
  /** Index into LOG_LEVELS; messages below it are not relayed. */
  logLevel: number;
  readonly running: Passing<RequestId, Running>;
  /** Resources that it is told of when they change, and the server of each. */
  readonly subscriptions: Map<string, string>;
  /** What servers have asked it and it has not answered, by our id. */
  readonly waiting: Map<RequestId, (answer: RpcResponse) => void>;
  /** Questions so far. */
  asked: number;
  /** Sends a message that belongs to no request; dropped where the transport has no stream for it. */
  push: (text: string) => void;
}

export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

export function newConnection(caller: Caller): Connection {
  return {
    caller,
    revision: null,
    logLevel: 1,
    running: new Passing(),
    subscriptions: new Map(),
    capabilities: {},
    waiting: new Map(),
    asked: 0,
    push: () => undefined,
  };
}

/** Cancels everything that still runs for a client that has ended its session. */
export function endConnection(connection: Connection): void {
  for (const { cancel } of connection.running.values()) cancel.end();
  connection.running.clear();
}

/** Answers one message: the response's text, or null where none is due. */
export type Handle = (connection: Connection, message: ClientMessage, side: Side) => Promise<Outgoing | null>;
