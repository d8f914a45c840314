// SPDX-License-Identifier: Apache-2.0
// An MCP server that keeps its own account of what it was made to do: one line a call, before it answers.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file = ''] = process.argv.slice(2);
const schema = {
  type: 'object',
  properties: { id: { type: 'string' }, pin: { type: 'string' } },
  required: ['id'],
};
const tools = ['run', 'ask', 'never', 'environment'].map((name) => ({ name, inputSchema: schema }));
const send = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);

appendFileSync(file, `start ${process.pid}\n`);
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') {
    const serverInfo = { name: 'journal', version: '1' };
    send(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo });
  } else if (method === 'tools/list') send(id, { tools });
  else if (method === 'tools/call') {
    const { id: said, pin } = params.arguments;
    appendFileSync(file, `${params.name} ${said}${pin === undefined ? '' : ` ${pin}`}\n`);
    const text = params.name === 'environment' ? JSON.stringify(process.env) : params.arguments.id;
    const answer = () => send(id, { content: [{ type: 'text', text }] });
    setTimeout(answer, Math.random() * 20);
  }
});
