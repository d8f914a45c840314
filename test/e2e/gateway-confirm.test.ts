// SPDX-License-Identifier: Apache-2.0
// `by self`: the user of the call is asked through their own client, what they said is attested, and a restart takes it up.
import { describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, memoryLog, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { Raw, stub, until } from '../helpers/raw.js';

const needs = {
  self: [{ rule: 'r', self: true, roles: [], quorum: 1, timeout: 60_000 }],
  role: [{ rule: 'r', self: false, roles: ['lead'], quorum: 1, timeout: 60_000 }],
} as const;
const PERSON = 'user:dana';

async function setUp(by: keyof typeof needs, capabilities: object, principal = PERSON, log = memoryLog()) {
  const module = policyOf(() => ({ effect: 'review', rules: ['r'], approvals: needs[by], timeout: 60_000 }));
  const config = configOf(scratch(), {
    mcpServers: { s: { command: process.execPath, args: [stub] } },
    identity: { stdio: { principal } },
    approvals: { holdSeconds: 2 },
  });
  await pin(config);
  const { gateway } = await startGateway(config, module, { log });
  const client = new Raw(gateway);
  const clientInfo = { name: 'x', version: '1' };
  await client.ask('initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo });
  const asked = () => client.notifications('elicitation/create') as readonly Form[];
  return { gateway, client, log, asked, config };
}
interface Form {
  readonly id?: unknown;
  readonly params?: { readonly message?: string; readonly requestedSchema?: object };
}
const FORM = { elicitation: {} };

async function answered(result: object) {
  const own = await setUp('self', FORM);
  const call = own.client.call('echo', { text: 'exactly \u202e this' });
  await until(() => own.asked().length > 0);
  own.client.send({ jsonrpc: '2.0', id: own.asked()[0]?.id, result });
  const reply = await call;
  await own.gateway.close();
  return { ...own, reply: JSON.stringify(reply), question: own.asked()[0]?.params?.message ?? '' };
}

describe('by self', () => {
  it('asks for exactly this call, forwards it once confirmed, and says in the receipt who attested', async () => {
    const { reply, question, log } = await answered({ action: 'accept', content: { confirm: true } });
    expect(question).toContain('s/echo');
    expect(question).toContain('exactly \\u{202e} this');
    expect(reply).toContain('exactly');
    expect(reply).not.toContain('isError');
    const approve = log.bodies.find(({ type }) => type === 'approve');
    expect(approve?.approval).toMatchObject({
      verdict: 'approve',
      approver: { id: PERSON, roles: [] },
      proof: { method: 'stdio' },
    });
  });

  it.each([
    [{ action: 'decline' }, /denied the call/],
    [{ action: 'accept', content: { confirm: false } }, /denied the call/],
    [{ action: 'accept', content: { confirm: 'yes' } }, /denied the call/],
    [{ action: 'cancel' }, /pending/],
  ])('%j forwards nothing', async (result, said) => {
    const { reply, log } = await answered(result);
    expect(reply).toMatch(said);
    expect(log.bodies.some(({ type }) => type === 'outcome')).toBe(false);
  });

  it.each([
    ['a rule that asks for another person', 'role', FORM, PERSON],
    ['a client that shows no forms', 'self', {}, PERSON],
    ['a client that opens pages only', 'self', { elicitation: { url: {} } }, PERSON],
    ['an agent that acts for nobody', 'self', FORM, 'agent:a'],
  ] as const)('asks nobody: %s', async (_, by, capabilities, principal) => {
    const { gateway, client, asked } = await setUp(by, capabilities, principal);
    expect(JSON.stringify(await client.call('echo', { text: 'x' }))).toContain('pending');
    expect(asked()).toHaveLength(0);
    await gateway.close();
  });

  it('does not let a client attest for another, and counts after a restart', async () => {
    const { gateway, client, log, config } = await setUp('self', {});
    const call = client.call('echo', { text: 'x' });
    await until(() => gateway.approvals.list().length > 0);
    const [pending] = gateway.approvals.list();
    if (pending === undefined) throw new Error('nothing waits');
    const word = {
      verdict: 'approve',
      approver: PERSON,
      session: pending.key.session,
      method: 'stdio',
    } as const;
    for (const wrong of [{ approver: 'user:eve' }, { session: `sha256:${'0'.repeat(64)}` }])
      expect(await gateway.approvals.attest(pending.id, { ...word, ...wrong })).toMatchObject({
        ok: false,
        code: 'wrong_role',
      });
    await call;
    expect(await gateway.approvals.attest(pending.id, word)).toMatchObject({ ok: true, state: 'approved' });
    expect(await gateway.approvals.attest(pending.id, word)).toMatchObject({ ok: false, code: 'repeated' });
    await gateway.close();
    const module = policyOf(() => ({
      effect: 'review',
      rules: ['r'],
      approvals: needs.self,
      timeout: 60_000,
    }));
    const again: Gateway = (await startGateway(config, module, { log })).gateway;
    expect(again.approvals.list()).toMatchObject([{ id: pending.id, missing: [] }]);
    await again.close();
  });
});
