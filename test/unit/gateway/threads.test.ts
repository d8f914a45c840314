// SPDX-License-Identifier: Apache-2.0
// Threads that work behind the gateway's own: their priority, and how their time is counted.
import { readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Behind, openBehind, watch } from '../../../runtime/threads.js';
import { largeThread } from '../../helpers/large-thread.js';

const open: Behind[] = [];
afterEach(async () => {
  for (const { worker } of open.splice(0)) await worker.terminate();
});

// Bundling takes its time on a busy machine.
beforeAll(() => void largeThread(), 120_000);

/** The nice values of all threads of this process: the 19th field of stat, behind the name in brackets. */
const nices = (): readonly number[] =>
  readdirSync('/proc/self/task').map((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });

describe.skipIf(process.platform !== 'linux')('a thread behind (Linux)', () => {
  it('alone is less important, and its own processor time is known', async () => {
    const behind = () => nices().filter((nice) => nice === getPriority() + 10).length;
    const before = behind();
    const thread = openBehind(largeThread(), { env: {} });
    open.push(thread);
    expect(thread.spent()).toBeNull();
    const answer = once(thread.worker, 'message');
    const parts = [Buffer.from(`{"x":"${'a'.repeat(4_000_000)}"}`)];
    thread.worker.postMessage({ id: 1, name: 'message', given: [parts] });
    await answer;
    expect(behind()).toBe(before + 1);
    const spent = thread.spent() ?? 0;
    expect(spent).toBeGreaterThan(1);
    expect(spent).toBeLessThan(process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000);
  });
});

describe('a bound', () => {
  const late = (spent: () => number | null, ms: number, atMost: number): Promise<number> =>
    new Promise((resolve) => {
      const began = performance.now();
      watch({ spent }, { ms, atMost }, () => resolve(performance.now() - began));
    });

  it('is on processor time where that is known', async () => {
    let looked = 0;
    // The first look is the beginning; a thread that waits for a processor uses none.
    await late(() => (looked++ < 4 ? 7 : 100), 20, 60_000);
    expect(looked).toBe(5);
  });

  it('ends by the clock where the thread gets no processor, or nothing is known', async () => {
    expect(await late(() => 0, 10, 60)).toBeGreaterThan(50);
    let looked = 0;
    await late(() => (looked++, null), 20, 60_000);
    expect(looked).toBe(2);
  });

  it('is watched no more once that was ended', async () => {
    let called = false;
    watch({ spent: () => null }, { ms: 5, atMost: 5 }, () => (called = true))();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(called).toBe(false);
  });
});
