// SPDX-License-Identifier: Apache-2.0
// `by self` for clients of 2026-07-28: the question goes with a sealed state, the answer comes back with it, and a restart in between is no end.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterEach, expect, it } from 'vitest';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import {
  configOf,
  memoryLog,
  type MemoryLog,
  pin,
  policyOf,
  scratch,
  startGateway,
} from '../helpers/gateway.js';
import { MODERN, post, type Posted } from '../helpers/modern.js';
import { stub } from '../helpers/raw.js';

const FORM = { elicitation: { form: {} } };
const module = policyOf(() => ({
  effect: 'review',
  rules: ['r'],
  approvals: [{ rule: 'r', self: true, roles: [], quorum: 1, timeout: 600_000 }],
  timeout: 600_000,
}));
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp() {
  const dir = scratch();
  const [dana, eve] = ['user:dana', 'user:eve'].map((principal) => createToken({ principal }, randomBytes));
  if (dana === undefined || eve === undefined) throw new Error('no tokens');
  const tokens = join(dir, 'tokens.json');
  writeFileSync(tokens, printTokens([dana.entry, eve.entry]), { mode: 0o600 });
  mkdirSync(join(dir, '.sepal/keys'), { recursive: true });
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [stub] } },
    identity: { tokens },
    approvals: { holdSeconds: 0 },
  });
  await pin(config);
  const log = memoryLog();
  const start = async (): Promise<URL> => {
    const { gateway } = await startGateway(config, module, { log });
    open.push(gateway);
    const front = await gateway.serveHttp();
    return new URL(`http://127.0.0.1:${front.address.port}/mcp`);
  };
  const call = (url: URL, more: object = {}, by = dana.token, capabilities: object = FORM) =>
    post(
      url,
      'tools/call',
      { name: 'echo', arguments: { text: 'exactly this' }, ...more },
      { capabilities, headers: { authorization: `Bearer ${by}` } },
    );
  return { start, call, log, eve: eve.token, dana: dana.token };
}

const answer = (result: object, { reply }: Posted) => ({
  inputResponses: { confirm: result },
  requestState: reply.result?.['requestState'],
});
const YES = { action: 'accept', content: { confirm: true } };
const outcomes = (log: MemoryLog) => log.bodies.filter(({ type }) => type === 'outcome').length;

it('asks for exactly this call, and forwards it once its user has confirmed', async () => {
  const { start, call, log } = await setUp();
  const url = await start();
  const first = await call(url);
  expect(first.reply.result).toMatchObject({ resultType: 'input_required' });
  const asked = first.reply.result?.['inputRequests'] as {
    readonly confirm: { readonly method: string; readonly params: { readonly message: string } };
  };
  expect(asked.confirm.method).toBe('elicitation/create');
  expect(asked.confirm.params.message).toContain('s/echo');
  expect(asked.confirm.params.message).toContain('exactly this');
  expect(outcomes(log)).toBe(0);
  const second = await call(url, answer(YES, first));
  expect(second.reply.result?.content?.[0]?.text).toBe('exactly this');
  expect(JSON.stringify(second.reply.result?.['seen'])).not.toContain('requestState');
  const approve = log.bodies.find(({ type }) => type === 'approve');
  expect(approve?.approval).toMatchObject({ verdict: 'approve', approver: { id: 'user:dana' } });
  // The state is used up, and so is the approval.
  expect((await call(url, answer(YES, first))).text).toContain('not good for this request');
  expect((await call(url)).reply.result).toMatchObject({ resultType: 'input_required' });
  await expect.poll(() => outcomes(log)).toBe(1);
});

it('forwards nothing when they decline, close the form, or when another shows the state', async () => {
  const { start, call, log, eve } = await setUp();
  const url = await start();
  const first = await call(url);
  expect((await call(url, answer(YES, first), eve)).text).toContain('not good for this request');
  const other = { ...answer(YES, first), arguments: { text: 'something else' } };
  expect((await call(url, other)).text).toContain('not good for this request');
  expect((await call(url, answer({ action: 'decline' }, first))).text).toContain('denied the call');
  const again = await call(url);
  const closed = await call(url, answer({ action: 'cancel' }, again));
  expect(closed.reply.result).toMatchObject({ resultType: 'input_required' });
  expect(closed.reply.result?.['inputRequests'], 'not asked twice').toBeUndefined();
  expect(outcomes(log)).toBe(0);
});

it('asks nobody where the client shows no forms', async () => {
  const { start, call } = await setUp();
  const { reply } = await call(await start(), {}, undefined, {});
  expect(reply.result).toMatchObject({ resultType: 'input_required' });
  expect(reply.result?.['inputRequests']).toBeUndefined();
});

it('goes on after a restart of the gateway', async () => {
  const { start, call, log } = await setUp();
  const first = await call(await start());
  await open.splice(0)[0]?.close();
  const url = await start();
  const second = await call(url, answer(YES, first));
  expect(second.reply.result?.content?.[0]?.text).toBe('exactly this');
  expect((await call(url, answer(YES, first))).text).toContain('not good for this request');
  await expect.poll(() => outcomes(log)).toBe(1);
});

it('works for the SDK’s client without a word of its own', async () => {
  const { start, dana } = await setUp();
  const url = await start();
  const client = new Client(
    { name: 'x', version: '1' },
    { capabilities: FORM, versionNegotiation: { mode: { pin: MODERN } } },
  );
  client.setRequestHandler('elicitation/create', async () => YES as never);
  await client.connect(
    new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${dana}` } } }),
  );
  const result = await client.callTool({ name: 'echo', arguments: { text: 'by the SDK' } });
  expect(result.content).toEqual([{ type: 'text', text: 'by the SDK' }]);
  await client.close();
});
