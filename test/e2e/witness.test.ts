// SPDX-License-Identifier: Apache-2.0
// The witness as a process of its own: keys by `sepal keygen`, a checkpoint by `sepal log cosign`, the verdict by `sepal verify`.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openedLog } from '../helpers/opened-log.js';

const main = resolve(import.meta.dirname, '../../dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'sepal-witness-e2e-'));
const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command; resolves at its end, or as soon as `until` stands on stderr. */
function sepal(
  args: readonly string[],
  until: string | null = null,
): Promise<Ran & { readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder });
  running.push(child);
  let [out, err] = ['', ''];
  return new Promise((done) => {
    child.stdout.on('data', (text: Buffer) => void (out += text));
    child.stderr.on('data', (text: Buffer) => {
      err += text;
      if (until !== null && err.includes(until)) done({ code: null, out, err, child });
    });
    child.on('close', (code) => done({ code, out, err, child }));
  });
}

it('cosigns, refuses a fork, and is what the verifier asks for', async () => {
  const log = await openedLog(folder, 3);
  const made = await sepal(['keygen', 'witness', '--name', 'w.example.org/w1', '--out', 'w1.pem']);
  const key = made.out.trim();
  expect(key).toMatch(/^w\.example\.org\/w1\+[0-9a-f]{8}\+B[A-P]/);
  const args = [
    '--key',
    'w1.pem',
    '--name',
    'w.example.org/w1',
    '--trust',
    'trust.json',
    '--state',
    'w1.json',
  ];
  const witness = await sepal(['witness', ...args, '--listen', '127.0.0.1:0'], 'add-checkpoint\n');
  expect(witness.out.trim()).toBe(key);
  const url = /http:\/\/[^/]+/.exec(witness.err)?.[0] ?? '';
  const config = JSON.parse(readFileSync(log.config, 'utf8')) as { receipts: object };
  writeFileSync(
    log.config,
    JSON.stringify({ ...config, receipts: { ...config.receipts, witnesses: [{ url, key }] } }),
  );
  expect(await sepal(['log', 'cosign'])).toMatchObject({
    code: 0,
    out: `w.example.org/w1 cosigned ${log.size} entries\n`,
  });
  const trust = JSON.parse(log.trust) as object;
  writeFileSync(join(folder, 'witnessed.json'), JSON.stringify({ ...trust, witnesses: [key], quorum: 1 }));
  const verified = await sepal(['verify', log.dir, '--trust', 'witnessed.json']);
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.out).toMatch(
    new RegExp(`split view +pass +1 of 1 witnesses cosigned ${log.size} entries by `),
  );
  const strange = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: 'old 0\n\nx\n' });
  expect(strange.status).toBe(400);
  expect((await fetch(`${url}/`)).status).toBe(404);
  witness.child.kill('SIGTERM');
  const ended = await new Promise((done) => witness.child.once('close', done));
  expect(ended).toBe(0);
  const down = await sepal(['log', 'cosign']);
  expect(down.code).toBe(1);
  expect(down.err).toContain('did not cosign');
});
