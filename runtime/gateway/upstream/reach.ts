// SPDX-License-Identifier: Apache-2.0
/** The connections to one server over HTTP, and whether it can be reached: where it cannot, calls are told so at once. */
import { Pool } from 'undici';
import type { HttpServer } from '../../config.js';
import { NotSent } from './channel.js';
import { CONNECT_MS, connector } from './connect.js';

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 30_000;

export interface Reach {
  readonly pool: Pool;
  /** Throws `NotSent` while it is known that no connection can be had; else somebody may try, after a failure one alone. Gives the try. */
  enter(): number;
  /** A connection stands. */
  reached(): void;
  /** No connection could be had; tries that were begun together fail once. */
  failed(attempt: number, why: string): void;
}

/** One pool per server, shared by its channels (sessions are per channel). */
export function openReach(server: HttpServer, now: () => number = () => performance.now()): Reach {
  let failures = 0;
  let attempt = 0;
  let notBefore = 0;
  let why = '';
  return {
    pool: new Pool(new URL(server.url).origin, {
      connections: 64,
      connect: connector(),
      headersTimeout: server.timeoutMs,
      bodyTimeout: server.timeoutMs,
    }),
    enter: () => {
      // One failure may be a server that starts anew.
      if (failures < 2) return attempt;
      const wait = notBefore - now();
      if (wait > 0) throw new NotSent(`${why}; it is tried again in ${Math.ceil(wait / 1000)} s`);
      notBefore = now() + CONNECT_MS;
      return attempt;
    },
    reached: () => {
      failures = 0;
    },
    failed: (begun, reason) => {
      if (begun !== attempt) return;
      why = reason;
      attempt++;
      failures++;
      notBefore = now() + Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, failures - 2));
    },
  };
}
