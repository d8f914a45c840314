// SPDX-License-Identifier: Apache-2.0
// The upstream of the gateway bench: an SDK server with one tool, over stdio (default) or Streamable HTTP (`--http`, on PORT).
import { createServer } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const tool = {
  name: 'echo',
  description: 'Returns its text.',
  inputSchema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
    additionalProperties: false,
  },
};

function server() {
  const s = new Server({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: {} } });
  s.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [tool] }));
  s.setRequestHandler(CallToolRequestSchema, (request) => ({
    content: [
      {
        type: 'text',
        text: typeof request.params.arguments?.text === 'string' ? request.params.arguments.text : '',
      },
    ],
  }));
  return s;
}

if (!process.argv.includes('--http')) {
  await server().connect(new StdioServerTransport());
} else {
  const sessions = new Map();
  const answer = async (req, res) => {
    const id = req.headers['mcp-session-id'];
    let transport = id === undefined ? undefined : sessions.get(id);
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        enableJsonResponse: true,
        onsessioninitialized: (session) => sessions.set(session, transport),
      });
      await server().connect(transport);
    }
    await transport.handleRequest(req, res);
  };
  const http = createServer((req, res) => void answer(req, res));
  http.listen(Number(process.env.PORT), '127.0.0.1');
}
