// SPDX-License-Identifier: Apache-2.0
// How long a start takes with many receipts in the log: from a snapshot, and read whole.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeasureSpec } from '../../stdlib/abi.js';
import { createRegistry } from '../../runtime/approvals/registry.js';
import { createApprovals } from '../../runtime/approvals/store.js';
import { localLimits } from '../../runtime/decide/limits.js';
import { Sessions } from '../../runtime/decide/sessions.js';
import { readLog } from '../../runtime/gateway/read-log.js';
import { Switches } from '../../runtime/gateway/switches.js';
import { createKeys } from '../../runtime/log/keys.js';
import { type Log, openLog } from '../../runtime/log/log.js';
import type { Draft } from '../../runtime/log/types.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { aim } from '../table.js';

const ENTRIES = Number(process.env['BENCH_ENTRIES'] ?? 1_000_000);
const folder = mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'sepal-start-'));
const options = {
  dir: join(folder, 'log'),
  keysDir: join(folder, 'keys'),
  origin: 'bench.test/log',
  checkpointSeconds: 60,
};
const hash = digest('x');
const MEASURES: readonly MeasureSpec[] = [
  {
    name: 'calls',
    kind: 'limit',
    window: 60_000,
    fixed: false,
    attempts: false,
    keys: ['principal'],
    decay: null,
    cap: null,
  },
];

const draft = (n: number): Draft => ({
  type: 'decide',
  call: randomBytes(16).toString('base64'),
  principal: {
    id: `agent:${n % 100}`,
    roles: ['reader'],
    auth: { method: 'token', credential: `t${n % 100}` },
    session: digest(`session ${n % 100}`),
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
  reads: ['/path'],
  counts: [{ name: 'calls', key: [`agent:${n % 100}`], add: 1 }],
  decision: { effect: 'allow', rules: ['read'], default: false, steps: 12 },
});

/** As a gateway reads it; says what it was told. */
async function fold(log: Log): Promise<readonly string[]> {
  const said: string[] = [];
  const clock = { wall: Date.now, monotonic: () => performance.now() };
  const approvals = createApprovals({
    log,
    registry: createRegistry([]),
    clock,
    close: () => Promise.reject(new Error('nothing is closed here')),
    onFault: (error) => said.push(error.message),
  });
  const sessions = new Sessions({ idleMs: 1_800_000, ...clock });
  const known = { limits: localLimits(MEASURES), sessions, approvals, switches: new Switches() };
  await readLog(log, known, MEASURES, (line) => said.push(line));
  return said;
}

async function start(what: string): Promise<number> {
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  const log = await openLog(options);
  const said = await fold(log);
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const { size } = log.head();
  console.log(
    `| ${what} | ${size.toLocaleString('en')} | ${seconds.toFixed(2)} | ${((user + system) / 1e6).toFixed(2)} |`,
  );
  if (said.length > 0) console.log(said.join('\n'));
  await log.close();
  return (user + system) / 1e6;
}

try {
  createKeys(options.keysDir, options.origin);
  const log = await openLog(options);
  await fold(log);
  for (let n = 0; n < ENTRIES; ) {
    const calls = Array.from({ length: 500 }, () => draft(n++));
    const receipts = await Promise.all(calls.map((one) => log.append(one)));
    await Promise.all(
      receipts.map(({ leaf }, i) => {
        n++;
        const call = calls[i]?.call ?? '';
        return log.append({ type: 'outcome', call, refs: { decide: leaf }, outcome: { status: 'ok' } });
      }),
    );
  }
  await log.close();
  console.log('| start | entries | seconds | seconds of processor time |');
  console.log('| --- | ---: | ---: | ---: |');
  const seconds = await start('from the snapshot of an orderly end');
  for (const name of readdirSync(join(options.dir, 'snapshots')).sort().slice(1))
    rmSync(join(options.dir, 'snapshots', name));
  await start('from the snapshot before, as after a crash');
  rmSync(join(options.dir, 'snapshots'), { recursive: true });
  await start('without a snapshot');
  console.log(
    `\n${aim('a start with 1,000,000 receipts below 5 s', seconds < 5, `${seconds.toFixed(2)} s of processor time`)}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
