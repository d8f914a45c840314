// SPDX-License-Identifier: Apache-2.0
// The verifier on logs that the real writer wrote: live, closed, reopened, and with one byte changed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createKeys, type Draft, type Log, openLog, trustText } from '../../../runtime/log/index.js';
import { verify } from '../../../runtime/verify/index.js';
import { decide, idOf, outcome, TestLog } from '../../arbitraries/log.js';

const folder = mkdtempSync(join(tmpdir(), 'sepal-written-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const origin = 'gw.example.com/log';
const dir = join(folder, 'log');
const keysDir = join(folder, 'keys');
const open = (): Promise<Log> => openLog({ dir, keysDir, origin, checkpointSeconds: 60 });

/** A policy and twenty calls; the last one is allowed and gets no outcome. */
async function work(log: Log): Promise<void> {
  const model = new TestLog(origin).begin();
  const { policy } = decide(model, 'x', 'deny');
  if (policy === undefined) throw new Error('the model has no policy');
  const { activation: _, ...active } = policy;
  const { leaf } = await log.append({ type: 'policy', policy: active });
  const call = async (n: number): Promise<void> => {
    const word = `${log.head().size} ${n}`;
    const effect = n % 3 === 0 ? 'deny' : 'allow';
    const decided = { ...decide(model, word, effect), policy: { ...policy, activation: leaf } } as Draft;
    const receipt = await log.append(decided, { salt: idOf(word), intent: '{}' });
    if (effect === 'allow') await log.append(outcome(word, receipt.leaf) as Draft);
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => call(n)));
  await log.append({
    ...decide(model, `open ${log.head().size}`, 'allow'),
    policy: { ...policy, activation: leaf },
  } as Draft);
}

it('passes what the writer writes, and fails when a byte of it changes', async () => {
  const keys = createKeys(keysDir, origin);
  const first = await open();
  const trust = trustText(origin, keys, first.genesis);
  await work(first);
  const live = await verify(dir, { trust });
  expect(live.result).toBe('incomplete');
  expect(live.properties.find((p) => p.name === 'tail')?.detail).toContain('tail not proven since entry');
  await first.close();

  const closed = await verify(dir, { trust, secondOpinion: 'all' });
  expect(closed).toMatchObject({ result: 'pass', entries: first.head().size });
  expect(closed.properties.find((p) => p.name === 'completeness')).toMatchObject({
    status: 'not checked',
    detail: '1 allowed calls have no outcome yet',
  });

  const second = await open();
  await work(second);
  await second.close();
  const reopened = await verify(dir, { trust });
  expect(reopened.properties.filter((p) => p.status === 'fail')).toEqual([]);
  expect(reopened.result).toBe('pass');

  const segment = join(dir, 'entries/000000.log');
  const bytes = readFileSync(segment);
  bytes[1000] = (bytes[1000] as number) ^ 1;
  writeFileSync(segment, bytes);
  expect((await verify(dir, { trust })).result).toBe('fail');
});
