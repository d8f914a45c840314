// SPDX-License-Identifier: Apache-2.0
// Signed, durable receipts a second at 1, 16 and 256 waiting clients, beside the raw costs in the same run.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeys } from '../../runtime/log/keys.js';
import { openLog } from '../../runtime/log/log.js';
import type { Draft } from '../../runtime/log/types.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { aim } from '../table.js';

const dir = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'sepal-append-'));
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 2);
const hash = digest('x');

const draft = (): Draft => ({
  type: 'decide',
  call: randomBytes(16).toString('base64'),
  principal: {
    id: 'agent:bench',
    roles: ['reader'],
    auth: { method: 'token', credential: 't1' },
    session: hash,
  },
  intent: {
    kind: 'tool',
    method: 'tools/call',
    server: 'fs',
    name: 'read_text_file',
    definition: hash,
    args_root: hash,
    args_count: 1,
    digest: hash,
  },
  phase: 'call',
  policy: { name: 'bench', version: '1.0.0', source: hash, module: hash, compiler: hash, activation: hash },
  facts: [],
  facts_root: hash,
  reads: ['/path'],
  decision: { effect: 'deny', rules: ['read'], default: false, steps: 12 },
});

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.floor(sorted.length * q)] ?? 0;
const row = (name: string, rate: number, times: readonly number[]): void => {
  const sorted = [...times].sort((a, b) => a - b);
  const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  console.log(
    `| ${name} | ${Math.round(rate).toLocaleString('en')} | ${p50.toFixed(3)} | ${p99.toFixed(3)} |`,
  );
};

function raw(name: string, work: () => void): void {
  const times: number[] = [];
  const start = performance.now();
  while (performance.now() - start < SECONDS * 500) {
    const at = performance.now();
    work();
    times.push(performance.now() - at);
  }
  row(name, (times.length / (performance.now() - start)) * 1000, times);
}

console.log('| what | per second | p50 ms | p99 ms |');
console.log('| --- | ---: | ---: | ---: |');
const { privateKey } = generateKeyPairSync('ed25519');
const message = randomBytes(900);
raw('raw: Ed25519 signature, one core', () => void sign(null, message, privateKey));
const fd = openSync(join(dir, 'raw'), 'w');
raw('raw: append 1 KB and fdatasync', () => {
  writeSync(fd, message);
  fdatasyncSync(fd);
});
closeSync(fd);

createKeys(join(dir, 'keys'), 'bench/log');
const log = await openLog({
  dir: join(dir, 'log'),
  keysDir: join(dir, 'keys'),
  origin: 'bench/log',
  checkpointSeconds: 60,
});
let bytes = 0;
let best = 0;
let alone = Number.POSITIVE_INFINITY;
for (const clients of [1, 16, 256]) {
  const times: number[] = [];
  const before = process.cpuUsage();
  const start = performance.now();
  const client = async (): Promise<void> => {
    while (performance.now() - start < SECONDS * 1000) {
      const at = performance.now();
      await log.append(draft());
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  best = Math.max(best, (times.length / wall) * 1000);
  if (clients === 1)
    alone = quantile(
      [...times].sort((a, b) => a - b),
      0.5,
    );
  row(`log: ${clients} client${clients === 1 ? '' : 's'}`, (times.length / wall) * 1000, times);
  console.log(`|   CPU per receipt | ${((user + system) / times.length).toFixed(0)} us | | |`);
}
const sample = log.entries(log.head().size - 1);
for await (const entry of sample) bytes = JSON.stringify(entry.body).length;
console.log(`|   bytes of the last entry's body | ${bytes} | | |`);
console.log('');
console.log(
  aim(
    'at least 10,000 signed, durable receipts a second',
    best >= 10_000,
    Math.round(best).toLocaleString('en'),
  ),
);
console.log(aim('a single client waits at most 0.5 ms (p50)', alone <= 0.5, `${alone.toFixed(3)} ms`));
await log.close();
rmSync(dir, { recursive: true, force: true });
