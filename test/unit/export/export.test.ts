// SPDX-License-Identifier: Apache-2.0
// Exports of a log that the real writer wrote, read back by others' rules: tiles, proofs, openings, CSV, DSSE, Acta.
import { createPublicKey, verify as cryptoVerify } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command as exportCommand } from '../../../cli/commands/log-export.js';
import { command as proveCommand } from '../../../cli/commands/log-prove.js';
import { command as eraseCommand } from '../../../cli/commands/log-erase.js';
import { command as unsealCommand } from '../../../cli/commands/log-unseal.js';
import { command as keygenCommand } from '../../../cli/commands/keygen.js';
import { readArguments } from '../../../cli/command.js';
import type { Io } from '../../../cli/terminal.js';
import { auditorKey, pae, Sealer, unsealFile } from '../../../runtime/export/index.js';
import { generateKey, openLog } from '../../../runtime/log/index.js';
import {
  canonical,
  digest,
  leafHash,
  nodeHash,
  parseBundle,
  parseCheckpoint,
  parseVerifierKey,
  sha256,
  verifyInclusion,
} from '../../../runtime/verify/format/index.js';
import { verify, verifyCommand, verifyReceipt } from '../../../runtime/verify/index.js';
import { type OpenedLog, openedLog, PLANTED } from '../../helpers/opened-log.js';

const folder = mkdtempSync(join(tmpdir(), 'sepal-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let log: OpenedLog;
beforeAll(async () => void (log = await openedLog(folder, 400)));

async function run(command: typeof exportCommand, ...argv: string[]): Promise<{ out: string; err: string }> {
  let [out, err] = ['', ''];
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: {},
    cwd: folder,
    colour: false,
    now: Date.now,
  };
  const input = readArguments('log export', command, argv);
  if (input === null) throw new Error('help');
  await command.run(input, io);
  return { out, err };
}
const report = (path: string, ...more: string[]) => {
  let out = '';
  const terminal = { out: (text: string) => void (out += text), err: () => {}, interactive: false };
  return verifyCommand([path, '--trust', log.trustFile, ...more], terminal).then((code) => ({ code, out }));
};

describe('sepal log prove', () => {
  it('proves receipts of every type so that the trust file alone verifies them', async () => {
    for (const seq of [0, 1, 2, 3, 4, 255, 256, log.size - 1]) {
      const { out } = await run(proveCommand, String(seq), '--out', '-');
      expect(verifyReceipt(out, log.trust), `entry ${seq}`).toMatchObject({ result: 'pass', entries: 1 });
      expect(verifyReceipt(out).result).toBe('incomplete');
    }
  });

  it('refuses a proof in which any one character changed', async () => {
    const { out } = await run(proveCommand, 'gw.example.com/log#5', '--out', '-');
    let checked = 0;
    for (let at = 0; at < out.length; at += 13) {
      const code = out.charCodeAt(at);
      const changed = `${out.slice(0, at)}${String.fromCharCode(code === 65 ? 66 : 65)}${out.slice(at + 1)}`;
      if (changed === out) continue;
      expect(verifyReceipt(changed, log.trust).result, `character ${at}`).toBe('fail');
      checked++;
    }
    expect(checked).toBeGreaterThan(150);
  });

  it('is verified by the command, and says what cannot be proven', async () => {
    await run(proveCommand, '7');
    const { code, out } = await report(join(folder, '7.tlog-proof'));
    expect(code).toBe(0);
    expect(out).toContain(`one of the ${log.size} entries that the log key signed for`);
    await expect(run(proveCommand, '99999')).rejects.toThrow('cannot be proven');
    await expect(run(proveCommand, 'x')).rejects.toThrow('is not the number of a receipt');
    const { out: foreign } = await run(proveCommand, '7', '--out', '-');
    const other = JSON.parse(log.trust) as { origin: string };
    const trust = JSON.stringify({ ...other, origin: 'other.example.com/log' });
    expect(verifyReceipt(foreign, trust).result).toBe('fail');
  });
});

describe('sepal log export --format tiles', () => {
  it('writes what verifies, and adds to it', async () => {
    const { err } = await run(exportCommand, '--format', 'tiles', '--out', 'tiles');
    expect(err).toContain(`wrote ${log.size} entries as tiles`);
    const { code, out } = await report(join(folder, 'tiles'));
    expect(out).toContain(`pass: ${log.size} entries`);
    expect(code).toBe(0);
    await run(exportCommand, '--format', 'tiles', '--out', 'tiles');
    expect((await report(join(folder, 'tiles'))).code).toBe(0);
    expect(readdirSync(join(folder, 'tiles/tile/0')).sort()).toEqual(['000', '001', '002.p']);
  });

  it('serves a client that knows the specification and nothing of us', async () => {
    await run(exportCommand, '--format', 'tiles', '--out', 'served');
    const server = createServer((request, response) => {
      const path = join(folder, 'served', (request.url ?? '').replaceAll('..', ''));
      try {
        response.end(readFileSync(path));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const get = async (path: string) => Buffer.from(await (await fetch(`${base}/${path}`)).arrayBuffer());
    try {
      const checkpoint = parseCheckpoint((await get('checkpoint')).toString());
      const size = checkpoint?.size ?? 0;
      expect(size).toBe(log.size);
      const tile = async (level: number, index: number) => {
        const hashes = Math.floor(size / 256 ** level) - index * 256;
        const name = `tile/${level}/${String(index).padStart(3, '0')}`;
        return await get(hashes >= 256 ? name : `${name}.p/${hashes}`);
      };
      const leaf = async (index: number) => {
        const bytes = await tile(0, Math.floor(index / 256));
        return bytes.subarray((index % 256) * 32, (index % 256) * 32 + 32);
      };
      /** RFC 6962, from tiles: a full tile below is one hash of the tile above. */
      const mth = async (from: number, to: number): Promise<Buffer> => {
        if (to - from === 1) return await leaf(from);
        if (to - from === 256 && from % 256 === 0)
          return (await tile(1, 0)).subarray((from / 256) * 32, (from / 256) * 32 + 32);
        let half = 1;
        while (half * 2 < to - from) half *= 2;
        return nodeHash(await mth(from, from + half), await mth(from + half, to));
      };
      const path = async (index: number, from: number, to: number): Promise<Buffer[]> => {
        if (to - from === 1) return [];
        let half = 1;
        while (half * 2 < to - from) half *= 2;
        const middle = from + half;
        return index < middle
          ? [...(await path(index, from, middle)), await mth(middle, to)]
          : [...(await path(index, middle, to)), await mth(from, middle)];
      };
      const root = checkpoint?.root ?? Buffer.alloc(0);
      expect((await mth(0, size)).equals(root)).toBe(true);
      const bundle = parseBundle(await get('tile/entries/001')) ?? [];
      for (const index of [256, 300, 511]) {
        const own = leafHash(bundle[index - 256] as Buffer);
        expect(own.equals(await leaf(index))).toBe(true);
        expect(verifyInclusion(own, index, size, await path(index, 0, size), root)).toBe(true);
      }
    } finally {
      server.close();
    }
  });

  it('finds a changed and a missing bundle', async () => {
    await run(exportCommand, '--format', 'tiles', '--out', 'tampered');
    const path = join(folder, 'tampered/tile/entries/001');
    const bytes = readFileSync(path);
    bytes[5000] = (bytes[5000] as number) ^ 1;
    writeFileSync(path, bytes);
    expect((await report(join(folder, 'tampered'))).code).not.toBe(0);
    rmSync(path);
    const { code, out } = await report(join(folder, 'tampered'));
    expect(code).toBe(5);
    expect(out).toContain('the log is cut');
  });
});

describe('sepal log export', () => {
  it('opens by default what decisions read and nothing else', async () => {
    await run(exportCommand, '--out', 'reads');
    const text = readFileSync(join(folder, 'reads/openings.jsonl'), 'utf8');
    expect(text).toContain('/data/public/0.csv');
    expect(text).not.toContain(PLANTED);
    const { code, out } = await report(join(folder, 'reads'));
    expect(out).toContain('openings        pass         400 receipts opened as they commit');
    expect(code).toBe(0);
  });

  it('opens everything or nothing when told to', async () => {
    await run(exportCommand, '--out', 'full', '--disclose', 'full');
    expect(readFileSync(join(folder, 'full/openings.jsonl'), 'utf8')).toContain(PLANTED);
    expect((await report(join(folder, 'full'))).code).toBe(0);
    await run(exportCommand, '--out', 'none', '--disclose', 'none');
    expect(readdirSync(join(folder, 'none')).sort()).toEqual(['checkpoints', 'entries']);
    expect((await report(join(folder, 'none'))).code).toBe(0);
    await expect(run(exportCommand, '--out', 'none')).rejects.toThrow('exists already');
  });

  it.each(['reads', 'full'])('finds one opened value that was changed (%s)', async (disclose) => {
    await run(exportCommand, '--out', `lie-${disclose}`, '--disclose', disclose);
    const path = join(folder, `lie-${disclose}/openings.jsonl`);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('/data/public/1.csv', '/data/public/x.csv'));
    const { code, out } = await report(join(folder, `lie-${disclose}`));
    expect(code).toBe(5);
    expect(out).toMatch(/openings +FAIL/);
  });

  it('leaves no planted secret in clear anywhere in the log folder', () => {
    const files = readdirSync(log.dir, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
    expect(files.length).toBeGreaterThan(2);
    for (const file of files)
      expect(readFileSync(join(file.parentPath, file.name)).includes(PLANTED), file.name).toBe(false);
  });

  it('writes one JSON object a line', async () => {
    const { out } = await run(exportCommand, '--format', 'jsonl');
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(log.size);
    const { body, leaf } = JSON.parse(lines[3] as string) as { body: { seq: number }; leaf: string };
    expect(body.seq).toBe(3);
    expect(leaf).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('writes CSV that no spreadsheet runs', async () => {
    const { out } = await run(exportCommand, '--format', 'csv');
    const rows = out.split('\r\n');
    expect(rows[0]).toBe(
      'seq,time,type,call,principal,user,server,name,phase,effect,rules,reason,verdict,approver,status,ms,event,policy,leaf',
    );
    expect(rows[4]).toContain(',decide,');
    const { csvLine } = await import('../../../runtime/export/index.js');
    const evil = {
      name: '=HYPERLINK("http://x")',
      server: '+1',
      args_root: '',
      args_count: 0,
      kind: '',
      method: '',
      digest: '',
    };
    const line = csvLine({ seq: 1, leaf: 'l', body: { type: 'decide', time: 't', intent: evil } as never });
    expect(line).toContain(`'+1,"'=HYPERLINK(""http://x"")"`);
  });

  it('writes DSSE that verifies over the pre-authentication encoding', async () => {
    const key = generateKey(join(folder, 'export.pem'), 'export');
    const { out } = await run(exportCommand, '--format', 'dsse', '--key', 'export.pem');
    const envelopes = out
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l) as Record<string, never>);
    expect(envelopes).toHaveLength(log.size);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.key]);
    const object = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const { payloadType, payload, signatures } = envelopes[3] as unknown as {
      payloadType: string;
      payload: string;
      signatures: { keyid: string; sig: string }[];
    };
    const bytes = Buffer.from(payload, 'base64');
    const head = `DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `;
    expect(pae(payloadType, bytes).equals(Buffer.concat([Buffer.from(head), bytes]))).toBe(true);
    const sig = Buffer.from(signatures[0]?.sig ?? '', 'base64');
    expect(cryptoVerify(null, pae(payloadType, bytes), object, sig)).toBe(true);
    const statement = JSON.parse(bytes.toString()) as {
      _type: string;
      subject: { digest: { sha256: string } }[];
    };
    expect(statement._type).toBe('https://in-toto.io/Statement/v1');
    for (const { digest: d } of statement.subject) expect(d.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('writes the Acta shape without its traps', async () => {
    generateKey(join(folder, 'acta.pem'), 'acta');
    const { out } = await run(exportCommand, '--format', 'acta', '--key', 'acta.pem');
    let previous: string | null = null;
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(400);
    for (const text of lines) {
      const receipt = JSON.parse(text) as {
        payload: Record<string, unknown>;
        signature: Record<string, string>;
      };
      const { payload, signature } = receipt;
      expect(canonical(receipt)).toBe(text);
      expect([signature['alg'], payload['issuer_id']]).toEqual(['EdDSA', signature['kid']]);
      expect('previousReceiptHash' in payload).toBe(previous !== null);
      if (previous !== null) expect(payload['previousReceiptHash']).toBe(previous);
      const key = parseVerifierKey(signature['kid'] ?? '');
      const spki = Buffer.concat([
        Buffer.from('302a300506032b6570032100', 'hex'),
        key?.key ?? Buffer.alloc(0),
      ]);
      const object = createPublicKey({ key: spki, format: 'der', type: 'spki' });
      const sig = Buffer.from(signature['sig'] ?? '', 'hex');
      expect(cryptoVerify(null, Buffer.from(canonical(payload)), object, sig)).toBe(true);
      previous = `sha256:${sha256(text).toString('hex')}`;
      expect(previous).toBe(digest(text));
    }
  });
});

describe('held receipts', () => {
  const held = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const meta = async (seq: number, change: object = {}) => {
    const { out } = await run(exportCommand, '--format', 'jsonl');
    const { leaf } = JSON.parse(out.split('\n')[seq] as string) as { leaf: string };
    return {
      id: `gw.example.com/log#${seq}`,
      hash: leaf,
      decision: 'allow',
      seq,
      kid: '00000000',
      ...change,
    };
  };

  it('finds them in the log: alone, in answers, as proofs', async () => {
    const answers = [
      { jsonrpc: '2.0', id: 1, result: { content: [], _meta: { 'dev.sepal/receipt': await meta(3) } } },
      { jsonrpc: '2.0', id: 2, error: { code: 1, data: { 'dev.sepal/receipt': await meta(5) } } },
    ];
    const file = held('held.jsonl', answers.map((a) => `${JSON.stringify(a)}\n`).join(''));
    const { code, out } = await report(log.dir, '--held', file);
    expect(out).toContain('held receipts   pass         2 of 2 are in the log');
    expect(code).toBe(0);
    await run(proveCommand, '9', '--out', 'held.tlog-proof');
    expect((await report(log.dir, '--held', join(folder, 'held.tlog-proof'))).code).toBe(0);
  });

  it('fails when one is missing, another, or beyond the end', async () => {
    const changed = held('changed.json', JSON.stringify(await meta(3, { hash: digest('x') })));
    const first = await report(log.dir, '--held', changed);
    expect([first.code, first.out]).toEqual([
      5,
      expect.stringContaining("is not the entry in the log (by the holder's own word)"),
    ]);
    const beyond = held('beyond.json', JSON.stringify(await meta(3, { seq: 100_000 })));
    const second = await report(log.dir, '--held', beyond);
    expect([second.code, second.out]).toEqual([
      5,
      expect.stringContaining('it is cut, or older than the receipt'),
    ]);
  });

  it('says that anybody can check it where the holder has a proof', async () => {
    const other = mkdtempSync(join(tmpdir(), 'sepal-fork-'));
    try {
      await run(proveCommand, '9', '--out', 'kept.tlog-proof');
      const entries = readFileSync(join(log.dir, 'entries/000000.log'));
      const cut = entries.subarray(0, entries.indexOf('"seq":9,'));
      const end = cut.lastIndexOf('sepal.dev/receipt/v1\n');
      const { memorySource, parseHeld } = await import('../../../runtime/verify/index.js');
      const source = memorySource([cut.subarray(0, end)], null);
      const proof = readFileSync(join(folder, 'kept.tlog-proof'), 'utf8');
      const found = await verify(source, { trust: log.trust, held: parseHeld(proof) });
      expect(found.properties.find((p) => p.name === 'held receipts')).toMatchObject({
        status: 'fail',
        entry: 9,
        detail: expect.stringContaining('anybody can check this'),
      });
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
  });

  it('refuses a file that holds none', async () => {
    expect((await report(log.dir, '--held', held('none.json', '{}'))).code).toBe(1);
    expect((await report(log.dir, '--held', held('odd.json', '{"a":1}\nx'))).code).toBe(1);
  });
});

describe('sepal log export --seal-to', () => {
  it('hides the openings from everybody but the auditor, who verifies them', async () => {
    await run(keygenCommand, 'auditor', '--out', 'auditor.pem');
    const { out } = await run(keygenCommand, 'auditor', '--out', 'auditor2.pem');
    const recipient = out.trim();
    await run(exportCommand, '--out', 'sealed', '--disclose', 'full', '--seal-to', recipient);
    const file = join(folder, 'sealed/openings.sealed');
    expect(readFileSync(file).includes(PLANTED)).toBe(false);
    expect(readdirSync(join(folder, 'sealed')).sort()).toEqual(['checkpoints', 'entries', 'openings.sealed']);
    await expect(run(unsealCommand, file, '--key', 'auditor.pem')).rejects.toThrow('sealed to another key');
    await run(unsealCommand, file, '--key', 'auditor2.pem');
    const { code, out: said } = await report(join(folder, 'sealed'));
    expect([code, said]).toEqual([0, expect.stringContaining('receipts opened as they commit')]);
    expect(readFileSync(join(folder, 'sealed/openings.jsonl')).includes(PLANTED)).toBe(true);
  });

  it('notices every cut and every change', () => {
    const { pem, recipient } = auditorKey();
    const parts: Buffer[] = [];
    const sealer = new Sealer(recipient, (bytes) => parts.push(Buffer.from(bytes)));
    const clear = 'line of text\n'.repeat(12_000);
    for (let at = 0; at < clear.length; at += 999) sealer.write(clear.slice(at, at + 999));
    sealer.end();
    const sealed = Buffer.concat(parts);
    expect(unsealFile(sealed, pem).toString()).toBe(clear);
    expect(parts.length).toBeGreaterThan(3);
    // Frames taken off the end, or in another order, are no shorter text.
    const [head, ...frames] = parts as [Buffer, ...Buffer[]];
    expect(() => unsealFile(Buffer.concat([head, ...frames.slice(0, -1)]), pem)).toThrow('changed or cut');
    const [first, second, ...rest] = frames as [Buffer, Buffer, ...Buffer[]];
    expect(() => unsealFile(Buffer.concat([head, second, first, ...rest]), pem)).toThrow('changed or cut');
    for (let at = 0; at < sealed.length; at += 1 + Math.floor(sealed.length / 97)) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => unsealFile(changed, pem), `byte ${at}`).toThrow();
    }
    for (const cut of [0, 10, head.length, head.length + 3, sealed.length - 1])
      expect(() => unsealFile(sealed.subarray(0, cut), pem)).toThrow();
    expect(() => new Sealer(`x25519:${Buffer.alloc(32).toString('base64')}`, () => {})).toThrow('not usable');
    expect(() => new Sealer('x25519:AAAA', () => {})).toThrow('not a key');
  });
});

describe('sepal log erase', () => {
  it('takes the clear text away, says so in the log, and breaks no proof', async () => {
    const own = join(folder, 'erasing');
    mkdirSync(own);
    const made = await openedLog(own, 6);
    const argv = ['--config', made.config];
    await run(proveCommand, '3', made.dir, '--out', join(own, '3.tlog-proof'));
    expect((await run(eraseCommand, '3', ...argv, '--dry-run')).out).toContain('1 receipts would lose');
    await expect(run(eraseCommand, '3', '5-', ...argv)).rejects.toThrow('not the number');
    expect((await run(eraseCommand, '3', ...argv)).out).toBe('erased the clear text of 1 receipts\n');
    expect((await run(eraseCommand, '3', ...argv)).out).toBe('erased the clear text of 0 receipts\n');
    const trust = readFileSync(made.trustFile, 'utf8');
    const after = await verify(made.dir, { trust });
    expect([after.result, after.entries]).toEqual(['pass', made.size + 1]);
    expect(verifyReceipt(readFileSync(join(own, '3.tlog-proof'), 'utf8'), trust).result).toBe('pass');
    await run(exportCommand, made.dir, ...argv, '--out', join(own, 'export'), '--disclose', 'full');
    const text = readFileSync(join(own, 'export/openings.jsonl'), 'utf8');
    expect(text).not.toContain('/data/public/0.csv');
    expect(text).toContain('/data/public/1.csv');
    const { out } = await run(exportCommand, made.dir, ...argv, '--format', 'jsonl');
    expect(out).toContain('"event":{"count":1,"detail":"3","kind":"erase"}');
    await run(eraseCommand, '--principal', 'user:dana', ...argv);
    await run(exportCommand, made.dir, ...argv, '--out', join(own, 'empty'), '--disclose', 'full');
    expect(readFileSync(join(own, 'empty/openings.jsonl'), 'utf8')).toBe('');
    const sealed = readdirSync(join(made.dir, 'openings')).map((name) =>
      readFileSync(join(made.dir, 'openings', name), 'utf8'),
    );
    expect(sealed.join('').match(/"key":"/g)).toBeNull();
  });

  it('refuses while the gateway writes, and without anything chosen', async () => {
    const own = join(folder, 'held-log');
    mkdirSync(own);
    const made = await openedLog(own, 1);
    await expect(run(eraseCommand, '--config', made.config)).rejects.toThrow('nothing is chosen');
    const writer = await openLog({
      dir: made.dir,
      keysDir: join(own, 'keys'),
      origin: 'gw.example.com/log',
      checkpointSeconds: 60,
    });
    try {
      await expect(run(eraseCommand, '3', '--config', made.config)).rejects.toThrow();
    } finally {
      await writer.close();
    }
  });
});
