// SPDX-License-Identifier: Apache-2.0
// What a call leaves behind is gone with the next small collection. What outlives two of those waits for a full one, and each of the small
// ones then copies it: that is how a few lines (docs/architecture.md, "What V8 keeps") once cost every call a fifth of its time.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rmSync } from 'node:fs';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';
import { post } from '../helpers/modern.js';

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

const WARM = 400;
const CALLS = 1000;
const LANES = 5;
const KINDS = ['allowed', 'modern', 'denied', 'ping'];
/** Bytes. It was 5,400 for a ping and 12,000 for a call. */
const MOST = 1500;

test('no call outlives the small collections that follow it', async () => {
  const gateway = await runGateway(command.file, own, { flags: ['--trace-gc-nvp', '--no-flush-bytecode'] });
  try {
    const url = gateway.url as string;
    const { ask } = await session(url, own.token);
    const sent = { headers: { authorization: `Bearer ${own.token}` } };
    const of = (kind: string, i: number): Promise<unknown> => {
      switch (kind) {
        case 'ping':
          return ask('ping', {});
        case 'denied':
          return ask('tools/call', { name: 'never', arguments: { id: `d${i}` } });
        case 'allowed':
          return ask('tools/call', { name: 'run', arguments: { id: `a${i}` } });
        default:
          return post(url, 'tools/call', { name: 'run', arguments: { id: `m${i}` } }, sent);
      }
    };
    const some = async (kind: string, count: number): Promise<void> => {
      for (let i = 0; i < count; i += LANES)
        await Promise.all(Array.from({ length: LANES }, (_, lane) => of(kind, i + lane)));
    };
    const kept: { [kind: string]: number } = {};
    // What lives as long as the gateway grows old first.
    for (const kind of KINDS) await some(kind, WARM);
    for (const kind of KINDS) {
      const from = gateway.stdout().length;
      await some(kind, CALLS);
      kept[kind] = promoted(gateway.stdout().slice(from)) / CALLS;
    }
    expect(gateway.stdout()).toContain('gc=s ');
    expect(Object.entries(kept).filter(([, bytes]) => bytes > MOST)).toEqual([]);
  } finally {
    gateway.child.kill();
    await gateway.ended;
  }
}, 120_000);

/** Bytes that went into the old generation, as V8 tells it with each collection of the young one. */
function promoted(trace: string): number {
  const lines = trace.split('\n').filter((line) => line.includes(' gc=s '));
  return lines.reduce((sum, line) => sum + Number(/ promoted=(\d+)/.exec(line)?.[1] ?? 0), 0);
}
