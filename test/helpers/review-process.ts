// SPDX-License-Identifier: Apache-2.0
/**
 * A process for tests that kill it: a real log, real approvals, and an "upstream" that is a file. Like a gateway with one stubborn client, it
 * asks, has people answer, redeems, forwards, and after a restart repeats every call that is still parked.
 * argv: folder, approver id, approver's PEM file, vkey.
 */
import { createPrivateKey, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signVerdict } from '../../runtime/approvals/keys.js';
import { createRegistry } from '../../runtime/approvals/registry.js';
import { createApprovals } from '../../runtime/approvals/store.js';
import type { Pending } from '../../runtime/approvals/types.js';
import { openLog } from '../../runtime/log/index.js';
import type { Draft } from '../../runtime/log/types.js';
import { POLICY, reviewDraft, secondDecide } from './reviews.js';

const { activation: _, ...ref } = POLICY;
const [folder = '', who = '', pem = '', vkey = ''] = process.argv.slice(2);
const key = createPrivateKey(readFileSync(pem, 'utf8'));
const log = await openLog({
  dir: join(folder, 'log'),
  keysDir: join(folder, 'keys'),
  origin: 'kill.test/log',
  checkpointSeconds: 60,
});
const approvals = createApprovals({
  log,
  registry: createRegistry([{ id: who, roles: ['ops'], key: vkey }]),
  clock: { wall: Date.now, monotonic: () => performance.now() },
  close: (pending, _why, links) => decided(secondDecide(pending, links, 'deny')),
  onFault: (error) => say(`fault ${error.message}`),
});
for await (const entry of log.entries()) approvals.observe(entry);
const { leaf: activation } = await log.append({
  type: 'policy',
  policy: { ...ref, versions: { node: '', icu: '', unicode: '', tz: '', ada: '' } },
});
await approvals.start();
say(`ready ${approvals.list().length}`);

/** Under the policy that this process activated. */
function decided(draft: Draft): Draft {
  return { ...draft, policy: { ...ref, activation } };
}

function say(line: string): void {
  appendFileSync(join(folder, 'said'), `${line}\n`);
}

/** Two identical repeats at once: one of them may forward. */
async function repeat(pending: Pending): Promise<void> {
  await Promise.all([claim(pending), claim(pending)]);
}

async function claim(pending: Pending): Promise<void> {
  await approvals.wait(pending.id, 50);
  const redeemed = approvals.redeem(pending.id, { effect: 'review', approvals: pending.needs });
  if (redeemed.kind !== 'redeemed') return;
  const { leaf } = await log.append(decided(secondDecide(pending, redeemed.links, 'allow')));
  appendFileSync(join(folder, 'forwarded'), `${pending.call} ${leaf}\n`);
  await log.append({
    type: 'outcome',
    call: pending.call,
    refs: { decide: leaf },
    outcome: { status: 'ok' },
  });
}

async function answer(pending: Pending): Promise<void> {
  const shown = await approvals.show(pending.id);
  if (shown === null) return;
  const verdict = randomBytes(1).readUInt8() < 60 ? 'deny' : 'approve';
  const result = await approvals.decideBy(signVerdict(key, who, shown, verdict));
  if (result.ok && verdict === 'deny') appendFileSync(join(folder, 'denied'), `${pending.call}\n`);
}

await Promise.all(
  approvals
    .list()
    .map((pending) => Promise.all([pending.missing.length > 0 && answer(pending), repeat(pending)])),
);
for (;;) {
  const { draft, openings } = reviewDraft({
    args: { path: randomBytes(8).toString('hex') },
    expires: Date.now() + 60_000,
  });
  const opened = await approvals.open(decided(draft), openings);
  // Some calls are left behind for the next process.
  if (opened.kind === 'full')
    for (const pending of approvals.list()) await Promise.all([answer(pending), repeat(pending)]);
  else if (randomBytes(1).readUInt8() < 160)
    await Promise.all([answer(opened.pending), repeat(opened.pending)]);
}
