// SPDX-License-Identifier: Apache-2.0
// The disk fills up while the gateway runs: from then on every call is denied and says so, nothing more is forwarded, and after a restart with
// room the log is whole.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLog, type StoredEntry } from '../../runtime/log/index.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { verify } from '../../runtime/verify/index.js';
import {
  bundleCommand,
  project,
  type Project,
  runGateway,
  type RunOptions,
  session,
} from '../helpers/gateway-process.js';

let command: Awaited<ReturnType<typeof bundleCommand>>;
beforeAll(async () => {
  command = await bundleCommand();
});
afterAll(() => command.remove());

/** A file system of its own of so many bytes, where this process may mount one. */
function smallDisk(
  bytes: number,
): { readonly dir: string; readonly grow: () => void; readonly remove: () => void } | null {
  const dir = mkdtempSync(join(tmpdir(), 'sepal-disk-'));
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { stdio: 'ignore' });
  };
  try {
    mount(`size=${bytes}`);
  } catch {
    rmSync(dir, { recursive: true });
    return null;
  }
  return {
    dir,
    grow: () => mount(`remount,size=${bytes * 16}`),
    remove: () => {
      execFileSync('umount', [dir], { stdio: 'ignore' });
      rmSync(dir, { recursive: true });
    },
  };
}

interface Answer {
  readonly result?: { readonly isError?: boolean };
  readonly error?: { readonly code: number; readonly message: string };
}

/** Calls until one is refused because of the log, and some more; how many were answered with a result. */
async function fill(
  url: string,
  token: string,
): Promise<{ readonly ran: number; readonly refusals: readonly string[] }> {
  const { ask } = await session(url, token);
  const filler = 'x'.repeat(20_000);
  let ran = 0;
  const refusals: string[] = [];
  for (let i = 0; refusals.length < 5 && i < 2_000; i++) {
    const id = `${i}${filler}`;
    const { result, error } = (await ask('tools/call', { name: 'run', arguments: { id } })) as Answer;
    if (error !== undefined) refusals.push(error.message);
    else if (refusals.length > 0) throw new Error('a call ran after the log had failed');
    else if (result?.isError !== true) ran++;
  }
  return { ran, refusals };
}

async function check(own: Project, answered: number): Promise<void> {
  const log = await openLog({ ...own.config.receipts, keysDir: own.config.receipts.keys });
  const entries: StoredEntry[] = [];
  for await (const entry of log.entries()) entries.push(entry);
  await log.close();
  const allowed = entries.filter(({ body }) => body.type === 'decide' && body.decision?.effect === 'allow');
  const digests = new Set(allowed.map(({ body }) => body.intent?.digest));
  const ran = own.journal().filter((line) => line.startsWith('run '));
  expect(ran.length).toBeGreaterThanOrEqual(answered);
  for (const line of ran) {
    const params = { arguments: { id: line.slice(4) }, name: 'run' };
    const intent = canonical({ kind: 'tool', method: 'tools/call', name: 'run', params, server: 's' });
    expect(digests.has(digest(intent)), 'forwarded without a durable allow').toBe(true);
  }
  for (const { leaf } of allowed) {
    expect(entries.filter(({ body }) => body.type === 'outcome' && body.refs?.decide === leaf)).toHaveLength(
      1,
    );
  }
  const report = await verify(own.config.receipts.dir, { trust: readFileSync(own.trust, 'utf8') });
  expect(report.result).toBe('pass');
}

async function scenario(own: Project, options: RunOptions, makeRoom: () => void): Promise<void> {
  const run = await runGateway(command.file, own, options);
  expect(run.url, run.stderr()).not.toBeNull();
  const { ran, refusals } = await fill(run.url ?? '', own.token);
  expect(ran).toBeGreaterThan(5);
  expect(refusals).toHaveLength(5);
  for (const refusal of refusals) {
    expect(refusal).toContain('the receipt log cannot be written');
    expect(refusal).not.toContain(own.dir);
  }
  const health = await fetch(new URL('/healthz', run.url ?? ''));
  expect(health.status).toBe(503);
  expect(run.stderr()).toMatch(/the log stopped: .+ denied until/);
  run.child.kill('SIGTERM');
  await run.ended;
  makeRoom();
  const again = await runGateway(command.file, own);
  expect(again.url, again.stderr()).not.toBeNull();
  const { ask } = await session(again.url ?? '', own.token);
  expect(await ask('tools/call', { name: 'run', arguments: { id: 'after' } })).toMatchObject({
    result: { content: [{ text: 'after' }] },
  });
  again.child.kill('SIGTERM');
  await again.ended;
  await check(own, ran + 1);
}

describe('a disk that fails to flush', () => {
  it('stops the gateway as a full one does: writes that were taken count for nothing', async () => {
    const own = await project();
    const sign = join(own.dir, 'flushes-fail');
    const env = {
      NODE_OPTIONS: `--import=${new URL('../helpers/failing-fsync.mjs', import.meta.url).href}`,
      FLUSH_FAILS_WHEN: sign,
    };
    const journalled = (): number => own.journal().filter((line) => line.startsWith('run ')).length;
    const watch = setInterval(() => journalled() > 20 && writeFileSync(sign, ''), 20);
    try {
      await scenario(own, { env }, () => {
        clearInterval(watch);
        rmSync(sign);
      });
    } finally {
      clearInterval(watch);
    }
    rmSync(own.dir, { recursive: true });
  });
});

describe('a disk that fills up', () => {
  it('as a file that may not grow any more', async () => {
    const own = await project();
    await scenario(own, { fileLimit: 2_100 }, () => undefined);
    rmSync(own.dir, { recursive: true });
  });

  it('as a full file system', async (context) => {
    const disk = smallDisk(3 * 1024 * 1024);
    if (disk === null) return context.skip('this process may not mount a small file system');
    try {
      const own = await project({ receipts: { origin: 'kill.test/log', dir: join(disk.dir, 'log') } });
      await scenario(own, {}, disk.grow);
      rmSync(own.dir, { recursive: true });
    } finally {
      disk.remove();
    }
  });
});
