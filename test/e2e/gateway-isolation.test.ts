// SPDX-License-Identifier: Apache-2.0
// A server that is slow, dead or floods: calls to the others are answered, memory stays bounded, and what cannot be had is said at once.
// How much it costs the others is measured in bench/gateway/upstreams.mjs.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../runtime/gateway/gateway.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../helpers/gateway.js';
import { outcomes, Raw, type Reply } from '../helpers/raw.js';

const HOSTILE = join(import.meta.dirname, '../../bench/gateway/hostile.mjs');
const STUB = join(import.meta.dirname, '../helpers/upstream.mjs');
const open: Gateway[] = [];
const processes: ChildProcess[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
  for (const child of processes.splice(0)) child.kill('SIGKILL');
});

async function behind(bad: object, http = false) {
  const dir = scratch();
  const base = http ? { url: `http://127.0.0.1:${await listening()}/mcp` } : stdio(HOSTILE);
  const config = configOf(dir, {
    mcpServers: { good: stdio(STUB), bad: { ...base, ...bad } },
    identity: { stdio: { principal: 'agent:a' } },
  });
  await pin(config);
  const made = await startGateway(
    config,
    policyOf(() => ({ effect: 'allow' })),
  );
  open.push(made.gateway);
  const client = new Raw(made.gateway);
  await client.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  });
  const echo = async (text: string): Promise<string> =>
    (await client.call('good__echo', { text })).result?.content?.[0]?.text ?? '';
  await echo('warm');
  await client.call('bad__echo', { text: 'warm' });
  return { ...made, client, echo };
}

const stdio = (file: string): object => ({ command: process.execPath, args: [file] });

/** The bad server over HTTP; gives its port. */
async function listening(): Promise<number> {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
  const env = { ...process.env, PORT: String(port) };
  processes.push(spawn(process.execPath, [HOSTILE], { env, stdio: 'ignore' }));
  for (let tries = 0; tries < 200; tries++) {
    const up = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (up !== null) return port;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the bad server did not start');
}

const text = ({ result, error }: Reply): string => result?.content?.[0]?.text ?? error?.message ?? '';

const FLOODS = [
  ['stdio', 'progress'],
  ['stdio', 'questions'],
  ['stdio', 'endless'],
  ['stdio', 'crumbs'],
  ['HTTP', 'progress'],
  ['HTTP', 'crumbs'],
] as const;
const MORE_FLOODS = [
  ['stdio', 'noise'],
  ['stdio', 'pings'],
  ['stdio', 'answers'],
  ['stdio', 'changes'],
  ['stdio', 'stderr'],
  ['HTTP', 'endless'],
] as const;

describe('beside a server that floods, others', () => {
  it.each([...FLOODS, ...(process.env['SEPAL_LONG'] === undefined ? [] : MORE_FLOODS)])(
    'are answered, and memory stays bounded (%s, %s)',
    async (transport, kind) => {
      const { client, echo, said } = await behind({ timeout: '20s' }, transport === 'HTTP');
      const before = process.memoryUsage().rss;
      void client.call('bad__start', { text: kind }, { progressToken: 'p' });
      for (let i = 0; i < 40; i++) {
        expect(await echo(`call ${i}`)).toBe(`call ${i}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
      const progress = client.lines.filter((line) => line.includes('notifications/progress')).length;
      expect(progress).toBeLessThan(40_000);
      if (kind !== 'endless' && kind !== 'stderr')
        await expect.poll(() => said.join('\n'), { timeout: 60_000 }).toContain('read slowly');
    },
  );
});

describe('beside a server whose answers are large and come without a pause, others', () => {
  it.each(['stdio', 'HTTP'])('hold it to its share (%s)', async (transport) => {
    const { client, echo, said } = await behind({}, transport === 'HTTP');
    let [got, over] = [0, false];
    const asking = (async () => {
      for (; !over; got++) expect(text(await client.call('bad__big', {}))).toHaveLength(10_000_000);
    })();
    const slowed = (): boolean => said.join('\n').includes('so large that it is read slowly');
    await expect
      .poll(async () => (await echo('still')) === 'still' && slowed(), { timeout: 30_000 })
      .toBe(true);
    const before = got;
    for (const until = performance.now() + 1_000; performance.now() < until; )
      expect(await echo('still')).toBe('still');
    // 1 MB a second, and the one that is on its way; without a share it is a dozen.
    expect(got - before).toBeLessThan(3);
    over = true;
    // Nobody else calls: it need not wait any more.
    await asking;
  });

  it('let it take what it is given', async () => {
    const { client, echo } = await behind({ share: 100 });
    const until = performance.now() + 15_000;
    let [got, over] = [0, false];
    const asking = (async () => {
      for (; !over; got++) expect(text(await client.call('bad__big', {}))).toHaveLength(10_000_000);
    })();
    // After the burst these would take forty seconds and more.
    while (got < 8 && performance.now() < until) expect(await echo('still')).toBe('still');
    over = true;
    expect(got).toBeGreaterThanOrEqual(8);
    await asking;
  });
});

it('a server that resets what is read slowly breaks off its own call alone', async () => {
  const { client, echo, said, log } = await behind({ timeout: '20s', share: 10 }, true);
  const call = client.call('bad__start', { text: 'breaks' });
  await expect.poll(() => said.join('\n'), { timeout: 10_000 }).toContain('read slowly');
  expect(text(await call)).toContain('the answer broke off (RESET)');
  expect(await echo('still')).toBe('still');
  expect(text(await client.call('bad__echo', { text: 'again' }))).toBe('again');
  expect(await outcomes(log)).toEqual(['ok', 'ok', 'unknown', 'ok', 'ok']);
});

it('a server that sends no answer, but something else without end, loses its connection; its call has no known outcome', async () => {
  const { client, echo, log } = await behind({ timeout: '20s' }, true);
  const begin = performance.now();
  expect(text(await client.call('bad__start', { text: 'hints' }))).toContain(
    'the connection broke before it answered (NOISE)',
  );
  expect(performance.now() - begin, 'long before its timeout').toBeLessThan(10_000);
  expect(await echo('still')).toBe('still');
  expect(text(await client.call('bad__echo', { text: 'again' }))).toBe('again');
  expect(await outcomes(log)).toEqual(['ok', 'ok', 'unknown', 'ok', 'ok']);
});

describe('a server that is', () => {
  it('slow holds its part of what the gateway takes, and is refused more in so many words', async () => {
    const { client, echo } = await behind({ maxInFlight: 3 });
    const slow = [1, 2, 3].map(() => client.call('bad__mute', {}));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(text(await client.call('bad__echo', { text: 'x' }))).toContain(
      'already works on 3 calls, its limit (`maxInFlight`)',
    );
    expect(await echo('yes')).toBe('yes');
    await open.splice(0)[0]?.close();
    await Promise.all(slow);
  });

  it('silent is waited for three times, then not, and is called again once it speaks', async () => {
    const { client, echo, said } = await behind({ timeout: '300ms' });
    for (let i = 0; i < 3; i++)
      expect(text(await client.call('bad__mute', {}))).toContain('no answer within');
    // It answers the question whether it is there, so the next call is sent.
    expect(text(await client.call('bad__mute', {}))).toContain('it is asked whether it is there');
    await expect
      .poll(async () => text(await client.call('bad__echo', { text: 'back' })), { timeout: 10_000 })
      .toBe('back');
    expect(await echo('yes')).toBe('yes');
    expect(said.join('\n')).not.toContain('no longer answers');
  });

  it('gone is tried again later and later; meanwhile calls are told so at once', async () => {
    const { client, echo } = await behind({}, true);
    processes.splice(0)[0]?.kill('SIGKILL');
    const told: string[] = [];
    for (let i = 0; i < 8; i++) told.push(text(await client.call('bad__echo', { text: 'x' })));
    // The first may go out on a connection that stood.
    expect(told[0]).toMatch(/the server cannot be reached|the connection broke before it answered/);
    expect(told.at(-1)).toMatch(/cannot be reached \(ECONNREFUSED\); it is tried again in \d+ s/);
    expect(await echo('yes')).toBe('yes');
  });
});
