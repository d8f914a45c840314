// SPDX-License-Identifier: Apache-2.0
/** MCP sessions of the HTTP front: unguessable ids, each bound to the caller that opened it, idle ones ended, a cap per caller. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { at, type Caller, callerKey } from '../caller.js';
import { type Connection, endConnection, newConnection } from '../connection.js';

export interface McpSession {
  readonly id: string;
  readonly key: string;
  readonly connection: Connection;
  used: number;
  /** The GET stream, while one is open. */
  stream: ServerResponse | null;
}

export interface Sessions {
  open(caller: Caller): McpSession;
  /** The session, if it is this caller's; anyone else's looks like none. */
  find(id: string, caller: Caller): McpSession | null;
  end(session: McpSession): void;
  endAll(): void;
  all(): Iterable<McpSession>;
}

const MAX_PER_CALLER = 200;

/** `ended` is told of each connection whose session is over. */
export function mcpSessions(
  idleMs: number,
  now: () => number,
  ended: (connection: Connection) => void = () => undefined,
): Sessions {
  const sessions = new Map<string, McpSession>();
  const end = (session: McpSession): void => {
    sessions.delete(session.id);
    endConnection(session.connection);
    ended(session.connection);
    session.stream?.end();
    session.stream = null;
  };
  const idle = (session: McpSession): boolean =>
    now() - session.used > idleMs && session.connection.running.size === 0 && session.stream === null;
  const makeRoom = (key: string): void => {
    const own = [...sessions.values()].filter((session) => session.key === key);
    if (own.length < MAX_PER_CALLER) return;
    const oldest = own.reduce((a, b) => (a.used <= b.used ? a : b));
    end(oldest);
  };
  return {
    open(caller) {
      for (const session of sessions.values()) if (idle(session)) end(session);
      const key = callerKey(caller);
      makeRoom(key);
      const id = randomBytes(18).toString('base64url');
      const place = randomBytes(9).toString('base64url');
      const connection = newConnection(at(caller, place));
      const session: McpSession = { id, key, connection, used: now(), stream: null };
      sessions.set(id, session);
      return session;
    },
    find(id, caller) {
      const session = sessions.get(id);
      if (session === undefined || session.key !== callerKey(caller)) return null;
      if (idle(session)) {
        end(session);
        return null;
      }
      session.used = now();
      const { place = '' } = session.connection.caller;
      session.connection.caller = at(caller, place);
      return session;
    },
    end,
    endAll: () => {
      for (const session of sessions.values()) end(session);
    },
    all: () => sessions.values(),
  };
}
