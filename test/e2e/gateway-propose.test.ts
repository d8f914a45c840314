// SPDX-License-Identifier: Apache-2.0
// `authorization/propose`: the decision of a call without the call, by the same path, with receipts of its own.
import { createPrivateKey } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { Raw, stub } from '../helpers/raw.js';

const eve = createApproverKey('eve');
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp() {
  const module = policyOf(
    ({ intent }) => {
      const timeout = 60_000;
      switch (intent.name) {
        case 'echo':
          return { effect: 'allow', rules: ['free'] };
        case 'log':
          return {
            effect: 'review',
            rules: ['asks'],
            reason: 'Somebody decides',
            timeout,
            approvals: [{ rule: 'asks', self: false, roles: ['lead'], quorum: 1, timeout }],
          };
        default:
          return { effect: 'deny', rules: ['no'], reason: 'Not this one' };
      }
    },
    (name) => name === 'secret',
  );
  const dir = scratch();
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [stub, 'plain', `${dir}/notes`] } },
    identity: { stdio: { principal: 'agent:raw' } },
    approvers: [{ id: 'user:eve', roles: ['lead'], key: eve.vkey }],
    approvals: { holdSeconds: 0 },
  });
  await pin(config);
  const { gateway, log } = await startGateway(config, module);
  open.push(gateway);
  const client = new Raw(gateway);
  const hello = await client.ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  const propose = (name: string, args: object = {}) =>
    client.ask('authorization/propose', { name, arguments: args });
  return { client, hello, propose, gateway, log, from: log.bodies.length };
}

describe('a proposal', () => {
  it('is offered at initialize, to clients of both kinds', async () => {
    const { hello } = await setUp();
    const capabilities = hello.result?.['capabilities'] as { readonly [key: string]: object };
    for (const slot of ['extensions', 'experimental'])
      expect(capabilities[slot]).toMatchObject({
        'dev.sepal/authorization': { methods: expect.arrayContaining(['authorization/propose']) },
      });
  });

  it('of an allowed call says so, forwards nothing, and closes its receipt as not sent', async () => {
    const { propose, log, from } = await setUp();
    const { result } = await propose('echo', { text: 'x' });
    expect(result).toMatchObject({ type: 'authorization/decide', decision: 'allow' });
    const [proposed, decided, outcome] = log.bodies.slice(from);
    expect([proposed, decided, outcome].map((body) => body?.type)).toEqual(['propose', 'decide', 'outcome']);
    expect(new Set([proposed, decided, outcome].map((body) => body?.call)).size).toBe(1);
    expect(decided?.refs?.propose).toBeDefined();
    expect(outcome?.outcome?.status).toBe('not_sent');
    const receipt = { decision: 'allow', seq: decided?.seq };
    expect(result).toMatchObject({ _meta: { 'dev.sepal/receipt': receipt } });
  });

  it('of a denied call gives the reason; of arguments that do not fit, theirs', async () => {
    const { propose, log, from } = await setUp();
    expect((await propose('raw')).result).toMatchObject({ decision: 'deny', reason: 'Not this one' });
    expect((await propose('echo', { text: 7 })).result).toMatchObject({
      decision: 'deny',
      reason: expect.stringContaining('schema'),
    });
    expect(log.bodies.slice(from).map((body) => body.type)).toEqual([
      'propose',
      'decide',
      'propose',
      'decide',
    ]);
  });

  it('of a hidden or unknown tool is answered as the call would be', async () => {
    const { propose, client } = await setUp();
    for (const name of ['secret', 'nothing']) {
      expect((await propose(name)).error).toMatchObject({ code: -32602, message: `Unknown tool: ${name}` });
      expect((await client.call(name)).error).toMatchObject({
        code: -32602,
        message: `Unknown tool: ${name}`,
      });
    }
  });

  it('of a call that needs people is joined by the call itself, which redeems once', async () => {
    const { propose, client, gateway, log } = await setUp();
    const { result } = await propose('log');
    expect(result).toMatchObject({ decision: 'review', reason: 'Somebody decides' });
    const approvalId = result?.['approvalId'] as string;
    expect(JSON.stringify((await client.call('log')).result)).toContain(approvalId);
    expect(gateway.approvals.list()).toHaveLength(1);
    const waiting = client.ask('authorization/decide', { approvalId });
    const shown = await gateway.approvals.show(approvalId);
    if (shown === null) throw new Error('not parked');
    await gateway.approvals.decideBy(signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, 'approve'));
    expect((await waiting).result).toMatchObject({ approvalId, state: 'approved' });
    expect((await propose('log')).result, 'a proposal redeems nothing').toMatchObject({ decision: 'review' });
    expect((await client.call('log')).result?.isError).toBeFalsy();
    expect(JSON.stringify((await client.call('log')).result)).toContain('pending');
    const allowed = log.bodies.filter((body) => body.decision?.effect === 'allow');
    expect(allowed).toHaveLength(1);
    expect((await client.ask('authorization/decide', { approvalId: 'test/log#1' })).error?.code).toBe(-32602);
  });

  it('of something that is no call is refused and counted', async () => {
    const { client, log } = await setUp();
    for (const params of [{}, { name: 5 }, { name: 'echo', arguments: [] }])
      expect((await client.ask('authorization/propose', params)).error?.code).toBe(-32602);
    expect(log.bodies.at(-1)?.event?.kind).toBe('refused_input');
  });
});
