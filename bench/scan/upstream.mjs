// SPDX-License-Identifier: Apache-2.0
// The upstream of the large-arguments bench: one tool over Streamable HTTP (on PORT) that says how long its text was.
import { createServer } from 'node:http';

const tool = {
  name: 'take',
  inputSchema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
    additionalProperties: false,
  },
};

function answer({ method, params }) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'take', version: '1.0.0' },
      };
    case 'tools/list':
      return { tools: [tool] };
    case 'tools/call':
      return { content: [{ type: 'text', text: String(params.arguments.text.length) }] };
    default:
      return {};
  }
}

async function serve(request, response) {
  if (request.method !== 'POST') return response.writeHead(405).end();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const message = JSON.parse(Buffer.concat(chunks).toString());
  if (message.id === undefined) return response.writeHead(202).end();
  response.writeHead(200, { 'content-type': 'application/json' });
  return response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: answer(message) }));
}

const server = createServer((request, response) => void serve(request, response));
server.listen(Number(process.env.PORT), '127.0.0.1');
