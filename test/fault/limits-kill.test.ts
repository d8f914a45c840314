// SPDX-License-Identifier: Apache-2.0
// kill -9 of the whole gateway under load: a limit is never exceeded, over all lives together, and once it is used up no start forgets it.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog, type StoredEntry } from '../../runtime/log/index.js';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';

const KILLS = process.env['SEPAL_LONG'] === '1' ? 100 : 6;
const CLIENTS = 8;
const LIMIT = 120;
const RULES = `limit runs: ${LIMIT} per 1d by principal on s/run because "Enough"\n`;

let command: Awaited<ReturnType<typeof bundleCommand>>;
let own: Project;
beforeAll(async () => {
  command = await bundleCommand();
  own = await project({}, undefined, RULES);
});
afterAll(() => {
  command.remove();
  rmSync(own.dir, { recursive: true, force: true });
});

interface Answer {
  readonly result?: { readonly isError?: boolean; readonly content?: readonly { readonly text: string }[] };
}
const said: string[] = [];
let next = 0;

async function load(url: string, most: number): Promise<void> {
  try {
    const { ask } = await session(url, own.token);
    for (let i = 0; i < most; i++) {
      const { result } = (await ask('tools/call', {
        name: 'run',
        arguments: { id: `i${next++}` },
      })) as Answer;
      said.push(result?.isError === true ? (result.content?.[0]?.text ?? '') : 'ran');
    }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
  }
}

test(`a limit of ${LIMIT} holds over ${KILLS} kills`, { timeout: KILLS * 15_000 }, async () => {
  for (let i = 0; i < KILLS; i++) {
    const { child, url, ended, stderr } = await runGateway(command.file, own);
    expect(url, stderr()).not.toBeNull();
    const work = Array.from({ length: CLIENTS }, () => load(url ?? '', 1000));
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 100));
    child.kill('SIGKILL');
    await Promise.all([ended, ...work]);
  }
  const last = await runGateway(command.file, own);
  expect(last.url, last.stderr()).not.toBeNull();
  await Promise.all(Array.from({ length: CLIENTS }, () => load(last.url ?? '', 40)));
  expect(said.at(-1)).toBe('Denied: Enough');
  last.child.kill('SIGTERM');
  await last.ended;

  const log = await openLog({ ...own.config.receipts, keysDir: own.config.receipts.keys });
  const entries: StoredEntry[] = [];
  for await (const entry of log.entries()) entries.push(entry);
  await log.close();
  const allowed = entries.filter(({ body }) => body.type === 'decide' && body.decision?.effect === 'allow');
  expect(allowed).toHaveLength(LIMIT);
  for (const { body } of allowed) expect(body.counts).toEqual([{ name: 'runs', key: ['agent:a'], add: 1 }]);
  const ran = own.journal().filter((line) => line.startsWith('run '));
  expect(ran.length).toBeLessThanOrEqual(LIMIT);
  expect(ran.length).toBeGreaterThan(LIMIT / 2);
  expect(said.filter((one) => one === 'ran').length).toBeLessThanOrEqual(ran.length);
});
