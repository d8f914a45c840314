// SPDX-License-Identifier: Apache-2.0
// Limits, counters and scores of a compiled policy in a running gateway: exact under parallel calls, held by reviews, folded from the log at
// the next start, and a denial when there is no room for more.
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { emit } from '../../compiler/emit.js';
import { localLimits } from '../../runtime/decide/limits.js';
import { createApproverKey, signVerdict } from '../../runtime/approvals/keys.js';
import { createGateway, type Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, loaded, pin, scratch, startGateway, type MemoryLog } from '../helpers/gateway.js';
import { loadOnce } from '../helpers/emitted.js';
import { checkText, lockText, policy, tool } from '../helpers/policy.js';
import { Raw, type Reply } from '../helpers/raw.js';

const journal = join(import.meta.dirname, '../helpers/journal.mjs');
const LOCK = lockText({
  s: ['run', 'ask', 'never', 'environment'].map((name) => tool(name, { id: { type: 'string' } })),
});
const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

const eve = createApproverKey('eve');

async function setUp(rules: string, capacity?: number) {
  const { output, diagnostics } = checkText(policy(rules), LOCK);
  if (output === null) throw new Error(JSON.stringify(diagnostics));
  const module = loadOnce(emit(output.ir).js);
  const dir = scratch();
  const config = configOf(dir, {
    mcpServers: { s: { command: process.execPath, args: [journal, join(dir, 'journal')] } },
    identity: { stdio: { principal: 'agent:raw' } },
    approvals: { holdSeconds: 0 },
    approvers: [{ id: 'user:eve', roles: ['lead'], key: eve.vkey }],
  });
  await pin(config);
  const limits = capacity === undefined ? {} : { limits: localLimits(module.measures ?? [], { capacity }) };
  const first = await startGateway(config, module, limits);
  open.push(first.gateway);
  const again = async (log: MemoryLog) => {
    const gateway = await createGateway({
      config,
      policy: loaded(module),
      log,
      kid: 'deadbeef',
      version: '0',
      env: process.env,
      clock: { wall: Date.now, monotonic: () => performance.now() },
      say: () => {},
      control: null,
    });
    open.push(gateway);
    return { gateway, client: await hello(gateway) };
  };
  return { ...first, client: await hello(first.gateway), again };
}

async function hello(gateway: Gateway): Promise<Raw> {
  const client = new Raw(gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  return client;
}

const ran = (reply: Reply): boolean => reply.result !== undefined && reply.result.isError !== true;
const text = (reply: Reply): string => reply.result?.content?.[0]?.text ?? '';
const decided = (log: MemoryLog, name: string) =>
  log.bodies.filter(
    ({ type, intent, principal }) =>
      type === 'decide' && intent?.name === name && principal?.id === 'agent:raw',
  );

describe('limits in the gateway', () => {
  it('admit exactly as many as they say of 1,000 parallel calls, and of none after a restart', {
    timeout: 120_000,
  }, async () => {
    const { gateway, log, again } = await setUp(
      'limit runs: 50 per 1h by principal on s/run because "Enough"\nallow any_tool: agent:* -> s/*',
    );
    const clients = await Promise.all(Array.from({ length: 20 }, () => hello(gateway)));
    const replies = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => clients[i % 20]!.call('run', { id: `i${i}` })),
    );
    expect(replies.filter(ran)).toHaveLength(50);
    expect(new Set(replies.filter((reply) => !ran(reply)).map(text))).toEqual(new Set(['Denied: Enough']));
    const bodies = decided(log, 'run');
    expect(bodies).toHaveLength(1000);
    for (const body of bodies) {
      const admitted = body.decision?.effect === 'allow';
      expect(body.counts).toEqual(admitted ? [{ name: 'runs', key: ['agent:raw'], add: 1 }] : undefined);
      expect(body.decision?.rules).toEqual([admitted ? 'any_tool' : 'runs']);
      expect(body.facts).toEqual(['runs']);
    }
    // The value that was used stands with the receipt, and no two admitted calls saw the same.
    const used = new Set<unknown>();
    for (const body of bodies.filter((one) => one.decision?.effect === 'allow')) {
      const facts = JSON.parse((await log.openings(body.seq))?.facts ?? '{}') as { readonly runs: number };
      used.add(facts.runs);
    }
    expect([...used].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 50 }, (_, i) => i));
    const { client: later } = await again(log);
    expect(text(await later.call('run', { id: 'later' }))).toBe('Denied: Enough');
    expect(ran(await later.call('environment', { id: 'x' }))).toBe(true);
  });

  it('are held by a review until it ends: an identical call joins it, another is denied, its redemption sees none of it', async () => {
    const { client, log, gateway, again } = await setUp(
      'role lead\nlimit asks: 1 per 1h by principal on s/ask because "One at a time"\nreview asking: agent:* -> s/ask by role:lead timeout 15m',
    );
    expect(text(await client.call('ask', { id: 'a' }))).toContain('approval');
    expect(text(await client.call('ask', { id: 'a' }))).toContain('approval');
    expect(text(await client.call('ask', { id: 'b' }))).toBe('Denied: One at a time');
    expect(gateway.approvals.list()).toHaveLength(1);
    // A restart keeps what is held.
    const { gateway: second, client: later } = await again(log);
    expect(text(await later.call('ask', { id: 'b' }))).toBe('Denied: One at a time');
    const [pending] = second.approvals.list();
    if (pending === undefined) throw new Error('nothing waits');
    const shown = await second.approvals.show(pending.id);
    if (shown === null) throw new Error('nothing to show');
    const verdict = signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, 'approve');
    expect((await second.approvals.decideBy(verdict)).ok).toBe(true);
    expect(ran(await later.call('ask', { id: 'a' }))).toBe(true);
    expect(text(await later.call('ask', { id: 'b' }))).toBe('Denied: One at a time');
    const counted = decided(log, 'ask').map((body) => [body.decision?.effect, body.counts?.length ?? 0]);
    expect(counted).toEqual([
      ['review', 1],
      ['deny', 0],
      ['deny', 0],
      ['allow', 1],
      ['deny', 0],
    ]);
  });

  it('are free again when people deny', async () => {
    const { client, gateway } = await setUp(
      'role lead\nlimit asks: 1 per 1h by principal on s/ask\nreview asking: agent:* -> s/ask by role:lead timeout 15m',
    );
    await client.call('ask', { id: 'a' });
    expect(text(await client.call('ask', { id: 'b' }))).toContain('Denied');
    const [pending] = gateway.approvals.list();
    const shown = await gateway.approvals.show(pending?.id ?? '');
    if (shown === null) throw new Error('nothing to show');
    await gateway.approvals.decideBy(signVerdict(createPrivateKey(eve.pem), 'user:eve', shown, 'deny'));
    expect(text(await client.call('ask', { id: 'b' }))).toContain('approval');
  });

  it('count attempts, denied ones too, in receipts and after a restart', async () => {
    const { client, log, again } = await setUp(
      'limit tries: 3 per 1h by session on s/* count attempts because "Slow down"\ndeny nope: any -> s/never because "Never"\nallow any_tool: agent:* -> s/*',
    );
    for (let i = 0; i < 2; i++) expect(ran(await client.call('never', { id: 'x' }))).toBe(false);
    expect(ran(await client.call('run', { id: 'a' }))).toBe(true);
    expect(text(await client.call('run', { id: 'b' }))).toBe('Denied: Slow down');
    expect(decided(log, 'never')[0]?.counts).toMatchObject([{ name: 'tries', add: 1 }]);
    const { client: later } = await again(log);
    expect(text(await later.call('run', { id: 'c' }))).toBe('Denied: Slow down');
  });

  it('taint a session, across a restart', async () => {
    const { client, log, again } = await setUp(
      'counter seen: per session on s/environment\nscore risk: per session { add 30 on s/run when { args.id starts with "bad" } cap 50 }\ndeny tainted: any -> s/ask when { seen > 0 } because "Tainted"\ndeny risky: any -> s/never when { risk >= 50 } because "Risky"\nallow any_tool: agent:* -> s/*',
    );
    expect(ran(await client.call('ask', { id: 'a' }))).toBe(true);
    await client.call('environment', { id: 'x' });
    for (const id of ['good', 'bad1', 'bad2']) await client.call('run', { id });
    expect(text(await client.call('ask', { id: 'b' }))).toBe('Denied: Tainted');
    const { client: later } = await again(log);
    expect(text(await later.call('ask', { id: 'b' }))).toBe('Denied: Tainted');
    expect(text(await later.call('never', { id: 'b' }))).toBe('Denied: Risky');
  });

  it('deny and say so when there is no room for what would be counted', async () => {
    const { client, log } = await setUp(
      'limit runs: 50 per 1h by tool on s/*\nallow any_tool: agent:* -> s/*',
      3,
    );
    expect(ran(await client.call('run', { id: 'a' }))).toBe(true);
    expect(text(await client.call('environment', { id: 'b' }))).toBe(
      'Denied: the memory for limits, counters and scores is full',
    );
    expect(log.bodies.at(-1)?.decision).toMatchObject({ effect: 'deny', default: true });
  });
});
