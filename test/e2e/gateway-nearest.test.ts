// SPDX-License-Identifier: Apache-2.0
// What a running gateway shows and tells of a compiled policy: schemas narrowed to what some grant admits, and after a denial the
// nearest change that would be permitted, only where a rule says `tell`.
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import { compile } from '../../compiler/compile.js';
import { configOf, pin, scratch, startGateway } from '../helpers/gateway.js';
import { host, lockText, policy, tool } from '../helpers/policy.js';
import { Raw } from '../helpers/raw.js';

const SCHEMA = {
  amount: { type: 'integer', minimum: 1 },
  currency: { type: 'string', enum: ['EUR', 'USD', 'GBP'] },
  'note?': { type: 'string' },
  'rush?': { type: 'boolean' },
} as const;
const TOOLS = [tool('transfer', SCHEMA), tool('refund', SCHEMA), tool('say', { text: { type: 'string' } })];
const SERVER = `
const tools = ${JSON.stringify(TOOLS)};
const out = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') out(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'pay', version: '1' } });
  else if (method === 'tools/list') out(id, { tools });
  else if (id !== undefined) out(id, { content: [{ type: 'text', text: 'done' }] });
});`;
const COMPILER = { version: '0.0.0', hash: host.hash('test'), tz: 'test', unicode: 'test' };

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function connected(rules: string, principal = 'agent:buyer') {
  const lock = lockText({ pay: TOOLS });
  const input = {
    source: { path: 'p.sep', text: policy(rules) },
    readLock: (path: string) => ({ path, text: lock }),
  };
  const { output, diagnostics } = compile(input, host, COMPILER);
  if (output === null) throw new Error(JSON.stringify(diagnostics));
  const bundle = await loadPolicy(output.js, output.manifest);
  const config = configOf(scratch(), {
    mcpServers: { pay: { command: process.execPath, args: ['-e', SERVER] } },
    identity: { stdio: { principal } },
    approvals: { holdSeconds: 0 },
  });
  await pin(config);
  // The hashes are those of the lock: the definitions stand in both.
  const { gateway } = await startGateway(config, bundle.module, { policy: bundle });
  open.push(gateway);
  const client = new Raw(gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  const call = async (name: string, args: object) => {
    const { result } = await client.ask('tools/call', { name, arguments: args });
    return { denied: result?.isError === true, text: result?.content?.[0]?.text ?? '' };
  };
  const shown = async (name: string): Promise<Record<string, object>> => {
    const { result } = await client.ask('tools/list', {});
    const found = (
      result as unknown as { tools: { name: string; inputSchema: { properties: Record<string, object> } }[] }
    ).tools;
    return found.find((one) => one.name === name)?.inputSchema.properties ?? {};
  };
  return { call, shown };
}

describe('an advertised schema', () => {
  const RULES = `
role chief
allow small: agent:buyer -> pay/transfer when { args.amount < 500 and args.currency in [EUR, USD] }
allow large: role:chief -> pay/transfer when { args.amount <= 90000 and args.currency == GBP }
allow back: any -> pay/refund when { args.amount <= 20 or args.currency == EUR }
allow said: any -> pay/say
`;
  it('shows what some grant of this caller admits, and no more is decided by it', async () => {
    const { shown, call } = await connected(RULES);
    expect(await shown('transfer')).toEqual({
      ...(await shown('none')),
      amount: { type: 'integer', minimum: 1, exclusiveMaximum: 500 },
      currency: { type: 'string', enum: ['EUR', 'USD'] },
      note: { type: 'string' },
      rush: { type: 'boolean' },
    });
    // One of two ways leaves the other argument open.
    expect(await shown('refund')).toMatchObject({
      amount: { type: 'integer', minimum: 1 },
      currency: SCHEMA.currency,
    });
    expect((await call('transfer', { amount: 499, currency: 'EUR' })).denied).toBe(false);
    expect(await call('transfer', { amount: 500, currency: 'EUR' })).toEqual({
      denied: true,
      text: 'Denied: no rule of the policy allows this call.',
    });
    expect((await call('transfer', { amount: 5, currency: 'GBP' })).denied).toBe(true);
  });

  it('is that of the pin for whom a grant without bounds may hold', async () => {
    const { shown } = await connected(
      `${RULES}\nallow rest: agent:buyer -> pay/* when { tool.name != "say" }`,
    );
    expect(await shown('transfer')).toMatchObject({ amount: SCHEMA.amount, currency: SCHEMA.currency });
  });
});

describe('a denial', () => {
  it('names the nearest value that would be permitted where the rule says so', async () => {
    const { call } = await connected(`
allow small: any -> pay/transfer when { args.amount <= 500 and args.currency == EUR } tell
deny rushed: any -> pay/refund when { has(args.rush) and args.rush } because "Not in a hurry" tell
allow back: any -> pay/refund
allow hush: any -> pay/say when { args.text == "the password" }
`);
    expect((await call('transfer', { amount: 800, currency: 'EUR' })).text).toBe(
      'Denied: no rule of the policy allows this call. It would be allowed with `amount` of at most 500.',
    );
    expect((await call('transfer', { amount: 500, currency: 'EUR' })).denied).toBe(false);
    expect((await call('transfer', { amount: 7, currency: 'USD' })).text).toContain('with `currency` "EUR".');
    // No one change is enough.
    expect((await call('transfer', { amount: 800, currency: 'USD' })).text).toBe(
      'Denied: no rule of the policy allows this call. It would be allowed with `amount` of at most 500 and `currency` "EUR".',
    );
    expect((await call('refund', { amount: 3, currency: 'EUR', rush: true })).text).toBe(
      'Denied: Not in a hurry. It would be allowed with `rush` false.',
    );
    // A rule that does not say `tell` tells nothing.
    expect((await call('say', { text: 'x' })).text).toBe('Denied: no rule of the policy allows this call.');
  });

  it('says when a limit leaves room again, and when people would be asked', async () => {
    const { call } = await connected(`
counter calls: per 1h by principal on pay/transfer
allow few: any -> pay/transfer when { calls < 2 } tell
review much: any -> pay/refund when { args.amount <= 900 } by role:lead timeout 5m tell
role lead
`);
    for (let i = 0; i < 2; i++)
      expect((await call('transfer', { amount: 1, currency: 'EUR' })).denied).toBe(false);
    expect((await call('transfer', { amount: 1, currency: 'EUR' })).text).toBe(
      'Denied: no rule of the policy allows this call. It would be allowed again in 60 min.',
    );
    expect((await call('refund', { amount: 901, currency: 'EUR' })).text).toBe(
      'Denied: no rule of the policy allows this call. It would be put before people with `amount` of at most 900.',
    );
  });

  it('by a limit that says so, or by a score that falls, says when', async () => {
    const { call } = await connected(`
limit few: 2 per 1m by principal on pay/transfer because "Twice a minute" tell
limit rare: 1 per 1h by principal on pay/say because "Hush"
score risk: per 24h by principal { add 10 on pay/refund decay 5 per 20s cap 100 }
allow sent: any -> pay/transfer
allow said: any -> pay/say
allow back: any -> pay/refund
deny hot: any -> pay/refund when { risk >= 10 } because "Too hot" tell
`);
    const args = { amount: 1, currency: 'EUR' };
    for (let i = 0; i < 2; i++) expect((await call('transfer', args)).denied).toBe(false);
    expect((await call('transfer', args)).text).toMatch(
      /^Denied: Twice a minute\. It would be allowed again in (60|5\d) s\.$/,
    );
    expect((await call('refund', args)).denied).toBe(false);
    expect((await call('refund', args)).text).toMatch(
      /^Denied: Too hot\. It would be allowed again in (20|1\d) s\.$/,
    );
    expect((await call('say', { text: 'x' })).denied).toBe(false);
    expect((await call('say', { text: 'x' })).text).toBe('Denied: Hush');
  });
});
