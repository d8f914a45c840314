// SPDX-License-Identifier: Apache-2.0
// One approval, many identical calls that wait for it in several sessions: one of them is forwarded, once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { stub, until } from '../helpers/raw.js';

const SESSIONS = 5;
const CALLS = process.env['SEPAL_LONG'] === undefined ? 40 : 200;

it(`${SESSIONS * CALLS} parallel redemptions of one approval give one execution`, async () => {
  const dir = scratch();
  const notes = join(dir, 'notes');
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [stub, 'plain', notes] } },
    identity: { anonymous: 'user:dana' },
    approvals: { holdSeconds: 3 },
    listen: { http: '127.0.0.1:0', limits: { perCredential: '100000/1m', unauthenticated: '1000/1m' } },
  });
  await pin(config);
  const needs = [{ rule: 'r', self: true, roles: [], quorum: 1, timeout: 60_000 }];
  const module = policyOf(() => ({ effect: 'review', rules: ['r'], approvals: needs, timeout: 60_000 }));
  const { gateway, log } = await startGateway(config, module);
  const { address } = await gateway.serveHttp();
  const post = (body: object, more: object = {}) =>
    fetch(`http://127.0.0.1:${address.port}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...more },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const sessions = await Promise.all(
    Array.from({ length: SESSIONS }, async () => {
      const hello = await post({ id: 0, method: 'initialize', params });
      return { 'mcp-session-id': hello.headers.get('mcp-session-id') ?? '' };
    }),
  );
  const call = { method: 'tools/call', params: { name: 'echo', arguments: { text: 'once' } } };
  const calls = sessions.flatMap((session) =>
    Array.from({ length: CALLS }, async (_, id) => (await post({ id, ...call }, session)).text()),
  );
  await until(() => gateway.approvals.list().length > 0);
  const [pending] = gateway.approvals.list();
  if (pending === undefined) throw new Error('nothing waits');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const word = {
    verdict: 'approve',
    approver: 'user:dana',
    session: pending.key.session,
    method: 'anonymous',
  } as const;
  expect(await gateway.approvals.attest(pending.id, word)).toMatchObject({ state: 'approved' });
  const answers = await Promise.all(calls);
  expect(answers.filter((text) => text.includes('"text":"once"'))).toHaveLength(1);
  expect(answers.filter((text) => text.includes('pending') || text.includes('has been used'))).toHaveLength(
    SESSIONS * CALLS - 1,
  );
  await gateway.close();
  expect(log.bodies.filter(({ decision }) => decision?.effect === 'allow')).toHaveLength(1);
  expect(
    readFileSync(notes, 'utf8')
      .split('\n')
      .filter((line) => line.includes('once')),
  ).toHaveLength(1);
});
