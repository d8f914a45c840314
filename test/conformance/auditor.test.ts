// SPDX-License-Identifier: Apache-2.0
// The second verifier (examples/auditor, Python) agrees with ours: on every vector, and on logs that were tampered with at random.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { entryNote, entryText } from '../../runtime/verify/format/index.js';
import { openSource, parseHeld, verify } from '../../runtime/verify/index.js';
import { decide, outcome, smallLog, TestLog } from '../arbitraries/log.js';
import { answer } from '../helpers/vector-answer.js';

const root = resolve(import.meta.dirname, '../..');
const auditor = join(root, 'examples/auditor');
const python = (...args: string[]) =>
  spawnSync('python3', ['-B', ...args], { cwd: auditor, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const library = python('-c', 'import cryptography').status === 0 || python('-c', 'import nacl').status === 0;
const why = 'skipped: there is no python3 with cryptography or nacl (apt-get install python3-cryptography)';
const suite = library
  ? describe
  : (name: string, body: () => void) => describe.skip(`${name} (${why})`, body);
const LONG = process.env['SEPAL_LONG'] === '1';

const folder = mkdtempSync(join(tmpdir(), 'sepal-auditor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A generator of numbers that is the same from run to run. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Null where an earlier change broke it. */
function bodyOf(entry: Buffer): Record<string, unknown> | null {
  try {
    return JSON.parse(entry.toString().split('\n')[1] ?? '') as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** What a tamperer could do: to bytes, to the order, to bodies that are signed again, to checkpoints. */
function tampered(seed: number): {
  readonly segment: Buffer;
  readonly checkpoints: Buffer;
  readonly trust: string;
} {
  const pick = numbers(seed);
  const log = smallLog();
  for (let n = pick(4); n > 0; n--) {
    const at = pick(log.entries.length);
    const entry = Buffer.from(log.entries[at] as Buffer);
    switch (pick(8)) {
      case 0:
        entry[pick(entry.length)] = pick(256);
        log.entries[at] = entry;
        break;
      case 1:
        log.entries.splice(at, 1);
        break;
      case 2:
        log.entries.splice(at, 0, log.entries[pick(log.entries.length)] as Buffer);
        break;
      case 3:
        log.entries[at] = entry.subarray(0, pick(entry.length));
        break;
      case 4: {
        const body = bodyOf(entry);
        if (body === null) break;
        const names = Object.keys(body);
        const name = names[pick(names.length)] ?? 'v';
        const values = [
          null,
          0,
          -1,
          1.5,
          '',
          'agent:other',
          [],
          {},
          true,
          'allow',
          body[names[pick(names.length)] ?? 'v'],
        ];
        if (pick(3) === 0) delete body[name];
        else body[name] = values[pick(values.length)];
        const text = entryText(body as never);
        log.entries[at] = Buffer.from(entryNote(text, log.epoch.name, log.epoch.id, log.epoch.sign(text)));
        break;
      }
      case 5: {
        const note = log.checkpoints[pick(log.checkpoints.length)] ?? '';
        const cut = pick(note.length);
        log.checkpoints.push(
          `${note.slice(0, cut)}${String.fromCharCode(32 + pick(90))}${note.slice(cut + 1)}`,
        );
        break;
      }
      case 6:
        log.checkpoints.splice(pick(log.checkpoints.length), 1);
        break;
      default:
        log.checkpoint();
    }
  }
  return {
    segment: Buffer.concat(log.entries),
    checkpoints: Buffer.from(log.checkpointFile()),
    trust: log.trust,
  };
}

/** Lives of calls at random, all of it soundly signed: what only the rules of linkage can tell apart. */
function lived(seed: number): {
  readonly segment: Buffer;
  readonly checkpoints: Buffer;
  readonly trust: string;
} {
  const pick = numbers(seed);
  const log = new TestLog().begin();
  const leaves: string[] = [];
  for (let n = 4 + pick(10); n > 0; n--) {
    const word = `call ${pick(3)}`;
    const refs = {
      ...(pick(2) === 0 || leaves.length === 0 ? {} : { decide: leaves[pick(leaves.length)] as string }),
      ...(pick(4) === 0 && leaves.length > 0 ? { approve: [leaves[pick(leaves.length)] as string] } : {}),
    };
    const effect = (['allow', 'deny', 'review'] as const)[pick(3)] ?? 'deny';
    const phase = (['call', 'call', 'call', 'result', 'list'] as const)[pick(5)] ?? 'call';
    const drawn = pick(4);
    if (drawn === 0)
      leaves.push(
        log.add(outcome(word, leaves[pick(Math.max(1, leaves.length))] ?? `sha256:${'0'.repeat(64)}`)),
      );
    else if (drawn === 1 && leaves.length > 0) log.review(`review ${pick(2)}`);
    else
      leaves.push(
        log.add({ ...decide(log, word, effect), phase, ...(Object.keys(refs).length === 0 ? {} : { refs }) }),
      );
    if (pick(12) === 0) log.boot = `${'ABCD'[pick(4)]}AAAAAAAAAAAAAAAAAAAAA==`;
  }
  log.checkpoint();
  return {
    segment: Buffer.concat(log.entries),
    checkpoints: Buffer.from(log.checkpointFile()),
    trust: log.trust,
  };
}

async function compared(name: string, count: number, make: typeof tampered): Promise<string> {
  const place = join(folder, name);
  for (let seed = 0; seed < count; seed++) {
    const { segment, checkpoints, trust } = make(seed);
    const own = join(place, 'random', String(seed).padStart(5, '0'));
    for (const [path, bytes] of [
      ['log/entries/000000.log', segment],
      ['log/checkpoints', checkpoints],
      ['trust.json', Buffer.from(trust)],
    ] as const) {
      mkdirSync(dirname(join(own, path)), { recursive: true });
      writeFileSync(join(own, path), bytes);
    }
    const expected = await answer(own);
    writeFileSync(join(own, 'expected.json'), JSON.stringify({ about: '', ...expected }));
  }
  const { stdout, stderr } = python('check_vectors.py', place);
  return stdout + stderr;
}

suite('the second verifier', () => {
  it('agrees on every vector', () => {
    const { stdout, stderr, status } = python('check_vectors.py', join(root, 'test/vectors'));
    expect(stdout + stderr).toMatch(/^(\d+) of \1 vectors agree\n$/);
    expect(status).toBe(0);
  });

  it('agrees on logs that were tampered with at random', async () => {
    const count = LONG ? 2000 : 60;
    expect(await compared('tampered', count, tampered)).toBe(`${count} of ${count} vectors agree\n`);
  }, 900_000);

  it('agrees on lives of calls at random', async () => {
    const count = LONG ? 2000 : 60;
    expect(await compared('lived', count, lived)).toBe(`${count} of ${count} vectors agree\n`);
  }, 900_000);

  it.each([
    ['held-missing', "by the holder's own word"],
    ['held-signed', 'signed by a key that the log key certified: anybody can check this'],
    ['held-proof', 'its proof is signed by the log key: anybody can check this'],
    ['held-forged', 'its own signature does not verify'],
  ])('weighs a missing receipt as ours does: %s', async (name, weight) => {
    const place = join(root, 'test/vectors/bad', name);
    const [trust, held] = [join(place, 'trust.json'), join(place, 'held')];
    const log = join(place, 'log');
    expect(python('verify.py', log, '--trust', trust, '--held', held).stdout).toContain(weight);
    const given = { trust: readFileSync(trust, 'utf8'), held: parseHeld(readFileSync(held, 'utf8')) };
    const { properties } = await verify(await openSource(log), given);
    expect(properties.find((one) => one.name === 'held receipts')?.detail).toContain(weight);
  });

  it('is a command with the exit codes of ours', () => {
    const small = join(root, 'test/vectors/good/small');
    const run = (...args: string[]) => python('verify.py', ...args);
    expect(run(join(small, 'log'), '--trust', join(small, 'trust.json'))).toMatchObject({ status: 0 });
    expect(run(join(small, 'log'))).toMatchObject({ status: 7 });
    const bad = join(root, 'test/vectors/bad/edit');
    const { status, stdout } = run(join(bad, 'log'), '--trust', join(bad, 'trust.json'));
    expect(status).toBe(5);
    expect(stdout).toContain('fail: 10 entries');
    expect(run(join(small, 'log'), '--trust', join(small, 'log/checkpoints'))).toMatchObject({ status: 1 });
  });
});
