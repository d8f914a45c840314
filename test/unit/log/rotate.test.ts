// SPDX-License-Identifier: Apache-2.0
// Epoch keys change while entries go on, the root brings new log keys in and revokes others, and nothing of an old key is left behind.
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { generateKey, loadKey, type Log, type SigningKey } from '../../../runtime/log/index.js';
import { proveReceipts } from '../../../runtime/export/prove.js';
import { certificateText, revocationText } from '../../../runtime/verify/format/approval.js';
import { folderSource } from '../../../runtime/verify/source.js';
import { type Report, verify, verifyReceipt } from '../../../runtime/verify/index.js';
import {
  decided,
  entriesOn,
  memoryFolder,
  ORIGIN,
  outcomeOf,
  policyDraft,
  scratch,
  type Scratch,
} from '../../helpers/log-folder.js';

const made: Scratch[] = [];
afterEach(() => {
  for (const place of made.splice(0)) place.remove();
});
function own(): Scratch {
  const place = scratch(memoryFolder());
  made.push(place);
  return place;
}

/** The trust file as it was when the log began, which an auditor keeps. */
async function trustFile(place: Scratch): Promise<string> {
  const { trustText, loadKeys } = await import('../../../runtime/log/index.js');
  return trustText(ORIGIN, loadKeys(place.keysDir, ORIGIN), entriesOn(place.dir)[0]?.leaf ?? null);
}
const verified = (place: Scratch, trust: string): Promise<Report> => verify(place.dir, { trust });
const of = (report: Report, name: string) => report.properties.find((p) => p.name === name);

/** Calls, one after another, until told to stop; how many. */
async function calls(log: Log, activation: string, running: () => boolean): Promise<number> {
  let count = 0;
  while (running()) {
    const draft = decided('allow', activation);
    const { leaf } = await log.append(draft);
    await log.append(outcomeOf(draft.call, leaf), undefined, count % 2 === 0 ? 'soon' : 'now');
    count++;
  }
  return count;
}

const keyFiles = (place: Scratch): readonly string[] => readdirSync(place.keysDir).sort();
const USUAL = ['epoch.pem', 'log.pem', 'root.json', 'root.pem', 'seal.key'];

/** What `sepal keygen log --next` leaves. */
function nextLogKey(place: Scratch, by?: SigningKey): SigningKey {
  const key = generateKey(join(place.keysDir, 'log.next.pem'), ORIGIN);
  certify(place, key, by);
  return key;
}
function certify(place: Scratch, key: SigningKey, by = rootOf(place)): void {
  const certificate = by.sign(certificateText(ORIGIN, 'log', key.vkey)).toString('base64');
  writeFileSync(join(place.keysDir, 'log.next.json'), JSON.stringify({ key: key.vkey, certificate }), {
    mode: 0o600,
  });
}
const rootOf = (place: Scratch): SigningKey => loadKey(join(place.keysDir, 'root.pem'), `${ORIGIN}/root`);

describe('an epoch', () => {
  it('ends under load without a gap: every receipt is there, under the key that was in force', async () => {
    const place = own();
    const log = await place.open();
    const trust = await trustFile(place);
    const activation = (await log.append(policyDraft)).leaf;
    let running = true;
    const clients = Array.from({ length: 16 }, () => calls(log, activation, () => running));
    const pems: string[] = [];
    for (let i = 0; i < 5; i++) {
      pems.push(readFileSync(join(place.keysDir, 'epoch.pem'), 'utf8'));
      const { from, logKey } = await log.rotate();
      expect(logKey).toBeNull();
      expect(entriesOn(place.dir)[from]?.body.key?.purpose).toBe('epoch');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    running = false;
    const count = (await Promise.all(clients)).reduce((sum, one) => sum + one, 0);
    await log.close();
    const entries = entriesOn(place.dir);
    expect(entries.filter(({ body }) => body.type === 'outcome')).toHaveLength(count);
    expect(entries.filter(({ body }) => body.type === 'seal')).toHaveLength(5);
    expect(entries.filter(({ body }) => body.type === 'key')).toHaveLength(6);
    for (const [i, { body }] of entries.entries())
      if (body.type === 'seal') expect(entries[i + 1]?.body.type).toBe('key');
    const report = await verified(place, trust);
    expect(report).toMatchObject({ result: 'pass' });
    expect(of(report, 'keys')?.detail).toContain('6 epoch keys certified');
    expect(keyFiles(place)).toEqual(USUAL);
    expect(statSync(join(place.keysDir, 'epoch.pem')).mode & 0o777).toBe(0o600);
    const left = keyFiles(place).map((name) => readFileSync(join(place.keysDir, name), 'utf8'));
    for (const pem of pems) expect(left.some((text) => text.includes(pem.split('\n')[1] ?? ''))).toBe(false);
  });

  it('ends after so many entries or so long, and goes on over a restart', async () => {
    const place = own();
    let now = Date.UTC(2026, 2, 9);
    const options = { clock: () => now, epoch: { hours: 1, entries: 1000 } };
    const log = await place.open(options);
    const trust = await trustFile(place);
    const { leaf } = await log.append(policyDraft);
    now += 3_600_001;
    await expect.poll(() => log.kid, { timeout: 5000 }).not.toBe(entriesKid(place, 1));
    await log.append(decided('deny', leaf));
    await log.close();
    const again = await place.open({ ...options, epoch: { hours: 1, entries: 3 } });
    expect(again.kid).toBe(entriesKid(place, 4));
    for (let i = 0; i < 3; i++) await again.append(decided('deny', leaf));
    await expect
      .poll(() => entriesOn(place.dir).filter(({ body }) => body.type === 'key').length, { timeout: 5000 })
      .toBe(3);
    await again.close();
    expect(await verified(place, trust)).toMatchObject({ result: 'pass' });
  });

  it('begins anew where the key of the last one is lost, and after a crash that follows its seal', async () => {
    const place = own();
    const log = await place.open();
    const trust = await trustFile(place);
    await log.append(policyDraft);
    await log.close();
    rmSync(join(place.keysDir, 'epoch.pem'));
    const again = await place.open();
    await again.append(policyDraft);
    await again.close();
    expect(await verified(place, trust)).toMatchObject({ result: 'pass' });
    expect(entriesOn(place.dir).map(({ body }) => body.type)).toEqual([
      'genesis',
      'key',
      'policy',
      'key',
      'policy',
    ]);
    expect(keyFiles(place)).toEqual(USUAL);
  });

  it('is asked for twice at once and changes once', async () => {
    const place = own();
    const log = await place.open();
    const [one, two] = await Promise.all([log.rotate(), log.rotate()]);
    expect(one).toEqual(two);
    await log.close();
    await expect(log.rotate()).rejects.toThrow('the log is closed');
  });
});

function entriesKid(place: Scratch, seq: number): string {
  return entriesOn(place.dir)[seq]?.body.key?.key.split('+')[1] ?? '';
}

describe('a log key', () => {
  it('that the root certified is taken in by the running log; receipts from before and after verify with the first trust file', async () => {
    const place = own();
    const log = await place.open();
    const trust = await trustFile(place);
    const activation = (await log.append(policyDraft)).leaf;
    await log.append(decided('deny', activation));
    const next = nextLogKey(place);
    let running = true;
    const client = calls(log, activation, () => running);
    const rotated = await log.rotate();
    expect(rotated.logKey).toBe(next.vkey);
    running = false;
    await client;
    await log.append(decided('deny', activation));
    await log.close();
    expect(keyFiles(place)).toEqual(USUAL);
    expect(loadKey(join(place.keysDir, 'log.pem'), ORIGIN).vkey).toBe(next.vkey);
    const report = await verified(place, trust);
    expect(report).toMatchObject({ result: 'pass' });
    expect(of(report, 'keys')?.detail).toContain('1 later log keys certified by the root');
    const size = entriesOn(place.dir).length;
    const seqs = Array.from({ length: size }, (_, seq) => seq);
    for (const proof of (await proveReceipts(folderSource(place.dir), seqs)).values())
      expect(verifyReceipt(proof, trust)).toMatchObject({ result: 'pass' });
    const again = await place.open();
    await again.append(policyDraft);
    await again.close();
    expect(await verified(place, trust)).toMatchObject({ result: 'pass' });
  });

  it('that waits is taken in at the next start', async () => {
    const place = own();
    const log = await place.open();
    const trust = await trustFile(place);
    await log.append(policyDraft);
    await log.close();
    const next = nextLogKey(place);
    const again = await place.open();
    await again.close();
    expect(entriesOn(place.dir).map(({ body }) => body.key?.purpose ?? body.type)).toEqual([
      'root+log',
      'epoch',
      'policy',
      'log',
      'seal',
      'epoch',
    ]);
    expect(loadKey(join(place.keysDir, 'log.pem'), ORIGIN).vkey).toBe(next.vkey);
    expect(await verified(place, trust)).toMatchObject({ result: 'pass' });
  });

  it('that comes from elsewhere takes over when the next one comes from there', async () => {
    const place = own();
    const pem = readFileSync(join(place.keysDir, 'log.pem'), 'utf8');
    const seal = readFileSync(join(place.keysDir, 'seal.key'), 'utf8');
    const trust = await place.open().then(async (log) => {
      await log.close();
      return trustFile(place);
    });
    for (const name of ['log.pem', 'seal.key', 'root.pem'])
      cpSync(join(place.keysDir, name), join(place.folder, name));
    for (const name of ['log.pem', 'seal.key']) rmSync(join(place.keysDir, name));
    await expect(place.open()).rejects.toThrow(/seal\.key is missing/);
    const log = await place.open({ secrets: { log: pem, seal } });
    await log.append(policyDraft);
    await log.rotate();
    await log.close();
    const elsewhere = mkdtempSync(join(place.folder, 'vault-'));
    const next = generateKey(join(elsewhere, 'log.pem'), ORIGIN);
    certify(place, next);
    // Until it is given, the old one goes on.
    const before = await place.open({ secrets: { log: pem, seal } });
    await before.close();
    const secrets = { log: readFileSync(join(elsewhere, 'log.pem'), 'utf8'), seal };
    const after = await place.open({ secrets });
    await after.append(policyDraft);
    await after.close();
    expect(existsSync(join(place.keysDir, 'log.next.json'))).toBe(false);
    await (await place.open({ secrets })).close();
    const report = await verified(place, trust);
    expect(report).toMatchObject({ result: 'pass' });
    expect(of(report, 'keys')?.detail).toContain('1 later log keys');
    await expect(place.open({ secrets: { log: pem, seal } })).rejects.toThrow('not the one in use');
  });

  it('is refused where the root did not certify it, or certified another', async () => {
    const place = own();
    const log = await place.open();
    nextLogKey(place, loadKey(join(place.keysDir, 'log.pem'), ORIGIN));
    await expect(log.rotate()).rejects.toThrow('log.next.json holds no certificate of a log key by the root');
    expect(log.failure()).toBeNull();
    certify(place, generateKey(join(place.folder, 'another.pem'), ORIGIN));
    await expect(log.rotate()).rejects.toThrow('is not the key that');
    await log.append(policyDraft);
    await log.close();
  });

  it('and an epoch key are revoked by the root from a position on', async () => {
    const place = own();
    const log = await place.open();
    const trust = await trustFile(place);
    const first = loadKey(join(place.keysDir, 'log.pem'), ORIGIN).vkey;
    const statement = (key: string, from: number, by = rootOf(place)) => ({
      log: ORIGIN,
      key,
      from,
      certificate: by.sign(revocationText(ORIGIN, key, from)).toString('base64'),
    });
    const activation = (await log.append(policyDraft)).leaf;
    nextLogKey(place);
    const { from } = await log.rotate();
    await log.append(decided('deny', activation));
    await log.revoke(statement(first, from));
    await log.checkpoint();
    expect(await verified(place, trust)).toMatchObject({ result: 'pass' });
    const forged = statement(first, 0, loadKey(join(place.keysDir, 'log.pem'), ORIGIN));
    await expect(log.revoke(forged)).rejects.toThrow('its certificate is not the root');
    await expect(log.revoke({ ...statement(first, 0), log: 'x' })).rejects.toThrow('is of the log "x"');
    await log.revoke(
      statement(log.kid === '' ? '' : (entriesOn(place.dir)[from]?.body.key?.key ?? ''), from + 1),
    );
    await log.close();
    const report = await verified(place, trust);
    expect(report.result).toBe('fail');
    expect(of(report, 'keys')).toMatchObject({ status: 'fail', entry: from + 1 });
  });
});
