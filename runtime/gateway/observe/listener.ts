// SPDX-License-Identifier: Apache-2.0
/** A listener of its own for those who watch the gateway: `/metrics`, `/healthz`, `/readyz`. Nothing can be changed here. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../../config.js';
import type { MetricsConfig } from '../../config-operate.js';

export interface Watched {
  metrics(): Promise<string>;
  readonly contentType: string;
  /** Null while calls are decided and written down. */
  unhealthy(): string | null;
  /** Why no new call should be sent here; empty when they should. */
  unready(): readonly string[];
}

export interface WatchListener {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

export async function serveWatch(config: MetricsConfig, watched: Watched): Promise<WatchListener> {
  const server = createServer({ maxHeaderSize: 8 * 1024, requestTimeout: 10_000 }, (request, response) => {
    answer(config, watched, request, response).catch(() => response.destroy());
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`the listener of \`metrics.http\` cannot be opened: ${error.message}`)),
    );
    server.listen(config.http.port, config.http.host, resolve);
  });
  return {
    address: { host: config.http.host, port: (server.address() as AddressInfo).port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  config: MetricsConfig,
  watched: Watched,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, body: string, type = 'application/json'): void => {
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(body);
  };
  const refused = refusal(config, request);
  if (refused !== null) return send(refused, '{"error":"refused"}');
  switch ((request.url ?? '').split('?')[0]) {
    case '/metrics':
      return send(200, await watched.metrics(), watched.contentType);
    case '/healthz': {
      const why = watched.unhealthy();
      return why === null ? send(200, '{"status":"ok"}') : send(503, JSON.stringify({ status: why }));
    }
    case '/readyz': {
      const why = watched.unready();
      return why.length === 0
        ? send(200, '{"status":"ready"}')
        : send(503, JSON.stringify({ status: 'not ready', why }));
    }
    default:
      return send(404, '{"error":"nothing is served here but /metrics, /healthz and /readyz"}');
  }
}

/** On loopback a page in a browser could ask by a name of its own: then only loopback names are answered. */
function refusal({ http, bearer }: MetricsConfig, { method, headers }: IncomingMessage): number | null {
  if (method !== 'GET') return 405;
  if (headers.origin !== undefined) return 403;
  const host = URL.canParse(`http://${headers.host ?? ''}`)
    ? new URL(`http://${headers.host ?? ''}`).hostname
    : '';
  if (isLoopback(http.host) && !isLoopback(host.replace(/^\[|\]$/g, ''))) return 403;
  if (bearer === null) return null;
  const given = headers.authorization ?? '';
  return same(given, `Bearer ${bearer}`) ? null : 401;
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(digestOf(a), digestOf(b));
