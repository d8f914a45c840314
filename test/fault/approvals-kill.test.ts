// SPDX-License-Identifier: Apache-2.0
// kill -9 anywhere between asking, answering, redeeming and forwarding: nothing runs twice, nothing runs after a denial, nothing is forgotten.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApproverKey, writeApproverKey } from '../../runtime/approvals/keys.js';
import { createRegistry } from '../../runtime/approvals/registry.js';
import { createApprovals } from '../../runtime/approvals/store.js';
import { createKeys, loadKeys, openLog, trustText } from '../../runtime/log/index.js';
import type { Body } from '../../runtime/verify/format/body.js';
import { verify } from '../../runtime/verify/index.js';
import { closing } from '../helpers/reviews.js';

const KILLS = Number(process.env['SEPAL_REVIEW_KILLS'] ?? 40);
const folder = mkdtempSync(join(tmpdir(), 'sepal-reviews-'));
const program = join(folder, 'program.mjs');
const pem = join(folder, 'eve.key');
const eve = createApproverKey('eve');
const logAt = {
  dir: join(folder, 'log'),
  keysDir: join(folder, 'keys'),
  origin: 'kill.test/log',
  checkpointSeconds: 60,
};

beforeAll(async () => {
  writeApproverKey(pem, eve);
  mkdirSync(logAt.keysDir, { mode: 0o700 });
  createKeys(logAt.keysDir, logAt.origin);
  await build({
    entryPoints: [join(import.meta.dirname, '../helpers/review-process.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const lines = (name: string): readonly string[] =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean) : [];

/** Runs the process until it is ready and some time more, then kills it. */
async function live(ms: number): Promise<void> {
  const started = lines('said').length;
  const child = spawn(process.execPath, [program, folder, 'user:eve', pem, eve.vkey], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let over = false;
  void ended.then(() => (over = true));
  while (!over && lines('said').length === started) await new Promise((tick) => setTimeout(tick, 5));
  await Promise.race([ended, new Promise((tick) => setTimeout(tick, ms))]);
  expect(complaint).toBe('');
  expect(over, 'it runs until it is killed').toBe(false);
  child.kill('SIGKILL');
  await ended;
}

test(`${KILLS} kills: each approved call is forwarded at most once, after its decision, never after a denial`, async () => {
  for (let i = 0; i < KILLS; i++) await live(Math.random() * 120);
  const log = await openLog(logAt);
  const approvals = createApprovals({
    log,
    registry: createRegistry([{ id: 'user:eve', roles: ['ops'], key: eve.vkey }]),
    clock: { wall: Date.now, monotonic: () => performance.now() },
    close: closing,
    onFault: (error) => {
      throw error;
    },
  });
  const bodies: { readonly body: Body; readonly leaf: string }[] = [];
  for await (const entry of log.entries()) {
    bodies.push(entry);
    approvals.observe(entry);
  }
  await approvals.start();
  // A denial that the last kill kept from ending its review ends it now.
  for await (const entry of log.entries(bodies.length)) bodies.push(entry);
  const at = new Map(bodies.map(({ body, leaf }) => [leaf, body]));
  const forwarded = lines('forwarded').map((line) => line.split(' ') as [string, string]);
  expect(forwarded.length).toBeGreaterThan(KILLS);
  expect(new Set(forwarded.map(([call]) => call)).size, 'at most once').toBe(forwarded.length);
  for (const [call, leaf] of forwarded) {
    const decided = at.get(leaf);
    expect(decided, 'no decision was lost').toMatchObject({
      type: 'decide',
      call,
      decision: { effect: 'allow' },
    });
    expect(decided?.refs?.approve).toHaveLength(1);
    expect(at.get(decided?.refs?.approve?.[0] ?? '')).toMatchObject({
      type: 'approve',
      call,
      approval: { verdict: 'approve' },
    });
  }
  const ran = new Set(forwarded.map(([call]) => call));
  expect(lines('denied').length).toBeGreaterThan(0);
  for (const call of lines('denied')) expect(ran.has(call), 'a denial is final').toBe(false);
  // Each review has one end or is parked still; a call that was allowed and not forwarded is unknown, and not parked.
  const parked = new Set(approvals.list().map((pending) => pending.call));
  const reviews = bodies.filter(({ body }) => body.type === 'decide' && body.decision?.effect === 'review');
  let resumed = 0;
  for (const { body, leaf } of reviews) {
    const ends = bodies.filter((other) => other.body.type === 'decide' && other.body.refs?.decide === leaf);
    expect(ends.length + (parked.has(body.call ?? '') ? 1 : 0), 'one end, or parked').toBe(1);
    const end = ends[0]?.body;
    if (end?.decision?.effect === 'allow' && !ran.has(body.call ?? '')) {
      const outcome = bodies.find((other) => other.body.type === 'outcome' && other.body.call === body.call);
      expect(outcome?.body.outcome?.status).toBe('unknown');
    }
    if (end !== undefined && end.boot !== body.boot) resumed++;
  }
  expect(resumed, 'some reviews outlived their process').toBeGreaterThan(0);
  approvals.stop();
  await log.close();
  const report = await verify(logAt.dir, {
    trust: trustText(logAt.origin, loadKeys(logAt.keysDir, logAt.origin), log.genesis),
  });
  expect(report.properties.filter(({ status }) => status === 'fail')).toEqual([]);
  expect(report.properties.find(({ name }) => name === 'linkage')?.status).toBe('pass');
});
