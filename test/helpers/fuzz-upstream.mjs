// SPDX-License-Identifier: Apache-2.0
// An MCP server over stdio that writes down every line as it came (to the file named first) and answers each call at once.
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const journal = openSync(process.argv[2], 'a');
const schema = { type: 'object', properties: { text: { type: 'string' }, n: { type: 'number' }, more: {} } };
const out = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);

createInterface({ input: process.stdin }).on('line', (line) => {
  writeSync(journal, `${line}\n`);
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') {
    out(id, {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'fuzzed', version: '1' },
    });
  } else if (method === 'tools/list') {
    out(id, { tools: ['echo', 'other'].map((name) => ({ name, inputSchema: schema })) });
  } else {
    out(id, { content: [{ type: 'text', text: 'done' }] });
  }
});
