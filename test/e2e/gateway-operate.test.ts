// SPDX-License-Identifier: Apache-2.0
// What an operator does with a gateway that runs: other policies, the kill switch, a dry run; each recorded, none half in force.
import { afterEach, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import type { LoadedPolicy } from '../../runtime/decide/load.js';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import type { Decision, PolicyModule } from '../../stdlib/abi.js';
import { configOf, loaded, pin, policyOf, repin, scratch, startGateway } from '../helpers/gateway.js';
import { stub, until } from '../helpers/raw.js';

const open: Gateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

/** A policy by its name, which stands in each of its decisions. */
function named(
  name: string,
  effect: Decision['effect'],
  hidden: (tool: string) => boolean = () => false,
): LoadedPolicy {
  const source = `sha256:${createHash('sha256').update(name).digest('hex')}`;
  const module: PolicyModule = { ...policyOf(() => ({ effect, rules: [name] }), hidden), name };
  const { manifest } = loaded(module);
  return { module, manifest: { ...manifest, source, module: source, policy: { name, version: '1.0.0' } } };
}

async function setUp(first: LoadedPolicy, extra: object = {}) {
  const config = configOf(scratch(), {
    mcpServers: { s: { command: process.execPath, args: [stub], perPrincipal: false } },
    identity: { anonymous: 'agent:raw' },
    listen: { http: '127.0.0.1:0', limits: { perCredential: '100000/1m', unauthenticated: '1000/1m' } },
  });
  await pin(config);
  let source: () => Promise<LoadedPolicy> = () => Promise.resolve(first);
  const started = await startGateway(config, first.module, {
    policy: first,
    source: () => source(),
    ...extra,
  });
  open.push(started.gateway);
  const front = await started.gateway.serveHttp();
  const url = `http://127.0.0.1:${front.address.port}/mcp`;
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const post = (body: object, more: object = {}) =>
    fetch(url, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    });
  const connect = async () => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    };
    const id = (await post({ method: 'initialize', params })).headers.get('mcp-session-id') ?? '';
    const own = { 'mcp-session-id': id };
    const pushed: string[] = [];
    const ended = new AbortController();
    const stream = await fetch(url, {
      headers: { accept: 'text/event-stream', ...own },
      signal: ended.signal,
    });
    void (async () => {
      for await (const chunk of stream.body ?? []) pushed.push(Buffer.from(chunk).toString());
    })().catch(() => undefined);
    return {
      pushed: () =>
        [...pushed.join('').matchAll(/notifications\/(\w+)\/list_changed/g)].map(([, kind]) => kind),
      call: async (name = 'echo', args: object = { text: 'hi' }) =>
        (await (
          await post({ method: 'tools/call', params: { name, arguments: args } }, own)
        ).json()) as Answer,
      tools: async () => {
        const answer = (await (await post({ method: 'tools/list' }, own)).json()) as {
          result: { tools: { name: string }[] };
        };
        return answer.result.tools.map(({ name }) => name);
      },
      end: () => ended.abort(),
    };
  };
  return { ...started, config, connect, offer: (next: () => Promise<LoadedPolicy>) => (source = next) };
}
interface Answer {
  readonly result?: { readonly isError?: boolean; readonly content: { readonly text: string }[] };
  readonly error?: { readonly code: number; readonly message: string };
}
const text = ({ result }: Answer): string => result?.content[0]?.text ?? '';

describe('reload', () => {
  it('puts a changed policy in force with a receipt, and mixes no versions under load', async () => {
    const [a, b] = [named('a', 'allow'), named('b', 'deny')];
    const { gateway, log, connect, offer } = await setUp(a);
    const client = await connect();
    let [running, allowed, denied] = [true, 0, 0];
    const load = Array.from({ length: 16 }, async () => {
      while (running) {
        const answer = await client.call();
        if (answer.result?.isError === true) denied++;
        else allowed++;
      }
    });
    for (let i = 0; i < 6; i++) {
      // As long as it takes for some to be decided by the policy in force.
      const [before, of] = i % 2 === 0 ? [allowed, () => allowed] : [denied, () => denied];
      await until(() => of() > before + 4);
      offer(() => Promise.resolve(i % 2 === 0 ? b : a));
      expect(await gateway.reload()).toMatchObject({
        changed: true,
        policy: { name: i % 2 === 0 ? 'b' : 'a' },
      });
    }
    running = false;
    await Promise.all(load);
    expect(Math.min(allowed, denied)).toBeGreaterThan(3);
    expect(log.bodies.filter(({ type }) => type === 'policy')).toHaveLength(7);
    const activations = new Map(
      log.bodies.flatMap((body, i) => (body.type === 'policy' ? [[log.leaf(i), body.policy?.name]] : [])),
    );
    for (const { type, policy, decision } of log.bodies) {
      if (type !== 'decide' || decision?.default === true) continue;
      expect(activations.get(policy?.activation ?? '')).toBe(policy?.name);
      expect(decision?.rules).toEqual([policy?.name]);
      expect(decision?.effect).toBe(policy?.name === 'a' ? 'allow' : 'deny');
    }
  });

  it('keeps the old policy when the new one cannot be used, and alarms', async () => {
    const { gateway, log, said, connect, offer } = await setUp(named('a', 'allow'));
    const client = await connect();
    offer(() => Promise.reject(new Error('the policy has 2 errors')));
    await expect(gateway.reload()).rejects.toThrow('the policy has 2 errors');
    const broken = named('b', 'deny');
    const module = {
      ...broken.module,
      decide: () => {
        throw new Error('no');
      },
    };
    offer(() => Promise.resolve({ ...broken, module }));
    await expect(gateway.reload()).rejects.toThrow('no');
    expect(text(await client.call())).toBe('hi');
    expect(said.filter((line) => line.startsWith('ALARM'))).toHaveLength(2);
    expect(log.bodies.filter(({ event }) => event?.kind === 'reload_refused')).toHaveLength(1);
    expect(log.bodies.filter(({ type }) => type === 'policy')).toHaveLength(1);
    offer(() => Promise.resolve(named('c', 'deny')));
    expect(await gateway.reload()).toMatchObject({ changed: true });
    expect((await client.call()).result?.isError).toBe(true);
  });

  it('tells those whose view changed, and nobody else', async () => {
    const { gateway, connect, offer, config } = await setUp(named('a', 'allow'));
    const client = await connect();
    expect(await client.tools()).toContain('raw');
    offer(() => Promise.resolve(named('b', 'allow')));
    await gateway.reload();
    offer(() => Promise.resolve(named('c', 'allow', (name) => name === 'raw')));
    await gateway.reload();
    repin(config, 'tools', 's', 'raw', { description: 'nobody sees this' });
    await gateway.reload();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client.pushed()).toEqual(['tools']);
    expect(await client.tools()).not.toContain('raw');
    client.end();
  });

  it('counts by the measures of the policy in force', async () => {
    const limit = (name: string, most: number): LoadedPolicy => {
      const base = named(name, 'allow');
      const measure = {
        name: 'calls',
        kind: 'counter',
        window: 3_600_000,
        fixed: false,
        attempts: false,
        keys: [],
      };
      const add = { name: 'calls', key: [], add: 1, attempt: false };
      const module = {
        ...base.module,
        measures: [{ ...measure, decay: null, cap: most + 100 }],
        usage: () => [{ name: 'calls', key: [], fact: 'calls' }],
        counts: () => [add],
        decide: (_: unknown, facts: { readonly [name: string]: unknown }) => ({
          ...base.module.decide(REQUEST, {}, 'call'),
          effect: Number(facts['calls'] ?? 0) < most ? 'allow' : 'deny',
        }),
      } as unknown as PolicyModule;
      return { ...base, module };
    };
    const { gateway, connect, offer } = await setUp(limit('five', 5));
    const client = await connect();
    for (let i = 0; i < 3; i++) expect((await client.call()).result?.isError).not.toBe(true);
    offer(() => Promise.resolve(limit('four', 4)));
    await gateway.reload();
    expect((await client.call()).result?.isError).not.toBe(true);
    expect((await client.call()).result?.isError).toBe(true);
  });
});

const REQUEST = {
  principal: 'agent:raw',
  roles: [],
  user: null,
  userRoles: [],
  session: '',
  intent: { kind: 'tool', server: 's', name: 'echo', args: {} },
} as const;

describe('the kill switch', () => {
  it('denies at once and with its own reason, for everything or a part, until it is off; each change is a receipt', async () => {
    const { gateway, log, connect } = await setUp(named('a', 'allow'));
    const client = await connect();
    const denied = async () => (await client.call()).result?.isError === true;
    for (const scope of ['all', 'principal agent:raw', 'server s', 'tool s/echo']) {
      await gateway.switches.set(scope, true, 'it runs wild');
      const answer = await client.call();
      expect(text(answer)).toBe(
        `Denied: the operator has switched this off (kill switch, ${scope.split(' ')[0]})`,
      );
      expect(log.bodies.at(-1)).toMatchObject({
        type: 'decide',
        decision: { effect: 'deny', default: true },
      });
      await gateway.switches.set(scope, false, '');
      expect(await denied()).toBe(false);
    }
    for (const scope of ['principal agent:other', 'server t', 'tool s/raw']) {
      await gateway.switches.set(scope, true, '');
      expect(await denied()).toBe(false);
    }
    const events = log.bodies.flatMap(({ event }) =>
      event?.kind === 'kill_switch' ? [[event.source, event.detail]] : [],
    );
    expect(events.slice(0, 2)).toEqual([
      ['all', 'on: it runs wild'],
      ['all', 'off'],
    ]);
    expect(events).toHaveLength(11);
    expect((await client.call('gone')).error).toMatchObject({ code: -32602 });
  });

  it('survives a restart', async () => {
    const first = await setUp(named('a', 'allow'));
    await first.gateway.switches.set('server s', true, 'why');
    const second = await setUp(named('a', 'allow'), { log: first.log });
    expect(second.gateway.switches.list()).toMatchObject([{ scope: 'server s', reason: 'why' }]);
    expect((await (await second.connect()).call()).result?.isError).toBe(true);
  });
});

describe('a dry run', () => {
  it('forwards what the policy denies, and writes down both', async () => {
    const { log, said, connect, gateway } = await setUp(
      named('no', 'deny', () => true),
      { dryRun: true },
    );
    const client = await connect();
    expect(await client.tools()).toContain('echo');
    expect(text(await client.call())).toBe('hi');
    const decided = log.bodies.findLast(({ type }) => type === 'decide');
    expect(decided?.decision).toMatchObject({ effect: 'allow', dry_run: 'deny', rules: ['no'] });
    expect(said.some((line) => line.includes('dry run'))).toBe(true);
    expect((await client.call('gone')).error).toMatchObject({ code: -32602 });
    await gateway.switches.set('all', true, '');
    expect((await client.call()).result?.isError).toBe(true);
    await gateway.close();
    expect(log.bodies.findLast(({ type }) => type === 'outcome')?.outcome).toMatchObject({ status: 'ok' });
    const events = log.bodies.flatMap(({ event }) => (event?.kind === 'dry_run' ? [event.detail] : []));
    expect(events).toEqual(['on', 'off']);
  });
});
