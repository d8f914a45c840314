// SPDX-License-Identifier: Apache-2.0
// kill -9 of the whole gateway under load, over and over: every answer that a client got has its receipt, every call that the server was made
// to run has a durable allow (and a person's approval where one was asked for), and what the crash left open is marked unknown.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFileSync, rmSync } from 'node:fs';
import { signVerdict } from '../../runtime/approvals/keys.js';
import { listPending, sendVerdict, showPending } from '../../runtime/control/calls.js';
import { openLog, type StoredEntry } from '../../runtime/log/index.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { verify } from '../../runtime/verify/index.js';
import {
  bundleCommand,
  keyOf,
  project,
  type Project,
  runGateway,
  session,
} from '../helpers/gateway-process.js';

const KILLS = process.env['SEPAL_LONG'] === '1' ? 500 : 12;
const CLIENTS = 8;

interface Ack {
  readonly tool: string;
  readonly id: string;
  readonly ran: boolean;
  readonly receipt: { readonly hash: string; readonly seq: number; readonly decision: string };
}

let command: Awaited<ReturnType<typeof bundleCommand>>;
let own: Project;
beforeAll(async () => {
  command = await bundleCommand();
  own = await project();
});
afterAll(() => {
  command.remove();
  rmSync(own.dir, { recursive: true, force: true });
});

const acks: Ack[] = [];
/** Calls that wait for an approval, repeated across restarts until they have run. */
const asked = new Set<string>();
let next = 0;

interface Answer {
  readonly result?: {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text: string }[];
    readonly _meta?: Receipted;
  };
  readonly error?: { readonly data?: Receipted };
}

interface Receipted {
  readonly 'dev.sepal/receipt'?: Ack['receipt'];
}

/** One client: calls until the gateway is gone. */
async function load(url: string, lane: number): Promise<void> {
  try {
    const { ask } = await session(url, own.token);
    for (let turn = lane; ; turn++) {
      const tool = turn % 8 === 0 ? 'ask' : turn % 8 === 3 ? 'never' : 'run';
      const id = tool === 'ask' ? (waitingCall(lane) ?? `i${next++}`) : `i${next++}`;
      if (tool === 'ask') asked.add(id);
      const answer = (await ask('tools/call', { name: tool, arguments: { id } })) as Answer;
      const { result } = answer;
      const receipt = (result?._meta ?? answer.error?.data)?.['dev.sepal/receipt'];
      if (receipt === undefined) throw new Error(`an answer without a receipt: ${JSON.stringify(answer)}`);
      const ran = result !== undefined && result.isError !== true;
      if (ran && result?.content?.[0]?.text !== id) throw new Error('an answer to another call');
      if (ran && tool === 'ask') asked.delete(id);
      acks.push({ tool, id, ran, receipt });
    }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
  }
}

/** Each lane repeats one of the calls that wait, so that two lanes often repeat the same one at the same time. */
function waitingCall(lane: number): string | undefined {
  return asked.size < 4 ? undefined : [...asked][lane % 2];
}

async function approve(over: () => boolean): Promise<void> {
  while (!over()) {
    try {
      for (const { id } of await listPending(own.config.control)) {
        const shown = await showPending(own.config.control, id);
        await sendVerdict(own.config.control, signVerdict(keyOf(own), own.approver.id, shown, 'approve'));
      }
    } catch {
      // The gateway has gone, or another client was faster.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Runs until so many more answers are in (or a while has passed), then is killed at any point of the next ones. */
async function life(answers: number): Promise<void> {
  const { child, url, ended, stderr } = await runGateway(command.file, own);
  expect(url, stderr()).not.toBeNull();
  let over = false;
  void ended.then(() => (over = true));
  const work = Array.from({ length: CLIENTS }, (_, lane) => load(url ?? '', lane));
  const people = approve(() => over);
  const [enough, late] = [acks.length + answers, Date.now() + 5_000];
  while (!over && acks.length < enough && Date.now() < late)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
  expect(over, stderr()).toBe(false);
  child.kill('SIGKILL');
  await Promise.all([ended, people, ...work]).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${stderr()}`);
  });
}

test(`${KILLS} kills under load lose no receipt and forward nothing without one`, {
  timeout: KILLS * 10_000,
}, async () => {
  for (let i = 0; i < KILLS; i++) await life(5 + Math.random() * 50);
  const last = await runGateway(command.file, own);
  expect(last.url, last.stderr()).not.toBeNull();
  last.child.kill('SIGTERM');
  await last.ended;

  const log = await openLog({ ...own.config.receipts, keysDir: own.config.receipts.keys });
  const entries: StoredEntry[] = [];
  for await (const entry of log.entries()) entries.push(entry);
  await log.close();
  const ran = own.journal().filter((line) => !line.startsWith('start '));

  // What a client was told stands in the log.
  expect(acks.length).toBeGreaterThan(KILLS * 5);
  for (const { receipt, ran: done, tool } of acks) {
    const entry = entries[receipt.seq];
    expect(entry?.leaf).toBe(receipt.hash);
    expect(entry?.body.decision?.effect).toBe(receipt.decision);
    expect(receipt.decision).toBe(done ? 'allow' : tool === 'never' ? 'deny' : receipt.decision);
  }
  for (const { tool, id } of acks.filter((ack) => ack.ran)) expect(ran).toContain(`${tool} ${id}`);

  // What the server was made to do was allowed before: a run once, an ask once for each approval.
  const allowed = entries.filter(({ body }) => body.type === 'decide' && body.decision?.effect === 'allow');
  const allows = new Map<string, number>();
  for (const { body } of allowed) {
    const key = body.intent?.digest ?? '';
    allows.set(key, (allows.get(key) ?? 0) + 1);
  }
  for (const line of new Set(ran)) {
    const [name = '', id = ''] = line.split(' ');
    const params = { arguments: { id }, name };
    const intent = canonical({ kind: 'tool', method: 'tools/call', name, params, server: 's' });
    const times = ran.filter((one) => one === line).length;
    expect(times, `${line} has no durable allow`).toBeLessThanOrEqual(allows.get(digest(intent)) ?? 0);
    if (name === 'run') expect(times).toBe(1);
  }
  const approvals = allowed.flatMap(({ body }) =>
    body.intent?.name === 'ask' ? (body.refs?.approve ?? ['']) : [],
  );
  expect(approvals).not.toContain('');
  expect(new Set(approvals).size, 'an approval serves once').toBe(approvals.length);
  expect(ran.some((line) => line.startsWith('never'))).toBe(false);
  expect(ran.filter((line) => line.startsWith('ask')).length).toBeGreaterThan(KILLS / 10);

  // Each allow has one outcome; those that the crash left open are unknown.
  let unknown = 0;
  for (const { body, leaf } of allowed) {
    const ends = entries.filter((one) => one.body.type === 'outcome' && one.body.refs?.decide === leaf);
    expect(ends).toHaveLength(1);
    const [end] = ends;
    if (end?.body.boot === body.boot) continue;
    unknown++;
    expect(end?.body.outcome?.status).toBe('unknown');
  }
  expect(unknown, 'the kills hit calls under way').toBeGreaterThan(0);
  const report = await verify(own.config.receipts.dir, { trust: readFileSync(own.trust, 'utf8') });
  expect(report.properties.filter(({ status }) => status === 'fail')).toEqual([]);
  expect(report.result).toBe('pass');

  // No server outlives its gateway.
  const pids = own.journal().flatMap((line) => (line.startsWith('start ') ? [Number(line.slice(6))] : []));
  expect(pids.length).toBeGreaterThan(KILLS / 2);
  for (let i = 0; i < 100 && pids.some(alive); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(pids.filter(alive)).toEqual([]);
});
