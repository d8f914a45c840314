// SPDX-License-Identifier: Apache-2.0
/** The witness over HTTP: `POST /add-checkpoint`, nothing else. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Answer, MAX_REQUEST, type Witness } from './witness.js';

export function witnessServer(witness: Witness, onError: (error: unknown) => void): Server {
  const server = createServer((request, response) => {
    void serve(witness, request, response).catch((error: unknown) => {
      onError(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  // Nobody keeps it busy with requests that do not end.
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  server.maxConnections = 256;
  return server;
}

async function serve(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/add-checkpoint')
    return send(response, 404, 'not found\n');
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_REQUEST) return send(response, 413, 'the request is too long\n');
    parts.push(part);
  }
  const { status, type, body } = witness.addCheckpoint(Buffer.concat(parts).toString('utf8'));
  send(response, status, body, type);
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  type: Answer['type'] = 'text/plain',
): void {
  const charset = type === 'text/plain' ? '; charset=utf-8' : '';
  response.writeHead(status, { 'content-type': `${type}${charset}` });
  response.end(body);
}
