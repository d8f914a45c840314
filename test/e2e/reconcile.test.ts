// SPDX-License-Identifier: Apache-2.0
// Three views of real calls through a real gateway and upstream, with a real log: they agree, and each way to leave something out shows.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMessages, receipts, reconcile } from '../../runtime/export/index.js';
import { createKeys, openLog, trustText } from '../../runtime/log/index.js';
import { folderSource, parseHeld, verify } from '../../runtime/verify/index.js';
import { configOf, pin, scratch, startGateway } from '../helpers/gateway.js';
import { allowAll, Raw, stub } from '../helpers/raw.js';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

const folder = mkdtempSync(join(tmpdir(), 'sepal-reconcile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const dir = join(folder, 'log');
const origin = 'gw.example.com/log';
const client: string[] = [];
let upstream: string[] = [];
/** What `authorization/receipt` gave for the third answer. */
let kept = '';
let trust = '';

beforeAll(async () => {
  const keys = createKeys(join(folder, 'keys'), origin);
  const log = await openLog({ dir, keysDir: join(folder, 'keys'), origin, checkpointSeconds: 60 });
  trust = trustText(origin, keys, log.genesis);
  const home = scratch();
  const notes = join(home, 'notes');
  const mcpServers = { s: { command: process.execPath, args: [stub, 'plain', notes] } };
  await pin(configOf(home, { mcpServers }));
  const config = configOf(home, {
    mcpServers,
    identity: { stdio: { principal: 'agent:raw' } },
    approvals: { holdSeconds: 0 },
  });
  const { gateway } = await startGateway(config, allowAll, { log });
  const raw = new Raw(gateway);
  await raw.ask('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  });
  raw.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  for (let n = 0; n < 5; n++)
    client.push(await raw.raw('tools/call', { name: 'echo', arguments: { text: `call ${n}` } }));
  client.push(await raw.raw('tools/call', { name: 'nowhere', arguments: {} }));
  const [third] = parseHeld(client[2] ?? '');
  kept = await raw.raw('authorization/receipt', { receiptId: `${origin}#${third?.seq ?? 0}` });
  await gateway.close();
  upstream = (existsSync(notes) ? readFileSync(notes, 'utf8') : '')
    .split('\n')
    .filter((line) => line.includes('tools/call'));
  await log.close();
});

const compared = (own: readonly string[] | null, asked: readonly string[] | null) =>
  reconcile(receipts(folderSource(dir)), {
    client: own === null ? null : parseMessages(own.join('\n')),
    upstream: asked === null ? null : { server: 's', messages: parseMessages(asked.join('\n')) },
    principal: null,
  });

const nthEntry = (text: string, seq: number): number => {
  let at = 0;
  for (let n = 0; n < seq; n++) at = text.indexOf('sepal.dev/receipt/v1\n', at + 1);
  return at;
};

describe('client, gateway and upstream', () => {
  it('agree, and the log has what the client holds', async () => {
    expect(upstream).toHaveLength(5);
    const result = await compared(client, upstream);
    expect(result).toMatchObject({ differences: [], forwarded: 5 });
    const report = await verify(dir, { trust, held: parseHeld(client.join('\n')) });
    expect(report.properties.find((p) => p.name === 'held receipts')).toMatchObject({ status: 'pass' });
  });

  it('prove to anybody that a receipt is missing, where the client asked for the whole of it', async () => {
    const [receipt] = parseHeld(kept);
    const { seq = 0, signed = null } = receipt ?? {};
    const said = async (at: string, held: string): Promise<string> => {
      const { properties } = await verify(at, { trust, held: parseHeld(held) });
      const { status, detail } = properties.find((one) => one.name === 'held receipts') ?? {};
      return `${status}: ${detail}`;
    };
    expect(await said(dir, kept)).toBe('pass: 1 of 1 are in the log');
    const cut = join(folder, 'cut');
    cpSync(dir, cut, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const first = join(cut, 'entries/000000.log');
    const text = readFileSync(first, 'utf8');
    writeFileSync(first, text.slice(0, nthEntry(text, seq)));
    expect(await said(cut, kept)).toMatch(
      /^fail: .*signed by a key that the log key certified: anybody can check this/,
    );
    expect(await said(cut, client[2] ?? '')).toMatch(/^fail: .*by the holder's own word/);
    // Nobody can make up one that counts.
    const other = join(folder, 'other');
    const strange = trustText(origin, createKeys(other, origin), null);
    const { properties } = await verify(cut, { trust: strange, held: parseHeld(kept) });
    expect(properties.find((one) => one.name === 'held receipts')?.detail).toContain(
      'its own signature does not verify',
    );
    const changed = Buffer.from(signed ?? '');
    changed[changed.length - 20] = 65;
    expect(() =>
      parseHeld(kept.replace(signed?.toString('base64') ?? '-', changed.toString('base64'))),
    ).toThrow('are not those of its hash');
  });

  it('says where arguments are masked that nothing can be compared', async () => {
    const masked = async function* () {
      for await (const entry of receipts(folderSource(dir))) {
        const { decision, intent } = entry.body;
        const own = { decision: { ...decision, masked: [{ kind: '/text', count: 1 }] } as never };
        yield intent === undefined || decision === undefined
          ? entry
          : { ...entry, body: { ...entry.body, ...own } };
      }
    };
    const [first = '', ...others] = upstream;
    const messages = parseMessages([first.replace('call 0', 'call 9'), ...others].join('\n'));
    const views = { client: null, principal: null, upstream: { server: 's', messages } };
    expect((await reconcile(masked(), views)).differences).toMatchObject([
      { kind: 'gap', what: expect.stringContaining('masks arguments') },
    ]);
  });

  it('shows what each of them leaves out', async () => {
    expect((await compared(client.slice(1), null)).differences).toMatchObject([
      { kind: 'gap', what: expect.stringContaining('holds no receipt of') },
    ]);
    expect((await compared(null, upstream.slice(1))).differences).toMatchObject([
      { kind: 'gap', what: expect.stringContaining('which the upstream does not have') },
    ]);
  });

  it('shows what nobody honest can have', async () => {
    const of = async (own: readonly string[] | null, asked: readonly string[] | null) =>
      (await compared(own, asked)).differences.filter((d) => d.kind === 'contradiction').map((d) => d.what);
    const [first = ''] = upstream;
    expect(await of(null, [...upstream, first])).toEqual(['the upstream got one call twice']);
    expect(await of(null, [first.replace('call 0', 'call 9'), ...upstream.slice(1)])).toEqual([
      'the upstream got other arguments than were decided on',
    ]);
    expect(
      await of(null, [first.replace(/"hash":"sha256:..../, '"hash":"sha256:0000'), ...upstream.slice(1)]),
    ).toEqual(['the upstream got a call whose receipt is not in the log']);
    expect(
      await of(null, [first.replace(/,?"dev\.sepal\/receipt":\{[^}]*\}/, ''), ...upstream.slice(1)]),
    ).toEqual(['the upstream got a call without a receipt: it did not come through this gateway']);
    const [answer = ''] = client;
    expect(await of([answer.replace(/"hash":"sha256:..../, '"hash":"sha256:0000')], null)).toEqual([
      'the client holds a receipt that is not in the log',
    ]);
  });
});
