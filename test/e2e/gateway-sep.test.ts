// SPDX-License-Identifier: Apache-2.0
// SEP on the wire, through `sepal/client`, from real clients of both SDKs in both eras: propose, wait, call with the decision's token.
import { createPrivateKey, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client as Two, StreamableHTTPClientTransport as HttpTwo } from '@modelcontextprotocol/client';
import { Client as One } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpOne } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import {
  authorization,
  CAPABILITIES,
  NotAllowed,
  receiptOf,
  type SdkClient,
} from '../../runtime/client/index.js';
import { createToken, printTokens } from '../../runtime/decide/tokens.js';
import { createDecisionTokens } from '../../runtime/gateway/decision-token.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, type MemoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { MODERN } from '../helpers/modern.js';
import { stub, until } from '../helpers/raw.js';

const eve = createApproverKey('eve');
const dir = scratch();
const a = createToken({ principal: 'agent:a' }, randomBytes);
const b = createToken({ principal: 'agent:b' }, randomBytes);
let gateway: Gateway;
let log: MemoryLog;
let url: URL;

beforeAll(async () => {
  const tokens = join(dir, 'tokens.json');
  writeFileSync(tokens, printTokens([a.entry, b.entry]), { mode: 0o600 });
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [stub, 'plain'] } },
    identity: { tokens },
    approvers: [{ id: 'user:eve', roles: ['lead'], key: eve.vkey }],
    approvals: { holdSeconds: 0 },
  });
  await pin(config);
  const timeout = 60_000;
  const asks = { rule: 'asks', self: false, roles: ['lead'], quorum: 1, timeout };
  const module = policyOf(({ intent }) => {
    if (intent.name === 'echo') return { effect: 'allow', rules: ['free'] };
    if (intent.name !== 'log') return { effect: 'deny', rules: ['no'], reason: 'Not this one' };
    return { effect: 'review', rules: ['asks'], timeout, approvals: [asks] };
  });
  ({ gateway, log } = await startGateway(config, module));
  const front = await gateway.serveHttp();
  url = new URL(`http://127.0.0.1:${front.address.port}/mcp`);
});

afterAll(async () => {
  await gateway?.close();
});

interface Peer {
  readonly client: SdkClient & { close(): Promise<void> };
  /** Methods and ids of what came in besides answers. */
  readonly told: string[];
}

const init = (token: string) => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } });

async function one(token = a.token, capabilities: object = CAPABILITIES) {
  const client = new One({ name: 'one', version: '1' }, { capabilities });
  const told: string[] = [];
  client.fallbackNotificationHandler = async ({ method, params }) =>
    void told.push(`${method} ${String(params?.['id'])}`);
  await client.connect(new HttpOne(url, init(token)));
  return { client, told };
}

async function two(mode: 'legacy' | { pin: string }, token = a.token): Promise<Peer> {
  const client = new Two(
    { name: 'two', version: '1' },
    { capabilities: CAPABILITIES, versionNegotiation: { mode } },
  );
  const told: string[] = [];
  client.fallbackNotificationHandler = async ({ method, params }) =>
    void told.push(`${method} ${String((params as { readonly id?: unknown } | undefined)?.id)}`);
  await client.connect(new HttpTwo(url, init(token)));
  return { client, told };
}

/** Eve's verdict on the next call that waits. */
async function answer(verdict: 'approve' | 'deny'): Promise<void> {
  await until(() => gateway.approvals.list().length > 0);
  const [pending] = gateway.approvals.list();
  const shown = pending === undefined ? null : await gateway.approvals.show(pending.id);
  if (shown === null) throw new Error('nothing waits');
  await gateway.approvals.decideBy(signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, verdict));
}

const peers: readonly (readonly [string, () => Promise<Peer>])[] = [
  ['SDK 1.x', () => one()],
  ['SDK 2.x, legacy', () => two('legacy')],
  ['SDK 2.x, 2026-07-28', () => two({ pin: MODERN })],
];

describe.each(peers)('a client of %s', (_name, connect) => {
  it('proposes, and calls with the token of the decision; the receipt comes first', async () => {
    const { client, told } = await connect();
    const sep = authorization(client);
    expect(sep.offered).toBe(true);
    const echo = { name: 'echo', arguments: { text: 'hi' } };
    const proposed = await sep.propose(echo);
    expect(proposed).toMatchObject({ decision: 'allow', receipt: { decision: 'allow' } });
    const result = await sep.call(echo);
    expect(result.content).toEqual([{ type: 'text', text: 'hi' }]);
    const receipt = receiptOf(result);
    await until(() => told.length > 0);
    expect(told).toContain(`authorization/receipt ${receipt?.id}`);
    const known = await sep.receipt(receipt?.id ?? '');
    expect(known).toMatchObject({
      receipt: { hash: receipt?.hash },
      entry: { decision: { effect: 'allow' } },
    });
    await client.close();
  });

  it('learns an answer that was given before it asked', async () => {
    const { client } = await connect();
    const sep = authorization(client);
    for (const verdict of ['approve', 'deny'] as const) {
      const proposed = await sep.propose({ name: 'log', arguments: { text: verdict } });
      await answer(verdict);
      const approvalId = proposed.decision === 'review' ? proposed.approvalId : '';
      const decided = await sep.decide(approvalId, { waitMs: 0 });
      expect(decided.decision).toBe(verdict === 'approve' ? 'allow' : 'deny');
      if (decided.decision !== 'allow') continue;
      const made = {
        name: 'log',
        arguments: { text: verdict },
        _meta: { 'dev.sepal/decision': decided.token },
      };
      expect(await client.callTool(made as never)).not.toHaveProperty('isError', true);
    }
    await client.close();
  });

  it('waits for people, and learns their answer', async () => {
    const { client } = await connect();
    const sep = authorization(client);
    const waiting = sep.call({ name: 'log', arguments: {} });
    await answer('approve');
    expect((await waiting).isError).toBeFalsy();
    const refused = expect(sep.call({ name: 'log', arguments: { text: 'no' } })).rejects.toThrow(NotAllowed);
    await answer('deny');
    await refused;
    await expect(sep.call({ name: 'raw', arguments: {} })).rejects.toThrow('denied: Not this one');
    await client.close();
  });
});

describe('a call of a modern client that waits for people', () => {
  it('comes back with a state until they have answered, and is made once', async () => {
    const { client } = await two({ pin: MODERN });
    const allowed = () => log.bodies.filter((body) => body.decision?.effect === 'allow').length;
    const before = allowed();
    const waiting = client.callTool({ name: 'log', arguments: { text: 'state' } } as never);
    await answer('approve');
    expect(await waiting).not.toHaveProperty('isError', true);
    expect(allowed()).toBe(before + 1);
    // Nobody answers: it is told so in words before the client would give up.
    const told = client.callTool({ name: 'log', arguments: { text: 'nobody' } } as never);
    expect(JSON.stringify(await told)).toContain('pending; repeat the same call when approved');
    await answer('deny');
    await client.close();
  });
});

describe('a decision token', () => {
  const call = (client: One, args: object, token: unknown, name = 'echo') =>
    client.callTool({ name, arguments: { ...args }, _meta: { 'dev.sepal/decision': token } });

  it('is good for the call that was proposed, by the same principal, once', async () => {
    const { client } = await one();
    const other = await one(b.token);
    const token = async (text: string) => {
      const decision = await authorization(client).propose({ name: 'echo', arguments: { text } });
      return decision.decision === 'allow' ? decision.token : '';
    };
    const good = await token('x');
    const cases: [string, Promise<unknown>][] = [
      ['another call', call(client, { text: 'y' }, good)],
      ['another principal', call(other.client, { text: 'x' }, good)],
      ['changed', call(client, { text: 'x' }, `${good}A`)],
      ['of another form', call(client, { text: 'x' }, { token: good })],
      ['none', call(client, { text: 'x' }, null)],
    ];
    for (const [what, tried] of cases)
      expect([what, await tried]).toMatchObject([what, { isError: true, content: [{ type: 'text' }] }]);
    const last = log.bodies.findLast((body) => body.type === 'decide');
    expect(last?.decision).toMatchObject({ effect: 'deny', default: true });
    expect((await call(client, { text: 'x' }, good)).isError).toBeFalsy();
    const again = await call(client, { text: 'x' }, good);
    expect(JSON.stringify(again.content)).toContain('the decision token has been used');
    const held = await Promise.all(
      Array.from(
        { length: 20 },
        (
          (one) => () =>
            one
        )(await token('z')),
      ).map((one) => call(client, { text: 'z' }, one)),
    );
    expect(held.filter(({ isError }) => isError !== true)).toHaveLength(1);
    await Promise.all([client.close(), other.client.close()]);
  });

  it('ends with its time and with the policy that gave it', () => {
    let now = 0;
    const tokens = createDecisionTokens(
      () => now,
      () => 0,
    );
    const leave = { who: 'w', digest: 'd', definition: null, policy: 'p' };
    const { token, expires } = tokens.issue(leave, 1000);
    expect(expires).toBe('1970-01-01T00:00:01.000Z');
    expect(tokens.use(token, { ...leave, policy: 'q' })).toContain('the policy has changed');
    const late = tokens.issue(leave, 1000);
    now = 1000;
    expect(tokens.use(late.token, leave)).toContain('expired');
    expect(
      tokens.use(
        createDecisionTokens(
          () => 0,
          () => 0,
        ).issue(leave, 1).token,
        leave,
      ),
    ).toContain('not one');
  });
});

describe('a receipt', () => {
  it('is given to whom it is about, and to nobody else', async () => {
    const mine = await one();
    const theirs = await one(b.token);
    const receipt = receiptOf(await mine.client.callTool({ name: 'echo', arguments: { text: 'r' } }));
    const id = receipt?.id ?? '';
    expect(await authorization(mine.client).receipt(id)).toMatchObject({ receipt: { hash: receipt?.hash } });
    for (const [client, asked] of [
      [theirs.client, id],
      [mine.client, 'test/log#0'],
      [mine.client, 'test/log#999999'],
      [mine.client, `other/log#${receipt?.seq}`],
      [mine.client, 'test/log#-1'],
    ] as const)
      await expect(authorization(client).receipt(asked)).rejects.toThrow('there is no such receipt');
    await Promise.all([mine.client.close(), theirs.client.close()]);
  });

  it('comes in `_meta` to a client without SEP, which is decided inline', async () => {
    const { client, told } = await one(a.token, {});
    const result = await client.callTool({ name: 'echo', arguments: { text: 'plain' } });
    expect(receiptOf(result)?.decision).toBe('allow');
    expect(told).toEqual([]);
    await client.close();
  });
});
