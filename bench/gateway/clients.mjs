// SPDX-License-Identifier: Apache-2.0
// The clients of the gateway bench, each the same in front of the upstream and in front of the gateway: the SDK's own, which is
// what agents run, and bare ones that cost next to nothing, which hide nothing of what the gateway adds.
import { spawn } from 'node:child_process';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Pool } from 'undici';

const INFO = { name: 'bench', version: '1.0.0' };
const HELLO = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: INFO };

async function sdkClient(transport) {
  const client = new Client(INFO);
  await client.connect(transport);
  return {
    call: (name, args) => client.callTool({ name, arguments: args }),
    close: () => client.close(),
  };
}

/** The SDK's client over stdio. */
export const sdkStdio = ([command, ...args]) =>
  sdkClient(new StdioClientTransport({ command, args, env: process.env, stderr: 'pipe' }));

/** The SDK's client over Streamable HTTP. */
export const sdkHttp = (url, token) =>
  sdkClient(
    new StreamableHTTPClientTransport(new URL(url), {
      requestInit: token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
    }),
  );

/** A line in, a line out; `call(name, args)` resolves with the result. */
export async function bareStdio(argv) {
  const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
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
  const ended = new Promise((resolve) => child.once('exit', resolve));
  void ended.then(() => {
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
    close: async () => {
      child.stdin.end();
      const kill = setTimeout(() => child.kill(), 5000);
      await ended;
      clearTimeout(kill);
    },
  };
}

/** Streamable HTTP over one pool; accepts JSON and SSE answers. */
export async function bareHttp(url, token) {
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
