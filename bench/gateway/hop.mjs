// SPDX-License-Identifier: Apache-2.0
// Two hops that the gateway is measured against. `raw`: bytes in, the same bytes out, the least that any hop costs; it looks at
// nothing. `typed`: what thirty lines over the SDK make, a server whose handlers call a client.
//   node hop.mjs raw|typed stdio COMMAND ARG…        node hop.mjs raw|typed http UPSTREAM_URL   (on PORT)
import { spawn } from 'node:child_process';
import { createServer, request as ask, Agent } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [kind, transport, ...upstream] = process.argv.slice(2);
const INFO = { name: 'hop', version: '1.0.0' };

async function typed(to) {
  const client = new Client(INFO);
  await client.connect(to);
  const server = new Server(INFO, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => client.listTools(params));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => client.callTool(params));
  return server;
}

function rawStdio([command, ...args]) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  process.stdin.pipe(child.stdin);
  child.stdout.pipe(process.stdout);
  child.once('exit', () => process.exit());
}

function rawHttp(url) {
  const agent = new Agent({ keepAlive: true });
  return async (req, res) => {
    const { host: _, connection: __, ...headers } = req.headers;
    const hop = ask(url, { method: req.method, headers, agent }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    hop.once('error', () => res.destroy());
    req.pipe(hop);
  };
}

function typedHttp(url) {
  const sessions = new Map();
  return async (req, res) => {
    const id = req.headers['mcp-session-id'];
    let front = id === undefined ? undefined : sessions.get(id);
    if (front === undefined) {
      front = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        enableJsonResponse: true,
        onsessioninitialized: (session) => sessions.set(session, front),
      });
      const server = await typed(new StreamableHTTPClientTransport(new URL(url)));
      await server.connect(front);
    }
    await front.handleRequest(req, res);
  };
}

if (transport === 'http') {
  const [url] = upstream;
  const answer = kind === 'raw' ? rawHttp(url) : typedHttp(url);
  createServer((req, res) => void answer(req, res)).listen(Number(process.env.PORT), '127.0.0.1');
} else if (kind === 'raw') {
  rawStdio(upstream);
} else {
  const [command, ...args] = upstream;
  const server = await typed(
    new StdioClientTransport({ command, args, env: process.env, stderr: 'inherit' }),
  );
  await server.connect(new StdioServerTransport());
}
