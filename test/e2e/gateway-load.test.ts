// SPDX-License-Identifier: Apache-2.0
// Many clients with the same ids, each gets its own answers; more than the gateway takes is refused in words, and what ends a request is not.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Pool } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, scratch, startGateway } from '../helpers/gateway.js';
import { allowAll, outcomes, type Reply, stub } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

const JSON_TYPES = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

interface Answered {
  readonly status: number;
  readonly headers: { readonly [name: string]: unknown };
  readonly reply: Reply;
}

/** A gateway over HTTP before the stub, for so many agents with a token each. */
async function behindTokens(agents: number, limits: object) {
  const dir = scratch();
  const made = Array.from({ length: agents }, (_, i) =>
    createToken({ principal: `agent:a${i}` }, randomBytes),
  );
  writeFileSync(join(dir, 'tokens.json'), printTokens(made.map(({ entry }) => entry)), { mode: 0o600 });
  const config = configOf(dir, {
    mcpServers: {
      s: { command: process.execPath, args: [stub, 'plain', join(dir, 'notes')], perPrincipal: false },
    },
    identity: { tokens: 'tokens.json' },
    listen: { http: '127.0.0.1:0', limits: { perCredential: '1000000/1m', ...limits } },
  });
  await pin(config);
  const { gateway, log } = await startGateway(config, allowAll);
  open.push(gateway);
  const front = await gateway.serveHttp();
  const pool = new Pool(`http://127.0.0.1:${front.address.port}`, { connections: 200 });
  const post = async (
    token: string,
    session: string | null,
    message: object,
    own: object = {},
  ): Promise<Answered> => {
    const { statusCode, headers, body } = await pool.request({
      path: '/mcp',
      method: 'POST',
      headers: {
        ...JSON_TYPES,
        ...own,
        authorization: `Bearer ${token}`,
        ...(session === null ? {} : { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
    const text = await body.text();
    const data = text.includes('data: ') ? (text.split('data: ').at(-1) ?? '') : text;
    return { status: statusCode, headers, reply: (data === '' ? {} : JSON.parse(data)) as Reply };
  };
  const session = async (token: string): Promise<string> => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    };
    const { headers } = await post(token, null, { id: 0, method: 'initialize', params });
    return String(headers['mcp-session-id']);
  };
  /** How many calls of the tool the server has got. */
  const got = (tool: string): number =>
    readFileSync(join(dir, 'notes'), 'utf8').split(`"name":"${tool}"`).length - 1;
  return { tokens: made.map(({ token }) => token), log, pool, post, session, got };
}

const echo = (id: number, text: string) => ({
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text } },
});

describe('many clients', () => {
  it('500 with the same ids: each gets its own answers', async () => {
    const { tokens, pool, post, session } = await behindTokens(5, {});
    const clients = await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        const token = tokens[i % tokens.length] ?? '';
        return { token, session: await session(token), name: `client ${i}` };
      }),
    );
    expect(new Set(clients.map((client) => client.session)).size).toBe(500);
    const wrong = await Promise.all(
      clients.flatMap(({ token, session: own, name }) =>
        [1, 2, 3].map(async (id) => {
          const { reply } = await post(token, own, echo(id, `${name}, ${id}`));
          const text = reply.result?.content?.[0]?.text;
          return reply.id === id && text === `${name}, ${id}`
            ? []
            : [`${name}, ${id}: ${JSON.stringify(reply)}`];
        }),
      ),
    );
    expect(wrong.flat()).toEqual([]);
    await pool.close();
  });

  it('gets a large answer whole, as JSON and as the last event of a stream', async () => {
    const { tokens, pool, post, session } = await behindTokens(1, {});
    const token = tokens[0] ?? '';
    const own = await session(token);
    const long = 'ä line\n'.repeat(60_000);
    for (const accept of ['application/json, text/event-stream', 'text/event-stream, application/json']) {
      const { headers, reply } = await post(token, own, echo(7, long), { accept });
      expect(headers['content-type']).toBe(accept.split(',')[0]);
      expect([reply.id, reply.result?.content?.[0]?.text === long]).toEqual([7, true]);
    }
    await pool.close();
  });

  it('five times what it takes: the rest is told so at once, and what was taken is carried out', async () => {
    const most = 20;
    const { tokens, log, pool, post, session, got } = await behindTokens(1, { inFlight: most });
    const token = tokens[0] ?? '';
    const own = await session(token);
    const hang = (id: number) => ({ id, method: 'tools/call', params: { name: 'hang', arguments: {} } });
    const refused: Answered[] = [];
    const held = Array.from({ length: most * 5 }, (_, i) =>
      post(token, own, hang(i + 1)).then((answered) => {
        if (answered.status === 503) refused.push(answered);
      }),
    );
    for (let i = 0; i < 500 && refused.length < most * 4; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(refused).toHaveLength(most * 4);
    for (const { headers } of refused) expect(headers['retry-after']).toBe('1');
    expect((await post(token, own, echo(500, 'full'))).status).toBe(503);
    // What is cancelled before it is sent is `not_sent`, and not `cancelled`.
    for (let i = 0; i < 500 && got('hang') < most; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    // A cancellation is let in: it makes room.
    for (let id = 1; id <= most * 5; id++) {
      const { status } = await post(token, own, {
        method: 'notifications/cancelled',
        params: { requestId: id },
      });
      expect(status).toBe(202);
    }
    await Promise.all(held);
    const { status, reply } = await post(token, own, echo(501, 'room again'));
    expect([status, reply.result?.content?.[0]?.text]).toEqual([200, 'room again']);
    expect((await outcomes(log)).filter((one) => one === 'cancelled')).toHaveLength(most);
    await pool.close();
  });
});
