// SPDX-License-Identifier: Apache-2.0
// Keys of the log from the command line: changed while calls go on, brought in and revoked by a root that is elsewhere, and never told to anyone.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleCommand, project, type Project, runGateway, session } from '../helpers/gateway-process.js';

let command: Awaited<ReturnType<typeof bundleCommand>>;
beforeAll(async () => {
  command = await bundleCommand();
});
afterAll(() => command.remove());

function sepal(
  cwd: string,
  ...args: string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command.file, ...args], { cwd, env }, (_, out, err) => {
      resolve({ status: child.exitCode ?? -1, out, err });
    });
  });
}
async function must(cwd: string, ...args: string[]): Promise<string> {
  const { status, out, err } = await sepal(cwd, ...args);
  expect(status, `${args.join(' ')}: ${err}`).toBe(0);
  return out.trim();
}
const verified = ({ dir }: Project) => sepal(dir, 'verify', '.sepal/log', '--trust', 'trust.json');

describe('the keys of a log', () => {
  it('change in the running gateway while calls go on, brought in by a root that is elsewhere', async () => {
    const own = await project();
    const { dir } = own;
    const [keys, offline] = [join(dir, '.sepal/keys'), join(dir, 'offline')];
    mkdirSync(offline);
    cpSync(join(keys, 'root.pem'), join(offline, 'root.pem'));
    rmSync(join(keys, 'root.pem'));
    const run = await runGateway(command.file, own);
    const { ask } = await session(run.url ?? '', own.token);
    let [running, ran] = [true, 0];
    const client = (async () => {
      while (running) {
        const answer = await ask('tools/call', { name: 'run', arguments: { id: `call ${ran++}` } });
        expect(answer).toMatchObject({ result: { content: [{}] } });
      }
    })();
    const first = JSON.parse(readFileSync(own.trust, 'utf8')) as { readonly logKey: string };
    const epoch = readFileSync(join(keys, 'epoch.pem'), 'utf8');
    expect(await must(dir, 'log', 'rotate')).toMatch(/^kill\.test\/log\/epoch-2\+/);
    const key = await must(dir, 'keygen', 'log', '--next');
    const log = ['--log', 'kill.test/log'];
    const root = ['--root', 'root.pem'];
    writeFileSync(
      join(dir, 'c.json'),
      await must(offline, 'keygen', 'certificate', ...root, ...log, '--key', key),
    );
    const rotated = await sepal(dir, 'log', 'rotate', '--certificate', 'c.json');
    expect(rotated.err).toContain(`the log key is now ${key}`);
    const from = /from entry (\d+) on/.exec(rotated.err)?.[1] ?? '';
    const statement = await must(
      offline,
      'keygen',
      'revocation',
      ...root,
      ...log,
      '--key',
      first.logKey,
      '--from',
      from,
    );
    writeFileSync(join(dir, 'r.json'), statement);
    expect(await must(dir, 'log', 'revoke', 'r.json')).toMatch(/^kill\.test\/log#\d+$/);
    running = false;
    await client;
    expect(ran).toBeGreaterThan(2);
    run.child.kill('SIGTERM');
    await run.ended;
    expect(own.journal().filter((line) => line.startsWith('run '))).toHaveLength(ran);
    const report = await verified(own);
    expect(report.status, report.out).toBe(0);
    expect(report.out).toMatch(/keys +pass +1 later log keys certified by the root; 3 epoch keys/);
    expect(readdirSync(keys).sort()).toEqual(['epoch.pem', 'log.pem', 'root.json', 'seal.key', 'states.key']);
    expect(readFileSync(join(keys, 'epoch.pem'), 'utf8')).not.toBe(epoch);
    // Where nobody runs, the command does it alone; a revocation in the trust file counts though the log says nothing.
    expect(await must(dir, 'log', 'rotate')).toMatch(/epoch-4\+/);
    expect((await verified(own)).status).toBe(0);
    const early = await must(
      offline,
      'keygen',
      'revocation',
      ...root,
      ...log,
      '--key',
      first.logKey,
      '--from',
      '1',
    );
    const trust = { ...first, revoked: [JSON.parse(early) as object] };
    writeFileSync(join(dir, 'strict.json'), JSON.stringify(trust));
    const strict = await sepal(dir, 'verify', '.sepal/log', '--trust', 'strict.json');
    expect(strict.status).toBe(5);
    expect(strict.out).toMatch(/keys +FAIL +at entry 1: .* that the trust file revokes from 1 on/);
    expect(await sepal(dir, 'log', 'revoke', 'sepal.json')).toMatchObject({ status: 1 });
    expect((await sepal(dir, 'log', 'rotate', '--certificate', 'r.json')).err).toContain(
      'holds no certificate',
    );
  });

  it('come from an environment variable and from a command, and reach no child, error or message', async () => {
    const own = await project({
      receipts: {
        origin: 'kill.test/log',
        keyFrom: {
          log: { env: 'SEPAL_LOG_KEY' },
          seal: { command: [process.execPath, '-p', 'require("fs").readFileSync("vault/seal.key","utf8")'] },
        },
      },
    });
    const { dir } = own;
    const [keys, vault] = [join(dir, '.sepal/keys'), join(dir, 'vault')];
    mkdirSync(vault);
    for (const name of ['log.pem', 'seal.key']) {
      cpSync(join(keys, name), join(vault, name));
      rmSync(join(keys, name));
    }
    const pem = readFileSync(join(vault, 'log.pem'), 'utf8');
    const without = await sepal(dir, 'gateway');
    expect(without.status).toBe(1);
    expect(without.err).toContain('the environment variable SEPAL_LOG_KEY, which is not set');
    const run = await runGateway(command.file, own, { env: { SEPAL_LOG_KEY: pem } });
    expect(run.url, run.stderr()).not.toBeNull();
    const { ask } = await session(run.url ?? '', own.token);
    const secret = pem.split('\n')[1] ?? '';
    const answer = JSON.stringify(await ask('tools/call', { name: 'environment', arguments: { id: 'x' } }));
    expect(answer).toContain('PATH');
    expect(answer).not.toContain('SEPAL_LOG_KEY');
    expect(answer).not.toContain(secret);
    expect(await must(dir, 'log', 'rotate')).toContain('epoch-2');
    run.child.kill('SIGTERM');
    await run.ended;
    expect((await verified(own)).status).toBe(0);
    const damaged = await runGateway(command.file, own, { env: { SEPAL_LOG_KEY: `${secret}x` } });
    expect(damaged.url).toBeNull();
    expect(damaged.stderr()).toContain('the log key that was given is not a private key in PKCS#8 PEM');
    rmSync(join(vault, 'seal.key'));
    const failing = await runGateway(command.file, own, { env: { SEPAL_LOG_KEY: pem } });
    expect(failing.stderr()).toMatch(/the command for the seal key \(.*\) ended with exit code 1/);
    for (const { stdout, stderr } of [run, damaged, failing])
      expect(`${stdout()}${stderr()}`).not.toContain(secret);
  });
});
