// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { folderSource, type Report, verify, verifyCommand } from '../../../runtime/verify/index.js';
import { smallLog, type TestLog } from '../../arbitraries/log.js';

const folder = mkdtempSync(join(tmpdir(), 'sepal-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a log folder; entries are split over segments at `splits`. */
function written(name: string, log: TestLog, splits: readonly number[] = []): string {
  const path = join(folder, name);
  mkdirSync(join(path, 'entries'), { recursive: true });
  [0, ...splits].forEach((from, i, all) => {
    const segment = Buffer.concat(log.entries.slice(from, all[i + 1]));
    writeFileSync(join(path, 'entries', `${String(i).padStart(6, '0')}.log`), segment);
  });
  writeFileSync(join(path, 'checkpoints'), log.checkpointFile());
  writeFileSync(join(path, 'trust.json'), log.trust);
  return path;
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await verifyCommand(argv, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    interactive: false,
  });
  return { code, out, err };
}

describe('sepal-verify', () => {
  const log = smallLog();
  const sound = written('sound', log, [3, 7]);
  const trust = join(sound, 'trust.json');

  it('prints a line for each property and ends with 0', async () => {
    const { code, out } = await run(sound, '--trust', trust);
    expect(code).toBe(0);
    expect(out).toContain('bytes           pass\n');
    expect(out).toContain('tail            pass         a checkpoint covers all 10 entries\n');
    expect(out.trimEnd().split('\n').at(-1)).toBe(
      'pass: 10 entries; not checked: split view, policy binding, replay',
    );
  });

  it('prints the report as JSON', async () => {
    const { code, out } = await run(sound, '--trust', trust, '--format', 'json', '--second-opinion', 'all');
    expect(code).toBe(0);
    const report = JSON.parse(out) as Report;
    expect(Object.keys(report)).toEqual(['entries', 'result', 'properties']);
    for (const property of report.properties) {
      expect(Object.keys(property).sort()).toEqual(['detail', 'entry', 'name', 'status']);
    }
  });

  it('ends with 7 without a trust file, and where the tree alone vouches for signatures', async () => {
    expect((await run(sound)).code).toBe(7);
    const quick = await run(sound, '--trust', trust, '--signatures', 'checkpoint');
    expect(quick.code).toBe(7);
    expect(quick.out).toContain('8 entries are vouched for by the signed tree only');
  });

  it('ends with 5 and names the entry when a byte changes', async () => {
    const tampered = smallLog();
    const entry = tampered.entries[6] as Buffer;
    entry[entry.indexOf('fs') + 1] = 120;
    const { code, out } = await run(written('tampered', tampered), '--trust', trust);
    expect(code).toBe(5);
    expect(out).toContain('signatures      FAIL         at entry 6');
    expect(out).toContain('tree            FAIL');
    expect(out).toContain('\nfail: 10 entries');
  });

  it('keeps what a log says off the terminal but for printable ASCII', async () => {
    const evil = smallLog();
    evil.add({
      ...(JSON.parse(String(evil.entries[5]).split('\n')[1] as string) as object),
      type: 'event',
      log: 'a\u001b[2Jb\u202e',
    } as never);
    const { out } = await run(written('evil', evil), '--trust', trust);
    expect(out).toMatch(/^[\n\u0020-\u007e]*$/);
  });

  it.each([
    [[], 'give one log folder'],
    [['a', 'b'], 'give one log folder'],
    [['a', '--format', 'xml'], '--format is text or json, not xml'],
    [['a', '--signatures', 'some'], '--signatures is all or checkpoint'],
    [['a', '--second-opinion', 'maybe'], '--second-opinion is none, sample or all'],
    [['a', '--policy', 'p.sep'], 'sepal-verify has no compiler'],
    [['a', '--held', 'h'], 'cannot read the held receipts'],
    [['a', '--wrong'], "Unknown option '--wrong'"],
    [['/nonexistent/log'], 'cannot read /nonexistent/log/entries'],
    [[sound, '--trust', '/nonexistent'], 'cannot read the trust file'],
    [[sound, '--trust', join(sound, 'checkpoints')], 'is not a trust file: not JSON'],
  ])('ends with 1 and says why: %j', async (argv, message) => {
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(message);
  });

  it('reads a folder in segments as it reads one piece', async () => {
    const one = await verify(written('one', log), { trust: log.trust });
    expect(await verify(sound, { trust: log.trust })).toEqual(one);
  });

  it('takes the checkpoints as they were before the entries, so that a growing log is not called cut', async () => {
    const growing = smallLog();
    const path = written('growing', growing);
    const source = folderSource(path);
    const early = await source.checkpoints();
    growing.call('late', 'deny');
    growing.checkpoint();
    writeFileSync(join(path, 'checkpoints'), growing.checkpointFile());
    const report = await verify(
      { ...source, checkpoints: () => Promise.resolve(early) },
      { trust: growing.trust },
    );
    expect(report.result).toBe('pass');
  });

  it('does not open what is not a file', async () => {
    const odd = written('odd', log);
    mkdirSync(join(odd, 'entries', '000001.log'));
    await expect(verify(odd, { trust: log.trust })).rejects.toThrow('is not a regular file');
  });
});
