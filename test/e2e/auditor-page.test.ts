// SPDX-License-Identifier: Apache-2.0
// The auditor page in Debian's Chromium: from disk, without a network, against logs that pass and logs that do not.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../scripts/page.mjs';
import { verify } from '../../runtime/verify/index.js';
import { smallLog, TestLog } from '../arbitraries/log.js';
import { Browser, chromium } from '../helpers/chromium.js';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'sepal-page-'));
const page = join(folder, 'auditor.html');
const shots = process.env['SEPAL_SHOTS'] ?? null;
const suite =
  chromium === null
    ? (name: string, body: () => void) =>
        describe.skip(`${name} (skipped: no Chromium; apt-get install chromium)`, body)
    : describe;

function written(name: string, log: TestLog): readonly string[] {
  const dir = join(folder, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, '000000.log'), Buffer.concat(log.entries));
  writeFileSync(join(dir, 'checkpoints'), log.checkpointFile());
  writeFileSync(join(dir, 'trust.json'), log.trust);
  return ['000000.log', 'checkpoints', 'trust.json'].map((file) => join(dir, file));
}
const vector = (name: string, ...files: string[]): readonly string[] =>
  files.map((file) => join(root, 'test/vectors', name, file));
const LOG = ['log/entries/000000.log', 'log/checkpoints', 'trust.json'];

let browser: Browser | null = null;
/** The table of properties, as a person sees it. */
async function table(
  files: readonly string[],
): Promise<{ readonly verdict: string; readonly rows: { readonly [name: string]: readonly string[] } }> {
  const own = browser ?? (browser = await Browser.open(`file://${page}`));
  await own.ask('document.getElementById("clear").click()');
  await own.giveFiles('files', files);
  await own.until(
    '!document.getElementById("result").hidden || document.getElementById("status").className === "fault"',
  );
  const rows = (await own.ask(
    '[...document.querySelectorAll("#properties tr")].map((tr) => [...tr.children].map((cell) => cell.textContent))',
  )) as string[][];
  const verdict = String(await own.ask('document.getElementById("verdict").textContent'));
  return { verdict, rows: Object.fromEntries(rows.map(([name = '', ...rest]) => [name, rest])) };
}

suite('the auditor page', () => {
  beforeAll(async () => {
    await buildPage(root, { SEPAL_VERSION: '"test"', SEPAL_COMPILER: `"sha256:${'0'.repeat(64)}"` }, page);
  });
  afterEach(async () => {
    await browser?.close();
    browser = null;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is one file that lets nothing else run or load', () => {
    const html = readFileSync(page, 'utf8');
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1] ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/);
    for (const unsafe of ['unsafe-inline', 'unsafe-eval', 'http:', 'https:', '*'])
      expect(policy).not.toContain(unsafe);
    const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
    expect(policy).toContain(createHash('sha256').update(script).digest('base64'));
    expect(html).not.toMatch(/<(?:link|img|iframe|object|embed)\b|\ssrc=/);
  });

  it('says of a sound log what the command says, and asks the network for nothing', async () => {
    const log = smallLog();
    const { verdict, rows } = await table(written('sound', log));
    expect(verdict).toContain('PASS 10 entries');
    const report = await verify(log.source(), { trust: log.trust });
    for (const { name, status } of report.properties) expect(rows[name]?.[0], name).toBe(status);
    expect(await browser?.ask('document.getElementById("status").textContent')).toContain(
      'signatures by WebCrypto',
    );
    expect(browser?.requests.every((url) => url.startsWith('file://'))).toBe(true);
    expect(browser?.console).toEqual([]);
    await browser?.ask('document.querySelectorAll("#rows tr")[5].click()');
    expect(await browser?.ask('document.getElementById("inspector").textContent')).toContain(
      'Entry 5: decide',
    );
    if (shots !== null) await browser?.screenshot(join(shots, 'sound.png'));
    await expect(
      browser?.ask('fetch("https://example.com/").then(() => "went out", () => "refused")'),
    ).resolves.toBe('refused');
  });

  it('finds what was tampered with, and shows where', async () => {
    for (const [name, property, files] of [
      ['bad/edit', 'signatures', LOG],
      ['bad/reorder', 'chain', LOG],
      ['bad/cut', 'tail', LOG],
      ['bad/malleable', 'signatures', LOG],
      ['bad/cofactored', 'signatures', LOG],
      ['bad/small-order-key', 'keys', LOG],
      ['bad/duplicate-key', 'bytes', LOG],
      ['bad/approval-other-intent', 'linkage', LOG],
      ['bad/opening-lie', 'openings', [...LOG, 'log/openings.jsonl']],
      ['bad/held-missing', 'held receipts', [...LOG, 'held']],
      ['bad/receipt-other-entry', 'tree', ['receipt.tlog-proof', 'trust.json']],
      ['bad/equivocation', 'split view', ['equivocation.txt', 'trust.json']],
    ] as const) {
      const { verdict, rows } = await table(vector(name, ...files));
      expect(verdict, name).toContain('FAIL');
      expect(rows[property]?.[0], name).toBe('fail');
    }
    if (shots !== null)
      await table(vector('bad/edit', ...LOG)).then(() => browser?.screenshot(join(shots, 'edit.png')));
    const { verdict } = await table(vector('good/openings-reads', ...LOG, 'log/openings.jsonl'));
    expect(verdict).toContain('PASS');
    const open = await table(vector('good/small', ...LOG.slice(0, 2)));
    expect(open.verdict).toContain('INCOMPLETE');
  });

  it('decides again with a policy that is dropped', async () => {
    const { replayLog } = await import('../helpers/replay-log.js');
    const { honest, lying } = await replayLog(folder);
    const good = await table(honest);
    expect(good.rows['replay']?.[0]).toBe('pass');
    expect(good.rows['replay']?.[2]).toContain('decisions match in the reference interpreter');
    expect(good.rows['policy binding']?.[0]).toBe('pass');
    if (shots !== null) {
      await browser?.ask('document.querySelectorAll("#rows tr")[3].click()');
      await browser?.screenshot(join(shots, 'replay.png'));
    }
    const bad = await table(lying);
    expect(bad.verdict).toContain('FAIL');
    expect(bad.rows['replay']?.[0]).toBe('fail');
  });

  it('verifies thousands of entries in seconds, and stays usable', async () => {
    const log = new TestLog().begin();
    for (let n = 0; n < 2500; n++) log.call(`call ${n}`, n % 2 === 0 ? 'allow' : 'deny');
    log.checkpoint();
    const { verdict } = await table(written('many', log));
    expect(verdict).toContain(`PASS ${log.size} entries`);
    const status = String(await browser?.ask('document.getElementById("status").textContent'));
    expect(Number(/in ([\d.]+) s/.exec(status)?.[1])).toBeLessThan(20);
    await browser?.ask(
      '(() => { const f = document.getElementById("filter"); f.value = "deny"; f.dispatchEvent(new Event("input")); })()',
    );
    expect(await browser?.ask('document.getElementById("count").textContent')).toBe('1 to 200 of 1250');
    if (shots !== null) await browser?.screenshot(join(shots, 'many.png'));
  });

  it('says in words what is missing', async () => {
    await table(vector('good/small', 'trust.json'));
    expect(await browser?.ask('document.getElementById("status").textContent')).toContain(
      'There is no log among these files',
    );
  });
});
