// SPDX-License-Identifier: Apache-2.0
// Witnesses end to end: a log that grows, a witness over HTTP, forks that it refuses, and what the verifier says of all that.
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proveReceipts } from '../../runtime/export/index.js';
import {
  checkpointText,
  COSIGNATURE,
  keyId,
  leafHash,
  parseCheckpoint,
  printVerifierKey,
  ProofTree,
  signatureLine,
  type VerifierKey,
} from '../../runtime/verify/format/index.js';
import { folderSource, verify, verifyEquivocation, verifyReceipt } from '../../runtime/verify/index.js';
import { Cosigner } from '../../runtime/witness/cosigner.js';
import { startCosigning } from '../../runtime/witness/start.js';
import { witnessServer } from '../../runtime/witness/server.js';
import { Witness } from '../../runtime/witness/witness.js';
import { smallLog, type TestKey, TestLog, testKey } from '../arbitraries/log.js';

const NOW = Date.UTC(2026, 2, 9, 14, 0, 0);
let folder: string;
const servers: Server[] = [];
let clock = NOW;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sepal-witness-'));
  clock = NOW;
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const keyOf = (key: TestKey): VerifierKey => ({
  name: key.name,
  id: keyId(key.name, key.key, COSIGNATURE),
  key: key.key,
});
const vkeyOf = (key: TestKey): string => printVerifierKey(key.name, key.key, COSIGNATURE);

function witnessOf(log: TestLog, name: string): { readonly key: TestKey; readonly witness: Witness } {
  const key = testKey(name);
  const logs = new Map([[log.origin, log.logKey]]);
  return { key, witness: new Witness({ key, logs, state: join(folder, `${name}.json`), now: () => clock }) };
}

async function served(witness: Witness): Promise<string> {
  const server = witnessServer(witness, () => {});
  servers.push(server);
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function written(log: TestLog, name = 'log'): string {
  const dir = join(folder, name);
  mkdirSync(join(dir, 'entries'), { recursive: true });
  writeFileSync(join(dir, 'entries/000000.log'), Buffer.concat(log.entries));
  writeFileSync(join(dir, 'checkpoints'), log.checkpointFile());
  return dir;
}

const trustWith = (log: TestLog, witnesses: readonly TestKey[], quorum: number): string =>
  JSON.stringify({ ...(JSON.parse(log.trust) as object), witnesses: witnesses.map(vkeyOf), quorum });
const of = (report: Awaited<ReturnType<typeof verify>>, name: string) =>
  report.properties.find((p) => p.name === name);

function treeOf(log: TestLog): ProofTree {
  const tree = new ProofTree();
  for (const entry of log.entries) tree.append(leafHash(entry));
  return tree;
}
const request = (old: number, hashes: readonly Buffer[], note: string): string =>
  `old ${old}\n${hashes.map((h) => `${h.toString('base64')}\n`).join('')}\n${note}`;
const noteOf = (log: TestLog, size: number, root: Buffer, by: TestKey = log.logKey): string => {
  const text = checkpointText(log.origin, size, root);
  return `${text}\n${signatureLine(by.name, by.id, by.sign(text))}`;
};

describe('a witness', () => {
  it('cosigns what continues and answers the rest as the specification says', () => {
    const log = smallLog();
    const tree = treeOf(log);
    const { witness } = witnessOf(log, 'w1');
    const good = (size: number) => noteOf(log, size, tree.root(size));
    const ask = (body: string) => witness.addCheckpoint(body);
    expect(ask('nonsense').status).toBe(400);
    expect(ask(request(0, [], noteOf(new TestLog('other.example.com/log'), 1, tree.root(1)))).status).toBe(
      404,
    );
    expect(ask(request(0, [], noteOf(log, 4, tree.root(4), testKey('mallory')))).status).toBe(403);
    expect(ask(request(5, [], good(4))).status).toBe(400);
    expect(ask(request(3, tree.consistency(3, 4), good(4)))).toMatchObject({
      status: 409,
      body: '0\n',
      type: 'text/x.tlog.size',
    });
    expect(ask(request(0, [tree.root(1)], good(4))).status).toBe(422);
    expect(ask(request(0, [], good(4))).status).toBe(200);
    expect(ask(request(4, [], good(4))).status).toBe(200);
    expect(ask(request(4, [], noteOf(log, 4, tree.root(3)))).status).toBe(409);
    expect(ask(request(4, [], good(9))).status).toBe(422);
    expect(ask(request(4, tree.consistency(4, 9), noteOf(log, 9, tree.root(8)))).status).toBe(422);
    expect(ask(request(4, tree.consistency(4, 9), good(9))).status).toBe(200);
    expect(ask(request(4, tree.consistency(4, 9), good(9))).body).toBe('9\n');
  });

  it('remembers over a restart, and does not begin anew when its memory is damaged', () => {
    const log = smallLog();
    const tree = treeOf(log);
    const first = witnessOf(log, 'w1').witness;
    expect(first.addCheckpoint(request(0, [], noteOf(log, 9, tree.root(9)))).status).toBe(200);
    const fork = noteOf(log, 9, tree.root(8));
    expect(witnessOf(log, 'w1').witness.addCheckpoint(request(0, [], fork)).status).toBe(409);
    writeFileSync(join(folder, 'w1.json'), '{"damaged');
    expect(() => witnessOf(log, 'w1')).toThrow('cannot be read');
  });
});

describe('cosigned checkpoints', () => {
  it('pass split view at the quorum, and grow with the log', async () => {
    const log = smallLog();
    const dir = written(log);
    const all = ['w1', 'w2', 'w3'].map((name) => witnessOf(log, name));
    const places = await Promise.all(
      all.map(async ({ key, witness }) => ({ url: await served(witness), key: keyOf(key) })),
    );
    const cosigner = new Cosigner(dir, places.slice(0, 2));
    expect(await cosigner.round()).toEqual({ size: 10, cosigned: ['w1', 'w2'], failed: [] });
    // An idle log is taken there again, and its file does not grow.
    const once = readFileSync(join(dir, 'cosigned'), 'utf8').length;
    clock += 60_000;
    expect(await cosigner.round()).toMatchObject({ size: 10, cosigned: ['w1', 'w2'] });
    expect(readFileSync(join(dir, 'cosigned'), 'utf8')).toHaveLength(once);
    const keys = all.map(({ key }) => key);
    const trust = trustWith(log, keys, 2);
    const report = await verify(dir, { trust });
    expect(report.result).toBe('pass');
    expect(of(report, 'split view')).toMatchObject({
      status: 'pass',
      detail: '2 of 3 witnesses cosigned 10 entries by 2026-03-09T14:01:00.000Z',
    });
    expect(of(report, 'time')?.detail).toContain(
      'entries below 10 were there by 2026-03-09T14:01:00.000Z (witnesses)',
    );
    const strict = await verify(dir, { trust: trustWith(log, keys, 3) });
    expect(of(strict, 'split view')).toMatchObject({
      status: 'not checked',
      detail: 'no checkpoint is cosigned by 3 of the 3 witnesses',
    });
    log.call('more', 'deny');
    log.checkpoint();
    written(log);
    expect(of(await verify(dir, { trust }), 'split view')).toMatchObject({
      status: 'not checked',
      entry: 10,
    });
    expect((await cosigner.round())?.cosigned).toEqual(['w1', 'w2']);
    // A cosigner that knows nothing learns the size from the witness.
    expect((await new Cosigner(dir, places.slice(0, 1)).round())?.cosigned).toEqual(['w1']);
    expect(of(await verify(dir, { trust }), 'split view')?.status).toBe('pass');
  });

  it('follow a log over its segments without reading the full ones again', async () => {
    const log = smallLog();
    const dir = written(log);
    const { key, witness } = witnessOf(log, 'w1');
    const cosigner = new Cosigner(dir, [{ url: await served(witness), key: keyOf(key) }]);
    const segment = (index: number, from: number, to?: number): void =>
      writeFileSync(join(dir, `entries/00000${index}.log`), Buffer.concat(log.entries.slice(from, to)));
    segment(0, 0, 4);
    segment(1, 4);
    expect((await cosigner.round())?.cosigned).toEqual(['w1']);
    for (let n = 0; n < 3; n++) {
      log.call(`more ${n}`);
      log.checkpoint();
      writeFileSync(join(dir, 'checkpoints'), log.checkpointFile());
      segment(1, 4, 11);
      segment(2, 11);
      if (n === 1) writeFileSync(join(dir, 'entries/000000.log'), 'read again, this would not do');
      expect((await cosigner.round())?.cosigned, `round ${n}`).toEqual(['w1']);
    }
  });

  it('stand in the proof of one receipt', async () => {
    const log = smallLog();
    const dir = written(log);
    const { key, witness } = witnessOf(log, 'w1');
    await new Cosigner(dir, [{ url: await served(witness), key: keyOf(key) }]).round();
    const proof = (await proveReceipts(folderSource(dir), [5])).get(5) ?? '';
    expect(proof).toContain('— w1 ');
    const report = verifyReceipt(proof, trustWith(log, [key], 1));
    expect(report.result).toBe('pass');
    expect(of(report, 'split view')?.status).toBe('pass');
  });

  it('do not count when they are by another key, over another tree, or by one key under two names', async () => {
    const log = smallLog();
    const dir = written(log);
    const { key, witness } = witnessOf(log, 'w1');
    await new Cosigner(dir, [{ url: await served(witness), key: keyOf(key) }]).round();
    const other = trustWith(log, [testKey('w1', 'another seed')], 1);
    expect(of(await verify(dir, { trust: other }), 'split view')?.status).toBe('not checked');
    await expect(verify(dir, { trust: trustWith(log, [key, testKey('alias', 'w1')], 2) })).rejects.toThrow(
      'one key twice',
    );
    const note = readFileSync(join(dir, 'cosigned'), 'utf8');
    const fork = smallLog();
    fork.entries.pop();
    fork.leaves.pop();
    const cut = written(fork, 'fork');
    writeFileSync(join(cut, 'cosigned'), note);
    expect((await verify(cut, { trust: trustWith(log, [key], 1) })).result).toBe('fail');
  });

  it('are not had by a log that was cut or forked, and nothing is written then', async () => {
    const log = smallLog();
    const dir = written(log);
    const { key, witness } = witnessOf(log, 'w1');
    const place = { url: await served(witness), key: keyOf(key) };
    await new Cosigner(dir, [place]).round();
    const fork = new TestLog().begin();
    for (let n = 0; n < 12; n++) fork.call(`fork ${n}`, 'deny');
    fork.checkpoint();
    const forked = await new Cosigner(written(fork, 'fork'), [place]).round();
    expect(forked).toMatchObject({
      cosigned: [],
      failed: [{ name: 'w1', why: expect.stringContaining('422') }],
    });
    const cut = new TestLog().begin();
    cut.checkpoint();
    const shorter = await new Cosigner(written(cut, 'cut'), [place]).round();
    expect(shorter?.failed[0]?.why).toContain('which is more than this log has');
    expect(existsSync(join(folder, 'cut/cosigned'))).toBe(false);
    const silent = await new Cosigner(dir, [{ url: 'http://127.0.0.1:9', key: keyOf(key) }]).round();
    expect(silent?.failed).toHaveLength(1);
  });
});

describe('two histories', () => {
  const fork = (): { readonly log: TestLog; readonly other: TestLog } => {
    const [log, other] = [smallLog(), smallLog()];
    log.call('mine', 'deny');
    other.call('theirs', 'deny');
    other.checkpoint();
    return { log, other };
  };

  it.each([0, 5])('yield a proof that anybody can check (our log is %i entries ahead)', async (ahead) => {
    const { log, other } = fork();
    for (let n = 0; n < ahead; n++) log.call(`later ${n}`, 'deny');
    log.checkpoint();
    const report = await verify(log.source(), {
      trust: log.trust,
      seen: [other.checkpoints.at(-1) as string],
    });
    expect(report.result).toBe('fail');
    expect(of(report, 'split view')).toMatchObject({
      status: 'fail',
      entry: 10,
      detail: expect.stringContaining('another tree of 11 entries'),
    });
    const evidence = report.evidence ?? '';
    expect(verifyEquivocation(evidence, log.trust)).toMatchObject({ result: 'fail' });
    expect(verifyEquivocation(evidence)).toMatchObject({ result: 'incomplete' });
    for (let at = 0; at < evidence.length; at += 5) {
      const code = evidence.charCodeAt(at);
      if (code === 10) continue;
      const changed = `${evidence.slice(0, at)}${code === 65 ? 'B' : 'A'}${evidence.slice(at + 1)}`;
      if (changed !== evidence)
        expect(verifyEquivocation(changed, log.trust).result, `character ${at}`).toBe('incomplete');
    }
  });

  it('are not found where others saw the same tree; a longer one shows that the log is cut', async () => {
    const log = smallLog();
    const [early, late] = log.checkpoints as [string, string];
    const same = await verify(log.source(), { trust: log.trust, seen: [late, early] });
    expect(same.result).toBe('pass');
    expect(of(same, 'seen elsewhere')?.detail).toBe('2 checkpoints are of this tree');
    expect(same.evidence).toBeUndefined();
    const older = new TestLog().begin();
    older.call('one');
    older.checkpoint();
    const cut = await verify(older.source(), { trust: log.trust, seen: [late] });
    expect(of(cut, 'tail')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('seen elsewhere speaks of 10 entries'),
    });
    const foreign = noteOf(log, 3, treeOf(log).root(3), testKey('mallory'));
    expect(parseCheckpoint(foreign)).not.toBeNull();
    await expect(verify(log.source(), { trust: log.trust, seen: [foreign] })).rejects.toThrow(
      'not signed by the log key',
    );
  });
});

describe('beside the gateway', () => {
  it('takes checkpoints to witnesses from start to stop, and says once who does not answer', async () => {
    const log = smallLog();
    const dir = written(log);
    const { key, witness } = witnessOf(log, 'w1');
    const silent = { url: 'http://127.0.0.1:9', key: keyOf(testKey('w2')) };
    const said: string[] = [];
    const cosigning = startCosigning(dir, [{ url: await served(witness), key: keyOf(key) }, silent], (line) =>
      said.push(line),
    );
    log.call('more', 'deny');
    log.checkpoint();
    written(log);
    await cosigning.stop();
    expect(said).toEqual([expect.stringContaining('the witness w2 did not cosign')]);
    const report = await verify(dir, { trust: trustWith(log, [key], 1) });
    expect(of(report, 'split view')).toMatchObject({
      status: 'pass',
      detail: expect.stringContaining(`cosigned ${log.size} entries`),
    });
    await startCosigning(dir, [], () => {}).stop();
  });
});
