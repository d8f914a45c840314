// SPDX-License-Identifier: Apache-2.0
// Logs made to exhaust the verifier: it runs as a process of its own with little memory, and must answer, in time, with its exit codes.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  CompactTree,
  checkpointText,
  entryNote,
  entryText,
  hashText,
  leafHash,
  signatureLine,
} from '../../runtime/verify/format/index.js';
import { decide, smallLog, TestLog } from '../arbitraries/log.js';

const LONG = process.env['SEPAL_LONG'] === '1';
const main = resolve(import.meta.dirname, '../../runtime/verify/dist/main.js');
const folder = mkdtempSync(join(tmpdir(), 'sepal-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  /** Peak resident memory in MB. */
  readonly peak: number;
  readonly seconds: number;
}

/** The built verifier with a small heap; it says on stderr how much memory it took. */
function run(...args: string[]): Ran {
  const script = `process.on('exit', () => process.stderr.write('peak ' + process.resourceUsage().maxRSS)); await import(${JSON.stringify(`file://${main}`)});`;
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--max-old-space-size=64', '--input-type=module', '-e', script, '--', 'main', ...args],
    { encoding: 'utf8', timeout: 600_000 },
  );
  return {
    code: status,
    out: stdout,
    peak: Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024,
    seconds: (Date.now() - started) / 1000,
  };
}

function place(name: string, segments: readonly Uint8Array[], checkpoints: string, trust: string): string {
  const dir = join(folder, name);
  mkdirSync(join(dir, 'entries'), { recursive: true });
  segments.forEach((bytes, i) =>
    writeFileSync(join(dir, 'entries', `${String(i).padStart(6, '0')}.log`), bytes),
  );
  writeFileSync(join(dir, 'checkpoints'), checkpoints);
  writeFileSync(join(dir, 'trust.json'), trust);
  return dir;
}
const trusted = (dir: string): string[] => [dir, '--trust', join(dir, 'trust.json')];

/** Writes `count` denied calls, in pieces, without holding them. */
function manyReceipts(count: number): string {
  const log = new TestLog().begin();
  const dir = place('many', [Buffer.concat(log.entries)], '', log.trust);
  const tree = new CompactTree();
  for (const entry of log.entries) tree.append(leafHash(entry));
  const fd = openSync(join(dir, 'entries/000000.log'), 'a');
  const model = decide(log, 'x', 'deny');
  const time = new Date(Date.UTC(2026, 2, 9, 14)).toISOString();
  let prev = log.leaves.at(-1) as string;
  let piece: Buffer[] = [];
  for (let seq = log.size; seq < count; seq++) {
    const call = Buffer.from(String(seq).padStart(16)).toString('base64');
    const text = entryText({
      v: 1,
      log: log.origin,
      seq,
      time,
      boot: log.boot,
      prev,
      ...model,
      call,
    } as never);
    const entry = Buffer.from(entryNote(text, log.epoch.name, log.epoch.id, log.epoch.sign(text)));
    const leaf = leafHash(entry);
    tree.append(leaf);
    prev = hashText(leaf);
    piece.push(entry);
    if (piece.length === 4096 || seq === count - 1) {
      writeSync(fd, Buffer.concat(piece));
      piece = [];
    }
  }
  closeSync(fd);
  const text = checkpointText(log.origin, count, tree.root());
  const { name, id } = log.logKey;
  writeFileSync(join(dir, 'checkpoints'), `${text}\n${signatureLine(name, id, log.logKey.sign(text))}\n`);
  return dir;
}

describe('memory stays flat', () => {
  it(`over ${LONG ? '1,000,000' : '20,000'} receipts`, () => {
    const small = run(
      ...trusted(
        place('small', [Buffer.concat(smallLog().entries)], smallLog().checkpointFile(), smallLog().trust),
      ),
    );
    expect(small.code).toBe(0);
    const count = LONG ? 1_000_000 : 20_000;
    const dir = manyReceipts(count);
    const many = run(...trusted(dir), '--signatures', 'checkpoint');
    expect(many.code).toBe(7);
    expect(many.out).toContain(`incomplete: ${count} entries; not checked: signatures`);
    // Some pieces of the log wait for the collector; it does not grow with the log.
    expect(many.peak).toBeLessThan(small.peak + 150);
  }, 900_000);
});

describe('a clear answer', () => {
  const log = smallLog();
  const whole = Buffer.concat(log.entries);
  const answered = (dir: string, code: number): string => {
    const ran = run(...trusted(dir));
    expect(ran.code).toBe(code);
    expect(ran.peak).toBeLessThan(400);
    return ran.out;
  };

  it('to a sparse file of gigabytes', () => {
    const dir = place('sparse', [whole], log.checkpointFile(), log.trust);
    const fd = openSync(join(dir, 'entries/000000.log'), 'r+');
    ftruncateSync(fd, (LONG ? 10 : 1) * 1024 ** 3);
    closeSync(fd);
    expect(answered(dir, 0)).toContain('pass: 10 entries');
    const middle = place('sparse-middle', [whole, whole], log.checkpointFile(), log.trust);
    const other = openSync(join(middle, 'entries/000000.log'), 'r+');
    ftruncateSync(other, 10 * 1024 ** 3);
    closeSync(other);
    expect(answered(middle, 5)).toContain('is not an entry; nothing after it was read');
  });

  it('to lines without an end', () => {
    const endless = Buffer.concat([
      whole,
      Buffer.from('sepal.dev/receipt/v1\n'),
      Buffer.alloc(80 * 1024 * 1024, 'x'),
    ]);
    expect(answered(place('endless', [endless], log.checkpointFile(), log.trust), 7)).toContain(
      'a write was cut short',
    );
    const notes = `${log.checkpointFile()}${'y'.repeat(80 * 1024 * 1024)}`;
    expect(answered(place('endless-notes', [whole], notes, log.trust), 7)).toContain('in the middle of one');
  });

  it('to bodies of brackets, of quotes, of one long number, and to bytes that are no text', () => {
    for (const [name, body] of [
      ['deep', '['.repeat(65_000)],
      ['deep-objects', '{"a":'.repeat(13_000)],
      ['quotes', `"${'\\"'.repeat(32_000)}"`],
      ['number', '9'.repeat(65_000)],
      ['zeros', `0.${'0'.repeat(64_000)}1`],
      ['bytes', '\xff\xfe\x80'.repeat(10_000)],
    ] as const) {
      const evil = smallLog();
      const line = Buffer.from(body, name === 'bytes' ? 'latin1' : 'utf8').subarray(0, 65_000);
      const entry = Buffer.concat([
        Buffer.from('sepal.dev/receipt/v1\n'),
        line,
        Buffer.from('\n\n— x AAAAAAAA\n'),
      ]);
      const out = answered(
        place(name, [Buffer.concat([...evil.entries, entry])], evil.checkpointFile(), evil.trust),
        5,
      );
      expect(out, name).toContain('bytes           FAIL         at entry 10');
    }
  });

  it('to calls that are never closed, each as long as an entry may be', () => {
    const evil = new TestLog().begin();
    const model = decide(evil, 'x', 'allow');
    const long = 'x'.repeat(60_000);
    const parts: Buffer[] = [];
    for (let n = 0; n < 700; n++) {
      const call = Buffer.from(String(n).padStart(16)).toString('base64');
      evil.add({ ...model, call, principal: { ...model.principal, roles: [long] } } as never);
      parts.push(...evil.entries.splice(3));
    }
    const dir = place('open', [Buffer.concat([...evil.entries, ...parts])], '', evil.trust);
    const out = answered(dir, 5);
    expect(out).toMatch(/linkage +not checked +more than 50000 calls, or 32 MiB/);
  });

  it('to openings, held receipts and proofs that are rubbish', () => {
    const dir = place('rubbish', [whole], log.checkpointFile(), log.trust);
    writeFileSync(join(dir, 'openings.jsonl'), Buffer.alloc(80 * 1024 * 1024, '{'));
    expect(answered(dir, 5)).toMatch(/openings +FAIL/);
    const proof = join(folder, 'rubbish.tlog-proof');
    writeFileSync(
      proof,
      `c2sp.org/tlog-proof@v1\nextra ${'A'.repeat(100_000)}\nindex 5\n\n${log.checkpoints[0]}`,
    );
    expect(run(proof, '--trust', join(dir, 'trust.json')).code).toBe(5);
    writeFileSync(proof, Buffer.alloc(3 * 1024 * 1024));
    expect(run(proof, '--trust', join(dir, 'trust.json')).code).toBe(1);
  });
});
