// SPDX-License-Identifier: Apache-2.0
// Every call holds what it counts from the decision on, and lets go of it once: committed when it was sent, released when it was not.
import { afterEach, describe, expect, it } from 'vitest';
import type { Limits, Reservation } from '../../runtime/decide/limits.js';
import type { PolicyModule } from '../../stdlib/abi.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { Raw, stub } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function setUp(broken = false, counted: readonly string[] = []) {
  const seen: string[] = [];
  const limits: Limits = {
    reserve: async (_, decide) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (broken) throw new Error('the database is gone');
      const { value } = decide({});
      seen.push('reserve');
      return { value, reservation: reservation(seen) };
    },
    end: () => undefined,
  };
  const rules = policyOf(({ intent }) => {
    if (intent.args['text'] === 'boom') throw new Error('boom');
    if (intent.name === 'echo' || intent.name === 'crash') return { effect: 'allow', rules: ['some'] };
    return { effect: 'deny', rules: ['rest'] };
  });
  const module: PolicyModule = {
    ...rules,
    counts: ({ intent }) =>
      counted.includes(intent.name) ? [{ name: 'calls', key: ['agent:raw'], add: 1, attempt: false }] : [],
  };
  const config = configOf(scratch(), {
    mcpServers: { s: { command: process.execPath, args: [stub, 'plain'] } },
    identity: { stdio: { principal: 'agent:raw' } },
  });
  await pin(config);
  const { gateway, log, said } = await startGateway(config, module, {
    limits: broken ? brokenLater(limits) : limits,
  });
  open.push(gateway);
  const client = new Raw(gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  seen.length = 0;
  return { client, seen, log, said };
}

const reservation = (seen: string[]): Reservation => ({
  counts: [{ name: 'calls', key: ['agent:raw'], add: 1 }],
  attempts: [],
  commit: async () => void seen.push('commit'),
  release: async () => void seen.push('release'),
  park: async () => void seen.push('park'),
  drop: async () => void seen.push('drop'),
});

/** The start asks the policy once; the database goes after it. */
function brokenLater(limits: Limits): Limits {
  let first = true;
  return {
    reserve: (question, decide) => {
      if (!first) return limits.reserve(question, decide);
      first = false;
      return Promise.resolve({ value: decide({}).value, reservation: reservation([]) });
    },
    end: () => undefined,
  };
}

describe('limits', () => {
  it('are committed once for a call that was sent, whatever came back, and stand in its receipt', async () => {
    const { client, seen, log } = await setUp();
    await client.call('echo', { text: 'x' });
    await client.call('crash');
    expect(seen).toEqual(['reserve', 'commit', 'reserve', 'commit']);
    const decided = log.bodies.find((body) => body.decision?.effect === 'allow');
    expect(decided?.counts).toEqual([{ name: 'calls', key: ['agent:raw'], add: 1 }]);
  });

  it('are released for a denial, and for a call that was not sent', async () => {
    const { client, seen } = await setUp();
    await client.call('raw');
    expect(seen).toEqual(['reserve', 'release']);
    await client.call('crash');
    for (let i = 0; i < 5; i++) await client.call('crash');
    expect(seen.filter((one) => one === 'reserve').length).toBe(
      seen.filter((one) => one !== 'reserve').length,
    );
    expect(seen.at(-1)).toBe('release');
  });

  it('hold nothing when the policy cannot be evaluated, which is a denial', async () => {
    const { client, seen, log, said } = await setUp();
    const reply = await client.call('echo', { text: 'boom' });
    expect(reply.result).toMatchObject({
      isError: true,
      content: [{ text: 'Denied: the policy could not be evaluated' }],
    });
    expect(seen).toEqual([]);
    expect(said.join()).not.toContain('limits cannot be asked');
    expect(log.bodies.at(-1)?.decision).toMatchObject({ effect: 'deny', default: true });
  });

  it('are dropped when the decision cannot be written', async () => {
    const { client, seen, log } = await setUp();
    log.fail(new Error('no space left on device'));
    expect((await client.call('echo')).error?.code).toBe(-32603);
    expect(seen[0]).toBe('reserve');
    expect(seen.slice(1)).toContain('drop');
    expect(seen).not.toContain('commit');
  });

  it('deny what needs them when they cannot be reached', async () => {
    const { client, said, log } = await setUp(true, ['crash']);
    const denied = await client.call('crash');
    expect(denied.result).toMatchObject({ isError: true });
    expect(said.join()).toContain('the database is gone');
    expect(log.bodies.at(-1)?.decision).toMatchObject({ effect: 'deny', default: true });
    // What neither counts nor asks what was counted goes on.
    expect((await client.call('echo', { text: 'x' })).result?.content?.[0]?.text).toBe('x');
  });
});
