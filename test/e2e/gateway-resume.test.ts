// SPDX-License-Identifier: Apache-2.0
// Servers of the official SDK that close the stream of a call while they work on it (MCP 2025-11-25): their clients must not notice, through
// the gateway either.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  type EventStore,
  StreamableHTTPServerTransport,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { outcomes } from '../helpers/raw.js';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** In the order in which they were said: that of the SDK's examples puts those of one millisecond into any. */
function store(): EventStore {
  const said: { readonly stream: string; readonly message: JSONRPCMessage }[] = [];
  return {
    storeEvent: async (stream, message) => String(said.push({ stream, message }) - 1),
    replayEventsAfter: async (last, { send }) => {
      const stream = said[Number(last)]?.stream ?? '';
      for (const [at, one] of said.entries())
        if (at > Number(last) && one.stream === stream) await send(String(at), one.message);
      return stream;
    },
  };
}

/** A server whose tool `later` closes the stream of its call so many times before it answers. */
async function polling() {
  const places: string[] = [];
  let runs = 0;
  const made = (): McpServer => {
    const server = new McpServer({ name: 'polling', version: '1.0.0' });
    server.registerTool(
      'later',
      { inputSchema: { times: z.number(), size: z.number() } },
      async ({ times, size }, extra) => {
        runs++;
        const progressToken = extra._meta?.progressToken;
        for (let i = 1; i <= times; i++) {
          extra.closeSSEStream?.();
          // Said while nobody listens: it is kept for whoever comes back.
          if (progressToken !== undefined)
            await extra.sendNotification({
              method: 'notifications/progress',
              params: { progressToken, progress: i },
            });
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        return { content: [{ type: 'text', text: 'x'.repeat(size) }] };
      },
    );
    return server;
  };
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer((request, response) => {
    const place = request.headers['last-event-id'];
    if (typeof place === 'string') places.push(place);
    void (async () => {
      const known = sessions.get(String(request.headers['mcp-session-id']));
      if (known !== undefined) return known.handleRequest(request, response);
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        eventStore: store(),
        retryInterval: 100,
        onsessioninitialized: (id) => void sessions.set(id, transport),
      });
      await made().connect(transport);
      return transport.handleRequest(request, response);
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    places,
    runs: () => runs,
  };
}

it.each([
  ['once', 1, 10],
  ['three times', 3, 10],
  ['once, before a large answer', 1, 2_000_000],
])(
  'a server that closes the stream %s answers all the same, and its tool runs once',
  async (_, times, size) => {
    const server = await polling();
    const config = configOf(scratch(), {
      mcpServers: { web: { url: server.url } },
      identity: { anonymous: 'agent:a' },
    });
    await pin(config);
    const { gateway, log } = await startGateway(
      config,
      policyOf(() => ({ effect: 'allow', rules: ['all'] })),
    );
    open.push(gateway);
    const front = await gateway.serveHttp();
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${front.address.port}/mcp`)),
    );
    open.push(client);
    const progress: number[] = [];
    const result = await client.callTool({ name: 'later', arguments: { times, size } }, undefined, {
      onprogress: (said) => progress.push(said.progress),
    });
    expect(result).toMatchObject({ content: [{ type: 'text', text: 'x'.repeat(size) }] });
    expect(progress).toEqual(Array.from({ length: times }, (_, i) => i + 1));
    expect(server.runs()).toBe(1);
    expect(server.places.length).toBeGreaterThan(0);
    expect(await outcomes(log)).toEqual(['ok']);
  },
);
