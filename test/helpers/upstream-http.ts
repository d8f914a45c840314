// SPDX-License-Identifier: Apache-2.0
// A small Streamable HTTP MCP server for odd cases, in this process.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpStub {
  readonly url: string;
  readonly seen: {
    readonly method: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[];
  /** What the next tools/call does. */
  mode: 'json' | 'sse' | 'redirect' | 'gone' | 'broken' | 'error500' | 'html' | 'endless';
  /** The description of its tool. */
  description: string;
  /** Sends a message on the stream for what belongs to no request; false while nobody listens. */
  push(message: object): boolean;
  close(): Promise<void>;
}

export async function httpStub(): Promise<HttpStub> {
  const seen: HttpStub['seen'] = [];
  let session = 1;
  const stub: Pick<HttpStub, 'mode' | 'description'> = { mode: 'json', description: 'goes' };
  let stream: ServerResponse | null = null;
  const json = (response: ServerResponse, value: unknown, headers: { [name: string]: string } = {}) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
  const call = (id: unknown, response: ServerResponse) => {
    const result = { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: stub.mode }] } };
    switch (stub.mode) {
      case 'json':
        return json(response, result);
      case 'sse':
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
        return response.end(`: hi\r\n\r\nid: 1\r\nevent: message\r\ndata: ${JSON.stringify(result)}\r\n\r\n`);
      case 'redirect':
        response.writeHead(307, { location: 'http://169.254.169.254/' });
        return response.end();
      case 'gone':
        stub.mode = 'json';
        session++;
        response.writeHead(404);
        return response.end();
      case 'broken':
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"jsonrpc"');
        return setTimeout(() => response.destroy(), 20);
      case 'error500':
        response.writeHead(502);
        return response.end('bad gateway');
      case 'html':
        response.writeHead(200, { 'content-type': 'text/html' });
        return response.end('<p>log in');
      case 'endless': {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const noise = `data: ${'x'.repeat(65_536)}`;
        const pump = (): void => {
          while (!response.destroyed && response.write(noise));
        };
        response.on('drain', pump);
        return pump();
      }
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({ method: request.method ?? '', headers: request.headers, body });
      const message = body === '' ? {} : (JSON.parse(body) as { id?: unknown; method?: string });
      const own = { 'mcp-session-id': `s${session}` };
      if (message.method === 'initialize') {
        return json(
          response,
          {
            jsonrpc: '2.0',
            id: message.id,
            result: {
              protocolVersion: '2025-06-18',
              capabilities: { tools: {} },
              serverInfo: { name: 'h', version: '1' },
            },
          },
          own,
        );
      }
      if (request.method === 'GET') {
        stream = response;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        return response.flushHeaders();
      }
      if (message.id === undefined) {
        response.writeHead(202);
        return response.end();
      }
      if (request.headers['mcp-session-id'] !== `s${session}`) {
        response.writeHead(404);
        return response.end();
      }
      if (message.method === 'tools/list') {
        return json(response, {
          jsonrpc: '2.0',
          id: message.id,
          result: { tools: [{ name: 'go', description: stub.description, inputSchema: { type: 'object' } }] },
        });
      }
      return call(message.id, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  return Object.assign(stub, {
    url,
    seen,
    push: (message: object) => {
      if (stream === null || stream.destroyed) return false;
      return stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
