// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { company } from '../../../runtime/gateway/upstream/company.js';
import { supervise, type Upstream } from '../../../runtime/gateway/upstream/supervise.js';
import { configOf, scratch } from '../../helpers/gateway.js';

const stub = join(import.meta.dirname, '../../helpers/upstream.mjs');
const open: Upstream[] = [];
afterEach(async () => {
  for (const upstream of open.splice(0)) await upstream.close();
});

function start(extra: object, mode = 'plain') {
  const notes = join(scratch(), 'notes');
  const config = configOf(scratch(), {
    mcpServers: { s: { command: process.execPath, args: [stub, mode, notes], ...extra } },
  });
  const own = config.servers.get('s')!;
  const trouble: string[] = [];
  const nothing = () => undefined;
  const upstream = supervise('s', own, {
    version: '0',
    env: process.env,
    now: () => performance.now(),
    company: company(),
    events: {
      asked: nothing,
      logged: nothing,
      listed: nothing,
      resourcesChanged: () => undefined,
      resourceUpdated: () => undefined,
      started: () => undefined,
      ended: () => undefined,
      listened: () => false,
      noise: () => undefined,
      trouble: (_server, message) => trouble.push(message),
    },
  });
  open.push(upstream);
  const starts = () =>
    readFileSync(notes, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('start '))
      .map((line) => Number(line.slice(6)));
  return { upstream, trouble, starts };
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const until = async (done: () => boolean) => {
  for (let i = 0; i < 200 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(done()).toBe(true);
};

describe('the supervisor', () => {
  it('runs one process per principal and refuses clearly past the cap', async () => {
    const { upstream, starts } = start({ maxProcesses: 2 });
    const [a, again, b] = await Promise.all([upstream.hop('a'), upstream.hop('a'), upstream.hop('b')]);
    expect(a).toBe(again);
    expect(a).not.toBe(b);
    expect(starts()).toHaveLength(2);
    await expect(upstream.hop('c')).rejects.toThrow('already runs 2 times, its limit (`maxProcesses`)');
    expect(await upstream.hop('b')).toBe(b);
  });

  it('shares one process knowingly', async () => {
    const { upstream, starts } = start({ perPrincipal: false });
    expect(await upstream.hop('a')).toBe(await upstream.hop('b'));
    expect(starts()).toHaveLength(1);
  });

  it('stops what is idle, as a group, and starts it again on demand', async () => {
    const { upstream, starts } = start({ idle: '100ms' });
    await upstream.hop('a');
    const [pid = 0] = starts();
    await until(() => upstream.running('a') === null && !alive(pid));
    await upstream.hop('a');
    expect(starts()).toHaveLength(2);
  });

  it('waits longer after each failure and says for how long', async () => {
    const { upstream, trouble } = start({}, 'dead');
    for (let i = 0; i < 5; i++) await expect(upstream.hop('a')).rejects.toThrow('cannot be used');
    await expect(upstream.hop('a')).rejects.toThrow(/being restarted; try again in \d+ s/);
    expect(trouble[0]).toContain('code 3');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await expect(upstream.hop('a')).rejects.toThrow('cannot be used');
    await expect(upstream.hop('other')).rejects.toThrow('cannot be used');
  });

  it('ends every process when it closes', async () => {
    const { upstream, starts } = start({});
    await Promise.all([upstream.hop('a'), upstream.hop('b')]);
    await upstream.close();
    await until(() => starts().every((pid) => !alive(pid)));
    await expect(upstream.hop('a')).rejects.toThrow('stopping');
  });
});
