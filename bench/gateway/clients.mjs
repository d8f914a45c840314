// SPDX-License-Identifier: Apache-2.0
// Two small raw MCP clients for timing: what they cost is the same in front of the upstream and in front of the gateway.
import { spawn } from 'node:child_process';
import { Pool } from 'undici';

const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1.0.0' },
};

/** A stdio client of `argv`; `call(name, args)` resolves with the result. */
export async function stdioClient(argv, env = process.env) {
  const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], env });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr = (stderr + chunk).slice(-4000)));
  const waiting = new Map();
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk) => {
    rest += chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const message = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
  child.once('exit', () => {
    for (const settle of waiting.values()) settle({ error: { message: `the process ended: ${stderr}` } });
  });
  let next = 1;
  const send = (method, params) =>
    new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, (m) => (m.error ? reject(new Error(m.error.message)) : resolve(m.result)));
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  await send('initialize', HELLO);
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  return {
    call: (name, args) => send('tools/call', { name, arguments: args }),
    close: () => {
      child.stdin.end();
      child.kill();
    },
  };
}

/** A Streamable HTTP client that accepts JSON and SSE answers. */
export async function httpClient(url, token) {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: 64 });
  let session;
  let next = 1;
  const post = async (message) => {
    const { statusCode, headers, body } = await pool.request({
      path: pathname,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(session === undefined ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
      },
      body: JSON.stringify(message),
    });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`HTTP ${statusCode}: ${text}`);
    if (headers['mcp-session-id'] !== undefined) session = headers['mcp-session-id'];
    if (message.id === undefined) return undefined;
    const json = String(headers['content-type']).includes('event-stream')
      ? text
          .split('\n')
          .filter((line) => line.startsWith('data: '))
          .map((line) => line.slice(6))
          .at(-1)
      : text;
    const answer = JSON.parse(json);
    if (answer.error) throw new Error(answer.error.message);
    return answer.result;
  };
  await post({ jsonrpc: '2.0', id: next++, method: 'initialize', params: HELLO });
  await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return {
    call: (name, args) =>
      post({ jsonrpc: '2.0', id: next++, method: 'tools/call', params: { name, arguments: args } }),
    close: () => pool.close(),
  };
}
